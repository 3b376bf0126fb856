//! The log as a whole: order, several writers, full queues, failures.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    time::SystemTime,
};

use isol8_api::{options::RawOptions, result::ExecutionResult};
use serde_json::{Value, json};

use super::*;
use crate::{
    audit::{LOG_FILE, RecordSource, RecordedRequest},
    options::{Options, Secrets},
};

fn options(audit: &Value) -> AuditOptions {
    let raw: RawOptions = serde_json::from_value(json!({"audit": audit})).unwrap();
    Options::try_from(raw).unwrap().audit
}

fn record(id: &str, text: &str) -> AuditRecord {
    let options = options(&json!({"includeCode": true}));
    let secrets = Secrets::default();
    let from = RecordSource {
        request: &RecordedRequest::new(&options, &secrets, BTreeMap::new(), text),
        result: &ExecutionResult {
            execution_id: id.to_owned(),
            ..Default::default()
        },
        security_events: &[],
        security_events_dropped: 0,
    };
    AuditRecord::new(&options, &secrets, from)
}

fn start(directory: &Path, audit: &Value) -> AuditLog {
    AuditLog::start_in(&options(audit), directory.to_owned(), 1).unwrap()
}

fn ids(directory: &Path) -> Vec<String> {
    let text = fs::read_to_string(directory.join(LOG_FILE)).unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| record["executionId"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_directory_is_the_configured_one_before_the_environment_s() {
    let (configured, variable) = (Some(Path::new("/a")), Some(OsString::from("/b")));
    assert_eq!(directory(configured, variable.clone()), Path::new("/a"));
    assert_eq!(directory(None, variable), Path::new("/b"));
    assert_eq!(
        directory(None, Some(OsString::new())),
        Path::new(".isol8_audit")
    );
    assert_eq!(directory(None, None), Path::new(".isol8_audit"));
}

#[tokio::test]
async fn a_recorded_line_is_in_the_file_and_private() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/audit");
    let log = start(&directory, &json!({}));
    assert!(!directory.exists());
    log.reserve()
        .await
        .unwrap()
        .record(record("a", "x"))
        .await
        .unwrap();
    assert_eq!(ids(&directory), ["a"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&directory), mode(&directory.join(LOG_FILE))),
        (0o700, 0o600)
    );
}

#[tokio::test]
async fn a_log_of_days_ago_is_set_aside_and_one_that_is_too_old_goes() {
    let directory = tempfile::tempdir().unwrap();
    let write = async |id| {
        let log = start(directory.path(), &json!({"retentionDays": 5}));
        let slot = log.reserve().await.unwrap();
        slot.record(record(id, "")).await.unwrap();
        log.flush().await;
    };
    let days = |count: u32| SystemTime::now() - count * Duration::from_hours(24);
    let logs = || {
        let names = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    write("a").await;
    let current = directory.path().join(LOG_FILE);
    let age = |count| {
        let file = File::options().append(true).open(&current);
        file.and_then(|file| file.set_modified(days(count)))
    };
    age(2).unwrap();
    write("b").await;
    assert_eq!(ids(directory.path()), ["b"]);
    assert_eq!(logs().len(), 2, "{:?}", logs());
    age(6).unwrap();
    write("c").await;
    assert_eq!(ids(directory.path()), ["c"]);
    assert_eq!(
        logs().len(),
        2,
        "what was written six days ago is gone: {:?}",
        logs()
    );
}

#[tokio::test]
async fn a_log_that_was_moved_away_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let log = start(directory.path(), &json!({}));
    log.reserve()
        .await
        .unwrap()
        .record(record("a", ""))
        .await
        .unwrap();
    fs::rename(
        directory.path().join(LOG_FILE),
        directory.path().join("old"),
    )
    .unwrap();
    log.reserve()
        .await
        .unwrap()
        .record(record("b", ""))
        .await
        .unwrap();
    assert_eq!(ids(directory.path()), ["b"]);
}

