//! Things that a Python program may do to its interpreter. The next programs must not be affected.

use serde_json::json;

use super::support::Session;

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
