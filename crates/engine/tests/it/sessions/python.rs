//! The state that a Python program leaves for the next one.

use super::support::Session;

#[tokio::test(flavor = "multi_thread")]
async fn python_keeps_what_a_program_leaves() {
    let session = Session::new("python");
    session
        .says("import math, os\nx = 42\ndef f(n): return n + x\nclass C:\n  v = 1")
        .await;
    assert_eq!(
        session.says("print(x, f(1), C().v, math.floor(2.5))").await,
        "42 43 1 2"
    );
    session.says("x = 1").await;
    assert_eq!(session.says("print(f(1))").await, "2");
    let facts = "import sys; print(__name__, __file__, sys.argv, sys.path[0], __spec__)";
    let expected = "__main__ /sandbox/main.py ['/sandbox/main.py'] /sandbox None";
    assert_eq!(session.says(facts).await, expected);
    let failed = session.run("def g():\n  return 1 / 0\ng()").await;
    let expected = "Traceback (most recent call last):\n  File \"/sandbox/main.py\", line 3, in <module>\n    \
                    g()\n  File \"/sandbox/main.py\", line 2, in g\n    return 1 / 0\n           \
                    ~~^~~\nZeroDivisionError: division by zero";
    assert_eq!(failed.stderr, expected);
    let failed = session.run("x = = 1").await;
    assert!(
        failed
            .stderr
            .starts_with("  File \"/sandbox/main.py\", line 1\n    x = = 1"),
        "{failed:?}"
    );
    let interrupt = "import os, signal; os.kill(os.getpid(), signal.SIGINT)";
    let interrupted = session.run(interrupt).await;
    assert_eq!(interrupted.exit_code, 130);
    assert!(
        interrupted.stderr.ends_with("KeyboardInterrupt"),
        "{interrupted:?}"
    );
    let failed = session.run("input()").await;
    assert!(
        failed.stderr.ends_with("EOFError: EOF when reading a line"),
        "{failed:?}"
    );
    assert_eq!(session.says("print(f(1))").await, "2");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_threads_processes_and_forks_finish_within_their_call() {
    let session = Session::new("python");
    let threads = "import threading, time\ndef late():\n  time.sleep(0.1); print('late')\n\
                   threading.Thread(target=late).start()";
    assert_eq!(session.says(threads).await, "late");
    let pool = "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\n\
                pool.submit(late)\nNone";
    assert_eq!(session.says(pool).await, "late");
    assert_eq!(session.says("pool.submit(late); print(1)").await, "1\nlate");
    let child = "import subprocess; subprocess.run(['echo', 'child'])";
    assert_eq!(session.says(child).await, "child");
    let fork =
        "import os\nif os.fork() == 0:\n  print('fork')\nelse:\n  os.wait(); print('parent')";
    assert_eq!(session.says(fork).await, "fork\nparent");
    assert_eq!(session.says("print('still one')").await, "still one");
    session.engine.stop().await;
}
