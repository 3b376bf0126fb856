//! Whole executions over scripted guests: their order, their failures, their images.

use std::sync::Arc;

use isol8_api::{
    ErrorCode, event::StreamEvent, options::RawOptions, request::ExecutionRequest,
    result::ExecutionResult,
};
use isol8_backend::ImageInfo;
use isol8_fakes::{
    Exchange, FakeBackend, FakeImages, Start, done, exited, failed, file, image, left_out, stderr,
    stdout, timed_out,
};
use isol8_protocol::{ErrorKind, Reply, ResetReport, encode_message};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::{error::EngineError, options::Secrets};

mod builds;
mod idle;
mod images;
mod local_files;
mod sandboxes;

/// An engine, and what it was given.
struct Bench {
    engine: Engine,
    backend: Arc<FakeBackend>,
    images: Arc<FakeImages>,
}

impl Bench {
    /// An engine with these options, whose sandboxes are used once unless they say otherwise. It parks
    /// nothing.
    fn new(
        options: &Value,
        starts: impl IntoIterator<Item = Start>,
        images: impl IntoIterator<Item = ImageInfo>,
    ) -> Self {
        let mut all = json!({"poolSize": 0, "readonlyRootFs": false, "installNetwork": false});
        let given = options.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(given);
        let raw: RawOptions = serde_json::from_value(all).unwrap();
        let mut options = crate::options::Options::try_from(raw).unwrap();
        options.parking = false;
        let (backend, images) = (FakeBackend::new(starts), FakeImages::new(images));
        let engine = Engine::new(options, 4, backend.clone(), images.clone()).unwrap();
        Self {
            engine,
            backend,
            images,
        }
    }

    async fn run(&self, request: Value) -> Result<ExecutionResult, EngineError> {
        let request: ExecutionRequest = serde_json::from_value(request).unwrap();
        self.engine.execute(request, CancellationToken::new()).await
    }

    async fn events(&self, request: Value) -> Vec<String> {
        let request: ExecutionRequest = serde_json::from_value(request).unwrap();
        let mut stream = self.engine.stream(request);
        let mut events = Vec::new();
        while let Some(StreamEvent { kind, data, .. }) = stream.recv().await {
            events.push(format!("{kind:?} {data}"));
        }
        events
    }

    /// Stops the engine and checks that everything scripted has happened. Returns the sandboxes that
    /// were destroyed.
    async fn finish(self) -> Vec<String> {
        self.engine.stop().await;
        self.backend.finish().await
    }
}

fn bash(script: Vec<Exchange>) -> Start {
    Start::Sandbox("isol8:bash", script)
}

fn clean() -> Vec<u8> {
    encode_message(&Reply::Reset(ResetReport::default())).unwrap()
}

fn program(answer: impl IntoIterator<Item = Vec<u8>>) -> Exchange {
    Exchange::new("exec bash /sandbox/main.sh +/sandbox/main.sh", answer)
}

#[tokio::test]
async fn an_execution_prepares_runs_and_collects_in_this_order() {
    let script = vec![
        Exchange::new("exec bash -c image", [stdout("unheard"), exited(0)]),
        Exchange::new("exec bash -c request", [exited(0)]),
        Exchange::new(
            "exec bash /sandbox/main.sh +/sandbox/in +/sandbox/main.sh",
            [stdout("out\n"), stderr("err\n"), exited(3)],
        ),
        Exchange::new(
            "read /sandbox/a /sandbox/b",
            [left_out(ErrorKind::NotFound), file("z"), done()],
        ),
    ];
    let images = [image("mine", "bash", &["p"], Some("image"))];
    let bench = Bench::new(&json!({}), [Start::Sandbox("mine", script)], images);
    let result = bench
        .run(
            json!({"runtime": "bash", "code": "x", "setupScript": "request",
            "installPackages": ["p"],
            "files": {"/sandbox/in": "y"}, "outputPaths": ["/sandbox/a", "/sandbox/b", "/sandbox/a"]}),
        )
        .await
        .unwrap();
    assert_eq!(
        (result.stdout.as_str(), result.stderr.as_str()),
        ("out", "err")
    );
    assert_eq!((result.exit_code, result.duration_ms), (3, 1));
    let expected = [("/sandbox/b".to_owned(), "eg==".to_owned())].into();
    assert_eq!(result.files, Some(expected), "what is missing is left out");
    assert_eq!(result.container_id.as_deref(), Some("box-1"));
    assert_eq!(bench.finish().await, ["box-1"]);
}

#[tokio::test]
async fn nothing_follows_a_setup_script_that_fails() {
    let setup = || Exchange::new("exec bash -c s", [stderr("no\n"), exited(4)]);
    let bench = Bench::new(&json!({}), [bash(vec![setup()]), bash(vec![setup()])], []);
    let request = json!({"runtime": "bash", "code": "x", "setupScript": "s"});
    let error = bench.run(request.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "Setup script failed (exit code 4): no");
    assert_eq!(
        bench.events(request).await,
        [
            "Stderr no\n",
            "Error Setup script failed (exit code 4)",
            "Exit 4"
        ]
    );
    assert_eq!(bench.finish().await, ["box-1", "box-2"]);
}

#[tokio::test]
async fn a_timeout_is_137_and_says_so() {
    let bench = Bench::new(&json!({}), [bash(vec![program([timed_out()])])], []);
    let result = bench
        .run(json!({"runtime": "bash", "code": "x"}))
        .await
        .unwrap();
    assert_eq!(result.exit_code, 137);
    assert_eq!(result.stderr, "\n--- EXECUTION TIMED OUT ---");
    bench.finish().await;
}

