//! A sandbox that programs have filled, with files or with processes, still takes the call that makes room.

use serde_json::json;

use super::{languages::LANGUAGES, support::Session};
use crate::common::until;

/// Fills the directory with one file, then with smaller ones.
const FILL: &str = "cd /sandbox; for size in 1M 64k 4k 1; do \
                    while head -c $size /dev/zero 2>/dev/null >>fill; do :; done; done; wc -c <fill";

/// Starts processes until the system refuses one, and leaves them there.
const CROWD: &str = "sh -c 'while :; do sleep 1000 & done'";

/// Does something with each of them, counts them, and starts no process for that.
const EACH: &str = "n=0; for p in /proc/[0-9]*; do read -r name <$p/comm && [ \"$name\" = sleep ] && \
                    n=$((n + 1)) && DO ${p#/proc/}; done 2>/dev/null; echo $n";

async fn each(session: &Session, what: &str) -> u32 {
    let counted = session.cmd(&EACH.replace("DO", what)).await;
    let count = counted.stdout.trim().parse();
    count.unwrap_or_else(|_| panic!("{} {counted:?}", session.runtime))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_sandbox_takes_the_program_that_makes_room() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::with(runtime, json!({"sandboxSize": "8m"}));
        session.says(language.set).await;
        for _ in 0..2 {
            for _ in 0..3 {
                let filled = session.cmd(FILL).await;
                let bytes: u32 = filled.stdout.trim().parse().unwrap();
                assert!(bytes > 3_000_000, "{runtime} {filled:?}");
                assert_eq!(session.says(language.get).await, "42", "{runtime}");
            }
            session.says(language.remove).await;
            session.says(language.write).await;
            assert_eq!(session.cmd("cat kept").await.stdout, "kept", "{runtime}");
        }
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowded_sandbox_takes_the_call_and_the_command_that_end_the_crowd() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::with(runtime, json!({"pidsLimit": 128}));
        session.says(language.set).await;
        for _ in 0..2 {
            session.cmd(CROWD).await;
            // Processes that have not become `sleep` yet do not count.
            until("a crowd", async || each(&session, ":").await > 60).await;
            let crowded = session.run(language.get).await;
            // Bun aborts when it cannot start a thread.
            let aborted = runtime == "bun" && crowded.signal.as_deref() == Some("SIGABRT");
            assert!(aborted || crowded.stdout == "42", "{runtime}: {crowded:?}");
            until("no crowd", async || each(&session, "kill -9").await == 0).await;
            if aborted {
                session.says(language.set).await;
            }
        }
        assert_eq!(session.says(language.get).await, "42", "{runtime}");
        session.engine.stop().await;
    }
}
