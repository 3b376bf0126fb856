//! Names of images, their content, and the pools that belong to it.

use std::time::Duration;

use super::*;
use crate::{
    engine::pools::{MAX_IDLE_SANDBOXES, MAX_POOLS},
    options::StartOptions,
    submission::{AdapterCommand, Submission},
};

/// Options of an engine that keeps one used sandbox of each kind, and resets it on the way of the next
/// program.
pub(super) fn keeping() -> Value {
    json!({
        "poolSize": {"clean": 0, "dirty": 1}, "poolStrategy": "secure", "readonlyRootFs": true,
    })
}

/// One program, and the reset before the next.
fn reused(programs: usize) -> Vec<Exchange> {
    let reset = || Exchange::new("reset", [clean()]);
    let exchanges = (0..programs).flat_map(|_| [reset(), in_image()]);
    exchanges.skip(1).collect()
}

fn in_image() -> Exchange {
    Exchange::new("exec run /sandbox/main.x +/sandbox/main.x", [exited(0)])
}

impl Bench {
    /// Runs a program in the image `name`. Returns the sandbox that it ran in.
    async fn run_in(&self, name: &str) -> Result<String, EngineError> {
        let request = json!({"runtime": "mine", "code": "x"});
        let submission = Submission {
            request: serde_json::from_value(request).unwrap(),
            adapter: Some(AdapterCommand {
                image: name.to_owned(),
                command: ["run", "/sandbox/main.x"].map(str::to_owned).to_vec(),
                file_extension: ".x".to_owned(),
            }),
            ..Default::default()
        };
        let running = self.engine.execute(submission, CancellationToken::new());
        Ok(running.await?.container_id.unwrap())
    }
}

#[tokio::test]
async fn all_names_of_an_image_share_one_pool() {
    let names = ["mine", "mine:latest", "sha256:0", "0"];
    let start = Start::Sandbox("sha256:0", reused(2 * names.len()));
    let bench = Bench::new(&keeping(), [start], []);
    for name in names {
        bench.images.tag(name, "sha256:0");
    }
    for name in names.iter().chain(&names) {
        assert_eq!(bench.run_in(name).await.unwrap(), "box-1", "{name}");
    }
    assert_eq!(bench.finish().await, ["box-1"]);
}

