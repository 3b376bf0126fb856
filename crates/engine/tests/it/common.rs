//! Helpers of the tests on a real Docker daemon, and on local sandboxes where [`BACKEND`] says so.

use std::sync::Arc;

use bollard::query_parameters::BuildImageOptions;
use futures::StreamExt as _;
use isol8_api::{
    event::{EventKind, StreamEvent},
    options::{RawOptions, RawStartOptions},
    request::ExecutionRequest,
    result::ExecutionResult,
};
use isol8_backend::{
    BuildProgress, ImageSources, ImageStore as _, SandboxNetwork, SandboxSpec, SandboxUser,
    SeccompProfile,
};
use isol8_docker::{Client, DockerAddress, DockerBackend, DockerImages};
use isol8_engine::{
    Engine, EngineError,
    image::{CustomBuild, CustomImage, build_custom_image},
    options::{Options, StartOptions},
};
use tokio_util::sync::CancellationToken;

pub(crate) use isol8_testing::until;
pub(crate) use serde_json::{Value, json};

/// A sandbox of Bash with little of everything.
pub(crate) fn bash_sandbox() -> SandboxSpec {
    SandboxSpec {
        image: "isol8:bash".to_owned(),
        runtime: "bash".to_owned(),
        network: SandboxNetwork::None,
        memory_bytes: 128 << 20,
        cpus: 1.0,
        pids: 64,
        readonly_root: true,
        sandbox_bytes: 16 << 20,
        tmp_bytes: 16 << 20,
        volumes: Vec::new(),
        volume_bytes: 0,
        seccomp: SeccompProfile::Strict,
        session: false,
        user: SandboxUser::Shared,
        persist: false,
    }
}

/// An engine with these options.
pub(crate) fn engine(options: Value) -> Engine {
    try_engine(options).unwrap()
}

/// Names the backend of [`try_engine`]: `local` for sandboxes of this machine.
pub(crate) const BACKEND: &str = "ISOL8_TEST_BACKEND";

/// An engine with these options, or the error.
pub(crate) fn try_engine(options: Value) -> Result<Engine, EngineError> {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    engine_of(Options::try_from(raw)?, 4)
}

/// An engine with these options on the backend of the test, or the error.
pub(crate) fn engine_of(options: Options, max_concurrent: usize) -> Result<Engine, EngineError> {
    #[cfg(target_os = "linux")]
    if std::env::var(BACKEND).is_ok_and(|name| name == "local") {
        return crate::local::engine_of(options, max_concurrent);
    }
    engine_on(DockerAddress::default(), options, max_concurrent)
}

/// An engine on the daemon at `address`.
pub(crate) fn engine_on(
    address: DockerAddress,
    options: Options,
    max_concurrent: usize,
) -> Result<Engine, EngineError> {
    let client = Client::new(address);
    let backend = DockerBackend::new(client.clone(), options.oci_runtime.clone());
    let images = DockerImages::new(client);
    Engine::new(options, max_concurrent, Arc::new(backend), Arc::new(images))
}

/// Options of `start`, from their JSON.
pub(crate) fn start_options(value: Value) -> StartOptions {
    let raw: RawStartOptions = serde_json::from_value(value).unwrap();
    raw.try_into().unwrap()
}

/// A request from its JSON.
pub(crate) fn request(value: Value) -> ExecutionRequest {
    serde_json::from_value(value).unwrap()
}

/// Runs a request.
pub(crate) async fn run(engine: &Engine, value: Value) -> Result<ExecutionResult, EngineError> {
    engine
        .execute(request(value), CancellationToken::new())
        .await
}

/// The standard output of a request that succeeds without error output.
pub(crate) async fn stdout(engine: &Engine, value: Value) -> String {
    succeeded(run(engine, value).await.unwrap())
}

/// The standard output of a result without failure and without error output.
pub(crate) fn succeeded(result: ExecutionResult) -> String {
    assert_eq!(
        (result.stderr.as_str(), result.exit_code),
        ("", 0),
        "{result:?}"
    );
    result.stdout
}

/// The message of a request that fails.
pub(crate) async fn failure(engine: &Engine, value: Value) -> String {
    match run(engine, value).await {
        Ok(result) => panic!("it ran: {result:?}"),
        Err(error) => error.to_string(),
    }
}

