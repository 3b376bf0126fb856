//! Calls keep nothing: neither the interpreter nor the guest grows with their number.

use super::support::Session;

/// Calls before the first measurement, which fill whatever is bounded.
const FIRST: usize = 50;

/// Calls between the two measurements, in `npm test` and in `npm run test:long`.
const CALLS: (usize, usize) = (150, 1000);

/// Text of a program, in bytes. It must matter when a call keeps it.
const TEXT: usize = 512 * 1024;

/// How much an interpreter may grow, in KiB for a call: half of a program's text, because a garbage collector
/// runs late.
const GROWTH: u64 = 256;

/// How much the guest may grow in all, in KiB: as much as a few buffers for a program's text have.
const GUEST_GROWTH: u64 = 2048;

/// Most measurements after the calls.
const MEASUREMENTS: usize = 10;

struct Program {
    runtime: &'static str,
    /// Prints the number of the process.
    process: &'static str,
    comment: &'static str,
    /// Declares a function, a class and a variable; `N` stands for the number of the call.
    code: &'static str,
}

const JAVASCRIPT: &str =
    "function f() { return N } class C { static n = N } const v = [N]; console.log(f())";

const PROGRAMS: [Program; 5] = [
    Program {
        runtime: "python",
        process: "import os; print(os.getpid())",
        comment: "#",
        code: "def f(): return N\nclass C: n = N\nv = [N]; print(f())",
    },
    Program {
        runtime: "node",
        process: "console.log(process.pid)",
        comment: "//",
        code: JAVASCRIPT,
    },
    Program {
        runtime: "bun",
        process: "Bun.gc(true); console.log(process.pid)",
        comment: "//",
        code: JAVASCRIPT,
    },
    Program {
        runtime: "deno",
        process: "console.log(Deno.pid)",
        comment: "//",
        code: JAVASCRIPT,
    },
    Program {
        runtime: "bash",
        process: "echo $$",
        comment: "#",
        code: "f() { echo N; }\nv=(N); f",
    },
];

/// Memory that is only this process's, in KiB.
async fn memory(session: &Session, process: &str) -> u64 {
    let line = session
        .cmd(&format!("grep RssAnon /proc/{process}/status"))
        .await
        .stdout;
    let number = line.split_whitespace().nth(1);
    number.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}

async fn call(session: &Session, program: &Program, number: usize) {
    let text = format!("{} {number} ", program.comment);
    let padding = "x".repeat(TEXT - text.len());
    let code = program.code.replace('N', &number.to_string());
    let said = session.says(&format!("{code}\n{text}{padding}")).await;
    assert_eq!(said, number.to_string(), "{}", program.runtime);
}

async fn stays_flat(runtime: &str) {
    let program = PROGRAMS.iter().find(|one| one.runtime == runtime).unwrap();
    let long = std::env::var("ISOL8_TEST_LONG").is_ok_and(|value| value == "1");
    let calls = if long { CALLS.1 } else { CALLS.0 };
    let session = Session::new(program.runtime);
    for number in 0..FIRST {
        call(&session, program, number).await;
    }
    let process = session.says(program.process).await;
    let before = [
        memory(&session, &process).await,
        memory(&session, "1").await,
    ];
    for number in 0..calls {
        call(&session, program, FIRST + number).await;
    }
    let limits = [GROWTH * u64::try_from(calls).unwrap(), GUEST_GROWTH];
    let mut after = before;
    // A collector gives pages back when it likes. What a call keeps, it never gives back.
    for _ in 0..MEASUREMENTS {
        assert_eq!(session.says(program.process).await, process, "{runtime}");
        after = [
            memory(&session, &process).await,
            memory(&session, "1").await,
        ];
        if (0..2).all(|of| after[of] < before[of] + limits[of]) {
            break;
        }
    }
    session.engine.stop().await;
    eprintln!("{runtime}: {before:?} to {after:?} KiB after {calls} calls");
    for of in 0..2 {
        assert!(
            after[of] < before[of] + limits[of],
            "{runtime}: {before:?} {after:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_keep_nothing_in_python() {
    stays_flat("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_keep_nothing_in_node() {
    stays_flat("node").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_keep_nothing_in_bun() {
    stays_flat("bun").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_keep_nothing_in_deno() {
    stays_flat("deno").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_keep_nothing_in_bash() {
    stays_flat("bash").await;
}
