//! A program must not notice that its interpreter was parked. Every program of the corpus runs in a parked and
//! in a started interpreter, and must give the same bytes. So must it in a session.
//!
//! A corpus file has programs, each after a line `=== name {request}`. The fields of the request are optional:
//!
//! * `"plain": true`: the request must not take a parked interpreter
//! * `"stdinTimes": n`: the input is repeated
//! * `"native": path`: the native module is at this path

mod between;
mod native;
mod sessions;

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_engine::{Engine, options::Options};
use regex::Regex;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::sessions::Sessions;
use crate::common::{engine_of, start_options};

/// Pause between two programs, so that the next interpreter has begun to start.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(40);

/// How often a program is run until its run was parked; each time after a longer pause, so that a busy
/// machine has time to park.
const ATTEMPTS: u32 = 20;

/// Set when the interpreter is this machine's own, of whatever version.
pub(crate) const OF_MACHINE: &str = "ISOL8_TEST_OWN_INTERPRETER";

/// Set when programs are not compared in sessions, which takes most of the time.
pub(crate) const WITHOUT_SESSIONS: &str = "ISOL8_TEST_WITHOUT_SESSIONS";

struct Case {
    name: String,
    plain: bool,
    request: ExecutionRequest,
}

fn corpus(runtime: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for part in text.split("\n=== ").skip(1) {
        let (head, code) = part.split_once('\n').unwrap();
        let (name, extra) = head.split_once(' ').unwrap_or((head, "{}"));
        let mut request: Value = serde_json::from_str(extra).expect(head);
        let plain = request["plain"] == json!(true);
        if let Some(times) = request["stdinTimes"].as_u64() {
            let once = request["stdin"].as_str().unwrap();
            request["stdin"] = json!(once.repeat(usize::try_from(times).unwrap()));
        }
        if let Some(path) = request["native"].as_str().map(str::to_owned) {
            let data = STANDARD.encode(native::MODULE.as_slice());
            request["files"][path] = json!({"type": "base64", "data": data});
        }
        request["runtime"] = json!(runtime);
        request["code"] = json!(code);
        request["timeoutMs"] = request.get("timeoutMs").cloned().unwrap_or(json!(20_000));
        cases.push(Case {
            name: name.to_owned(),
            plain,
            request: serde_json::from_value(request).unwrap(),
        });
    }
    cases
}

fn engine(parking: bool, network: &str) -> Engine {
    let raw: RawOptions = serde_json::from_value(json!({
        "secrets": {"SECRET_OF_TEST": "tiramisu"},
        "pidsLimit": 128,
        "network": network,
    }))
    .unwrap();
    let mut options = Options::try_from(raw).unwrap();
    options.parking = parking;
    engine_of(options, 2).unwrap()
}

/// The result without its random parts. It must be the same in both interpreters.
async fn outcome(engine: &Engine, case: &Case, masks: &[(Regex, &str)]) -> String {
    let result = match engine
        .execute(case.request.clone(), CancellationToken::new())
        .await
    {
        Ok(result) => result,
        Err(error) => return format!("error: {error}"),
    };
    let text = format!(
        "exit {}\n--- stdout\n{}\n--- stderr\n{}\n--- files\n{:?}\n",
        result.exit_code, result.stdout, result.stderr, result.files
    );
    masks.iter().fold(text, |text, (mask, with)| {
        mask.replace_all(&text, *with).into_owned()
    })
}

async fn compare(runtime: &'static str, text: &str) {
    let mut cases = corpus(runtime, text);
    assert!(cases.len() > 20, "the corpus was not read");
    let only = std::env::var("ONLY").unwrap_or_default();
    cases.retain(|case| case.name.contains(&only));
    if cases.is_empty() {
        isol8_testing::not_run(format_args!(
            "no {runtime} program has a name with ONLY={only}"
        ));
        return;
    }
    if std::env::var_os(WITHOUT_SESSIONS).is_some() {
        compare_all(runtime, "none", &cases, None).await;
        return;
    }
    let sessions = Sessions::new(runtime);
    let unknown = sessions.unknown(&cases).concat();
    assert!(!only.is_empty() || unknown.is_empty(), "{unknown}");
    compare_all(runtime, "none", &cases, Some(sessions)).await;
}

