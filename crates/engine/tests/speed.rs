//! What a warm execution costs, parked and plain. A measurement for people, run by name.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use isol8_engine::{
    Engine,
    backend::DockerAddress,
    options::{Options, RawOptions, StartOptions},
    request::ExecutionRequest,
};
use tokio_util::sync::CancellationToken;

fn engine(parking: bool) -> Engine {
    let mut options = Options::try_from(RawOptions::default()).unwrap();
    options.parking = parking;
    Engine::new(options, 8, DockerAddress::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn warm_executions() {
    let think = std::env::var("THINK_MS").map_or(200, |text| text.parse().unwrap());
    let runs = std::env::var("RUNS").map_or(20, |text| text.parse().unwrap());
    let only = std::env::var("ONLY").unwrap_or_default();
    for (runtime, code) in [
        ("python", "print('hello')"),
        ("node", "console.log('hello')"),
        ("bun", "console.log('hello')"),
        ("deno", "console.log('hello')"),
        ("bash", "echo hello"),
    ] {
        if !only.is_empty() && only != runtime {
            continue;
        }
        for parking in [false, true] {
            let engine = engine(parking);
            let prewarm = serde_json::json!({"prewarm": {"runtimes": [runtime]}});
            let prewarm: StartOptions = serde_json::from_value(prewarm).unwrap();
            engine.start(&prewarm).await;
            let request: ExecutionRequest =
                serde_json::from_value(serde_json::json!({"runtime": runtime, "code": code}))
                    .unwrap();
            let mut times = Vec::new();
            for _ in 0..runs {
                tokio::time::sleep(Duration::from_millis(think)).await;
                let begun = Instant::now();
                let result = engine
                    .execute(request.clone(), CancellationToken::new())
                    .await
                    .unwrap();
                times.push(begun.elapsed());
                assert_eq!(result.stdout, "hello", "{result:?}");
            }
            engine.stop().await;
            times.sort_unstable();
            let at = |share: f64| times[((times.len() as f64) * share) as usize];
            eprintln!(
                "{runtime} parking={parking}: p50 {:?} p95 {:?} min {:?}",
                at(0.5),
                at(0.95),
                times[0]
            );
        }
    }
}
