//! The keyrings of local sandboxes: the keys of the host's session are not in them.

use std::process::{Command, Stdio};

use super::support::engine;
use crate::common::{json, run};

/// The test that runs with a key in the session keyring of its process.
const INSIDE: &str = "local::keys::with_a_key_of_the_host";

/// Names the key that the host has: its number.
const KEY: &str = "ISOL8_TEST_KEY";

/// The calls, for programs in Python.
const CALLS: &str = "
import ctypes, errno, os, platform, sys
libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, REQUEST_KEY, KEYCTL = {'x86_64': (248, 249, 250), 'aarch64': (217, 218, 219)}[platform.machine()]
NEW, SESSION, JOIN, DESCRIBE, SEARCH, READ = 0, -3, 1, 6, 10, 11
def call(*arguments):
    done = libc.syscall(*arguments)
    return done if done >= 0 else errno.errorcode[ctypes.get_errno()]
";

/// Starts the program of its arguments with a key in a new session keyring.
const WITH_KEY: &str = "
joined = call(KEYCTL, JOIN, b'isol8-test')
if not isinstance(joined, int): sys.exit(77)
os.environ['ISOL8_TEST_KEY'] = str(call(ADD_KEY, b'user', b'isol8-test', b'secret', 6, SESSION))
os.execv(sys.argv[1], sys.argv[1:])";

/// Looks for that key in each way.
const LOOK: &str = "
number = int(os.environ['ISOL8_TEST_KEY'])
room = ctypes.create_string_buffer(100)
print(*[isinstance(found, int) for found in (
    call(KEYCTL, SEARCH, SESSION, b'user', b'isol8-test', 0),
    call(REQUEST_KEY, b'user', b'isol8-test', None, 0),
    call(KEYCTL, DESCRIBE, number, room, 100),
    call(KEYCTL, READ, number, room, 100),
    call(KEYCTL, NEW, SESSION, 0))])";

#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn with_a_key_of_the_host() {
    let look = format!("{CALLS}{LOOK}");
    let host = Command::new("python3")
        .args(["-c", &look])
        .output()
        .unwrap();
    assert_eq!(host.stdout, b"True True True True True\n", "{host:?}");
    // The list of system calls would refuse them all.
    let engine = engine(json!({"security": {"seccomp": "unconfined"}}));
    let key = std::env::var(KEY).unwrap();
    let program = json!({"runtime": "python", "code": look, "env": {KEY: key}});
    let result = run(&engine, program).await.unwrap();
    assert_eq!(result.stdout, "False False False False True", "{result:?}");
    engine.stop().await;
}

#[test]
fn keys_of_the_hosts_session_are_not_in_a_sandbox() {
    let start = format!("{CALLS}{WITH_KEY}");
    let output = Command::new("timeout")
        .args(["-s", "KILL", "60", "python3", "-c", &start])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", INSIDE, "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.code() == Some(77) {
        isol8_testing::not_run("this machine has no keyrings");
        return;
    }
    isol8_testing::assert_ran(&output, INSIDE);
}
