//! `session`: the sessions of a server.

use std::fmt::Write as _;

use isol8_api::http::SessionInfo;

use crate::{
    args::{SessionArgs, SessionCommand, SessionListArgs, SessionStopArgs},
    failure::{Exit, Failure},
    output::{Console, print},
    printable::printable,
    settings::ServerSettings,
};

/// Lists or stops sessions.
pub(crate) async fn run(args: SessionArgs, console: Console) -> Result<Exit, Failure> {
    match args.command {
        SessionCommand::List(args) => list(args, console).await,
        SessionCommand::Stop(args) => stop(args, console).await,
    }
}

async fn list(args: SessionListArgs, console: Console) -> Result<Exit, Failure> {
    let SessionListArgs { server, json } = args;
    let server = ServerSettings::resolve(&server.host, server.key, console)?;
    let sessions = server.client()?.list_sessions().await?;
    if json {
        let json = serde_json::to_string_pretty(&sessions);
        return print(&json.map_err(|error| Failure::Usage(error.to_string()))?);
    }
    print(&described(&sessions))
}

fn described(sessions: &[SessionInfo]) -> String {
    if sessions.is_empty() {
        return "[INFO] No active sessions.".to_owned();
    }
    let mut text = format!("  {} active session(s):", sessions.len());
    for SessionInfo {
        id,
        is_active,
        last_accessed_at,
        tenant_id: _,
    } in sessions
    {
        let state = if *is_active { "running" } else { "idle" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n  {}  [{state}]  last accessed: {}",
            printable(id),
            printable(last_accessed_at)
        );
    }
    text
}

async fn stop(args: SessionStopArgs, console: Console) -> Result<Exit, Failure> {
    let SessionStopArgs { id, server } = args;
    let server = ServerSettings::resolve(&server.host, server.key, console)?;
    server.client()?.delete_session(&id).await?;
    console.ok(&format!("Session \"{}\" destroyed.", printable(&id)));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_have_a_line_each_and_nothing_that_a_terminal_obeys() {
        let session = |id: &str, is_active| SessionInfo {
            id: id.to_owned(),
            is_active,
            last_accessed_at: "2026-01-01T00:00:00.000Z".to_owned(),
            tenant_id: None,
        };
        assert_eq!(
            described(&[session("a", true), session("b\x1b[2J", false)]),
            "  2 active session(s):\n  a  [running]  last accessed: 2026-01-01T00:00:00.000Z\n  \
             b\u{fffd}[2J  [idle]  last accessed: 2026-01-01T00:00:00.000Z"
        );
        assert_eq!(described(&[]), "[INFO] No active sessions.");
    }
}
