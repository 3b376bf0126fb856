//! Runs the sequences of calls in `javascript.txt`. The head of that file describes its form.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::support::Session;

/// A call and its expected result.
#[derive(Default)]
struct Call {
    code: String,
    fields: Map<String, Value>,
    exit_code: i32,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

struct Sequence {
    name: String,
    runtimes: Vec<String>,
    calls: Vec<Call>,
}

fn unescape(text: &str) -> String {
    text.replace("\\0", "\0")
        .replace("\\r", "\r")
        .replace("\\u{feff}", "\u{feff}")
}

fn sequences(text: &str) -> Vec<Sequence> {
    let mut found: Vec<Sequence> = Vec::new();
    let mut fields = Map::new();
    for line in text.lines().skip_while(|line| !line.starts_with("=== ")) {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark == "===" {
            let (name, runtimes) = rest.split_once(" | ").unwrap_or((rest, "node bun deno"));
            found.push(Sequence {
                name: name.to_owned(),
                runtimes: runtimes.split(' ').map(str::to_owned).collect(),
                calls: Vec::new(),
            });
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
            "" => {}
            _ => {
                let call = calls.last_mut().expect(line);
                match mark {
                    ">>" => write!(call.code, "\n{}", unescape(rest)).unwrap(),
                    "!" => call.exit_code = rest.parse().expect(line),
                    "<" => call.stdout.push(rest.to_owned()),
                    "?" => call.stderr.push(rest.to_owned()),
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

async fn all_of(runtime: &'static str) {
    let session = Session::new(runtime);
    let mut report = String::new();
    let mut count = 0;
    for sequence in sequences(include_str!("javascript.txt")) {
        if !sequence.runtimes.iter().any(|name| name == runtime) {
            continue;
        }
        count += 1;
        for call in sequence.calls {
            let result = session.run_with(&call.code, json!(call.fields)).await;
            let stderr = plain(&result.stderr);
            let said = call.stderr.iter().all(|text| stderr.contains(text))
                && (call.stderr.is_empty() == stderr.is_empty())
                && !stderr.contains(".isol8");
            if !said
                || result.exit_code != call.exit_code
                || result.stdout != call.stdout.join("\n")
            {
                writeln!(report, "## {}\n{}\n{result:?}", sequence.name, call.code).unwrap();
            }
        }
    }
    session.engine.stop().await;
    assert!(count > 40, "the sequences were not read");
    assert!(report.is_empty(), "{report}");
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
