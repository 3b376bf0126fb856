//! `isol8-server`: another name of `isol8 serve`, with the words of the program of that name.

use std::{ffi::OsString, path::Path, process::ExitCode};

use clap::{
    Parser as _,
    error::{ContextKind, ErrorKind},
};

use crate::{
    args::{Cli, Command, GlobalArgs, ServerProgram},
    failure::Exit,
    output::Console,
    usage,
};

/// The name of the program. The launcher of the npm package gives it as the first word.
const NAME: &str = "isol8-server";

/// The words of `isol8-server` in those of a call, when it is one.
pub(crate) fn words(all: &[OsString]) -> Option<&[OsString]> {
    let program = all.first()?;
    if Path::new(program)
        .file_name()
        .is_some_and(|name| name == NAME)
    {
        return Some(all);
    }
    let rest = all.get(1..)?;
    (rest.first()? == NAME).then_some(rest)
}

/// The command that these words stand for, or the exit code when there is none.
pub(crate) fn parse(words: &[OsString]) -> Result<Cli, ExitCode> {
    let failed = |text: &str| {
        Console::new(false).error(text);
        Err(Exit::Failed.into())
    };
    let ServerProgram { serve, debug } = match ServerProgram::try_parse_from(words) {
        Ok(program) => program,
        Err(error) if error.kind() == ErrorKind::UnknownArgument => {
            let word = usage::text(&error, ContextKind::InvalidArg).unwrap_or_default();
            return failed(&format!("Unknown argument: {word}"));
        }
        Err(error) => return Err(usage::explain(&error)),
    };
    let has_key = |key: &str| !key.trim().is_empty();
    let given = serve.key.as_deref().is_some_and(has_key)
        || std::env::var("ISOL8_API_KEY").is_ok_and(|key| has_key(&key));
    if !given {
        return failed("API key required. Use --key or set ISOL8_API_KEY env var.");
    }
    Ok(Cli {
        global: GlobalArgs {
            debug,
            quiet: false,
        },
        command: Some(Command::Serve(serve)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_by_its_name_and_by_the_first_word() {
        let given = |words: &[&str]| {
            let all: Vec<OsString> = words.iter().map(Into::into).collect();
            super::words(&all).map(<[OsString]>::len)
        };
        assert_eq!(given(&["/usr/bin/isol8-server", "-p", "1"]), Some(3));
        assert_eq!(given(&["isol8", "isol8-server", "-p", "1"]), Some(3));
        assert_eq!(given(&["isol8", "run", "isol8-server"]), None);
        assert_eq!(given(&["isol8"]), None);
    }
}
