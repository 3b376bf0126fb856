//! `config`.

use crate::common::User;

#[test]
fn the_configuration_is_shown_with_its_source() {
    let user = User::new();
    let shown = user.isol8(&["config"]);
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""));
    assert!(
        shown
            .stdout
            .starts_with("Isol8 Configuration\n  Source: defaults (no config file found)\n")
    );
    let file = user.write("isol8.config.json", r#"{"defaults": {"timeoutMs": 5}}"#);
    let shown = user.isol8(&["config"]);
    let source = format!("  Source: {}\n", file.canonicalize().unwrap().display());
    for part in [&*source, "  Timeout:         5ms\n"] {
        assert!(shown.stdout.contains(part), "{part} in {}", shown.stdout);
    }
}

#[test]
fn json_is_the_configuration_and_nothing_else() {
    let user = User::new();
    user.write("isol8.config.json", r#"{"maxConcurrent": 3}"#);
    let shown = user.isol8(&["config", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(json["maxConcurrent"], 3);
    assert_eq!(json["defaults"]["memoryLimit"], "512m");
}

#[test]
fn no_home_directory_is_no_error() {
    let user = User::new();
    let shown = user
        .command(&["config"])
        .env_remove("HOME")
        .output()
        .unwrap();
    assert!(shown.status.success());
}
