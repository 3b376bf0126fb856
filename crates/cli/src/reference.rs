//! `docs/cli.md`, generated from the definitions. A test keeps it current.

use std::{fmt::Write as _, fs, path::Path};

use clap::{Command, CommandFactory as _};

use crate::args::Cli;

/// Columns of the texts.
const WIDTH: usize = 100;

fn reference() -> String {
    let mut root = Cli::command().term_width(WIDTH);
    root.build();
    let mut text =
        "# The command line\n\nThis page has the help of each command. It is generated: \
         `ISOL8_UPDATE_DOCS=1 cargo test -p isol8-cli --lib reference`.\n"
            .to_owned();
    add(&mut text, "isol8", root.clone());
    for command in root
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        add(
            &mut text,
            &format!("isol8 {}", command.get_name()),
            command.clone(),
        );
    }
    text
}

fn add(text: &mut String, name: &str, command: Command) {
    let help = command.term_width(WIDTH).render_long_help().to_string();
    let lines: Vec<_> = help.trim().lines().map(str::trim_end).collect();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n## `{name}`\n\n```text\n{}\n```\n",
        lines.join("\n")
    );
}

#[test]
fn the_page_is_that_of_the_definitions() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var_os("ISOL8_UPDATE_DOCS").is_some() {
        fs::write(&page, reference()).unwrap();
    }
    assert!(
        fs::read_to_string(&page).unwrap() == reference(),
        "docs/cli.md is not current: ISOL8_UPDATE_DOCS=1 cargo test -p isol8-cli --lib reference"
    );
}
