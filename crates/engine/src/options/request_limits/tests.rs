//! The presets, their changes, and their table in the documents.

use std::fmt::Write as _;

use super::*;

/// Where the preset is documented.
const PAGE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/design/request-limits.md"
));

fn resolve(json: &str) -> Result<RequestLimits, String> {
    let raw: RawRequestLimits = serde_json::from_str(json).unwrap();
    RequestLimits::try_from(raw).map_err(|error| error.to_string())
}

#[test]
fn the_default_limits_nothing() {
    let limits = resolve(r#""default""#).unwrap();
    assert_eq!(limits, RequestLimits::default());
    assert_eq!((limits.timeout, limits.waiting_bytes), (None, None));
    for row in limits.rows() {
        assert!(row.allowed && row.max_count.is_none() && row.max_bytes.is_none());
    }
}

#[test]
fn a_table_changes_what_it_names_in_its_preset() {
    let limits = resolve(
        r#"{"preset": "strict", "timeoutMs": 1500, "maxWaitingBytes": 7, "installPackages": {"allowed": true},
            "files": {"maxCount": 3}, "code": {"maxBytes": 0}, "stdin": null, "env": {}}"#,
    )
    .unwrap();
    assert_eq!(limits.timeout, Some(Duration::from_millis(1500)));
    assert_eq!(limits.waiting_bytes, Some(7));
    let files = limits.of("files").unwrap();
    assert_eq!(
        (files.max_count, files.max_bytes),
        (Some(3), Some(16 * MIB))
    );
    assert_eq!(limits.of("code").unwrap().max_bytes, Some(0));
    assert!(limits.of("installPackages").unwrap().allowed);
    for same in ["stdin", "env", "cmd", "setupScript"] {
        assert_eq!(limits.of(same), STRICT.of(same));
    }
    let open = resolve(r#"{"env": {"allowed": false}}"#).unwrap();
    assert!(!open.of("env").unwrap().allowed);
    assert_eq!(open.of("files"), RequestLimits::default().of("files"));
}

#[test]
fn every_change_reaches_its_row() {
    for row in STRICT.rows() {
        let field = row.names.field;
        if ["runtime", "codeHash", "outputEncoding"].contains(&field) {
            continue;
        }
        let limits = resolve(&format!(r#"{{"{field}": {{"allowed": false}}}}"#)).unwrap();
        let refused = limits.rows().filter(|row| !row.allowed);
        let refused: Vec<_> = refused.map(|row| row.names.field).collect();
        assert_eq!(refused, [field]);
    }
}

#[test]
fn a_wrong_number_is_refused_by_its_name() {
    for (json, message) in [
        (
            r#"{"files": {"maxCount": -1}}"#,
            "Invalid requestLimits.files.maxCount: -1. It must be a whole number.",
        ),
        (
            r#"{"code": {"maxBytes": 1.5}}"#,
            "Invalid requestLimits.code.maxBytes: 1.5. It must be a whole number.",
        ),
        (
            r#"{"maxWaitingBytes": 0.5}"#,
            "Invalid requestLimits.maxWaitingBytes: 0.5. It must be a whole number.",
        ),
        (
            r#"{"timeoutMs": 0}"#,
            "Invalid requestLimits.timeoutMs: 0. It must be a finite number above 0.",
        ),
    ] {
        assert_eq!(resolve(json).unwrap_err(), message);
    }
}

/// The table has no gaps, and the page says what the code does.
#[test]
fn the_page_has_the_row_of_every_field() {
    let size = |limit: Option<u64>| match limit {
        None => "–".to_owned(),
        Some(bytes) if bytes >= MIB => format!("{} MiB", bytes / MIB),
        Some(bytes) if bytes >= KIB => format!("{} KiB", bytes / KIB),
        Some(bytes) => format!("{bytes} bytes"),
    };
    let mut missing = String::new();
    for row in STRICT.rows() {
        let count = row
            .max_count
            .map_or("–".to_owned(), |count| count.to_string());
        let line = format!(
            "| `{}` | {} | {count} | {} |",
            row.names.field,
            if row.allowed { "yes" } else { "no" },
            size(row.max_bytes)
        );
        if !PAGE.contains(&line) {
            writeln!(missing, "{line}").unwrap();
        }
    }
    let timeout = STRICT.timeout.unwrap().as_secs();
    let line = format!("| `timeoutMs` | yes | – | {timeout} s |");
    let waiting = format!("`maxWaitingBytes` is {}", size(STRICT.waiting_bytes));
    assert!(
        missing.is_empty() && PAGE.contains(&line) && PAGE.contains(&waiting),
        "{missing}{line}, {waiting}"
    );
}
