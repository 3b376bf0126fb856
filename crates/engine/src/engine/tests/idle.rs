//! An engine that nobody uses keeps no sandboxes.

use std::time::Duration;

use super::{Bench, Exchange, Start, bash, exited, images::keeping, json, program};

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn idle_sandboxes_are_given_back_after_a_minute_and_the_next_call_makes_one() {
    let once = || vec![program([exited(0)])];
    let bench = Bench::new(&keeping(), [bash(once()), bash(once())], []);
    let request = json!({"runtime": "bash", "code": "x"});
    bench.run(request.clone()).await.unwrap();
    seconds(59).await;
    assert_eq!(bench.engine.idle_sandboxes(), 1);
    seconds(6).await;
    assert_eq!(bench.engine.idle_sandboxes(), 0);
    assert_eq!(bench.backend.destroyed(), ["box-1"]);
    bench.run(request).await.unwrap();
    assert_eq!(bench.engine.idle_sandboxes(), 1);
    assert_eq!(bench.finish().await, ["box-1", "box-2"]);
}

#[tokio::test(start_paused = true)]
async fn idle_ms_says_when_and_a_session_keeps_its_sandbox() {
    let mut options = keeping();
    options["idleMs"] = json!(10_000);
    let bench = Bench::new(&options, [bash(vec![program([exited(0)])])], []);
    let request = json!({"runtime": "bash", "code": "x"});
    bench.run(request.clone()).await.unwrap();
    seconds(9).await;
    assert_eq!(bench.engine.idle_sandboxes(), 1);
    seconds(6).await;
    assert_eq!(bench.engine.idle_sandboxes(), 0);
    assert_eq!(bench.finish().await, ["box-1"]);

    let call = || Exchange::new("call /sandbox/main.sh", [exited(0)]);
    let session = Start::Sandbox("isol8:bash", vec![call(), call()]);
    let bench = Bench::new(&json!({"mode": "persistent", "idleMs": 1}), [session], []);
    bench.run(request.clone()).await.unwrap();
    seconds(60).await;
    bench.run(request).await.unwrap();
    assert_eq!(bench.finish().await, ["box-1"]);
}