#[tokio::test]
async fn files_that_take_too_long_have_an_error_of_their_own_and_the_session_lives_on() {
    let files: Vec<_> = (0..65).map(|n| format!("/sandbox/{n:02}")).collect();
    let many = || Exchange::new(&format!("write {}", files.join(" ")), []);
    let call = || Exchange::new("call /sandbox/main.sh", [exited(0)]);
    let script = vec![
        many(),
        many(),
        call(),
        Exchange::new("read /sandbox/a", []),
        call(),
    ];
    let bench = Bench::new(&json!({"mode": "persistent"}), [bash(script)], []);
    let contents: serde_json::Map<_, _> =
        files.iter().map(|path| (path.clone(), json!(""))).collect();
    let writing = json!({"runtime": "bash", "code": "x", "files": contents, "timeoutMs": 20});
    let error = bench.run(writing.clone()).await.unwrap_err();
    let told =
        "Writing files timed out after 20ms. Raise timeoutMs, or use fewer or smaller files.";
    assert_eq!(error.to_string(), told);
    assert_eq!(error.code().as_str(), "ISOL8_FILES_TIMEOUT");
    assert_eq!(
        bench.events(writing).await,
        [&format!("Error {told}"), "Exit 1"]
    );
    let collecting =
        json!({"runtime": "bash", "code": "x", "outputPaths": ["/sandbox/a"], "timeoutMs": 20});
    let error = bench.run(collecting).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Collecting output files timed out after 20ms. Raise timeoutMs, or use fewer or smaller files."
    );
    let next = bench.run(json!({"runtime": "bash", "code": "x"})).await;
    assert_eq!(next.unwrap().exit_code, 0);
    assert_eq!(bench.finish().await, ["box-1"]);
}

#[tokio::test]
async fn many_files_go_ahead_of_the_program_in_one_message_and_few_go_with_it() {
    let request = |count: usize, size: usize| {
        let files: serde_json::Map<_, _> = (0..count)
            .map(|n| (format!("/sandbox/{n:02}"), json!("x".repeat(size))))
            .collect();
        json!({"runtime": "bash", "code": "x", "files": files})
    };
    let names = |range: std::ops::Range<usize>, mark: &str| {
        let names: Vec<_> = range.map(|n| format!("{mark}/sandbox/{n:02}")).collect();
        names.join(" ")
    };
    let with = |files: &str| {
        let files = [files, "+/sandbox/main.sh"].join(" ");
        let request = format!("exec bash /sandbox/main.sh {}", files.trim_start());
        Exchange::new(&request, [exited(0)])
    };
    let write = |files: String| Exchange::new(&format!("write {files}"), [done()]);
    let starts = [
        bash(vec![with(&names(0..64, "+"))]),
        bash(vec![write(names(0..65, "")), with("")]),
        // Two of 100 KiB fit beside the program, and two into a message.
        bash(vec![write(names(2..4, "")), with(&names(0..2, "+"))]),
    ];
    let bench = Bench::new(&json!({}), starts, []);
    for request in [request(64, 1), request(65, 1), request(4, 100 << 10)] {
        assert_eq!(bench.run(request).await.unwrap().exit_code, 0);
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_guest_that_ends_is_a_lost_sandbox_and_the_next_execution_has_another() {
    let dead = vec![Exchange::death(
        "exec bash /sandbox/main.sh +/sandbox/main.sh",
    )];
    let alive = vec![program([exited(0)])];
    let bench = Bench::new(&json!({}), [bash(dead), bash(alive)], []);
    let request = json!({"runtime": "bash", "code": "x"});
    let error = bench.run(request.clone()).await.unwrap_err();
    assert!(matches!(error, EngineError::SandboxLost), "{error}");
    assert_eq!(bench.run(request).await.unwrap().exit_code, 0);
    assert_eq!(bench.finish().await, ["box-1", "box-2"]);
}

#[tokio::test]
async fn a_request_that_cannot_run_starts_nothing() {
    let bench = Bench::new(&json!({}), [], []);
    for request in [
        json!({"runtime": "ruby", "code": "x"}),
        json!({"runtime": "bash", "code": "x", "cmd": "y"}),
        json!({"runtime": "bash", "code": "x", "workdir": "/etc"}),
    ] {
        assert!(bench.run(request).await.unwrap_err().is_refusal());
    }
    assert!(bench.finish().await.is_empty());
}

#[tokio::test]
async fn a_missing_base_image_is_built_and_another_one_is_an_error() {
    let request = json!({"runtime": "bash", "code": "x"});
    let bench = Bench::new(&json!({}), [bash(vec![program([exited(0)])])], []);
    bench.images.remove("isol8:bash");
    assert_eq!(bench.run(request.clone()).await.unwrap().exit_code, 0);
    assert_eq!(bench.images.built(), ["bash"]);
    bench.finish().await;

    let bench = Bench::new(&json!({"image": "mine"}), [], []);
    let error = bench.run(request).await.unwrap_err();
    assert!(
        error.to_string().starts_with("Image not found: mine. "),
        "{error}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn packages_are_found_in_an_image_before_they_are_installed() {
    let images = [
        image("other", "python", &["a", "b"], None),
        image("small", "bash", &["a", "b"], None),
        image("large", "bash", &["a", "b", "c"], None),
    ];
    let script = vec![program([exited(0)])];
    let bench = Bench::new(&json!({}), [Start::Sandbox("small", script)], images);
    let request = json!({"runtime": "bash", "code": "x", "installPackages": ["b", "a"]});
    assert_eq!(bench.run(request).await.unwrap().exit_code, 0);
    bench.finish().await;
}
