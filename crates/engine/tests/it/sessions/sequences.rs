//! Runs the sequences of calls in `kinds/`: what programs may do to their session, by kind.
//!
//! * `=== kind: name` begins a sequence. Names of runtimes after a `|` restrict it to these.
//! * `> text` is a call, and `>> text` continues it on a new line.
//! * `* field: value` before a call adds a field to its request.
//! * `! code` is its exit code, when it is not 0.
//! * `< text` is a line of its output.
//! * `? text` is a text that standard error contains, and `?? text` is a line of it, which then has no others. Without
//!   one, standard error is empty.
//! * `~ reason` is its `sessionReset`. Without one, there is none.
//!
//! `\0`, `\r`, `\u{1}` and `\u{feff}` stand for those characters in calls and output.

use std::{collections::BTreeMap, fmt::Write as _};

use isol8_api::result::SessionReset;
use serde_json::{Map, Value, json};

use super::support::Session;

/// The kinds, with the runtimes in which they can occur.
const KINDS: [(&str, &str); 10] = [
    ("pools", "python"),
    ("streams", "python node bun deno bash"),
    ("names", "node bun deno"),
    ("errors", "python node bun deno bash"),
    ("full", "python node bun deno bash"),
    ("events", "python node bun deno"),
    ("directory", "python node bun deno bash"),
    ("shell", "bash"),
    ("exits", "python node bun deno bash"),
    ("text", "python node bun deno bash"),
];

/// Cases that each kind has at least in each of its runtimes.
const CASES: usize = 8;

/// A call and its expected result.
#[derive(Default)]
struct Call {
    code: String,
    fields: Map<String, Value>,
    exit_code: i32,
    stdout: Vec<String>,
    stderr: Vec<String>,
    stderr_lines: Vec<String>,
    reset: Option<SessionReset>,
}

struct Sequence {
    kind: String,
    name: String,
    calls: Vec<Call>,
}

fn unescape(text: &str) -> String {
    text.replace("\\0", "\0")
        .replace("\\r", "\r")
        .replace("\\u{1}", "\u{1}")
        .replace("\\u{feff}", "\u{feff}")
}

/// The sequences of one runtime.
fn sequences(runtime: &str) -> Vec<Sequence> {
    let (text, all) = match runtime {
        "python" => (include_str!("kinds/python.txt"), runtime),
        "bash" => (include_str!("kinds/bash.txt"), runtime),
        _ => (include_str!("kinds/javascript.txt"), "node bun deno"),
    };
    let mut found: Vec<Sequence> = Vec::new();
    let mut fields = Map::new();
    let mut wanted = false;
    for line in text.lines().skip_while(|line| !line.starts_with("=== ")) {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark == "===" {
            let (title, runtimes) = rest.split_once(" | ").unwrap_or((rest, all));
            let (kind, name) = title.split_once(": ").expect(line);
            wanted = runtimes.split(' ').any(|name| name == runtime);
            if wanted {
                found.push(Sequence {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    calls: Vec::new(),
                });
            }
            continue;
        }
        if !wanted || mark.is_empty() {
            continue;
        }
        let calls = &mut found.last_mut().unwrap().calls;
        match mark {
            ">" => calls.push(Call {
                code: unescape(rest),
                fields: std::mem::take(&mut fields),
                ..Call::default()
            }),
            "*" => {
                let (name, value) = rest.split_once(": ").expect(line);
                fields.insert(name.to_owned(), serde_json::from_str(value).expect(line));
            }
            _ => {
                let call = calls.last_mut().expect(line);
                match mark {
                    ">>" => write!(call.code, "\n{}", unescape(rest)).unwrap(),
                    "!" => call.exit_code = rest.parse().expect(line),
                    "<" => call.stdout.push(unescape(rest)),
                    "?" => call.stderr.push(rest.to_owned()),
                    "??" => call.stderr_lines.push(rest.to_owned()),
                    "~" => call.reset = Some(serde_json::from_value(json!(rest)).expect(line)),
                    _ => panic!("{line}"),
                }
            }
        }
    }
    found
}

/// `text` without escape sequences for colours.
fn plain(text: &str) -> String {
    let colours = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    colours.replace_all(text, "").into_owned()
}

/// Runs sequences in one session. Returns what went otherwise than expected.
async fn differences(session: &Session, sequences: &[Sequence]) -> String {
    let mut report = String::new();
    for sequence in sequences {
        for call in &sequence.calls {
            let result = session.run_with(&call.code, json!(call.fields)).await;
            let stderr = plain(&result.stderr);
            let said = if call.stderr.is_empty() {
                stderr == call.stderr_lines.join("\n")
            } else {
                call.stderr.iter().all(|text| stderr.contains(text)) && !stderr.contains(".isol8")
            };
            if !said
                || result.exit_code != call.exit_code
                || result.stdout != call.stdout.join("\n")
                || result.session_reset != call.reset
            {
                let Sequence { kind, name, .. } = sequence;
                writeln!(report, "## {kind}: {name}\n{}\n{result:?}", call.code).unwrap();
            }
        }
    }
    report
}

async fn all_of(runtime: &'static str) {
    // A sandbox that is small enough to be filled.
    let small = Session::with(
        runtime,
        json!({"sandboxSize": "8m", "tmpSize": "8m", "pidsLimit": 64}),
    );
    let (full, others): (Vec<_>, Vec<_>) = sequences(runtime)
        .into_iter()
        .partition(|sequence| sequence.kind == "full");
    let session = Session::new(runtime);
    let report = differences(&session, &others).await + &differences(&small, &full).await;
    session.engine.stop().await;
    small.engine.stop().await;
    assert!(report.is_empty(), "{report}");
}

#[test]
fn each_kind_has_at_least_eight_cases_in_each_of_its_runtimes() {
    for (kind, runtimes) in KINDS {
        for runtime in runtimes.split(' ') {
            let mut cases: BTreeMap<String, usize> = BTreeMap::new();
            for sequence in sequences(runtime) {
                *cases.entry(sequence.kind).or_default() += 1;
            }
            let count = cases.get(kind).copied().unwrap_or_default();
            assert!(count >= CASES, "{kind} has {count} cases in {runtime}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_of_calls_in_python() {
    all_of("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_of_calls_in_bash() {
    all_of("bash").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_of_calls_in_node() {
    all_of("node").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_of_calls_in_bun() {
    all_of("bun").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_of_calls_in_deno() {
    all_of("deno").await;
}
