//! Runs modules in a parked and in a plain interpreter, and compares the results of their tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Mutex,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use isol8_api::options::RawOptions;
use isol8_docker::DockerAddress;
use isol8_engine::{Engine, options::Options};

use super::modules::Module;
use crate::common::{self, Value, json};
use crate::common::{engine_on, start_options};

/// Where the program leaves its verdicts.
const VERDICTS: &str = "/sandbox/verdicts";

/// Longest run of a module.
const TIMEOUT_MS: u64 = 900_000;

/// How often a module is run in both interpreters before a difference counts. Many of these tests depend on
/// time or chance. A real difference shows each time.
const ATTEMPTS: u32 = 3;

/// How often a module is run until its run was parked; each time after a longer pause, so that a busy
/// machine has time to park.
const PARKING_ATTEMPTS: u32 = 8;

/// The first of these pauses.
const PAUSE: Duration = Duration::from_millis(80);

/// Modules that are run at the same time. Many of them wait rather than work.
const LANES: usize = 3;

/// Each test of a module and its verdict.
type Verdicts = BTreeMap<String, String>;

/// Two engines, one of which parks.
struct Lane {
    parked: Engine,
    plain: Engine,
}

impl Lane {
    async fn start(options: &Value) -> Self {
        let engine = |parking| {
            let raw: RawOptions = serde_json::from_value(options.clone()).unwrap();
            let mut options = Options::try_from(raw).unwrap();
            options.parking = parking;
            engine_on(DockerAddress::default(), options, 1).unwrap()
        };
        let lane = Self {
            parked: engine(true),
            plain: engine(false),
        };
        let prewarm = start_options(json!({"prewarm": {"runtimes": ["python"]}}));
        lane.parked.start(&prewarm).await.unwrap();
        lane.plain.start(&prewarm).await.unwrap();
        lane
    }

    async fn stop(self) {
        self.parked.stop().await;
        assert_eq!(self.plain.parked_executions(), 0);
        self.plain.stop().await;
    }

    /// The verdicts of a parked run.
    async fn parked(&self, module: &Module) -> Result<Verdicts, String> {
        for attempt in 1..=PARKING_ATTEMPTS {
            tokio::time::sleep(PAUSE * attempt * attempt).await;
            let before = self.parked.parked_executions();
            let verdicts = verdicts(&self.parked, module).await;
            if self.parked.parked_executions() > before {
                return verdicts;
            }
        }
        Err("it was never parked".to_owned())
    }

    /// The differences that show in every comparison.
    async fn compare(&self, module: &Module) -> Result<String, String> {
        let mut always: Option<BTreeSet<String>> = None;
        let mut report = String::new();
        let mut summary = String::new();
        for attempt in 1..=ATTEMPTS {
            let begin = Instant::now();
            let parked = self.parked(module).await;
            let between = Instant::now();
            let plain = verdicts(&self.plain, module).await;
            let (parked, plain) = match (parked, plain) {
                (Ok(parked), Ok(plain)) => (parked, plain),
                (parked, plain) => {
                    let why = |one: Result<_, String>| one.err().unwrap_or_else(|| "fine".into());
                    return Err(format!("PARKED {}\nPLAIN {}", why(parked), why(plain)));
                }
            };
            summary = format!(
                "{} parked {:.1} s, plain {:.1} s: {}",
                module.name,
                (between - begin).as_secs_f32(),
                between.elapsed().as_secs_f32(),
                counts(&plain),
            );
            let names: BTreeSet<_> = parked.keys().chain(plain.keys()).cloned().collect();
            let mut differences = BTreeSet::new();
            for name in names {
                let (left, right) = (parked.get(&name), plain.get(&name));
                if left != right {
                    writeln!(
                        report,
                        "{name} ({attempt}. time): parked {left:?}, plain {right:?}"
                    )
                    .unwrap();
                    differences.insert(name);
                }
            }
            let remaining = match always.take() {
                None => differences,
                Some(before) => before.intersection(&differences).cloned().collect(),
            };
            if remaining.is_empty() {
                return Ok(summary + "\n" + &report);
            }
            always = Some(remaining);
        }
        Err(summary + "\n" + &report)
    }
}

/// How many of each verdict there are.
fn counts(verdicts: &Verdicts) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for verdict in verdicts.values() {
        *counts
            .entry(verdict.split([' ', ';']).next().unwrap_or_default())
            .or_default() += 1;
    }
    format!("{counts:?}")
}

/// Runs a module.
async fn verdicts(engine: &Engine, module: &Module) -> Result<Verdicts, String> {
    let request = json!({
        "runtime": "python",
        "code": module.program(),
        "timeoutMs": TIMEOUT_MS,
        "outputPaths": [VERDICTS],
    });
    let result = common::run(engine, request)
        .await
        .map_err(|error| error.to_string())?;
    let said = format!("exit {}\n{}", result.exit_code, result.stderr);
    let file = result
        .files
        .as_ref()
        .and_then(|files| files.get(VERDICTS))
        .filter(|_| result.exit_code == 0)
        .ok_or_else(|| said.clone())?;
    let text = String::from_utf8(STANDARD.decode(file).unwrap()).unwrap();
    if std::env::var_os("SHOW").is_some() {
        eprintln!("## {}\n{text}\n{said}", module.name);
    }
    let mut verdicts = Verdicts::new();
    for (name, verdict) in text.lines().filter_map(|line| line.split_once('\t')) {
        // A test may be there twice, or fail in several of its parts.
        let all = verdicts.entry(name.to_owned()).or_default();
        all.push_str(verdict);
        all.push(';');
    }
    if verdicts.is_empty() {
        return Err(format!("it has no tests\n{said}"));
    }
    Ok(verdicts)
}

/// Compares all of `modules`.
pub(crate) async fn all(options: &Value, modules: Vec<Module>) {
    let queue = Mutex::new(modules.into_iter());
    let lanes = (0..LANES).map(|_| async {
        let lane = Lane::start(options).await;
        let mut report = String::new();
        loop {
            let Some(module) = queue.lock().unwrap().next() else {
                break;
            };
            match lane.compare(&module).await {
                Ok(summary) => eprint!("{summary}"),
                Err(why) => {
                    eprintln!("## {}\n{why}", module.name);
                    writeln!(report, "## {}\n{why}", module.name).unwrap();
                }
            }
        }
        lane.stop().await;
        report
    });
    let report = futures::future::join_all(lanes).await.concat();
    assert!(report.is_empty(), "{report}");
}
