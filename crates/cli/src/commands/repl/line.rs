//! Lines as they are typed: history, and inputs of several lines.

use std::path::{Path, PathBuf};

use rustyline::{
    Config, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::completeness::is_incomplete;

/// Inputs that the history keeps.
const HISTORY: usize = 1000;

/// The file with the history, in the home directory.
const HISTORY_FILE: &str = ".isol8/history";

/// What came of a prompt.
#[derive(Debug)]
pub(super) enum Typed {
    /// An input.
    Text(String),
    /// Ctrl-C: the input was given up.
    Interrupted,
    /// Ctrl-D, or the end of standard input.
    End,
    /// Standard input or the terminal failed.
    Failed(std::io::Error),
}

/// Reads inputs. Blocks.
pub(super) struct Lines {
    editor: Editor<Language, FileHistory>,
    history: Option<PathBuf>,
    prompt: String,
}

/// The language that is typed. It decides where an input ends.
struct Language {
    runtime: String,
}

impl Completer for Language {
    type Candidate = String;
}

impl Highlighter for Language {}

impl Hinter for Language {
    type Hint = String;
}

impl Helper for Language {}

impl Validator for Language {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_incomplete(&self.runtime, context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Lines {
    /// Inputs in a language, with the history of earlier sessions. Without a home directory there is none.
    pub(super) fn open(runtime: &str) -> std::io::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .map_err(failed)?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(Language {
            runtime: runtime.to_owned(),
        }));
        let history = std::env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .map(|home| home.join(HISTORY_FILE));
        if let Some(file) = &history {
            // The first session finds none.
            let _ = editor.load_history(file);
        }
        Ok(Self {
            editor,
            history,
            prompt: format!("{runtime}> "),
        })
    }

    /// The next input. It is in the history from now on, unless it begins with a space.
    pub(super) fn next(&mut self) -> Typed {
        match self.editor.readline(&self.prompt) {
            Ok(text) => {
                // A history that cannot be written is none. The session goes on.
                let _ = self.editor.add_history_entry(&text);
                if let Some(file) = &self.history {
                    let _ = file.parent().map(private_folder);
                    let _ = self.editor.append_history(file);
                }
                Typed::Text(text)
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupted,
            Err(ReadlineError::Eof) => Typed::End,
            Err(error) => Typed::Failed(failed(error)),
        }
    }
}

/// Credentials are in it, too.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)
}

fn failed(error: ReadlineError) -> std::io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => std::io::Error::other(other),
    }
}
