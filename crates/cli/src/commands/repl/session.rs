//! The sandbox behind the prompt.

use std::{cell::Cell, path::Path};

use isol8_api::{
    request::ExecutionRequest,
    result::{ExecutionResult, SessionReset},
};
use isol8_engine::Engine;
use tokio_util::sync::CancellationToken;

use super::super::{
    save::save,
    shown::{Shown, closed},
};
use crate::{
    failure::{Exit, Failure},
    output::Console,
    settings::ReplSettings,
    signals::Signals,
};

/// The number of Ctrl-C's signal.
const INTERRUPT: u8 = 2;

/// A session, and how it is shown.
pub(super) struct Session<'a> {
    pub(super) engine: &'a Engine,
    pub(super) settings: &'a ReplSettings,
    pub(super) console: Console,
    /// How many inputs have been run.
    pub(super) inputs: Cell<u32>,
}

impl Session<'_> {
    /// Makes the sandbox, with its packages.
    pub(super) async fn begin(&self, signals: &mut Signals) -> Result<Option<Exit>, Failure> {
        let request = ExecutionRequest {
            cmd: Some(":".to_owned()),
            install_packages: self.settings.packages.clone(),
            ..self.settings.request.clone()
        };
        let cancel = CancellationToken::new();
        tokio::select! {
            biased;
            number = signals.next() => Ok(Some(Exit::Signal(number))),
            begun = self.engine.execute(request, cancel) => {
                begun?;
                Ok(None)
            }
        }
    }

    /// Runs code and shows its output as it comes. Ctrl-C ends the code only. Returns how the command ends, if so.
    pub(super) async fn run(
        &self,
        code: &str,
        signals: &mut Signals,
    ) -> Result<Option<Exit>, Failure> {
        let number = self.inputs.get() + 1;
        self.inputs.set(number);
        let request = ExecutionRequest {
            code: Some(as_program(&self.settings.request.runtime, code, number)),
            ..self.settings.request.clone()
        };
        let mut events = self.engine.stream(request);
        let shown = Shown::new(false, self.console);
        let mut interrupted = false;
        loop {
            let event = tokio::select! {
                biased;
                number = signals.next() => {
                    events.canceller().cancel();
                    if number == INTERRUPT {
                        interrupted = true;
                        continue;
                    }
                    return Ok(Some(Exit::Signal(number)));
                }
                event = events.recv() => event,
            };
            let Some(event) = event else { break };
            if let Some(ended) = closed(shown.event(&event).await)? {
                return Ok(Some(ended));
            }
        }
        closed(shown.end_line().await)?;
        if interrupted {
            self.console.info("Interrupted.");
        }
        if let Some(refusal) = events.take_refusal() {
            return Err(refusal.into());
        }
        if let Some(result) = events.take_result() {
            shown.result(&result).await.or_else(ignore_closed)?;
            self.tell_reset(&result);
        }
        Ok(None)
    }

    /// Says that variables are gone, and why.
    fn tell_reset(&self, result: &ExecutionResult) {
        let reason = match result.session_reset {
            None => return,
            Some(SessionReset::Timeout) => "the code ran out of time",
            Some(SessionReset::Cancelled) => "the code could not be interrupted",
            Some(SessionReset::Exit) => "the code ended it",
            Some(SessionReset::Crash) => "it crashed",
            Some(SessionReset::Oom) => "it ran out of memory",
            Some(SessionReset::SandboxLost) => "the sandbox was removed, with its files",
        };
        self.console.warn(&format!(
            "The interpreter has ended: {reason}. Its variables are gone."
        ));
    }

    /// Copies a file into the sandbox.
    pub(super) async fn put(&self, local: &Path, path: &str) -> Result<(), Failure> {
        let name = local.display();
        let bytes = std::fs::read(local)
            .map_err(|cause| Failure::input_output(format!(":put: cannot read {name}"), cause))?;
        self.engine.put_file(&in_sandbox(path), &bytes).await?;
        self.console
            .ok(&format!("{name} is in the sandbox: {}", in_sandbox(path)));
        Ok(())
    }

    /// Copies a file out of the sandbox.
    pub(super) async fn get(&self, path: &str, local: &Path) -> Result<(), Failure> {
        let bytes = self.engine.get_file(&in_sandbox(path)).await?;
        save(":get", local, &bytes, false)?;
        self.console.ok(&format!("{} is written", local.display()));
        Ok(())
    }
}

fn ignore_closed(cause: std::io::Error) -> Result<(), Failure> {
    closed(Err(cause)).map(drop)
}

fn in_sandbox(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", crate::settings::SANDBOX)
    }
}

/// Runs an input of Python as a prompt does. The text of an error begins in the input. Its names are its own.
const PYTHON_PROMPT: &str = include_str!("prompt.py");

/// An input as a program. Python shows the value of an expression when it compiles the input as a prompt does. A string
/// of JSON is one of Python, too.
fn as_program(runtime: &str, code: &str, number: u32) -> String {
    if runtime != "python" {
        return code.to_owned();
    }
    let text = serde_json::Value::from(format!("{}\n", code.trim_end()));
    let prompt = serde_json::Value::from(PYTHON_PROMPT);
    format!("exec({prompt}, {{'text': {text}, 'name': '<input {number}>', 'names': globals()}})")
}
