//! The errors of a command line that cannot be parsed, in the words that users of isol8 know.

use std::{error::Error as _, process::ExitCode};

use clap::{
    Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::failure::Exit;

/// Flags whose values may be secrets. clap's own errors repeat a wrong value.
const HAS_SECRETS: [&str; 2] = ["--secret ", "--env "];

/// Prints what was wrong with a command line, or the help that it asked for. Returns the exit code.
pub(crate) fn explain(error: &Error) -> ExitCode {
    // Standard error may be closed. Then the text is lost.
    let _ = match reworded(error) {
        Some(text) => {
            use std::io::Write as _;
            writeln!(std::io::stderr(), "{text}")
        }
        None => error.print(),
    };
    exit(error).into()
}

/// Without any word the help is the answer. A command of commands without one of them is an error.
fn exit(error: &Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success,
        _ => Exit::Failed,
    }
}

/// The text of the existing command, where it has one for this error.
fn reworded(error: &Error) -> Option<String> {
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!(
                "error: unknown command '{}'",
                text(error, ContextKind::InvalidSubcommand)?
            )
        }
        ErrorKind::UnknownArgument => {
            let word = text(error, ContextKind::InvalidArg)?;
            if word.starts_with('-') {
                format!("error: unknown option '{word}'")
            } else {
                too_many(error, &word)?
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = text(error, ContextKind::InvalidArg)?;
            if missing.starts_with('-') {
                let missing = missing.to_lowercase();
                format!("error: required option '{missing}' not specified")
            } else {
                let name = missing.trim_matches(['<', '>', '[', ']']).to_lowercase();
                format!("error: missing required argument '{name}'")
            }
        }
        ErrorKind::ValueValidation => {
            let flag = text(error, ContextKind::InvalidArg)?;
            if !HAS_SECRETS.iter().any(|name| flag.starts_with(name)) {
                return None;
            }
            format!("error: invalid value for '{flag}': {}", error.source()?)
        }
        _ => return None,
    };
    let hint = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg]
        .into_iter()
        .find_map(|kind| text(error, kind))
        .map(|name| format!("\n(Did you mean {name}?)"));
    Some(message + &hint.unwrap_or_default())
}

/// A word that no argument takes. Every command here takes one argument at the most.
fn too_many(error: &Error, word: &str) -> Option<String> {
    let usage = text(error, ContextKind::Usage)?;
    let words: Vec<&str> = usage
        .split_ascii_whitespace()
        .skip_while(|word| *word != "isol8")
        .skip(1)
        .collect();
    let name: Vec<&str> = words
        .iter()
        .copied()
        .take_while(|word| word.starts_with(char::is_alphabetic))
        .collect();
    if name.is_empty() {
        return Some(format!("error: unknown command '{word}'"));
    }
    let takes = words
        .iter()
        .filter(|word| word.starts_with(['<', '[']) && **word != "[OPTIONS]")
        .count();
    let plural = if takes == 1 { "" } else { "s" };
    Some(format!(
        "error: too many arguments for '{}'. Expected {takes} argument{plural} but got {}.",
        name.join(" "),
        takes + 1,
    ))
}

pub(crate) fn text(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn explained(words: &[&str]) -> (String, u8) {
        let words = std::iter::once("isol8").chain(words.iter().copied());
        let error = Cli::try_parse_from(words).unwrap_err();
        let text = reworded(&error).unwrap_or_else(|| error.to_string());
        (text, exit(&error).code())
    }

    #[test]
    fn wrong_words_have_the_errors_that_users_know() {
        for (words, expected) in [
            (
                &["runn"][..],
                "error: unknown command 'runn'\n(Did you mean run?)",
            ),
            (&["zzz"], "error: unknown command 'zzz'"),
            (&["run", "--zzz"], "error: unknown option '--zzz'"),
            (
                &["run", "--timout", "3"],
                "error: unknown option '--timout'\n(Did you mean --timeout?)",
            ),
            (
                &["run", "a.py", "b.py"],
                "error: too many arguments for 'run'. Expected 1 argument but got 2.",
            ),
            (
                &["config", "x"],
                "error: too many arguments for 'config'. Expected 0 arguments but got 1.",
            ),
        ] {
            assert_eq!(explained(words), (expected.to_owned(), 1), "{words:?}");
        }
    }

    #[test]
    fn a_wrong_value_names_the_flag_and_what_it_takes() {
        for (words, parts) in [
            (
                &["run", "--net", "x"][..],
                &["--net", "none", "host", "filtered"][..],
            ),
            (&["run", "-r", "ruby"], &["--runtime", "python", "agent"]),
            (&["run", "--timeout", "soon"], &["--timeout", "soon"]),
            (&["run", "--timeout", "0"], &["--timeout", "at least 1"]),
            (&["run", "--memory", "lots"], &["--memory", "512m", "1g"]),
            (&["run", "--tmp-size", "0"], &["--tmp-size"]),
            (&["run", "--cpu", "-1"], &["--cpu", "above 0"]),
            (&["run", "--cpu", "x"], &["--cpu"]),
            (&["run", "--pids-limit", "1.5"], &["--pids-limit"]),
            (&["run", "--max-output", "x"], &["--max-output"]),
            (&["run", "--secret", "NAME"], &["--secret", "KEY=VALUE"]),
            (&["run", "--env", "=x"], &["--env", "KEY=VALUE"]),
        ] {
            let (text, code) = explained(words);
            assert_eq!(code, 1, "{text}");
            for part in parts {
                assert!(text.contains(part), "{words:?}: {part} is not in {text}");
            }
        }
    }

    #[test]
    fn a_wrong_value_that_may_be_a_secret_is_not_repeated() {
        for (flag, more) in [("--secret", ""), ("--env", ""), ("--secret", "=")] {
            let value = format!("{more}hunter2");
            let expected = format!(
                "error: invalid value for '{flag} <KEY=VALUE>': it must have the form KEY=VALUE"
            );
            assert_eq!(
                explained(&["run", flag, &value]),
                (expected, 1),
                "{flag} {value}"
            );
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for words in [
            &["--help"][..],
            &["-V"],
            &["run", "--help"],
            &["help", "run"],
        ] {
            assert_eq!(explained(words).1, 0, "{words:?}");
        }
        assert!(explained(&["--help"]).0.contains("Commands:"));
    }
}
