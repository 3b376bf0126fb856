//! The build of a base image that a call needs: its progress, its end and its limit.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;

/// An engine whose image for Bash is missing, and what it reports of builds.
fn without_image(starts: impl IntoIterator<Item = Start>) -> (Bench, Arc<Mutex<Vec<String>>>) {
    let bench = Bench::new(&json!({}), starts, []);
    bench.images.remove("isol8:bash");
    let reported = Arc::new(Mutex::new(Vec::new()));
    let report = Arc::clone(&reported);
    bench.engine.report_builds(move |progress| {
        let text = serde_json::to_string(&progress).unwrap();
        report.lock().unwrap().push(text);
    });
    (bench, reported)
}

const STEP: &str = r#"{"runtime":"bash","status":"building","message":"a step"}"#;

fn request() -> ExecutionRequest {
    serde_json::from_value(json!({"runtime": "bash", "code": "x", "timeoutMs": 1})).unwrap()
}

#[tokio::test]
async fn a_build_reports_its_progress() {
    let (bench, reported) = without_image([bash(vec![program([exited(0)])])]);
    let running = bench.engine.execute(request(), CancellationToken::new());
    assert_eq!(running.await.unwrap().exit_code, 0);
    assert_eq!(*reported.lock().unwrap(), [STEP]);
    bench.finish().await;
}

#[tokio::test]
async fn a_cancelled_call_ends_its_build_and_the_next_call_builds() {
    let (bench, reported) = without_image([bash(vec![program([exited(0)])])]);
    bench.images.hang_builds(true);
    let cancel = CancellationToken::new();
    let running = tokio::spawn(bench.engine.execute(request(), cancel.clone()));
    while reported.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cancel.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    bench.images.hang_builds(false);
    let running = bench.engine.execute(request(), CancellationToken::new());
    assert_eq!(running.await.unwrap().exit_code, 0);
    assert_eq!(bench.images.built(), ["bash"]);
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_build_has_a_limit_of_its_own() {
    let (bench, reported) = without_image([]);
    bench.images.hang_builds(true);
    let begun = tokio::time::Instant::now();
    let running = bench.engine.execute(request(), CancellationToken::new());
    let error = running.await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ImageBuild);
    let start = "Failed to build image for bash: it took longer than 30 minutes. ";
    assert!(error.to_string().starts_with(start), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 30 * 60);
    let last = reported.lock().unwrap().last().cloned().unwrap();
    assert!(last.contains(r#""status":"error""#), "{last}");
    bench.finish().await;
}
