//! Every flag and argument of every command with a value that it does not take. The definitions are walked, so that a new
//! one is tested, too.

use clap::{Arg, Command, CommandFactory as _, Error, error::ErrorKind};

use super::{Cli, ServerProgram};

/// What an argument takes.
enum Takes {
    /// One of these values.
    One(Vec<String>),
    /// What these values are not, which the error says in these words.
    Form(&'static [&'static str], &'static str),
    /// What its command reads and judges: the error is that of the command.
    Judged,
    /// Any text.
    Text,
}

/// What an argument takes: its possible values, else the form that belongs to the name of its value.
fn takes(arg: &Arg) -> Takes {
    let possible = arg.get_possible_values().into_iter();
    let possible: Vec<_> = possible.filter(|value| !value.is_hide_set()).collect();
    if !possible.is_empty() {
        let names = possible.iter().map(|value| value.get_name().to_owned());
        return Takes::One(names.collect());
    }
    let names = arg.get_value_names().unwrap_or_default();
    let name = names.first().map_or("", |name| name.as_str());
    match (name, arg.get_id().as_str()) {
        ("MS" | "N" | "BYTES", _) => Takes::Form(
            &["x", "0", "-1", "1.5", "1m", "", "4294967296"],
            "a whole number, at least 1 and at most 4294967295",
        ),
        ("SIZE", _) => Takes::Form(
            &["x", "0", "-5m", "", "99999999g"],
            "a size above 0, such as 512m or 1g",
        ),
        ("CORES", _) => Takes::Form(
            &["x", "0", "-1", "", "NaN", "inf"],
            "a number above 0, such as 0.5 or 2",
        ),
        ("KEY=VALUE", _) => Takes::Form(&["x", "=x", ""], "the form KEY=VALUE"),
        ("SRC[:DEST]", _) => Takes::Form(&[":x", "x:", ""], "the form SRC or SRC:DEST"),
        // Tested with their commands: `serve` and `images` of `tests/it`.
        ("PORT" | "RUNTIMES", _) | ("RUNTIME", "base") => Takes::Judged,
        (
            "CODE"
            | "COMMAND"
            | "URL"
            | "OWNER/REPO/REF/PATH"
            | "GISTID/FILE.EXT"
            | "SHA256"
            | "FLAGS"
            | "DATA"
            | "DIR"
            | "PATH"
            | "COMMAND|FILE"
            | "FILE"
            | "REGEX"
            | "PACKAGE"
            | "PACKAGES"
            | "MODULES"
            | "NAME"
            | "KEY"
            | "ID"
            | "DATABASE"
            | "ADDRESS"
            | "FOLDER",
            _,
        ) => Takes::Text,
        (name, id) => panic!("{id} takes a {name}: say here what that is"),
    }
}

/// The arguments with a value of a command and those below it, each with the words that lead to it.
fn arguments(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, Arg)>) {
    for arg in command.get_arguments() {
        if arg.get_action().takes_values() {
            found.push((path.to_vec(), arg.clone()));
        }
    }
    for below in command.get_subcommands() {
        let path = [path, &[below.get_name().to_owned()]].concat();
        arguments(below, &path, found);
    }
}

/// The error for a value of an argument.
fn refused(root: &Command, path: &[String], arg: &Arg, value: &str) -> Error {
    let mut words = vec![root.get_name().to_owned()];
    words.extend_from_slice(path);
    match arg.get_long() {
        Some(long) => words.push(format!("--{long}={value}")),
        None => words.push(value.to_owned()),
    }
    let parsed = root.clone().try_get_matches_from(&words);
    parsed.expect_err(&format!("{words:?} is taken"))
}

#[test]
fn a_value_that_an_argument_does_not_take_is_an_error_that_names_both() {
    let mut tested = 0;
    for root in [Cli::command(), ServerProgram::command()] {
        let mut all = Vec::new();
        arguments(&root, &[], &mut all);
        for (path, arg) in all {
            let (wrong, accepted) = match takes(&arg) {
                Takes::One(names) => (&["no such value", ""][..], names),
                Takes::Form(wrong, accepted) => (wrong, vec![accepted.to_owned()]),
                Takes::Judged | Takes::Text => continue,
            };
            let name = match arg.get_long() {
                Some(long) => format!("--{long}"),
                None => format!("<{}>", arg.get_id().as_str().to_uppercase()),
            };
            for value in wrong {
                let error = refused(&root, &path, &arg, value);
                let told = error.to_string();
                let kinds = [ErrorKind::InvalidValue, ErrorKind::ValueValidation];
                assert!(
                    kinds.contains(&error.kind()),
                    "{path:?} {name} {value:?}: {told}"
                );
                for part in accepted.iter().chain([&name]) {
                    assert!(told.contains(part), "{path:?} {value:?}: {part} in {told}");
                }
                tested += 1;
            }
        }
    }
    assert!(tested > 100, "{tested}");
}
