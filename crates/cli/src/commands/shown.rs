//! How the events and the result of an execution are shown, for the commands that run programs.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _},
};

use isol8_api::{
    event::{EventKind, StreamEvent},
    result::ExecutionResult,
};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use crate::{
    failure::{Exit, Failure},
    output::{Console, with_flags},
};

/// The last line of a stream in JSON.
#[derive(Serialize)]
struct ResultLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    result: &'a ExecutionResult,
}

/// How output ends whose reader has gone away.
pub(super) fn closed(written: io::Result<()>) -> Result<Option<Exit>, Failure> {
    match written {
        Ok(()) => Ok(None),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(Some(Exit::BrokenPipe)),
        Err(cause) => Err(Failure::input_output("Cannot write the output", cause)),
    }
}

/// How events are shown.
pub(super) struct Shown {
    json: bool,
    console: Console,
    /// Whether the program has left its last line open.
    line_is_open: Cell<bool>,
}

impl Shown {
    /// As text, or each as a line of JSON.
    pub(super) fn new(json: bool, console: Console) -> Self {
        Self {
            json,
            console,
            line_is_open: Cell::new(false),
        }
    }

    /// Shows an event.
    pub(super) async fn event(&self, event: &StreamEvent) -> io::Result<()> {
        if self.json {
            return line(event).await;
        }
        if matches!(event.kind, EventKind::Stdout | EventKind::Stderr) && !event.data.is_empty() {
            self.line_is_open.set(!event.data.ends_with('\n'));
        }
        match event.kind {
            EventKind::Stdout => write(&mut tokio::io::stdout(), &event.data).await,
            EventKind::Stderr => write(&mut tokio::io::stderr(), &event.data).await,
            EventKind::Error => {
                self.make_room().await?;
                self.console.error(&with_flags(event.data.clone()));
                Ok(())
            }
            EventKind::Exit => Ok(()),
        }
    }

    /// Shows what of the result no event has shown.
    pub(super) async fn result(&self, result: &ExecutionResult) -> io::Result<()> {
        if self.json {
            return line(&ResultLine {
                kind: "result",
                result,
            })
            .await;
        }
        if result.truncated || result.network_logs.is_some() {
            self.make_room().await?;
        }
        warn_of_truncation(result, self.console);
        show_network_log(result, self.console);
        Ok(())
    }

    /// Ends a line that the program has left open.
    pub(super) async fn end_line(&self) -> io::Result<()> {
        if self.line_is_open.replace(false) {
            return write(&mut tokio::io::stdout(), "\n").await;
        }
        Ok(())
    }

    /// The same where messages are on the screen with the output. Otherwise the output stays as the program wrote it.
    async fn make_room(&self) -> io::Result<()> {
        if io::stdout().is_terminal() && io::stderr().is_terminal() {
            self.end_line().await?;
        }
        Ok(())
    }
}

async fn line(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    write(&mut tokio::io::stdout(), &text).await
}

async fn write(to: &mut (impl tokio::io::AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes()).await?;
    to.flush().await
}

/// Warns where output is missing.
pub(super) fn warn_of_truncation(result: &ExecutionResult, console: Console) {
    if result.truncated {
        console.warn("Output was truncated");
    }
}

/// Shows what the filtered network let through and refused, one line of JSON each.
pub(super) fn show_network_log(result: &ExecutionResult, console: Console) {
    let entries = result.network_logs.iter().flatten();
    let lines: Vec<_> = entries
        .filter_map(|entry| serde_json::to_string(entry).ok())
        .collect();
    if result.network_logs.is_some() {
        console.result("--- Network Logs ---");
    }
    for line in lines {
        console.result(&line);
    }
}
