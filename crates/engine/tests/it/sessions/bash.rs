//! The state that a Bash program leaves for the next one.

use super::support::Session;

#[tokio::test(flavor = "multi_thread")]
async fn bash_keeps_what_a_program_leaves() {
    let session = Session::new("bash");
    session
        .says("x=42; f() { echo f$1$x; }; declare -A m=([a]=1); mkdir d; cd d")
        .await;
    assert_eq!(
        session.says("echo $x ${m[a]} $PWD; f 1").await,
        "42 1 /sandbox/d\nf142"
    );
    session
        .says("shopt -s expand_aliases; alias hi='echo aliased'")
        .await;
    assert_eq!(session.says("hi").await, "aliased");
    assert_eq!(
        session.says("echo $0 ${BASH_SOURCE[0]}").await,
        "/sandbox/main.sh /sandbox/main.sh"
    );
    assert_eq!(session.run("false").await.exit_code, 1);
    let missing = session.run("nosuchcommand").await;
    assert_eq!(missing.exit_code, 127);
    assert_eq!(
        missing.stderr,
        "/sandbox/main.sh: line 1: nosuchcommand: command not found"
    );
    let broken = session.run("if").await;
    assert_ne!(broken.exit_code, 0);
    assert!(
        broken.stderr.starts_with("/sandbox/main.sh: line "),
        "{broken:?}"
    );
    assert_eq!(
        session
            .says("set -u; shopt -s nullglob; IFS=:; echo $x")
            .await,
        "42"
    );
    assert_eq!(
        session
            .says("break 2>/dev/null; echo $x; ls /proc/self/fd")
            .await,
        "42\n0\n1\n2\n3"
    );
    let traced = session.run("set -x; echo 1").await;
    assert_eq!(
        (traced.stdout.as_str(), traced.stderr.as_str()),
        ("1", "+ echo 1")
    );
    let ended = session.run("set -e; false; echo never").await;
    assert_eq!((ended.exit_code, ended.stdout.as_str()), (1, ""));
    assert_eq!(session.says("echo ${x-fresh}").await, "fresh");
    session.engine.stop().await;
}
