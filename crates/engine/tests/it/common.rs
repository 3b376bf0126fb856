//! What the tests on a real Docker daemon share.

use isol8_engine::{
    Engine, EngineError,
    backend::{DockerAddress, DockerClient},
    event::{EventKind, StreamEvent},
    image::{BuildProgress, CustomBuild, CustomImage, ImageSources, build_custom_image},
    options::{Options, RawOptions},
    request::ExecutionRequest,
    result::ExecutionResult,
};
use tokio_util::sync::CancellationToken;

pub(crate) use serde_json::{Value, json};

/// An engine with these options.
pub(crate) fn engine(options: Value) -> Engine {
    try_engine(options).unwrap()
}

/// An engine with these options, or why there is none.
pub(crate) fn try_engine(options: Value) -> Result<Engine, EngineError> {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    Engine::new(Options::try_from(raw)?, 4, DockerAddress::default())
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

/// The standard output of a request that succeeds in silence.
pub(crate) async fn stdout(engine: &Engine, value: Value) -> String {
    let result = run(engine, value).await.unwrap();
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

/// The daemon.
pub(crate) fn client() -> DockerClient {
    DockerClient::new(DockerAddress::default())
}

/// Where images are built from in these tests.
pub(crate) fn sources() -> ImageSources {
    ImageSources::default().or_environment().unwrap()
}

/// Builds a custom image.
pub(crate) async fn build(image: &CustomImage) -> Result<CustomBuild, EngineError> {
    let tell = |progress: BuildProgress| eprintln!("{progress:?}");
    build_custom_image(&client(), image, &sources(), false, &tell).await
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