#[tokio::test]
async fn the_warm_path_looks_no_image_up() {
    let bench = Bench::new(&keeping(), [Start::Sandbox("sha256:0", reused(9))], []);
    bench.images.tag("mine", "sha256:0");
    bench.run_in("mine").await.unwrap();
    let looked_up = bench.images.looked_up();
    for _ in 1..9 {
        bench.run_in("mine").await.unwrap();
    }
    assert_eq!(bench.images.looked_up(), looked_up);
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_given_to_another_image_is_noticed_within_five_seconds() {
    let starts = [
        Start::Sandbox("sha256:old", reused(2)),
        Start::Sandbox("sha256:new", reused(1)),
    ];
    let bench = Bench::new(&keeping(), starts, []);
    bench.images.tag("mine", "sha256:old");
    assert_eq!(bench.run_in("mine").await.unwrap(), "box-1");
    bench.images.tag("mine", "sha256:new");
    // What is known is used, and nobody waits for the daemon.
    assert_eq!(bench.run_in("mine").await.unwrap(), "box-1");
    // Also by an engine at rest.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.run_in("mine").await.unwrap(), "box-2");
    assert_eq!(bench.finish().await, ["box-1", "box-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_stays_while_one_of_its_names_means_its_image() {
    let bench = Bench::new(&keeping(), [Start::Sandbox("sha256:0", reused(3))], []);
    bench.images.tag("mine", "sha256:0");
    bench.images.tag("yours", "sha256:0");
    bench.run_in("mine").await.unwrap();
    bench.run_in("yours").await.unwrap();
    bench.images.remove("mine");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.run_in("yours").await.unwrap(), "box-1");
    let error = bench.run_in("mine").await.unwrap_err().to_string();
    assert!(error.starts_with("Image not found: mine. "), "{error}");
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_ahead_of_need_in_an_image_that_has_lost_its_name() {
    let options = json!({"poolSize": {"clean": 1, "dirty": 0}});
    let starts = [
        Start::Sandbox("sha256:old", vec![in_image()]),
        Start::Sandbox("sha256:new", vec![in_image()]),
    ];
    let bench = Bench::new(&options, starts, []);
    bench.images.tag("mine", "sha256:old");
    bench.run_in("mine").await.unwrap();
    bench.images.tag("mine", "sha256:new");
    // The refill looks the name up before it starts anything.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.run_in("mine").await.unwrap(), "box-2");
    bench.images.remove("mine");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.finish().await, ["box-1", "box-2"]);
}

#[tokio::test(start_paused = true)]
async fn programs_without_a_pause_put_the_next_sandbox_off() {
    for (programs, pause) in [(10, 95), (5, 140)] {
        let bench = with_two_wanted(programs);
        for _ in 0..programs {
            bench.run_in("mine").await.unwrap();
            tokio::time::sleep(Duration::from_millis(pause)).await;
            assert_eq!(bench.backend.started(), 1);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(bench.backend.started(), 2, "it is made in a pause");
        bench.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_series_of_programs_gets_its_next_sandbox_meanwhile() {
    const PROGRAMS: usize = 12;
    let bench = with_two_wanted(PROGRAMS);
    for number in 1..=PROGRAMS {
        bench.run_in("mine").await.unwrap();
        assert_eq!(bench.backend.started(), 1, "program {number}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(70)).await;
    assert_eq!(
        bench.backend.started(),
        2,
        "more than ten programs are a long series"
    );
    bench.finish().await;
}

/// An engine that wants two sandboxes. The first one runs this many programs.
fn with_two_wanted(programs: usize) -> Bench {
    let mut options = keeping();
    options["poolSize"] = json!({"clean": 2, "dirty": 0});
    let starts = [
        Start::Sandbox("sha256:0", reused(programs)),
        Start::Sandbox("sha256:0", Vec::new()),
    ];
    let bench = Bench::new(&options, starts, []);
    bench.images.tag("mine", "sha256:0");
    bench
}

#[tokio::test(start_paused = true)]
async fn a_pool_works_on_when_the_caller_with_secrets_that_made_it_is_gone() {
    let options = json!({"poolSize": {"clean": 1, "dirty": 0}});
    let starts = [
        Start::Sandbox("sha256:old", vec![in_image()]),
        Start::Sandbox("sha256:old", Vec::new()),
        Start::Sandbox("sha256:new", vec![in_image()]),
    ];
    let bench = Bench::new(&options, starts, []);
    bench.images.tag("mine", "sha256:old");
    let caller = Bench {
        engine: bench.engine.with_secrets(Secrets::default()),
        backend: Arc::clone(&bench.backend),
        images: Arc::clone(&bench.images),
    };
    assert_eq!(caller.run_in("mine").await.unwrap(), "box-1");
    drop(caller);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.backend.started(), 2, "one is made ahead of need");
    bench.images.tag("mine", "sha256:new");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.backend.destroyed(), ["box-1", "box-2"]);
    assert_eq!(bench.run_in("mine").await.unwrap(), "box-3");
    bench.images.remove("mine");
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.finish().await;
}

#[tokio::test]
async fn an_image_that_went_after_it_was_looked_up_is_looked_up_again() {
    let starts = [
        Start::ImageMissing("sha256:old"),
        Start::Sandbox("sha256:new", vec![in_image()]),
    ];
    let bench = Bench::new(&json!({}), starts, []);
    let ids = ["sha256:old", "sha256:new"];
    bench.images.tag_in_turn("mine", ids);
    assert_eq!(bench.run_in("mine").await.unwrap(), "box-1");
    bench.finish().await;
}

#[tokio::test]
async fn the_pool_that_was_not_used_for_the_longest_time_gives_way() {
    const IDS: [&str; MAX_POOLS + 1] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "g",
    ];
    let programs = |at| if at == 0 { 2 } else { 1 };
    let starts = IDS.iter().enumerate();
    let starts = starts.map(|(at, id)| Start::Sandbox(id, reused(programs(at))));
    let bench = Bench::new(&keeping(), starts, []);
    for id in IDS {
        bench.images.tag(id, id);
    }
    let (newest, first) = IDS.split_last().unwrap();
    for id in first {
        bench.run_in(id).await.unwrap();
    }
    // Used again, so the second is the oldest.
    assert_eq!(bench.run_in(IDS[0]).await.unwrap(), "box-1");
    bench.run_in(newest).await.unwrap();
    bench.backend.until_destroyed(1).await;
    assert_eq!(bench.backend.destroyed(), ["box-2"]);
    assert_eq!(bench.finish().await.len(), IDS.len());
}

#[tokio::test(start_paused = true)]
async fn idle_sandboxes_are_limited_over_all_pools() {
    const EACH: usize = 40;
    const { assert!(EACH < MAX_IDLE_SANDBOXES && 2 * EACH > MAX_IDLE_SANDBOXES) };
    let idle = |image| (0..EACH).map(move |_| Start::Sandbox(image, Vec::new()));
    let starts = idle("isol8:bash").chain(idle("isol8:python"));
    let options = json!({"poolSize": {"clean": EACH, "dirty": 0}});
    let bench = Bench::new(&options, starts, []);
    for runtime in ["bash", "python"] {
        let options = StartOptions {
            runtimes: vec![runtime.to_owned()],
            ..StartOptions::default()
        };
        bench.engine.start(&options).await.unwrap();
    }
    bench.backend.until_destroyed(EACH).await;
    let first = (1..=EACH).map(|number| format!("box-{number}"));
    let mut destroyed = bench.backend.destroyed();
    destroyed.sort_by_key(|name| name.trim_start_matches("box-").parse::<usize>().unwrap());
    assert_eq!(destroyed, first.collect::<Vec<_>>());
    bench.finish().await;
}
