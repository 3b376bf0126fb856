//! The readme's commands for the agent, word for word. A model of the test's own is at the address of the real one, with
//! a certificate that the agent's image trusts here.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use serde_json::{Value, json};

use super::{HOST, listen};
use crate::{
    common::User,
    web::{Seen, serve_tls},
};

/// The host of the model.
const PROVIDER: &str = "api.anthropic.com";

/// Where images have the certificates of more authorities.
const EXTRA: &str = "/usr/local/share/isol8-ca/extra.pem";

/// The name of the agent's image.
const AGENT: &str = "isol8:agent";

const PROJECT: &str = "/sandbox/my-project";

/// Requests to the model in one run.
const TURNS: usize = 3;

/// An image of the agent that trusts one more authority. Its name is gone with the value.
struct Image(String);

impl Image {
    fn new(user: &User, authority: &str) -> Self {
        user.write("image/extra.pem", authority);
        user.write(
            "image/Dockerfile",
            format!("FROM {AGENT}\nCOPY extra.pem {EXTRA}\n"),
        );
        // As long as the name that it stands for.
        let image = Self(format!("t{:04x}:agent", std::process::id() & 0xffff));
        assert_eq!(image.0.len(), AGENT.len());
        let built = Command::new("docker")
            .args(["build", "--quiet", "--tag", &image.0])
            .arg(user.path("image"))
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        image
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut removal = Command::new("docker");
        removal
            .args(["rmi", "--force", &self.0])
            .stdout(Stdio::null());
        let _ = removal.status();
    }
}

/// A Docker daemon at this path: the machine's, which has this image under the name of the agent's.
fn renaming_daemon(path: &Path, image: &str) {
    let listener = UnixListener::bind(path).unwrap();
    let image = image.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, image) = (client.unwrap(), image.clone());
            let daemon = UnixStream::connect(machine_daemon()).unwrap();
            let (from, to) = (client.try_clone().unwrap(), daemon.try_clone().unwrap());
            std::thread::spawn(move || copy(from, to, Some(&image)));
            std::thread::spawn(move || copy(daemon, client, None));
        }
    });
}

fn machine_daemon() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let path = host.strip_prefix("unix://").map(str::to_owned);
    path.unwrap_or_else(|| "/var/run/docker.sock".to_owned())
}

/// Copies a direction to its end. With a name it takes the place of the agent's.
fn copy(mut from: UnixStream, mut to: UnixStream, name: Option<&str>) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        if let Some(name) = name {
            replace(&mut piece[..length], AGENT, name);
            replace(
                &mut piece[..length],
                &AGENT.replace(':', "%3A"),
                &name.replace(':', "%3A"),
            );
        }
        to.write_all(&piece[..length])?;
    }
}

/// Replaces a text by one of the same length.
fn replace(bytes: &mut [u8], from: &str, to: &str) {
    for at in 0..bytes.len().saturating_sub(from.len() - 1) {
        let place = &mut bytes[at..at + from.len()];
        if place == from.as_bytes() {
            place.copy_from_slice(to.as_bytes());
        }
    }
}

/// A certificate for the provider, and the settings of a server that shows it.
fn certificate() -> (String, Arc<ServerConfig>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![PROVIDER.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
    (certificate.pem(), Arc::new(config))
}

/// The server-sent events of an answer with one block.
fn said(block: &Value, delta: &Value, reason: &str) -> Vec<u8> {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let events = [
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "usage": {"output_tokens": 1},
            "delta": {"stop_reason": reason, "stop_sequence": null},
        }),
        json!({"type": "message_stop"}),
    ];
    let lines = events.map(|event| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    });
    lines.concat().into_bytes()
}

fn called(tool: &str, input: &Value) -> Vec<u8> {
    said(
        &json!({"type": "tool_use", "id": format!("toolu_{tool}"), "name": tool, "input": {}}),
        &json!({"type": "input_json_delta", "partial_json": input.to_string()}),
        "tool_use",
    )
}

