//! Custom images: they are built when they have changed, found by their packages, and their setup script runs
//! each time.

use crate::common::*;

use isol8_backend::ImageStore as _;

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_built_again_only_when_it_has_changed() {
    let first = image("changes", "bash", &[], Some("true"));
    let other = image("changes", "bash", &[], Some("false"));
    for (image, built) in [
        (&first, true),
        (&first, false),
        (&other, true),
        (&other, false),
    ] {
        let outcome = build(image).await.unwrap();
        assert_eq!(
            (outcome.tag.as_str(), outcome.built),
            ("isol8-test:changes", built)
        );
    }
    assert!(exists("isol8-test:changes").await);
    let listed = images().list().await.unwrap();
    let listed = listed
        .iter()
        .find(|image| image.tag == "isol8-test:changes")
        .unwrap();
    assert_eq!(listed.facts.runtime, "bash");
    assert_eq!(listed.facts.setup_script.as_deref(), Some("false"));
    assert!(listed.facts.packages.is_empty());
    remove_images(&["changes"]).await;
    assert!(!exists("isol8-test:changes").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_a_failed_build_has_the_failed_step() {
    let error = build(&image("fails", "bash", &["no-such-package-isol8"], None))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("Failed to build image for bash: "),
        "{text}"
    );
    assert!(text.contains("no-such-package-isol8"), "{text}");
    assert!(text.contains("Unable to locate package"), "{text}");
    assert!(!exists("isol8-test:fails").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_the_packages_is_found_and_its_setup_runs_each_time() {
    let setup = "echo \"first $GREETING\"\necho second >> /sandbox/marks\n";
    let bash = image("found", "bash", &["sl", "tree"], Some(setup));
    build(&bash).await.unwrap();
    let engine = engine(json!({}));
    let request = |packages: Value| {
        json!({
            "runtime": "bash",
            "code": "cat marks; echo program; command -v tree",
            "installPackages": packages,
            "env": { "GREETING": "hello" },
            "setupScript": "echo \"request $GREETING\"\n[ -e /sandbox/marks ] && echo after >> marks",
        })
    };
    let printed = "second\nafter\nprogram\n/usr/bin/tree";
    for packages in [json!(["tree", "sl"]), json!([" tree "]), json!(["tree"])] {
        assert_eq!(stdout(&engine, request(packages)).await, printed);
    }
    assert_eq!(
        told(&events(&engine, request(json!(["tree"]))).await),
        [
            "setup:stdout:first hello",
            "setup:exit:0",
            "setup:stdout:request hello",
            "setup:exit:0",
            &format!("code:stdout:{printed}"),
            "code:exit:0",
        ]
    );
    remove_images(&["found"]).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_image_is_not_used_any_more() {
    build(&image("stays", "bash", &["hello"], None))
        .await
        .unwrap();
    build(&image("goes", "bash", &["toilet"], None))
        .await
        .unwrap();
    let engine = engine(json!({}));
    let request = |package: &str| json!({ "runtime": "bash", "code": format!("command -v {package}"), "installPackages": [package] });
    assert_eq!(stdout(&engine, request("hello")).await, "/usr/bin/hello");
    // Now the engine has found both images, and has a sandbox of the first.
    remove_images(&["stays", "goes"]).await;
    // No image has the package any more, so it is installed.
    let program = stdout(&engine, request("toilet")).await;
    assert_eq!(program, "/sandbox/.local/bin/toilet");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setup_of_a_named_image_runs_each_time_in_a_persistent_engine() {
    build(&image(
        "named",
        "bash",
        &[],
        Some("echo x >> /sandbox/runs"),
    ))
    .await
    .unwrap();
    let engine = engine(json!({ "image": "isol8-test:named", "mode": "persistent" }));
    for runs in ["1", "2"] {
        let request = json!({ "runtime": "bash", "code": "grep -c x /sandbox/runs" });
        assert_eq!(stdout(&engine, request).await, runs);
    }
    engine.stop().await;
    remove_images(&["named"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_a_stranger_are_not_believed() {
    let dockerfile = "FROM isol8:bash
LABEL org.isol8.deps.hash=0 org.isol8.runtime=bash org.isol8.dependencies=stranger-package \\
    org.isol8.setup=\"echo evil\"\n";
    build_dockerfile("stranger", dockerfile).await;
    let request = json!({
        "runtime": "bash", "code": "echo program", "installPackages": ["stranger-package"],
    });
    let engine_of =
        |trusted: Value| engine(json!({"installNetwork": false, "trustedImages": trusted}));
    let careful = engine_of(json!(["isol8-test:other"]));
    // Without the image the package is installed, and without a network that fails.
    let error = failure(&careful, request.clone()).await;
    assert!(error.contains("Package install failed"), "{error}");
    careful.stop().await;
    let trusting = engine_of(json!(["isol8-test:stranger"]));
    assert_eq!(stdout(&trusting, request).await, "program");
    trusting.stop().await;
    remove_images(&["stranger"]).await;
}
