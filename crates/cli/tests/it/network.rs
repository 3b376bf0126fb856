//! What needs other hosts. They are in a network of the tests' own, which no packet can leave.

use std::{
    net::TcpListener,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_test_network::Network;
use serde_json::{Value, json};

use crate::{
    common::User,
    web::{Seen, serve},
};

mod agent;

const HOST: &str = "9.9.9.9";
const KEY: &str = "sk-test-4f1c9d7be2";

#[test]
fn in_a_namespace() {
    isol8_test_network::run_inside("network");
}

/// Where `npm test` installs the agent for local sandboxes, below the cache directory that it chooses.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache");

#[test]
fn the_agent_edits_a_project_in_a_local_sandbox() {
    if !Path::new(CACHE).join("isol8/runtimes/agent").exists() {
        isol8_testing::not_run("the agent is not installed for local sandboxes");
        return;
    }
    let variables = [("ISOL8_BACKEND", "local"), ("XDG_CACHE_HOME", CACHE)];
    isol8_test_network::run_inside_as_root("network::the_agent_edits_an_injected", &variables);
}

/// Listens on every other host. The tests share the network.
fn listen(port: u16) -> TcpListener {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    let network = NETWORK.get_or_init(|| Network::connect(&[HOST]).unwrap());
    let listening = network.far(|| TcpListener::bind(("0.0.0.0", port)));
    listening.unwrap().unwrap()
}

/// The server-sent events of one answer of a model.
fn said(delta: &Value, reason: &str) -> Vec<u8> {
    let chunk = |delta: &Value, reason: Value| {
        let chunk = json!({
            "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        });
        format!("data: {chunk}\n\n")
    };
    let (first, last) = (chunk(delta, Value::Null), chunk(&json!({}), reason.into()));
    format!("{first}{last}data: [DONE]\n\n").into_bytes()
}

/// A model that edits a file, and then says the key that it was called with.
fn model() -> impl Fn(&Seen) -> Option<(&'static str, Vec<u8>)> {
    let turn = AtomicUsize::new(0);
    move |request| {
        if !request.path.ends_with("/v1/chat/completions") {
            return None;
        }
        let edit = json!({
            "path": "/sandbox/my-project/greet.py",
            "edits": [{"oldText": "Hello", "newText": "Goodbye"}],
        });
        let call = json!({
            "index": 0, "id": "call_edit", "type": "function",
            "function": {"name": "edit", "arguments": edit.to_string()},
        });
        Some((
            "text/event-stream",
            if turn.fetch_add(1, Ordering::SeqCst) == 0 {
                said(
                    &json!({"role": "assistant", "tool_calls": [call]}),
                    "tool_calls",
                )
            } else {
                let text = format!("Done. The key is {KEY}.");
                said(&json!({"role": "assistant", "content": text}), "stop")
            },
        ))
    }
}

#[test]
#[ignore = "runs in a namespace"]
fn the_agent_edits_an_injected_project_and_its_key_is_masked() {
    let listener = listen(80);
    let seen = serve(listener, model());
    let user = User::new();
    user.write("my-project/greet.py", "print('Hello')\n");
    user.write("my-project/node_modules/large.js", "no");
    let models = json!({"providers": {"own": {
        "baseUrl": format!("http://{HOST}/v1"), "api": "openai-completions", "apiKey": "$LLM_KEY",
        "models": [{"id": "m"}],
    }}});
    user.write(
        "models.sh",
        format!("mkdir -p ~/.pi/agent && cat > ~/.pi/agent/models.json <<'END'\n{models}\nEND\n"),
    );
    let line = "isol8 run -e 'Make it say goodbye.' --runtime agent --net filtered --allow '^9\\.9\\.9\\.9$' \
        --secret \"LLM_KEY=$KEY\" --files ./my-project --workdir /sandbox/my-project --timeout 120000 \
        --memory 1g --setup models.sh --agent-flags '--provider own --model m' --log-network \
        --output-path my-project/greet.py:edited.py";
    let ended = user.shell(line, &[("KEY", KEY)]);
    let seen = seen.lock().unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?} {seen:?}");
    assert_eq!(user.read("edited.py"), "print('Goodbye')\n");
    assert_eq!(user.read("my-project/greet.py"), "print('Hello')\n");
    ended.shows("The key is ***.");
    assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
    assert!(ended.stderr.contains("\"action\":\"ALLOW\""), "{ended:?}");
    // The provider got the key.
    let bearer = format!("authorization: Bearer {KEY}");
    assert!(seen.len() >= 2, "{seen:?}");
    for request in &*seen {
        assert_eq!(request.method, "POST");
        assert!(request.headers.contains(&bearer), "{request:?}");
        assert!(!request.body.contains("large.js"), "{request:?}");
    }
}

#[test]
#[ignore = "runs in a namespace"]
fn a_program_of_another_host_runs_when_that_is_allowed_and_its_hash_is_right() {
    let listener = listen(8080);
    serve(listener, |request| {
        (request.path == "/script.py").then(|| ("text/plain", b"print('from afar')\n".to_vec()))
    });
    let user = User::new();
    let line = |more: &str| {
        let line = format!(
            "isol8 run --url http://{HOST}:8080/script.py --allow-insecure-code-url --runtime python {more}"
        );
        user.shell(&line, &[])
    };
    line("")
        .failed("[ERR] Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.");
    user.write(
        "isol8.config.json",
        r#"{"remoteCode": {"enabled": true, "allowedSchemes": ["https", "http"]}}"#,
    );
    line("").is(0, "from afar\n", "");
    let hash = "sha256sum <<<\"print('from afar')\" | cut -d ' ' -f 1";
    line(&format!("--hash $({hash})")).is(0, "from afar\n", "");
    line(&format!("--hash {}", "0".repeat(64))).failed("[ERR] Remote code hash mismatch");
}

/// A wheel with one module.
const PACK: &str = "import zipfile
with zipfile.ZipFile('demo-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('demo.py', '__version__ = \"1.0\"')
    wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')
    wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('demo-1.0.dist-info/RECORD', 'demo.py,,\\ndemo-1.0.dist-info/METADATA,,\\ndemo-1.0.dist-info/WHEEL,,\\ndemo-1.0.dist-info/RECORD,,\\n')
";

#[test]
#[ignore = "runs in a namespace"]
fn a_package_is_installed_from_the_registry_of_the_configuration() {
    let user = User::new();
    let name = "demo-1.0-py3-none-any.whl";
    let made = user.isol8(&[
        "run",
        "-e",
        PACK,
        "--output-path",
        name,
        "--json",
        "--no-stream",
    ]);
    let result: Value = serde_json::from_str(&made.stdout).unwrap();
    let encoded = result["files"][format!("/sandbox/{name}")]
        .as_str()
        .unwrap();
    let wheel = BASE64.decode(encoded).unwrap();
    let listener = listen(8081);
    let seen = serve(listener, move |request| {
        if request.path.ends_with("/simple/demo/") {
            let page = format!("<a href=\"/{name}\">{name}</a>");
            return Some(("text/html", page.into_bytes()));
        }
        request
            .path
            .ends_with(name)
            .then(|| ("application/zip", wheel.clone()))
    });
    let registry = format!("http://{HOST}:8081/simple");
    user.write(
        "isol8.config.json",
        json!({ "installRegistries": { "python": [registry] } }).to_string(),
    );
    let line =
        r#"isol8 run -e "import demo; print(demo.__version__)" --install demo --runtime python"#;
    let ended = user.shell(line, &[]);
    let seen = seen.lock().unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?} {seen:?}");
    ended.is(0, "1.0\n", "");
}
