//! What an input at the prompt asks for.

use std::path::PathBuf;

/// What the prompt understands beside code.
pub(super) const HELP: &str = "\
:put LOCAL [PATH]   copy a file of this machine into the sandbox
:get PATH [LOCAL]   copy a file out of the sandbox, never over one that is there
:help               show this
:quit               end the session, as Ctrl-D does
Ctrl-C ends what runs. An empty line ends an input of several lines.";

/// An input, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Nothing was typed.
    Empty,
    /// Code to run.
    Code(String),
    /// Copy a file into the sandbox.
    Put {
        /// The file on this machine.
        local: PathBuf,
        /// Where it goes.
        path: String,
    },
    /// Copy a file out of the sandbox.
    Get {
        /// The file in the sandbox.
        path: String,
        /// Where it goes on this machine.
        local: PathBuf,
    },
    /// Show the commands.
    Help,
    /// End the session.
    Quit,
}

impl Input {
    /// What `text` asks for, or what is wrong with it. Words with spaces are quoted as in a shell.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let is_command =
            trimmed.starts_with(':') && trimmed[1..].starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_command {
            return Ok(if trimmed.is_empty() {
                Self::Empty
            } else {
                Self::Code(text.to_owned())
            });
        }
        let words = shlex::split(trimmed).ok_or("A quote is not closed.")?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [":help"] => Ok(Self::Help),
            [":quit"] => Ok(Self::Quit),
            [":put", local] => Ok(Self::Put {
                path: name_of(local)?,
                local: local.into(),
            }),
            [":put", local, path] => Ok(Self::Put {
                local: local.into(),
                path: path.to_owned(),
            }),
            [":get", path] => Ok(Self::Get {
                local: name_of(path)?.into(),
                path: path.to_owned(),
            }),
            [":get", path, local] => Ok(Self::Get {
                path: path.to_owned(),
                local: local.into(),
            }),
            [":put", ..] => {
                Err(":put takes a file and, if wanted, its path in the sandbox.".into())
            }
            [":get", ..] => Err(":get takes a path in the sandbox and, if wanted, a file.".into()),
            [name, ..] => Err(format!("Unknown command {name}. :help lists the commands.")),
            [] => Ok(Self::Empty),
        }
    }
}

/// The last part of a path.
fn name_of(path: &str) -> Result<String, String> {
    let name = std::path::Path::new(path).file_name();
    let name = name.and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| format!("{path} does not name a file."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_begin_with_a_colon_and_a_letter() {
        let put = |local: &str, path: &str| Input::Put {
            local: local.into(),
            path: path.into(),
        };
        let get = |path: &str, local: &str| Input::Get {
            path: path.into(),
            local: local.into(),
        };
        for (text, expected) in [
            (" \n", Input::Empty),
            ("x = 1", Input::Code("x = 1".into())),
            (": ${x:=1}", Input::Code(": ${x:=1}".into())),
            (":help", Input::Help),
            (" :quit ", Input::Quit),
            (":put a/b.txt", put("a/b.txt", "b.txt")),
            (":put 'a b' c", put("a b", "c")),
            (":get out/x", get("out/x", "x")),
            (":get x y", get("x", "y")),
        ] {
            assert_eq!(Input::of(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn wrong_commands_say_what_is_right() {
        for (text, part) in [
            (":zzz", "Unknown command :zzz. :help"),
            (":put", ":put takes"),
            (":get a b c", ":get takes"),
            (":get ..", ".. does not name a file."),
            (":put 'a", "not closed"),
        ] {
            let error = Input::of(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
