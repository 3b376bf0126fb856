//! The corpus in sessions: each program as the only call of a fresh interpreter, and as the tenth.
//!
//! `sessions.txt` lists the programs that may differ from a process of their own, with the reason. One that
//! is listed and does not differ fails the test, unless its reason begins with `sometimes`, or the interpreter is not of
//! the version that the list was made with.

use std::{collections::BTreeMap, path::Path};

use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_engine::{Engine, options::Options};
use regex::Regex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Case, OF_MACHINE, outcome};
use crate::common::engine_of;

/// A program of each runtime that does nothing.
const NOTHING: [(&str, &str); 5] = [
    ("python", "pass"),
    ("node", "0"),
    ("bun", "0"),
    ("deno", "0"),
    ("bash", ":"),
];

/// Where the list is.
const LIST: &str = "tests/it/fidelity/sessions.txt";

/// Ends the interpreter and whatever else runs, waits until they are gone, and removes every file.
const CLEAN: &str = "kill -9 -1; while kill -0 -1; do :; done 2>/dev/null; \
                     find /sandbox /tmp /dev/shm -mindepth 1 -delete; echo clean";

/// How many calls come before the last one.
const CALLS_BEFORE: usize = 9;

/// A session in which each program finds a fresh interpreter.
pub(super) struct Sessions {
    engine: Engine,
    runtime: &'static str,
    nothing: &'static str,
    /// Programs of this runtime that may differ, each with the reason.
    listed: BTreeMap<String, String>,
}

impl Sessions {
    pub(super) fn new(runtime: &'static str) -> Self {
        let (_, nothing) = NOTHING.iter().find(|(name, _)| *name == runtime).unwrap();
        let raw: RawOptions = serde_json::from_value(json!({
            "mode": "persistent",
            "secrets": {"SECRET_OF_TEST": "tiramisu"},
            "pidsLimit": 128,
        }))
        .unwrap();
        let options = Options::try_from(raw).unwrap();
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST);
        let list = std::fs::read_to_string(list).unwrap();
        let listed = list.lines().filter_map(|line| {
            let (program, reason) = line.split_once(": ")?;
            assert!(!reason.is_empty(), "{line}");
            let name = program.strip_prefix(runtime)?.strip_prefix(' ')?;
            Some((name.to_owned(), reason.to_owned()))
        });
        Self {
            engine: engine_of(options, 2).unwrap(),
            runtime,
            nothing,
            listed: listed.collect(),
        }
    }

    async fn execute(&self, what: &str, text: &str) -> String {
        let request = json!({"runtime": self.runtime, what: text});
        let request: ExecutionRequest = serde_json::from_value(request).unwrap();
        let result = self.engine.execute(request, CancellationToken::new()).await;
        result.unwrap().stdout
    }

    /// What is wrong with a program that has this outcome in a process of its own.
    pub(super) async fn complaints(
        &self,
        case: &Case,
        masks: &[(Regex, &str)],
        plain: &str,
    ) -> Vec<String> {
        let mut different = Vec::new();
        for before in [0, CALLS_BEFORE] {
            assert_eq!(self.execute("cmd", CLEAN).await, "clean");
            for _ in 0..before {
                self.execute("code", self.nothing).await;
            }
            let got = outcome(&self.engine, case, masks).await;
            if got != plain {
                different.push(format!(
                    "## {}, after {before} calls\nSESSION {got}\nPLAIN {plain}\n",
                    case.name
                ));
            }
        }
        match self.listed.get(&case.name) {
            None => different,
            Some(reason)
                if different.is_empty()
                    && !reason.starts_with("sometimes")
                    && std::env::var_os(OF_MACHINE).is_none() =>
            {
                vec![format!("## {}: listed, and does not differ\n", case.name)]
            }
            Some(_) => Vec::new(),
        }
    }

    /// Programs that are listed and do not exist.
    pub(super) fn unknown(&self, cases: &[Case]) -> Vec<String> {
        let known = |name: &&String| cases.iter().any(|case| case.name == **name);
        let unknown = self.listed.keys().filter(|name| !known(name));
        unknown
            .map(|name| format!("## {name}: listed, and unknown\n"))
            .collect()
    }

    pub(super) async fn stop(self) {
        self.engine.stop().await;
    }
}
