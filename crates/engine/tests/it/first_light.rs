//! The engine on a real Docker daemon, without JavaScript in between.

use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_docker::DockerAddress;
use isol8_engine::{Engine, options::Options};
use tokio_util::sync::CancellationToken;

use crate::common::engine_on;

fn engine(options: serde_json::Value) -> Engine {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    engine_on(DockerAddress::default(), Options::try_from(raw).unwrap(), 4).unwrap()
}

fn request(value: serde_json::Value) -> ExecutionRequest {
    serde_json::from_value(value).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn code_runs_in_every_runtime() {
    let engine = engine(serde_json::json!({}));
    for (runtime, code) in [
        ("python", "import os\nprint('hello', os.getuid())"),
        (
            "node",
            "import fs from 'fs'; console.log('hello', process.getuid())",
        ),
        (
            "node",
            "const fs = require('fs'); console.log('hello', process.getuid())",
        ),
        ("bun", "console.log('hello', process.getuid())"),
        ("deno", "console.log('hello', 100)"),
        ("bash", "echo hello $UID"),
    ] {
        let request = request(serde_json::json!({"runtime": runtime, "code": code}));
        for _ in 0..2 {
            let begun = std::time::Instant::now();
            let result = engine
                .execute(request.clone(), CancellationToken::new())
                .await
                .unwrap();
            eprintln!("{runtime}: {:?} {result:?}", begun.elapsed());
            assert_eq!(
                (result.stdout.as_str(), result.exit_code),
                ("hello 100", 0),
                "{runtime}"
            );
        }
    }
    engine.stop().await;
}
