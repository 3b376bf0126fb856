//! Working directories that are gone or closed, in every runtime.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{languages::LANGUAGES, support::Session};

#[tokio::test(flavor = "multi_thread")]
async fn a_working_directory_that_is_gone_is_no_end() {
    for language in &LANGUAGES {
        let (runtime, session) = (language.runtime, Session::new(language.runtime));
        session.says(language.set).await;
        session.says(language.enter).await;
        session.cmd("rmdir /sandbox/d").await;
        assert_eq!(session.says(language.get).await, "42", "{runtime}");
        let elsewhere = json!({"workdir": "/sandbox/e"});
        let there = session.run_with(language.directory, elsewhere).await;
        assert_eq!(there.stdout, "/sandbox/e", "{runtime} {there:?}");
        session.cmd("rmdir /sandbox/e").await;
        // The directory of a call is made again.
        let again = json!({"workdir": "/sandbox/e"});
        let there = session.run_with(language.directory, again).await;
        assert_eq!(there.stdout, "/sandbox/e", "{runtime} {there:?}");
        assert_eq!(session.says(language.get).await, "42", "{runtime}");
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_working_directory_that_cannot_be_entered_is_an_error_and_keeps_the_state() {
    for language in &LANGUAGES {
        let (runtime, session) = (language.runtime, Session::new(language.runtime));
        session.says(language.set).await;
        session
            .cmd("mkdir -m 000 /sandbox/closed; touch /sandbox/file")
            .await;
        for directory in [
            "/sandbox/closed",
            "/sandbox/file",
            "/sandbox/file/below",
            "/sandbox/closed/below",
        ] {
            let request = session.request(language.get, &json!({"workdir": directory}));
            let refused = session
                .engine
                .execute(request, CancellationToken::new())
                .await;
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(directory), "{runtime} {directory}: {error}");
        }
        assert_eq!(session.says(language.get).await, "42", "{runtime}");
        session.engine.stop().await;
    }
}
