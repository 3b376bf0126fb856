use super::*;

fn shown(json: &str, source: ConfigSource) -> String {
    let loaded = LoadedConfig {
        config: serde_json::from_str(json).unwrap(),
        source,
        warnings: Vec::new(),
    };
    let mut text = String::new();
    describe(&mut text, &loaded).unwrap();
    text
}

#[test]
fn every_section_is_shown() {
    let text = shown("{}", ConfigSource::Defaults);
    for line in [
        "Isol8 Configuration",
        "  Source: defaults (no config file found)",
        "  ── General ──",
        "  ── Defaults ──",
        "  Timeout:         30000ms",
        "  ── Network Filter ──",
        "  Whitelist:       (none)",
        "  ── Remote Code ──",
        "  ── Security ──",
        "  Seccomp:         strict",
        "  Own user:        false",
        "  ── Audit ──",
        "  Enabled:         false",
        "  Directory:       (the default)",
        "  Kept for:        90 days",
        "  ── Cleanup ──",
        "  Max idle time:   3600000ms (60min)",
        "  ── Pool Defaults (Serve) ──",
        "  Pool strategy:   fast",
        "  Pool size:       1,1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }
    assert!(!text.contains("Dependencies"));
}

#[test]
fn what_the_file_says_of_security_and_the_audit_log_is_shown() {
    let text = shown(
        r#"{"security": {"seccomp": "custom", "customProfilePath": "/p.json", "ownUser": true, "runtime": "runsc"},
            "audit": {"enabled": true, "destination": "stdout", "logDir": "/logs", "postLogScript": "/ship",
                "trackResources": false, "includeCode": true, "includeOutput": true, "retentionDays": 7}}"#,
        ConfigSource::Defaults,
    );
    for line in [
        "  Seccomp:         custom",
        "  Custom profile:  /p.json",
        "  Own user:        true",
        "  OCI runtime:     runsc",
        "  Enabled:         true",
        "  Destination:     stdout",
        "  Directory:       /logs",
        "  After a record:  /ship",
        "  Resources:       false",
        "  Code:            true",
        "  Output:          true",
        "  Kept for:        7 days",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }
}

#[test]
fn images_and_the_file_are_shown() {
    let text = shown(
        r#"{"dependencies": {"python": ["numpy", "pandas"]}, "poolSize": 3,
            "prebuiltImages": [{"tag": "mine:1", "runtime": "bun", "installPackages": ["a"]}]}"#,
        ConfigSource::File("/x/isol8.config.json".into()),
    );
    for line in [
        "  Source: /x/isol8.config.json",
        "  python:          numpy, pandas",
        "  mine:1:          bun: a",
        "  Pool size:       3,3",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }
}
