//! Programs in local sandboxes, through the whole engine.

use std::os::unix::fs::PermissionsExt as _;

use super::support::{engine, engine_with, is_root};
use crate::{
    common::{json, run, stdout},
    own_users::takes_nothing_from_others,
};

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
async fn an_installed_interpreter_is_the_one_that_runs() {
    let place = tempfile::tempdir().unwrap();
    let bin = place.path().join("python/bin");
    std::fs::create_dir_all(&bin).unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.path(), open).unwrap();
    let system = std::fs::canonicalize("/usr/bin/python3").unwrap();
    std::fs::copy(system, bin.join("python3")).unwrap();
    let engine = engine_with(json!({}), place.path());
    let code = "import os, sys; print(sys.executable, os.path.realpath(sys.executable)); print(sorted(os.listdir('/usr/local')))";
    let said = stdout(&engine, json!({"runtime": "python", "code": code})).await;
    assert_eq!(
        said,
        "/usr/local/bin/python3 /usr/local/lib/isol8-runtimes/python/bin/python3\n['bin', 'lib']"
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn a_program_at_the_limits_of_its_user_takes_nothing_from_others() {
    if !is_root() {
        isol8_testing::not_run("sandboxes of another user than root are charged to that user, too");
        return;
    }
    takes_nothing_from_others(engine(json!({"poolSize": {"clean": 0, "dirty": 1}}))).await;
}
