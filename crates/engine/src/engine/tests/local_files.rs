//! Files of this machine.

use std::sync::Arc;

use isol8_api::request::ExecutionRequest;
use isol8_fakes::{Exchange, done, exited, failed};
use isol8_protocol::{ErrorKind, MAX_INLINE_BYTES};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Bench, bash, program};
use crate::submission::{LocalFile, LocalFolder, Submission};

fn opened(folder: &tempfile::TempDir) -> Arc<LocalFolder> {
    Arc::new(LocalFolder::open(folder.path().to_owned()).unwrap())
}

/// A request with a folder that has a small file, a large one, and one more.
fn submission(folder: &tempfile::TempDir, more: &Value) -> Submission {
    let mut request = json!({"runtime": "bash", "code": "x"});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let files = [("a", 1), ("b/large", MAX_INLINE_BYTES), ("c", 1)];
    let local_files = files.into_iter().map(|(name, length)| {
        let source = folder.path().join(name);
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(&source, vec![b'x'; length]).unwrap();
        LocalFile {
            path: name.to_owned(),
            folder: opened(folder),
            source: name.into(),
            bytes: length as u64,
        }
    });
    Submission {
        request: serde_json::from_value::<ExecutionRequest>(request).unwrap(),
        local_files: local_files.collect(),
        ..Submission::default()
    }
}

async fn run(bench: &Bench, submission: Submission) -> Result<i32, String> {
    let result = bench.engine.execute(submission, CancellationToken::new());
    let result = result.await.map_err(|error| error.to_string())?;
    Ok(result.exit_code)
}

#[tokio::test]
async fn small_ones_go_together_and_large_ones_alone_before_those_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let script = vec![
        Exchange::new("write /sandbox/b/large", [done()]),
        Exchange::new("write /sandbox/a /sandbox/c", [done()]),
        Exchange::new(
            "exec bash /sandbox/main.sh +/sandbox/in +/sandbox/main.sh",
            [exited(0)],
        ),
    ];
    let bench = Bench::new(&json!({}), [bash(script)], []);
    let files = json!({"files": {"in": "y"}});
    assert_eq!(run(&bench, submission(&folder, &files)).await, Ok(0));
    assert_eq!(bench.finish().await, ["box-1"]);
}

#[tokio::test]
async fn one_that_has_gone_and_one_that_has_no_room_are_errors_that_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let full = [Exchange::new(
        "write /sandbox/b/large",
        [failed(ErrorKind::NoSpace, "/sandbox/b/large")],
    )];
    let starts = [bash(Vec::new()), bash(full.into())];
    let bench = Bench::new(&json!({}), starts, []);
    let gone = submission(&folder, &json!({}));
    let source = folder.path().join("a");
    std::fs::remove_file(&source).unwrap();
    let error = run(&bench, gone).await.unwrap_err();
    let expected = format!("Cannot read {}: No such file", source.display());
    assert!(error.starts_with(&expected), "{error}");
    let expected = "Failed to write file /sandbox/b/large in container (exit code 1): refused. Raise sandboxSize, tmpSize \
                    or memoryLimit, or remove files.";
    assert_eq!(
        run(&bench, submission(&folder, &json!({}))).await,
        Err(expected.to_owned())
    );
    assert_eq!(bench.finish().await, ["box-1", "box-2"]);
}

#[tokio::test]
async fn they_count_as_files_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    for (limits, message) in [
        (
            json!({"files": {"maxCount": 3}}),
            "The request has 4 entries in files; requestLimits.files.maxCount allows 3.",
        ),
        (
            json!({"files": {"maxBytes": 9}}),
            "The request has 262157 bytes in files; requestLimits.files.maxBytes allows 9.",
        ),
        (
            json!({"files": {"allowed": false}}),
            "Requests must not have files: requestLimits.files.allowed is false.",
        ),
    ] {
        let bench = Bench::new(&json!({"requestLimits": limits}), [], []);
        let files = submission(&folder, &json!({"files": {"d": "y"}}));
        assert_eq!(run(&bench, files).await, Err(message.to_owned()));
        bench.finish().await;
    }
    let script = vec![
        Exchange::new("write /sandbox/b/large", [done()]),
        Exchange::new("write /sandbox/a /sandbox/c", [done()]),
        program([exited(0)]),
    ];
    let limits = json!({"requestLimits": {"files": {"maxCount": 3}}});
    let bench = Bench::new(&limits, [bash(script)], []);
    assert_eq!(run(&bench, submission(&folder, &json!({}))).await, Ok(0));
    bench.finish().await;
}

#[tokio::test]
async fn a_guest_that_does_not_wait_for_the_end_of_a_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let early = Exchange::new("write /sandbox/large", [done(), done()]);
    let bench = Bench::new(&json!({}), [bash(vec![early])], []);
    let mut only = submission(&folder, &json!({}));
    let source = folder.path().join("large");
    let bytes = 64 << 20;
    std::fs::File::create(&source)
        .unwrap()
        .set_len(bytes)
        .unwrap();
    only.local_files = vec![LocalFile {
        path: "large".to_owned(),
        folder: opened(&folder),
        source: "large".into(),
        bytes,
    }];
    let error = run(&bench, only).await.unwrap_err();
    let expected = "The sandbox does not answer as it should: it took a file for written";
    assert!(error.starts_with(expected), "{error}");
    bench.finish().await;
}
