//! A sandbox whose memory is full.

use isol8_protocol::{
    AfterExit, ErrorKind, ExecRequest, ExitReport, ExitStatus, InlineFile, Reply,
};

use crate::{
    common::{Sandbox, failure, sh},
    memory_group::MemoryGroup,
};

const MIB: u64 = 1024 * 1024;

/// Limits of memory, far below the sizes of the file systems together.
const LIMITS: [u64; 2] = [24 * MIB, 48 * MIB];

/// The size of each file system.
const FILES: &str = "100m";

/// Fills both places until nothing more fits.
const FILL: &str = "head -c 200M /dev/zero >/sandbox/a; head -c 200M /dev/zero >/tmp/b";

fn kept(script: &str) -> ExecRequest {
    ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(script)
    }
}

fn ran_out_of_memory(report: &ExitReport) -> bool {
    // The shell, or its last child.
    report.out_of_memory && [ExitStatus::Signal(9), ExitStatus::Code(137)].contains(&report.status)
}

#[tokio::test]
async fn a_program_that_fills_memory_with_files_is_killed_and_the_guest_is_not() {
    for limit in LIMITS {
        let group = MemoryGroup::new(limit);
        let sandbox = Sandbox::start_in(&group, FILES).await;
        for _ in 0..5 {
            let report = sandbox.exec(sh(FILL)).await.report();
            assert!(ran_out_of_memory(&report), "{report:?}");
            assert!(report.peak_memory_bytes > limit * 3 / 4, "{report:?}");
            assert!(sandbox.must_reset().await.entries >= 1);
            assert_eq!(sandbox.sh("ls /sandbox /tmp | wc -l").await, "3\n");
        }
    }
}

#[tokio::test]
async fn many_directories_that_fill_memory_are_removed() {
    let group = MemoryGroup::new(48 * MIB);
    let sandbox = Sandbox::start_in(&group, FILES).await;
    let fill = "for i in $(seq 100); do mkdir -p d$i/e; head -c 1M /dev/zero >d$i/e/f; done";
    for _ in 0..3 {
        let report = sandbox.exec(sh(fill)).await.report();
        assert!(ran_out_of_memory(&report), "{report:?}");
        assert!(sandbox.must_reset().await.entries >= 90);
    }
}

#[tokio::test]
async fn files_can_be_moved_and_removed_when_a_session_has_filled_memory() {
    for limit in LIMITS {
        let group = MemoryGroup::new(limit);
        let sandbox = Sandbox::start_in(&group, FILES).await;
        for _ in 0..5 {
            let report = sandbox.exec(kept(FILL)).await.report();
            assert!(ran_out_of_memory(&report), "{report:?}");
            let removed = sandbox.exec(kept("rm -f /tmp/b; echo $((40 + 2))")).await;
            assert_eq!(removed.stdout(), "42\n", "{removed:?}");
            assert!(!removed.report().out_of_memory, "that was the run before");
            assert!(sandbox.read("/sandbox/a").await.unwrap().len() > 1000);
            let replaced = sandbox.write("/sandbox/a", b"small").await;
            assert_eq!(replaced, Reply::Done);
            assert_eq!(sandbox.exec(kept("cat a")).await.stdout(), "small");
        }
    }
}

#[tokio::test]
async fn a_session_that_is_filled_again_and_again_is_emptied_through_its_files() {
    let group = MemoryGroup::new(24 * MIB);
    let sandbox = Sandbox::start_in(&group, FILES).await;
    for _ in 0..5 {
        let mut refused = false;
        for round in 0..20 {
            let done = sandbox
                .exec(kept(&format!("cat /dev/zero >f{round}")))
                .await;
            if let Some(Reply::Exited(report)) = done.end {
                assert!(ran_out_of_memory(&report), "{report:?}");
            } else {
                assert_eq!(done.failure().0, ErrorKind::NoSpace, "{done:?}");
                refused = true;
            }
        }
        assert!(refused, "nothing is left, not even for a start");
        for round in 0..20 {
            let replaced = sandbox.write(&format!("/sandbox/f{round}"), b"").await;
            assert_eq!(replaced, Reply::Done, "{round}");
        }
        assert_eq!(sandbox.exec(kept("rm f*; echo $?")).await.stdout(), "0\n");
    }
}

#[tokio::test]
async fn a_file_beyond_memory_is_refused_and_nothing_is_killed_for_it() {
    let group = MemoryGroup::new(48 * MIB);
    let sandbox = Sandbox::start_in(&group, FILES).await;
    let service = sandbox
        .exec(kept("sleep 1000 >/dev/null 2>&1 & echo $!"))
        .await;
    let large = vec![7; usize::try_from(60 * MIB).unwrap()];
    let (kind, path, message) = failure(sandbox.write("/sandbox/large", &large).await);
    assert_eq!(
        (kind, path.as_str()),
        (ErrorKind::NoSpace, "/sandbox/large")
    );
    assert!(message.contains("memory"), "{message}");
    let alive = format!("kill -0 {} && ls -A /sandbox", service.stdout().trim());
    assert_eq!(
        sandbox.exec(kept(&alive)).await.stdout(),
        "",
        "and no part of it"
    );

    let fits = &large[..usize::try_from(32 * MIB).unwrap()];
    assert_eq!(sandbox.write("/sandbox/large", fits).await, Reply::Done);
    let inline = ExecRequest {
        files: vec![InlineFile {
            path: "/sandbox/other".to_owned(),
            data: vec![7; 900 * 1024],
        }],
        ..kept("true")
    };
    let mut kinds = Vec::new();
    for round in 0..20 {
        let mut inline = inline.clone();
        inline.files[0].path = format!("/sandbox/{round}");
        match sandbox.exec(inline).await.end.unwrap() {
            Reply::Failed { kind, .. } => kinds.push(kind),
            // The kernel may have freed memory since a refusal. Then the whole program runs.
            Reply::Exited(report) => assert_eq!(report.status, ExitStatus::Code(0), "{report:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(kinds.contains(&ErrorKind::NoSpace), "{kinds:?}");
}

#[tokio::test]
async fn a_program_is_killed_before_the_guest_whatever_it_does() {
    let sandbox = Sandbox::start().await;
    let score = "cat /proc/1/oom_score_adj /proc/self/oom_score_adj";
    let scores = sandbox.sh(score).await;
    if scores == "0\n1000\n" {
        isol8_testing::not_run(
            "no process here may have CAP_SYS_RESOURCE, which sets the guest's value",
        );
        return;
    }
    assert_eq!(scores, "-1000\n1000\n");
    let lower = "for value in 999 0 -1000; do echo $value >/proc/self/oom_score_adj; done 2>&1
        cat /proc/self/oom_score_adj";
    let told = sandbox.sh(lower).await;
    assert!(told.ends_with("1000\n"), "{told}");
}
