//! A session for tests, and the output of its programs.

use isol8_api::{event::EventKind, request::ExecutionRequest, result::ExecutionResult};
use isol8_engine::Engine;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::common::{engine, until};

/// A persistent engine of one runtime.
pub(crate) struct Session {
    pub(crate) engine: Engine,
    pub(crate) runtime: &'static str,
}

impl Session {
    pub(crate) fn new(runtime: &'static str) -> Self {
        Self::with(runtime, json!({}))
    }

    pub(crate) fn with(runtime: &'static str, mut options: Value) -> Self {
        options["mode"] = json!("persistent");
        Self {
            engine: engine(options),
            runtime,
        }
    }

    pub(crate) fn request(&self, code: &str, more: &Value) -> ExecutionRequest {
        let mut request = json!({"runtime": self.runtime, "code": code});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        if request["cmd"].is_string() {
            request.as_object_mut().unwrap().remove("code");
        }
        serde_json::from_value(request).unwrap()
    }

    pub(crate) async fn run_with(&self, code: &str, more: Value) -> ExecutionResult {
        let request = self.request(code, &more);
        self.engine
            .execute(request, CancellationToken::new())
            .await
            .unwrap()
    }

    pub(crate) async fn run(&self, code: &str) -> ExecutionResult {
        self.run_with(code, json!({})).await
    }

    /// Runs `code`, which must succeed silently on standard error, and returns its output.
    pub(crate) async fn says(&self, code: &str) -> String {
        let result = self.run(code).await;
        assert_eq!(
            (result.exit_code, result.stderr.as_str()),
            (0, ""),
            "{code}\n{result:?}"
        );
        result.stdout
    }

    pub(crate) async fn cmd(&self, cmd: &str) -> ExecutionResult {
        self.run_with("", json!({"cmd": cmd})).await
    }

    /// Gives a call up when it has printed something.
    pub(crate) async fn abort(&self, request: ExecutionRequest) -> Result<(), String> {
        let mut stream = self.engine.stream(request);
        let mut said = false;
        while let Some(event) = stream.recv().await {
            if event.kind == EventKind::Exit {
                return Err(format!("it came to its end: {event:?}"));
            }
            said = true;
            stream.canceller().cancel();
        }
        if said {
            Ok(())
        } else {
            Err("it said nothing".to_owned())
        }
    }

    /// Waits until a file is there.
    pub(crate) async fn until_file(&self, path: &str) {
        let there = async || self.engine.get_file(path).await.is_ok();
        until(path, there).await;
    }

    /// How long each `sleep` in the sandbox sleeps, sorted.
    pub(crate) async fn sleeping(&self) -> Vec<String> {
        let list = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null";
        let list = self.cmd(list).await.stdout;
        let mut found: Vec<String> = list
            .lines()
            .filter_map(|line| Some(line.strip_prefix("sleep ")?.trim().to_owned()))
            .collect();
        found.sort();
        found
    }
}