/// A model that edits a file, looks at it, and then says the key that it was called with.
fn model() -> impl Fn(&Seen) -> Option<(&'static str, Vec<u8>)> {
    let turn = AtomicUsize::new(0);
    move |request| {
        if request.path.split('?').next() != Some("/v1/messages") {
            return None;
        }
        let answer = match turn.fetch_add(1, Ordering::SeqCst) % TURNS {
            0 => called(
                "edit",
                &json!({
                    "path": format!("{PROJECT}/api.py"),
                    "edits": [{"oldText": "pass", "newText": "raise"}],
                }),
            ),
            1 => called("bash", &json!({"command": "pwd; cat api.py"})),
            _ => {
                let mut headers = request.headers.iter();
                let key = headers.find_map(|line| line.strip_prefix("x-api-key: "));
                let text = format!("Done with {}.", key.unwrap_or_default());
                said(
                    &json!({"type": "text", "text": ""}),
                    &json!({"type": "text_delta", "text": text}),
                    "end_turn",
                )
            }
        };
        Some(("text/event-stream", answer))
    }
}

/// A line of the readme, the key that it gives the agent, and what the model must be asked.
struct Example {
    line: &'static str,
    key: &'static str,
    asked: &'static [&'static str],
    /// What the agent says about its flags.
    stderr: &'static str,
}

const EXAMPLES: [Example; 2] = [
    Example {
        line: r#"isol8 run \
  -e "add comprehensive error handling to all API endpoints" \
  --runtime agent \
  --net filtered --allow "api.anthropic.com" \
  --secret "ANTHROPIC_API_KEY=$ANTHROPIC_API_KEY" \
  --files ./my-project \
  --workdir /sandbox/my-project \
  --timeout 600000 \
  --agent-flags "--model claude-sonnet-4-20250514 --thinking""#,
        key: "sk-test-4f1c9d7be2",
        asked: &[
            "add comprehensive error handling to all API endpoints",
            r#""model":"claude-sonnet-4-20250514""#,
        ],
        stderr: "Warning: Invalid thinking level \"-p\". Valid values: off, minimal, low, medium, high, xhigh, max\n\
            Warning: Model \"claude-sonnet-4-20250514\" not found for provider \"anthropic\". Using custom model id.\n",
    },
    Example {
        line: r#"isol8 run -e "refactor this module to use async/await" --runtime agent \
  --net filtered --allow "api.anthropic.com" \
  --secret "ANTHROPIC_API_KEY=sk-..." \
  --files ./my-project --workdir /sandbox/my-project --timeout 600000"#,
        key: "sk-...",
        asked: &["refactor this module to use async/await"],
        stderr: "",
    },
];

#[test]
#[ignore = "runs in a namespace"]
fn the_examples_of_the_agent_work_as_they_are_written() {
    let user = User::new();
    let (authority, config) = certificate();
    let seen = serve_tls(listen(443), config, model());
    let image = Image::new(&user, &authority);
    let socket = user.path("docker.sock");
    renaming_daemon(&socket, &image.0);
    user.write("hosts", format!("127.0.0.1 localhost\n{HOST} {PROVIDER}\n"));
    let program = "try: f()\nexcept: pass\n";
    user.write("my-project/api.py", program);
    for Example {
        line,
        key,
        asked,
        stderr,
    } in EXAMPLES
    {
        let ended = user.shell(
            "unshare --mount sh -c 'mount --bind hosts /etc/hosts && exec bash -c \"$LINE\"'",
            &[
                ("LINE", line),
                ("ANTHROPIC_API_KEY", key),
                ("DOCKER_HOST", &format!("unix://{}", socket.display())),
            ],
        );
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        let stdout = "Done with ***.\n";
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(0), stdout),
            "{ended:?} {seen:?}"
        );
        assert_eq!(ended.stderr, stderr, "{line}");
        assert_eq!(user.read("my-project/api.py"), program);
        assert_eq!(seen.len(), TURNS, "{seen:?}");
        for request in &seen {
            let shown = format!("x-api-key: {key}");
            assert!(request.headers.contains(&shown), "{request:?}");
            for part in asked {
                assert!(request.body.contains(part), "{part} in {}", request.body);
            }
        }
        // The model has seen the folder that the tools work in, and the edited file.
        for part in [PROJECT, "except: raise"] {
            assert!(seen[TURNS - 1].body.contains(part), "{part} in {seen:?}");
        }
    }
}
