//! Names of images on a real daemon: all names of one image share its sandboxes, and a name that is given to
//! another image is noticed.

use isol8_backend::ImageStore as _;

use crate::common::{Value, client, engine, images, json, remove_images, run, stdout, until};

/// Gives the name `isol8-test:<tag>` to an image.
async fn tag(image: &str, tag: &str) {
    let client = client();
    let docker = client.docker().await.unwrap();
    let options = bollard::query_parameters::TagImageOptions {
        repo: Some("isol8-test".to_owned()),
        tag: Some(tag.to_owned()),
    };
    docker.tag_image(image, Some(options)).await.unwrap();
}

/// A program in an image that an adapter of the caller names.
async fn container_in(engine: &isol8_engine::Engine, image: &str) -> String {
    let submission = isol8_engine::Submission {
        request: serde_json::from_value(json!({"runtime": "mine", "code": "true"})).unwrap(),
        adapter: Some(isol8_engine::AdapterCommand {
            image: image.to_owned(),
            command: ["bash", "/sandbox/main.x"].map(str::to_owned).to_vec(),
            file_extension: ".x".to_owned(),
        }),
        ..Default::default()
    };
    let running = engine.execute(submission, tokio_util::sync::CancellationToken::new());
    running.await.unwrap().container_id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_names_of_an_image_have_one_sandbox() {
    tag("isol8:bash", "names").await;
    let id = images().inspect("isol8:bash").await.unwrap().unwrap().id;
    let digits = id.trim_start_matches("sha256:");
    let mut names: Vec<String> = [
        "isol8:bash",
        "docker.io/library/isol8:bash",
        "isol8-test:names",
    ]
    .map(str::to_owned)
    .into();
    names.push(id.clone());
    names.extend([64, 40, 32, 24, 20, 16, 14, 12].map(|length| digits[..length].to_owned()));
    assert_eq!(names.len(), 12);
    let size = json!({"clean": 0, "dirty": 1});
    let engine = engine(json!({"poolSize": size, "poolStrategy": "secure"}));
    let first = container_in(&engine, "isol8:bash").await;
    for name in &names {
        assert_eq!(container_in(&engine, name).await, first, "{name}");
    }
    engine.stop().await;
    remove_images(&["names"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_given_to_another_image_is_noticed() {
    tag("isol8:bash", "renamed").await;
    let engine = engine(json!({"image": "isol8-test:renamed"}));
    let request: Value = json!({"runtime": "bash", "cmd": "command -v python3 || echo none"});
    assert_eq!(stdout(&engine, request.clone()).await, "none");
    let old = run(&engine, request.clone()).await.unwrap().container_id;
    tag("isol8:python", "renamed").await;
    until("the new image is used", async || {
        stdout(&engine, request.clone()).await != "none"
    })
    .await;
    let client = client();
    let docker = client.docker().await.unwrap();
    until("the sandboxes of the old image are gone", async || {
        let found = docker
            .inspect_container(old.as_deref().unwrap(), None)
            .await;
        found.is_err()
    })
    .await;
    engine.stop().await;
    remove_images(&["renamed"]).await;
}
