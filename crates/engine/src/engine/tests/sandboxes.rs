//! Which sandbox an execution has.

use super::*;

#[tokio::test]
async fn a_sandbox_is_used_again_after_a_reset_that_proves_it_clean() {
    let script = vec![
        program([exited(0)]),
        Exchange::new("reset", [clean()]),
        program([exited(0)]),
        Exchange::new("reset", [failed(ErrorKind::NotClean, "")]),
    ];
    let next = vec![program([exited(0)]), Exchange::new("reset", [clean()])];
    // The secure strategy resets before a sandbox is handed out again, on the caller's way.
    let size = json!({"clean": 0, "dirty": 1});
    let options = json!({"poolSize": size, "poolStrategy": "secure", "readonlyRootFs": true});
    let bench = Bench::new(&options, [bash(script), bash(next)], []);
    let request = json!({"runtime": "bash", "code": "x"});
    let mut containers = Vec::new();
    for _ in 0..3 {
        let result = bench.run(request.clone()).await.unwrap();
        containers.push(result.container_id.unwrap());
    }
    assert_eq!(containers, ["box-1", "box-1", "box-2"]);
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_session_keeps_its_sandbox_and_its_runtime() {
    let script = vec![
        Exchange::new("call /sandbox/main.sh", [stdout("1\n"), exited(0)]),
        Exchange::new("write /sandbox/x", [encode_message(&Reply::Done).unwrap()]),
        Exchange::new("call /sandbox/main.sh", [stdout("2\n"), exited(0)]),
    ];
    let bench = Bench::new(&json!({"mode": "persistent"}), [bash(script)], []);
    let request = json!({"runtime": "bash", "code": "x"});
    let early = bench.engine.put_file("/sandbox/x", "y").await.unwrap_err();
    assert!(matches!(early, EngineError::NoActiveContainer), "{early}");
    assert_eq!(bench.run(request.clone()).await.unwrap().stdout, "1");
    bench.engine.put_file("/sandbox/x", "y").await.unwrap();
    let other = bench.run(json!({"runtime": "python", "code": "x"})).await;
    let message = other.unwrap_err().to_string();
    assert!(message.starts_with("Cannot switch runtime from \"bash\" to \"python\"."));
    assert_eq!(bench.run(request).await.unwrap().stdout, "2");
    assert_eq!(bench.engine.container_id().as_deref(), Some("box-1"));
    assert_eq!(bench.finish().await, ["box-1"]);
}

#[tokio::test]
async fn callers_with_other_secrets_share_sandboxes_and_see_only_their_own_masked() {
    let script = vec![
        program([stdout("one two\n"), exited(0)]),
        Exchange::new("reset", [clean()]),
        program([stdout("one two\n"), exited(0)]),
    ];
    let size = json!({"clean": 0, "dirty": 1});
    let options = json!({"poolSize": size, "poolStrategy": "secure", "readonlyRootFs": true});
    let bench = Bench::new(&options, [bash(script)], []);
    let mut seen = Vec::new();
    for secret in ["one", "two"] {
        let secrets = [("KEY".to_owned(), secret.to_owned())].into();
        let engine = bench.engine.with_secrets(Secrets::new(secrets));
        let request: ExecutionRequest =
            serde_json::from_value(json!({"runtime": "bash", "code": "x"})).unwrap();
        let result = engine.execute(request, CancellationToken::new()).await;
        let result = result.unwrap();
        seen.push((result.stdout, result.container_id.unwrap()));
    }
    let expected = [("*** two", "box-1"), ("one ***", "box-1")];
    assert_eq!(
        seen,
        expected.map(|(out, id)| (out.to_owned(), id.to_owned()))
    );
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_changed_seccomp_profile_is_the_profile_of_the_next_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.json");
    let write = |action: &str| {
        let new = folder.path().join("new.json");
        std::fs::write(&new, format!(r#"{{"defaultAction": "{action}"}}"#)).unwrap();
        std::fs::rename(new, &path).unwrap();
    };
    write("SCMP_ACT_ERRNO");
    let starts = [(); 3].map(|()| bash(vec![program([exited(0)])]));
    let options = json!({"security": {"seccomp": "custom", "customProfilePath": path}});
    let bench = Bench::new(&options, starts, []);
    let request = json!({"runtime": "bash", "code": "x"});
    bench.run(request.clone()).await.unwrap();
    bench.run(request.clone()).await.unwrap();
    write("SCMP_ACT_ALLOW");
    bench.run(request.clone()).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = bench.run(request).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SeccompProfile);
    let profiles = bench.backend.specs().into_iter().map(|spec| spec.seccomp);
    let profiles: Vec<_> = profiles.map(|profile| format!("{profile:?}")).collect();
    assert_eq!(profiles.len(), 3);
    assert_eq!(profiles[0], profiles[1]);
    assert!(profiles[0].contains("SCMP_ACT_ERRNO"), "{profiles:?}");
    assert!(profiles[2].contains("SCMP_ACT_ALLOW"), "{profiles:?}");
    bench.finish().await;
}
