//! A Docker daemon that answers as a test wants. It has images, builds nothing, and keeps what it was asked.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a build may be held, and how often the daemon looks.
const HOLD: Duration = Duration::from_mins(2);
const STEP: Duration = Duration::from_millis(20);

/// A daemon behind a Unix socket, until the process ends.
pub(crate) struct Daemon {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Labels by name.
    images: HashMap<String, Value>,
    containers: Vec<Value>,
    /// What a build prints, by the name of the image: lines of output, and whether it fails.
    builds: HashMap<String, (Vec<String>, bool)>,
    /// Whether nothing can be removed.
    keeps_all: bool,
    /// Names of images whose builds go on only when they are let go, after their lines.
    held: Vec<String>,
    /// Method and path of every request that changes something.
    changes: Vec<String>,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        Self { folder, state }
    }

    /// The value of `DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        let socket: PathBuf = self.folder.path().join("docker.sock");
        format!("unix://{}", socket.display())
    }

    /// Has an image.
    pub(crate) fn image(&self, name: &str, labels: Value) {
        self.state
            .lock()
            .unwrap()
            .images
            .insert(name.to_owned(), labels);
    }

    /// Has a container.
    pub(crate) fn container(&self, container: Value) {
        self.state.lock().unwrap().containers.push(container);
    }

    /// Prints this when the image is built.
    pub(crate) fn build(&self, name: &str, lines: &[&str], fails: bool) {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        self.state
            .lock()
            .unwrap()
            .builds
            .insert(name.to_owned(), (lines, fails));
    }

    /// Refuses to remove anything.
    pub(crate) fn keep_all(&self) {
        self.state.lock().unwrap().keeps_all = true;
    }

    /// Keeps the builds of an image from ending.
    pub(crate) fn hold(&self, name: &str) {
        self.state.lock().unwrap().held.push(name.to_owned());
    }

    /// Lets all builds end.
    pub(crate) fn let_go(&self) {
        self.state.lock().unwrap().held.clear();
    }

    /// What it was asked to change.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.state.lock().unwrap().changes.clone()
    }
}

/// Answers one request after the other.
fn serve(stream: UnixStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some((method, target, head)) = request(&mut reader) {
        drain(&mut reader, &head);
        if let Some(name) = held(state, &target) {
            if stream_build(&mut writer, state, &name, &target).is_err() {
                return;
            }
            continue;
        }
        let (status, body) = answer(&mut state.lock().unwrap(), &method, &target);
        let body = if method == "HEAD" {
            String::new()
        } else {
            body
        };
        let written = write!(
            writer,
            "HTTP/1.1 {status} x\r\nApi-Version: 1.44\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if written.is_err() {
            return;
        }
    }
}

/// The image of a build that is held.
fn held(state: &Mutex<State>, target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let name = value(query, "t").filter(|_| path.ends_with("/build"))?;
    let held = &state.lock().unwrap().held;
    held.contains(&name).then_some(name)
}

/// Answers with the lines of a build, and with its end when it is let go.
fn stream_build(
    writer: &mut UnixStream,
    state: &Mutex<State>,
    name: &str,
    target: &str,
) -> std::io::Result<()> {
    let (lines, _) = state.lock().unwrap().builds[name].clone();
    let said: Vec<_> = lines
        .iter()
        .map(|line| json!({ "stream": format!("{line}\n") }).to_string())
        .collect();
    let head = "HTTP/1.1 200 OK\r\nApi-Version: 1.44\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    writer.write_all(head.as_bytes())?;
    let mut chunk = |text: &str| write!(writer, "{:x}\r\n{text}\r\n", text.len());
    chunk(&said.join("\n"))?;
    let mut patience = HOLD;
    while state.lock().unwrap().held.iter().any(|held| held == name) {
        patience = patience.checked_sub(STEP).expect("the build is let go");
        std::thread::sleep(STEP);
    }
    let (_, query) = target.split_once('?').unwrap_or_default();
    let text = build(&mut state.lock().unwrap(), query);
    state.lock().unwrap().changes.push("POST /build".to_owned());
    chunk(&text)?;
    chunk("")
}

