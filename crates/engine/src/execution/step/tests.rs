//! Steps whose guest misbehaves.

use super::*;
use crate::sandbox::testing;

#[tokio::test]
async fn a_guest_that_sends_nothing_or_never_stops_fails_after_the_time_limit() {
    // Frames of standard output, one empty and one with a byte.
    for words in [&[][..], &[0, 0, 0, 0, 2, 1, 0, 0, 0, 2, b'x']] {
        let sandbox = testing::saying(words).await;
        let rules = StepRules {
            sandbox: &sandbox,
            sink: &Sink::Collect,
            secrets: &Secrets::default(),
            output_limit: 8,
            output_encoding: OutputEncoding::Utf8,
            timeout: Duration::ZERO,
            cancel: &CancellationToken::new(),
            session_loss: &OnceLock::new(),
        };
        let options = StepOptions {
            phase: Phase::Code,
            after_exit: AfterExit::KillAll,
            parked: false,
            keep_output: false,
        };
        let exec = sandbox.exec(ExecRequest::default()).await.unwrap();
        let heard = rules.listen(exec, options, Duration::from_millis(200));
        assert!(matches!(heard.await, Err(EngineError::Guest(_))));
    }
}