/// All events of a request.
pub(crate) async fn events(engine: &Engine, value: Value) -> Vec<StreamEvent> {
    let mut stream = engine.stream(request(value));
    let mut events = Vec::new();
    while let Some(event) = stream.recv().await {
        events.push(event);
    }
    events
}

/// Events as short text: output of one kind joined, `setup:stdout:…`.
pub(crate) fn told(events: &[StreamEvent]) -> Vec<String> {
    let mut told: Vec<(String, String)> = Vec::new();
    for event in events {
        let phase = event
            .phase
            .map_or(String::new(), |phase| format!("{phase:?}").to_lowercase());
        let head = format!("{phase}:{}", format!("{:?}", event.kind).to_lowercase());
        match told.last_mut() {
            Some((last, data)) if *last == head && event.kind != EventKind::Exit => {
                data.push_str(&event.data);
            }
            _ => told.push((head, event.data.clone())),
        }
    }
    told.into_iter()
        .map(|(head, data)| format!("{head}:{}", data.trim_end()))
        .collect()
}

/// Waits until a process with this command line runs in a sandbox of these tests.
pub(crate) async fn until_runs(command: &str) {
    let client = client();
    let docker = client.docker().await.unwrap();
    until(&format!("{command} runs"), async || {
        let containers = docker.list_containers(None).await.unwrap();
        for id in containers.into_iter().filter_map(|container| container.id) {
            // The sandbox of another test may have ended since.
            let Ok(list) = docker.top_processes(&id, None).await else {
                continue;
            };
            let mut cells = list.processes.unwrap_or_default().into_iter().flatten();
            if cells.any(|cell| cell == command) {
                return true;
            }
        }
        false
    })
    .await;
}

/// The machine's own daemon.
pub(crate) fn client() -> Client {
    Client::new(DockerAddress::default())
}

/// The images of the machine's own daemon.
pub(crate) fn images() -> DockerImages {
    DockerImages::new(client())
}

/// Whether there is an image of this name.
pub(crate) async fn exists(name: &str) -> bool {
    images().inspect(name).await.unwrap().is_some()
}

/// The sources that images are built from in these tests.
pub(crate) fn sources() -> ImageSources {
    ImageSources::default().or_environment().unwrap()
}

/// Builds a custom image.
pub(crate) async fn build(image: &CustomImage) -> Result<CustomBuild, EngineError> {
    let tell = |progress: BuildProgress| eprintln!("{progress:?}");
    build_custom_image(&images(), image, &sources(), false, &tell).await
}

/// Builds the image `isol8-test:<tag>` from a Dockerfile. When it is current, Docker's own cache makes that a
/// matter of milliseconds.
pub(crate) async fn build_dockerfile(tag: &str, dockerfile: &str) {
    let mut context = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    context
        .append_data(&mut header, "Dockerfile", dockerfile.as_bytes())
        .unwrap();
    let client = client();
    let docker = client.docker().await.unwrap();
    let options = BuildImageOptions {
        t: Some(format!("isol8-test:{tag}")),
        rm: true,
        forcerm: true,
        ..Default::default()
    };
    let context = bollard::body_full(context.into_inner().unwrap().into());
    let mut output = docker.build_image(options, None, Some(context));
    let mut told = String::new();
    while let Some(item) = output.next().await {
        match item {
            Ok(info) => told.push_str(&info.stream.unwrap_or_default()),
            Err(error) => panic!("isol8-test:{tag} cannot be built: {error}\n{told}"),
        }
    }
}

/// A custom image of a test.
pub(crate) fn image(
    tag: &str,
    runtime: &str,
    packages: &[&str],
    setup: Option<&str>,
) -> CustomImage {
    CustomImage {
        runtime: runtime.to_owned(),
        packages: packages.iter().map(|&name| name.to_owned()).collect(),
        setup_script: setup.map(str::to_owned),
        tag: Some(format!("isol8-test:{tag}")),
    }
}

/// Removes images of tests.
pub(crate) async fn remove_images(tags: &[&str]) {
    let client = client();
    let docker = client.docker().await.unwrap();
    for tag in tags {
        let options = bollard::query_parameters::RemoveImageOptions {
            force: true,
            ..Default::default()
        };
        let _ = docker
            .remove_image(&format!("isol8-test:{tag}"), Some(options), None)
            .await;
    }
}