async fn compare_all(runtime: &str, network: &str, cases: &[Case], sessions: Option<Sessions>) {
    let masks = [
        (Regex::new(r"0x[0-9a-f]{6,}").unwrap(), "ADDRESS"),
        (
            Regex::new(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap(),
            "UUID",
        ),
        (Regex::new(r"[0-9a-f]{12}").unwrap(), "HOSTNAME"),
        (Regex::new(r"\(node:\d+\)").unwrap(), "(node:PID)"),
    ];
    let (parked, plain) = (engine(true, network), engine(false, network));
    let prewarm = start_options(json!({"prewarm": {"runtimes": [runtime]}}));
    parked.start(&prewarm).await.unwrap();
    plain.start(&prewarm).await.unwrap();
    let mut report = String::new();
    for case in cases {
        // On a busy machine a sandbox may be needed before its interpreter is parked. Then the program runs
        // again, because only a parked interpreter is compared.
        let (mut left, mut took) = (String::new(), case.plain);
        for attempt in 1..=ATTEMPTS {
            tokio::time::sleep(PAUSE * attempt).await;
            let before = parked.parked_executions();
            left = outcome(&parked, case, &masks).await;
            took = parked.parked_executions() > before;
            if took != case.plain {
                break;
            }
        }
        let right = outcome(&plain, case, &masks).await;
        if took == case.plain {
            writeln!(report, "## {}: parked is {took}", case.name).unwrap();
        }
        if left != right {
            writeln!(report, "## {}\nPARKED {left}\nPLAIN {right}", case.name).unwrap();
        }
        if let Some(sessions) = &sessions {
            report.extend(sessions.complaints(case, &masks, &right).await);
        }
        if std::env::var_os("SHOW").is_some() {
            eprintln!("## {} {right}", case.name);
        }
    }
    assert_eq!(plain.parked_executions(), 0);
    parked.stop().await;
    plain.stop().await;
    if let Some(sessions) = sessions {
        sessions.stop().await;
    }
    eprintln!("{runtime}: {} programs", cases.len());
    assert!(report.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_programs_cannot_tell() {
    compare("python", include_str!("python.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_programs_cannot_tell() {
    compare("node", include_str!("node.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bun_programs_cannot_tell() {
    compare("bun", include_str!("bun.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deno_programs_cannot_tell() {
    compare("deno", include_str!("deno.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_programs_cannot_tell() {
    compare("bash", include_str!("bash.txt")).await;
}

/// An old compiled launcher would run in place of the new one, or the interpreter would compile the new one at
/// each start.
#[tokio::test(flavor = "multi_thread")]
async fn the_compiled_launcher_is_current() {
    const CODE: &str = "
import importlib.util, marshal
path = '/.isol8/python/sitecustomize.py'
source = open(path, 'rb').read()
compiled = open(importlib.util.cache_from_source(path), 'rb').read()
print(compiled[:4] == importlib.util.MAGIC_NUMBER, compiled[4:8] == b'\\1\\0\\0\\0',
      compiled[8:16] == importlib.util.source_hash(source),
      marshal.loads(compiled[16:]) == compile(source, path, 'exec', dont_inherit=True))";
    let engine = engine(false, "none");
    let request = json!({"runtime": "python", "code": CODE});
    let result = engine
        .execute(crate::common::request(request), CancellationToken::new())
        .await;
    engine.stop().await;
    let hint = "scripts/compile-launcher.sh compiles it";
    assert_eq!(result.unwrap().stdout, "True True True True", "{hint}");
}

/// An interpreter gets the settings of the proxy at its start, so it can be parked with them.
#[tokio::test(flavor = "multi_thread")]
async fn programs_with_the_filtered_network_cannot_tell() {
    for runtime in ["python", "node", "bun", "deno", "bash"] {
        let cases = corpus(runtime, include_str!("filtered.txt"));
        let prefix = format!("{runtime}-");
        let cases = cases
            .into_iter()
            .filter(|case| case.name.starts_with(&prefix));
        let cases: Vec<_> = cases.collect();
        assert!(cases.len() > 1, "{runtime}");
        compare_all(runtime, "filtered", &cases, None).await;
    }
}
