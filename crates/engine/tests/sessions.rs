//! A persistent engine is a session: what a program leaves in its interpreter, the next one finds.

use isol8_engine::{
    Engine,
    backend::DockerAddress,
    options::{Options, RawOptions},
    request::ExecutionRequest,
    result::ExecutionResult,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A persistent engine of one runtime.
struct Session {
    engine: Engine,
    runtime: &'static str,
}

impl Session {
    fn new(runtime: &'static str) -> Self {
        Self::with(runtime, json!({}))
    }

    fn with(runtime: &'static str, mut options: Value) -> Self {
        options["mode"] = json!("persistent");
        let raw: RawOptions = serde_json::from_value(options).unwrap();
        let options = Options::try_from(raw).unwrap();
        let engine = Engine::new(options, 4, DockerAddress::default()).unwrap();
        Self { engine, runtime }
    }

    fn request(&self, code: &str, more: Value) -> ExecutionRequest {
        let mut request = json!({"runtime": self.runtime, "code": code});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        if request["cmd"].is_string() {
            request.as_object_mut().unwrap().remove("code");
        }
        serde_json::from_value(request).unwrap()
    }

    async fn run_with(&self, code: &str, more: Value) -> ExecutionResult {
        let request = self.request(code, more);
        self.engine.execute(request, CancellationToken::new()).await.unwrap()
    }

    async fn run(&self, code: &str) -> ExecutionResult {
        self.run_with(code, json!({})).await
    }

    /// Runs `code`, which must succeed silently on standard error, and returns its output.
    async fn says(&self, code: &str) -> String {
        let result = self.run(code).await;
        assert_eq!((result.exit_code, result.stderr.as_str()), (0, ""), "{code}\n{result:?}");
        result.stdout
    }

    async fn cmd(&self, cmd: &str) -> ExecutionResult {
        self.run_with("", json!({"cmd": cmd})).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_keeps_what_a_program_leaves() {
    let session = Session::new("python");
    session.says("import math, os\nx = 42\ndef f(n): return n + x\nclass C:\n  v = 1").await;
    assert_eq!(session.says("print(x, f(1), C().v, math.floor(2.5))").await, "42 43 1 2");
    session.says("x = 1\nos.mkdir('d'); os.chdir('d')").await;
    assert_eq!(session.says("print(f(1), os.getcwd())").await, "2 /sandbox/d");
    assert_eq!(session.says("print(__name__, __file__)").await, "__main__ /sandbox/main.py");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_keeps_what_a_program_leaves() {
    let session = Session::new("bash");
    session.says("x=42; f() { echo f$1$x; }; declare -A m=([a]=1); mkdir d; cd d").await;
    assert_eq!(session.says("echo $x ${m[a]} $PWD; f 1").await, "42 1 /sandbox/d\nf142");
    session.says("shopt -s expand_aliases; alias hi='echo aliased'").await;
    assert_eq!(session.says("hi").await, "aliased");
    assert_eq!(session.says("echo $0 ${BASH_SOURCE[0]}").await, "/sandbox/main.sh /sandbox/main.sh");
    session.engine.stop().await;
}
