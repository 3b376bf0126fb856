//! A call that its caller gives up: where the interpreter can be interrupted, its variables survive, and nothing
//! of the call lives on.

use isol8_api::result::SessionReset;
use serde_json::json;

use super::support::Session;

/// Programs that never end and print something when they loop or wait, and whether the variables survive. In the moment
/// when a script of Node ends, the signal may end Node as well.
const PROGRAMS: [(&str, &str, bool); 23] = [
    ("node", "console.log('on'); for (;;);", true),
    ("node", "import 'fs'; console.log('on'); for (;;);", true),
    (
        "node",
        "console.log('on'); for (;;) try { for (;;); } catch {} finally { for (;;); }",
        true,
    ),
    ("node", "setInterval(() => console.log('on'), 10)", true),
    (
        "node",
        "setTimeout(() => console.log('on'), 10); await new Promise((done) => setTimeout(done, 1e6))",
        true,
    ),
    (
        "node",
        "(async () => { for (;;) { await require('timers/promises').setTimeout(7); console.log('on') } })()",
        true,
    ),
    (
        "node",
        "import { setTimeout as sleep } from 'timers/promises'; for (;;) { await sleep(7); console.log('on') }",
        true,
    ),
    (
        "node",
        "require('http').createServer().listen(0, () => console.log('on'))",
        true,
    ),
    (
        "node",
        "const net = require('net'); const server = net.createServer().listen(0, () => \
         net.connect(server.address().port, () => console.log('on')))",
        true,
    ),
    (
        "node",
        "let n = 0; (function again() { if (++n === 9) console.log('on'); setImmediate(again) })()",
        true,
    ),
    (
        "node",
        "console.log('on'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
        true,
    ),
    (
        "node",
        "require('fs').watch('/sandbox'); setTimeout(() => console.log('on'), 10)",
        true,
    ),
    (
        "node",
        "process.on('exit', () => console.log('never')); setInterval(() => console.log('on'), 10)",
        true,
    ),
    (
        "node",
        "process.on('uncaughtException', () => {}); console.log('on'); for (;;);",
        true,
    ),
    // Nothing can run beside these.
    (
        "node",
        "setTimeout(() => { console.log('on'); for (;;); })",
        false,
    ),
    (
        "node",
        "import 'fs'; await null; console.log('on'); for (;;);",
        false,
    ),
    ("bun", "console.log('on'); for (;;);", true),
    ("bun", "import 'fs'; console.log('on'); for (;;);", true),
    (
        "bun",
        "console.log('on'); for (;;) try { for (;;); } catch {}",
        true,
    ),
    (
        "bun",
        "console.log('on'); await new Promise((done) => setTimeout(done, 1e6))",
        false,
    ),
    ("deno", "console.log('on'); for (;;);", false),
    (
        "deno",
        "console.log('on'); await new Promise((done) => setTimeout(done, 1e6))",
        false,
    ),
    ("bash", "echo on; while :; do :; done", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_ends_and_leaves_the_variables_where_that_is_possible() {
    for runtime in ["node", "bun", "deno", "bash"] {
        let session = Session::new(runtime);
        let (set, get) = if runtime == "bash" {
            ("x=42", "echo $x")
        } else {
            (
                "var x = 42",
                "console.log(typeof x === 'undefined' ? '' : x)",
            )
        };
        for (_, code, survives) in PROGRAMS.iter().filter(|(name, ..)| *name == runtime) {
            session.says(set).await;
            let given_up = session.abort(session.request(code, &json!({}))).await;
            assert_eq!(given_up, Ok(()), "{runtime} {code}");
            let after = session.run(get).await;
            let expected = if *survives {
                ("42", "", None)
            } else {
                ("", "", Some(SessionReset::Cancelled))
            };
            let got = (&*after.stdout, &*after.stderr, after.session_reset);
            assert_eq!(got, expected, "{runtime} {code}");
            assert_eq!(session.sleeping().await, [""; 0], "{runtime} {code}");
        }
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_node_has_the_signal_for_itself() {
    let session = Session::new("node");
    session.says("var x = 42; let count = 0").await;
    let code = "process.once('SIGINT', () => { count++; console.log('mine') }); \
                process.kill(process.pid, 'SIGINT'); setTimeout(() => {}, 100)";
    for _ in 0..2 {
        assert_eq!(session.says(code).await, "mine");
    }
    let listeners = "console.log(x, count, process.listenerCount('SIGINT'), process.eventNames().includes('SIGINT'))";
    assert_eq!(session.says(listeners).await, "42 2 0 false");
    let killed = session
        .run("process.kill(process.pid, 'SIGINT'); for (;;);")
        .await;
    assert_eq!(killed.exit_code, 130, "{killed:?}");
    let after = session.run("console.log(typeof x)").await;
    assert_eq!(
        (&*after.stdout, after.session_reset),
        ("undefined", Some(SessionReset::Crash))
    );
    session.engine.stop().await;
}

/// Programs that never end and start processes. A signal that comes while Node starts one or waits for it can end Node
/// as well.
const WITH_PROCESSES: [&str; 2] = [
    "console.log('on'); require('child_process').execSync('sleep 6201')",
    "console.log('on'); require('child_process').spawn('sleep', ['6202'])",
];

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_a_call_that_started_processes_survive_or_the_next_result_says_why_not() {
    for code in WITH_PROCESSES {
        let session = Session::new("node");
        session.says("var x = 42").await;
        let given_up = session.abort(session.request(code, &json!({}))).await;
        assert_eq!(given_up, Ok(()), "{code}");
        let after = session.run("console.log(typeof x)").await;
        let expected = match after.session_reset {
            None => "number",
            Some(SessionReset::Cancelled | SessionReset::Crash) => "undefined",
            other => panic!("{code} {other:?}"),
        };
        assert_eq!(after.stdout, expected, "{code} {after:?}");
        assert_eq!(session.sleeping().await, [""; 0], "{code}");
        session.engine.stop().await;
    }
}
