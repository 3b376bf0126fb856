//! Things that a Python program may do to its interpreter. The next programs must not be affected.

use isol8_api::result::SessionReset;
use serde_json::json;

use super::support::{Sequence, Session};

async fn check(sequence: Sequence) {
    super::support::check("python", sequence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_managers_and_workers_live_on_and_hang_no_call() {
    check(&[
        (
            "from concurrent.futures import *; import multiprocessing as mp, threading, time",
            0,
            "",
            "",
        ),
        (
            "p = ProcessPoolExecutor(2); print(p.submit(abs, -3).result())",
            0,
            "3",
            "",
        ),
        ("print(p.submit(abs, -4).result())", 0, "4", ""),
        ("later = p.submit(time.sleep, 0.2)", 0, "", ""),
        ("print(later.done())", 0, "True", ""),
        (
            "t = ThreadPoolExecutor(2); _ = t.submit(lambda: (time.sleep(0.1), print('late')))",
            0,
            "late",
            "",
        ),
        ("print(t.submit(abs, -5).result())", 0, "5", ""),
        ("m = mp.Manager(); d = m.dict(); d[1] = 2", 0, "", ""),
        ("print(d[1])", 0, "2", ""),
        (
            "q = mp.Pool(2); print(q.map(abs, [-1, -2]))",
            0,
            "[1, 2]",
            "",
        ),
        ("print(q.map(abs, [-6]))", 0, "[6]", ""),
        (
            "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()",
            0,
            "thread",
            "",
        ),
        (
            "mp.Process(target=print, args=('child',)).start()",
            0,
            "child",
            "",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_as_a_call_expects_them_whatever_was_done_to_them() {
    check(&[
        ("import os, sys, io; open(0).read()", 0, "", ""),
        ("print(1, repr(sys.stdin.read()))", 0, "1 ''", ""),
        ("print('a', file=open(1, 'w'))", 0, "a", ""),
        ("print(2)", 0, "2", ""),
        (
            "sys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
            0,
            "",
            "",
        ),
        ("print(3); print(4, file=sys.stderr)", 0, "3", "4"),
        ("sys.stdout = io.StringIO(); print('lost')", 0, "", ""),
        ("print(5)", 0, "5", ""),
        ("os.closerange(0, 256)", 0, "", ""),
        (
            "print(6, sorted(map(int, os.listdir('/proc/self/fd'))))",
            0,
            "6 [0, 1, 2, 3]",
            "",
        ),
        (
            "os.dup2(os.open('/dev/null', os.O_WRONLY), 1); print('nowhere')",
            0,
            "",
            "",
        ),
        ("print(7)", 0, "7", ""),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_point_at_the_text_of_their_own_program() {
    let session = Session::new("python");
    session.says("def f(n):\n  return 1 / n").await;
    session.says("x = 1\n\n\ny = 2").await;
    let failed = session.run("# other text\n# and more\nf(0)").await;
    let expected = "Traceback (most recent call last):\n  File \"/sandbox/main.py\", line 3, in <module>\n    \
                    f(0)\n  File \"/sandbox/main.py\", line 2, in f\n    return 1 / n\n           ~~^~~\n\
                    ZeroDivisionError: division by zero";
    assert_eq!(failed.stderr, expected);
    let source = "import inspect; print(inspect.getsource(f), f.__code__.co_filename == __file__)";
    assert_eq!(
        session.says(source).await,
        "def f(n):\n  return 1 / n\n True"
    );
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_ends_the_call_with_its_code_and_keeps_the_state() {
    check(&[
        (
            "import sys, atexit, os, signal, time; x = 42; sys.exit(3)",
            3,
            "",
            "",
        ),
        ("print(x); sys.exit('reason')", 1, "42", "reason"),
        ("raise SystemExit", 0, "", ""),
        (
            "atexit.register(print, 'first'); atexit.register(print, 'last'); sys.exit(5)",
            5,
            "last\nfirst",
            "",
        ),
        (
            "atexit.register(print, 'at each end')",
            0,
            "at each end",
            "",
        ),
        (
            "def f(): print('f')\natexit.register(f); atexit.unregister(f)",
            0,
            "",
            "",
        ),
        ("sys.exit(6)", 6, "", ""),
        ("signal.alarm(1)", 0, "", ""),
        ("time.sleep(1.3); print(x)", 0, "42", ""),
    ])
    .await;
    let session = Session::new("python");
    session.says("x = 42").await;
    assert_eq!(session.run("import os; os._exit(9)").await.exit_code, 9);
    let after = session.run("print('x' in globals())").await;
    assert_eq!(after.stdout, "False");
    assert_eq!(after.session_reset, Some(SessionReset::Exit));
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_replaces_does_not_reach_the_launcher() {
    check(&[
        ("import builtins, os, sys, time; kept = builtins.len, builtins.open", 0, "", ""),
        ("time.sleep = os.read = os.write = os.getpid = None; builtins.len = builtins.open = None", 0, "", ""),
        ("print(1)", 0, "1", ""),
        ("builtins.len, builtins.open = kept; sys.argv = None", 0, "", ""),
        ("sys.settrace(lambda frame, *_: print(frame.f_code.co_name))", 0, "", ""),
        ("sys.settrace(None)", 0, "<module>", ""),
        ("print(3)\r\nprint(4)\r\n", 0, "3\n4", ""),
        ("\u{feff}print(5)", 0, "5", ""),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_zone_of_a_request_is_its_own() {
    let session = Session::new("python");
    let code = "import time; print(time.localtime(0).tm_hour)";
    let zone = json!({"env": {"TZ": "XXX-9"}});
    assert_eq!(session.run_with(code, zone).await.stdout, "9");
    assert_eq!(session.says(code).await, "0");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_looks_as_ever_and_leaves_the_variables() {
    let session = Session::new("python");
    session.says("x = 42").await;
    let code = "while True: pass";
    let late = session.run_with(code, json!({"timeoutMs": 2000})).await;
    let got = (late.exit_code, late.stderr.as_str());
    assert_eq!(got, (137, "\n--- EXECUTION TIMED OUT ---"), "{code}");
    assert_eq!(session.says("print(x)").await, "42");
    session.engine.stop().await;
}
