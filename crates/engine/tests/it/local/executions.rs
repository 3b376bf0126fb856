//! Programs in local sandboxes, through the whole engine.

use super::support::engine;
use crate::common::{json, run, stdout};

#[tokio::test]
async fn bash_and_python_run() {
    let engine = engine(json!({}));
    let bash = json!({"runtime": "bash", "code": "echo $((6 * 7)); id -u; pwd; hostname"});
    let said = stdout(&engine, bash).await;
    assert!(said.starts_with("42\n100\n/sandbox\n"), "{said}");
    let python = json!({"runtime": "python", "code": "import os, sys; print(sys.version_info[0], os.getuid())"});
    assert_eq!(stdout(&engine, python).await, "3 100");
    engine.stop().await;
}

#[tokio::test]
async fn a_program_that_uses_too_much_memory_ends() {
    let engine = engine(json!({"memoryLimit": "64m"}));
    let code = "x = bytearray(200 << 20); print(len(x))";
    let result = run(&engine, json!({"runtime": "python", "code": code}))
        .await
        .unwrap();
    assert_eq!(result.exit_code, 137, "{result:?}");
    engine.stop().await;
}