/// Method, target and head of the next request, in lower case.
fn request(reader: &mut BufReader<UnixStream>) -> Option<(String, String, String)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut words = first.split_ascii_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && head != "\r\n" {
        reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
    }
    Some((method, target, head.to_lowercase()))
}

/// Reads the body of a request.
fn drain(reader: &mut BufReader<UnixStream>, head: &str) {
    if head.contains("transfer-encoding: chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            reader.read_exact(&mut vec![0; length + 2]).unwrap();
            if length == 0 {
                return;
            }
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    reader.read_exact(&mut vec![0; length]).unwrap();
}

fn answer(state: &mut State, method: &str, target: &str) -> (u16, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // `/v1.44/images/json`
    let path = path.strip_prefix("/v1.44").unwrap_or(path);
    if !matches!(method, "GET" | "HEAD") {
        state.changes.push(format!("{method} {path}"));
    }
    match (method, path) {
        ("HEAD" | "GET", "/_ping") => (200, "OK".to_owned()),
        ("GET", "/info") => {
            let info = json!({
                "ServerVersion": "27.1", "SecurityOptions": ["name=seccomp,profile=builtin"],
                "DockerRootDir": "/",
            });
            (200, info.to_string())
        }
        ("GET", "/containers/json") => (200, json!(state.containers).to_string()),
        ("GET", "/images/json") => (200, listed(state)),
        ("POST", "/build") => (200, build(state, query)),
        ("DELETE", _) if state.keeps_all => (500, json!({ "message": "it is in use" }).to_string()),
        ("DELETE", path) => {
            let image = path.strip_prefix("/images/").unwrap_or_default();
            state.images.remove(&image.replace("%3A", ":"));
            (200, "[]".to_owned())
        }
        ("GET", path) => {
            let name = path
                .strip_prefix("/images/")
                .and_then(|rest| rest.strip_suffix("/json"));
            let name = name.unwrap_or_default().replace("%3A", ":");
            match state.images.get(&name) {
                Some(labels) => {
                    let image = json!({
                        "Id": format!("sha256:{name}"), "Size": 2_000_000, "RepoTags": [name],
                        "Created": "2020-01-01T00:00:00Z", "Config": { "Labels": labels },
                    });
                    (200, image.to_string())
                }
                None => (
                    404,
                    json!({ "message": format!("No such image: {name}") }).to_string(),
                ),
            }
        }
        _ => panic!("nobody expected {method} {target}"),
    }
}

fn listed(state: &State) -> String {
    let images = state.images.iter().map(|(name, labels)| {
        json!({
            "Id": format!("sha256:{name}"), "ParentId": "", "RepoTags": [name], "RepoDigests": [],
            "Created": 5, "Size": 7, "SharedSize": -1, "Labels": labels, "Containers": -1,
        })
    });
    images.collect::<Value>().to_string()
}

fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let pair = pairs.find(|(key, _)| key == name);
    pair.map(|(_, value)| value.into_owned())
}

/// The output of a build. One that succeeds leaves the image.
fn build(state: &mut State, query: &str) -> String {
    let value = |name: &str| value(query, name);
    let name = value("t").unwrap();
    let default = (vec!["Step 1/1 : FROM scratch".to_owned()], false);
    let (lines, fails) = state.builds.get(&name).cloned().unwrap_or(default);
    let mut said: Vec<_> = lines
        .iter()
        .map(|line| json!({ "stream": format!("{line}\n") }))
        .collect();
    if fails {
        let message = "The command returned a non-zero code: 1";
        said.push(json!({ "errorDetail": { "message": message }, "error": message }));
    } else {
        let own: Value =
            value("labels").map_or(json!({}), |text| serde_json::from_str(&text).unwrap());
        // An image has the labels of the one that it is made from, too.
        let runtime = own["org.isol8.runtime"].as_str().unwrap_or_default();
        let base = state
            .images
            .get(&format!("isol8:{runtime}"))
            .filter(|_| value("target").is_none_or(|target| target.is_empty()));
        let mut labels = base.cloned().unwrap_or(json!({}));
        labels
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        state.images.insert(name, labels);
    }
    let said: Vec<_> = said.iter().map(Value::to_string).collect();
    said.join("\n")
}