/// Two logs on one file are to each other what two processes are: each line has its own open file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_writers_never_mix_their_lines() {
    const EACH: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    let text = "x".repeat(50_000);
    let writers = ["a", "b"].map(|name| {
        let log = start(directory.path(), &json!({}));
        let text = text.clone();
        tokio::spawn(async move {
            for index in 0..EACH {
                let slot = log.reserve().await.unwrap();
                // Dropped at once: what is recorded is written all the same.
                let write = slot.record(record(&format!("{name}{index}"), &text));
                let _ = tokio::time::timeout(Duration::ZERO, write).await;
            }
            log.flush().await;
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let ids = ids(directory.path());
    for name in ["a", "b"] {
        let own: Vec<_> = ids
            .iter()
            .filter(|id| id.starts_with(name))
            .cloned()
            .collect();
        let expected: Vec<_> = (0..EACH).map(|index| format!("{name}{index}")).collect();
        assert_eq!(own, expected);
    }
    assert_eq!(ids.len(), 2 * EACH);
}

#[tokio::test]
async fn places_are_limited_and_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let log = start(directory.path(), &json!({}));
    let mut slots = Vec::new();
    for _ in 0..MIN_QUEUE {
        slots.push(log.reserve().await.unwrap());
    }
    let soon = Duration::from_millis(20);
    assert!(tokio::time::timeout(soon, log.reserve()).await.is_err());
    slots.pop().unwrap().record(record("a", "")).await.unwrap();
    slots.push(log.reserve().await.unwrap());
    drop(slots);
    log.reserve().await.unwrap();
    assert_eq!(ids(directory.path()), ["a"]);
}

#[tokio::test]
async fn nothing_begins_while_the_log_cannot_be_written() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("audit");
    fs::write(&directory, "in the way").unwrap();
    let log = start(&directory, &json!({}));
    let start = format!(
        "Failed to write the audit log {}: ",
        directory.join(LOG_FILE).display()
    );
    for _ in 0..2 {
        let error = log.reserve().await.unwrap_err().to_string();
        assert!(error.starts_with(&start), "{error}");
        assert!(error.contains("audit.logDir"), "{error}");
    }
    fs::remove_file(&directory).unwrap();
    let slot = log.reserve().await.unwrap();
    slot.record(record("a", "")).await.unwrap();
    assert_eq!(ids(&directory), ["a"]);
}

#[tokio::test]
async fn a_record_that_cannot_be_written_waits_and_holds_up_new_executions() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("audit");
    let log = start(&directory, &json!({}));
    let slots = [log.reserve().await.unwrap(), log.reserve().await.unwrap()];
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    for (slot, id) in slots.into_iter().zip(["a", "b"]) {
        slot.record(record(id, "")).await.unwrap_err();
    }
    log.reserve().await.unwrap_err();
    fs::remove_file(&directory).unwrap();
    let slot = log.reserve().await.unwrap();
    assert_eq!(ids(&directory), ["a", "b"]);
    slot.record(record("c", "")).await.unwrap();
    assert_eq!(ids(&directory), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_record_that_waits_is_tried_once_more_at_the_end() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("audit");
    let log = start(&directory, &json!({}));
    let slot = log.reserve().await.unwrap();
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    slot.record(record("a", "")).await.unwrap_err();
    fs::remove_file(&directory).unwrap();
    drop(log);
    for _ in 0..500 {
        if fs::read_to_string(directory.join(LOG_FILE)).is_ok_and(|text| text.ends_with('\n')) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ids(&directory), ["a"]);
}

#[tokio::test]
async fn old_files_go_and_the_script_runs() {
    let directory = tempfile::tempdir().unwrap();
    let old = directory.path().join("executions-1.log");
    let days = Duration::from_hours(24 * 2);
    File::create(&old)
        .unwrap()
        .set_modified(SystemTime::now() - days)
        .unwrap();
    let (script, out) = (
        directory.path().join("script.sh"),
        directory.path().join("out"),
    );
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$1\" >'{}'\n", out.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();

    let audit = json!({"retentionDays": 1, "postLogScript": script});
    let log = start(directory.path(), &audit);
    log.reserve()
        .await
        .unwrap()
        .record(record("a", ""))
        .await
        .unwrap();
    assert!(!old.exists());
    let expected = format!("{}\n", directory.path().join(LOG_FILE).display());
    for _ in 0..500 {
        if fs::read_to_string(&out).is_ok_and(|text| text == expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the script never wrote {expected:?}");
}
