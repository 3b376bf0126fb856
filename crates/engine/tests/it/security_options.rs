//! Options that change the containment of a sandbox.

use crate::common::*;

use std::io::Write as _;

/// Prints the seccomp mode of this process, and whether a system call succeeds that the strict profile refuses.
const PROBE: &str = "import ctypes
libc = ctypes.CDLL(None, use_errno=True)
mode = [line.split()[1] for line in open('/proc/self/status') if line.startswith('Seccomp:')][0]
result = libc.personality(0x0040000)
print(mode, 'refused' if result == -1 else 'allowed')";

#[tokio::test(flavor = "multi_thread")]
async fn seccomp_strict_unconfined_and_custom() {
    let mut profile = tempfile::NamedTempFile::new().unwrap();
    let custom = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 }],
    });
    write!(profile, "{custom}").unwrap();
    let path = profile.path().to_str().unwrap();
    for (security, code, printed) in [
        (json!({}), PROBE, "2 refused"),
        (json!({ "seccomp": "unconfined" }), PROBE, "0 allowed"),
        (
            json!({ "seccomp": "custom", "customProfilePath": path }),
            PROBE,
            "2 allowed",
        ),
        (
            json!({ "seccomp": "custom", "customProfilePath": path }),
            "import os
try: os.mkdir('/tmp/x')
except PermissionError: print('no folders')",
            "no folders",
        ),
    ] {
        let engine = engine(json!({ "security": security }));
        let request = json!({ "runtime": "python", "code": code });
        // Twice, because a reused sandbox must be the same.
        for _ in 0..2 {
            assert_eq!(
                stdout(&engine, request.clone()).await,
                printed,
                "{security}"
            );
        }
        engine.stop().await;
    }
}

/// Makes an IPv6 flow label that outlives its socket. Tries it also with a level that differs only in bits that the
/// kernel ignores. Lists all flow labels.
const FLOW_LABEL: &str = "import ctypes, os, socket, struct
label = socket.inet_pton(socket.AF_INET6, '2001:db8::1') + struct.pack('!I', 7) + struct.pack('=BBHHHI', 0, 255, 1, 0, 150, 0)
number = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach()
libc = ctypes.CDLL(None, use_errno=True)
setsockopt = 54 if os.uname().machine == 'x86_64' else 208
for level in (41, 41 | 1 << 32):
    print(libc.syscall(setsockopt, number, ctypes.c_long(level), 32, label, len(label)), ctypes.get_errno())
print(libc.syscall(setsockopt, number, 41, 26, struct.pack('=i', 1), 4))
print(len(open('/proc/net/ip6_flowlabel').readlines()))";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_leaves_no_flow_labels_to_the_next() {
    let engine = engine(json!({}));
    for _ in 0..2 {
        let request = json!({ "runtime": "python", "code": FLOW_LABEL });
        assert_eq!(stdout(&engine, request).await, "-1 1\n-1 1\n0\n1");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_for_an_unusable_custom_profile_names_it() {
    let mut broken = tempfile::NamedTempFile::new().unwrap();
    write!(broken, "not json").unwrap();
    let broken = broken.path().to_str().unwrap();
    for path in ["/nowhere/profile.json", broken] {
        let security = json!({ "seccomp": "custom", "customProfilePath": path });
        let engine = engine(json!({ "security": security }));
        let error = failure(&engine, json!({ "runtime": "bash", "code": "true" })).await;
        let start = format!("Failed to load custom seccomp profile at {path}: ");
        assert!(error.starts_with(&start), "{error}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_for_an_unknown_oci_runtime_names_it() {
    let engine = engine(json!({ "security": { "runtime": "isol8-no-such-runtime" } }));
    let error = failure(&engine, json!({ "runtime": "bash", "code": "true" })).await;
    assert!(error.contains("isol8-no-such-runtime"), "{error}");
    assert!(error.contains("security.runtime"), "{error}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_oci_runtime_can_be_named() {
    let engine = engine(json!({ "security": { "runtime": "runc" } }));
    let request = json!({ "runtime": "bash", "code": "echo ran" });
    assert_eq!(stdout(&engine, request).await, "ran");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writable_root_works_in_both_modes_and_is_never_reused() {
    // A place outside /sandbox and /tmp that uid 100 may write to, with a writable root.
    let code = "d=/var/tmp; [ -e $d/mark ] && echo found; touch $d/mark && echo written";
    let request = json!({ "runtime": "bash", "code": code });
    let ephemeral = engine(json!({ "readonlyRootFs": false }));
    for _ in 0..3 {
        assert_eq!(stdout(&ephemeral, request.clone()).await, "written");
    }
    ephemeral.stop().await;
    let persistent = engine(json!({ "readonlyRootFs": false, "mode": "persistent" }));
    assert_eq!(stdout(&persistent, request.clone()).await, "written");
    assert_eq!(stdout(&persistent, request.clone()).await, "found\nwritten");
    persistent.stop().await;
    let strict = engine(json!({}));
    assert_ne!(run(&strict, request).await.unwrap().exit_code, 0);
    strict.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_persisted_sandboxes_stay() {
    let client = client();
    let docker = client.docker().await.unwrap();
    for (mode, persist) in [
        ("ephemeral", true),
        ("ephemeral", false),
        ("persistent", true),
        ("persistent", false),
    ] {
        let engine = engine(json!({ "mode": mode, "persist": persist }));
        let request = json!({ "runtime": "bash", "code": "echo kept > /sandbox/file" });
        let id = run(&engine, request).await.unwrap().container_id.unwrap();
        engine.stop().await;
        let found = docker.inspect_container(&id, None).await;
        let running = found.is_ok_and(|found| {
            found
                .state
                .and_then(|state| state.running)
                .unwrap_or_default()
        });
        assert_eq!(running, persist, "{mode}");
        if persist {
            let options = bollard::query_parameters::RemoveContainerOptions {
                force: true,
                ..Default::default()
            };
            docker.remove_container(&id, Some(options)).await.unwrap();
        }
    }
}
