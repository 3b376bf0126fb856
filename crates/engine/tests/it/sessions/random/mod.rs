//! Random sequences of calls, against a model of what must still be there.
//!
//! The table of operations is in `docs/design/sessions.md`; `model.rs` is the same as code. The seed is printed:
//! `ISOL8_SEED=… cargo test` repeats the sequences. A sequence that fails is printed as a program.

mod model;
mod programs;
mod reproduce;

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use isol8_api::result::{ExecutionResult, SessionReset};
use serde_json::json;

use self::{
    model::{Fate, MAX_VALUE, NAMES, Operation, Step, operations},
    programs::Programs,
};
use super::support::Session;

/// Sequences of one runtime in `npm test`, and in `npm run test:long`.
const SEQUENCES: (usize, usize) = (50, 500);

/// How many operations a sequence has, at most.
const LENGTH: usize = 9;

/// Ends the interpreter and whatever else runs, waits until they are gone, and removes every file.
const CLEAN: &str = "kill -9 -1; while kill -0 -1; do :; done 2>/dev/null; \
                     find /sandbox /tmp /dev/shm -mindepth 1 -delete; echo clean";

/// What a sequence has left so far.
#[derive(Default)]
struct State {
    values: BTreeMap<&'static str, u32>,
    /// Why the next result must say that the state was lost.
    reset: Option<SessionReset>,
}

impl State {
    /// What the program that shows all variables must print.
    fn shown(&self) -> String {
        let value = |name| {
            let value = self.values.get(name);
            value.map_or_else(|| "-".to_owned(), u32::to_string)
        };
        NAMES.map(value).join(" ")
    }

    fn lose(&mut self, reason: SessionReset) {
        self.values.clear();
        self.reset = Some(reason);
    }
}

/// The operations of one sequence. Those with a low weight are slow.
fn sequence(rng: &mut Rng, runtime: &str) -> Vec<Step> {
    let operations = operations(runtime);
    let total: u32 = operations.iter().map(|operation| operation.weight()).sum();
    let draw = |rng: &mut Rng| {
        let mut left = rng.u32(0..total);
        let chosen = operations.iter().find(|operation| {
            let found = left < operation.weight();
            left = left.saturating_sub(operation.weight());
            found
        });
        Step {
            operation: *chosen.unwrap(),
            name: NAMES[rng.usize(0..NAMES.len())],
            value: rng.u32(1..MAX_VALUE),
        }
    };
    (0..rng.usize(3..=LENGTH)).map(|_| draw(rng)).collect()
}

/// Runs one operation and says what is wrong with its outcome.
async fn carry_out(
    session: &Session,
    programs: &Programs,
    step: Step,
    state: &mut State,
) -> Result<(), String> {
    let code = programs.code(step);
    let mut more = json!({});
    if step.operation == Operation::Timeout {
        more["timeoutMs"] = json!(1500);
    }
    let (exit, fate) = programs.fate(step.operation);
    if step.operation == Operation::Abort {
        session.abort(session.request(&code, &more)).await?;
    } else {
        let result = session.run_with(&code, more).await;
        let expected = (exit, state.reset.take());
        if (result.exit_code, result.session_reset) != expected {
            return Err(format!("expected {expected:?}: {result:?}"));
        }
    }
    if let Fate::Kept = fate
        && let Some(value) = programs.sets(step)
    {
        state.values.insert(step.name, value);
    }
    match fate {
        Fate::Kept => {}
        Fate::Lost(reason) => state.lose(reason),
        Fate::KeptOrLost(reason) => {
            // A busy machine may give the interpreter too little time.
            let result = session.run(programs.show()).await;
            if result.session_reset.is_some() {
                state.lose(reason);
            }
            return check(&result, state);
        }
    }
    Ok(())
}

/// What is wrong with what the program that shows all variables has said.
fn check(result: &ExecutionResult, state: &mut State) -> Result<(), String> {
    let got = (
        result.exit_code,
        &*result.stdout,
        &*result.stderr,
        result.session_reset,
    );
    let shown = state.shown();
    let expected = (0, &*shown, "", state.reset.take());
    if got == expected {
        return Ok(());
    }
    Err(format!("shown: expected {expected:?}, got {got:?}"))
}

async fn run(session: &Session, programs: &Programs, steps: &[Step]) -> Result<(), String> {
    session.cmd(CLEAN).await;
    // The first result may tell of the interpreter before.
    session.run(programs.show()).await;
    let mut state = State::default();
    for (index, step) in steps.iter().enumerate() {
        let at = |problem| format!("step {index}, {:?}: {problem}", step.operation);
        let carried_out = carry_out(session, programs, *step, &mut state);
        let limit = tokio::time::timeout(Duration::from_mins(1), carried_out);
        limit
            .await
            .map_err(|_| at("it hangs".to_owned()))?
            .map_err(at)?;
        let result = session.run(programs.show()).await;
        check(&result, &mut state).map_err(at)?;
    }
    Ok(())
}

async fn sequences(runtime: &'static str) {
    let seed = std::env::var("ISOL8_SEED")
        .map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    eprintln!("{runtime}: ISOL8_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let long = std::env::var("ISOL8_TEST_LONG").is_ok_and(|value| value == "1");
    let count = if long { SEQUENCES.1 } else { SEQUENCES.0 };
    let session = Session::with(runtime, json!({"sandboxSize": "32m"}));
    let programs = Programs::of(runtime);
    for number in 0..count {
        let steps = sequence(&mut rng, runtime);
        if let Err(problem) = run(&session, &programs, &steps).await {
            let program = reproduce::program(&programs, &steps);
            session.engine.stop().await;
            panic!("ISOL8_SEED={seed}, sequence {number}, {problem}\n\n{program}");
        }
    }
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_in_python() {
    sequences("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_in_node() {
    sequences("node").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_in_bun() {
    sequences("bun").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_in_deno() {
    sequences("deno").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_in_bash() {
    sequences("bash").await;
}
