//! `setup`, `build` and `list-custom`, on a daemon that only pretends to build.

use serde_json::{Value, json};

use crate::{
    common::{Ended, User},
    daemon::Daemon,
};

fn isol8(daemon: &Daemon, user: &User, words: &[&str]) -> Ended {
    let mut command = user.command(words);
    command
        .env("DOCKER_HOST", daemon.address())
        .output()
        .unwrap()
        .into()
}

#[test]
fn without_docker_setup_prints_what_to_do() {
    let user = User::new();
    let output = user
        .command(&["setup", "--backend", "docker"])
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .unwrap();
    let ended = Ended::from(output);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    let expected = "[ERR] Docker is not running or not installed.\n      Install Docker: \
        https://docs.docker.com/get-docker/\n      On macOS: open -a Docker\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

#[test]
fn setup_builds_what_is_missing_and_leaves_alone_what_is_current() {
    let (daemon, user) = (Daemon::start(), User::new());
    daemon.build(
        "isol8:node",
        &["Step 1/2 : FROM base", "noise", "Step 2/2 : RUN one"],
        false,
    );
    user.write(
        "isol8.config.json",
        r#"{"dependencies": {"bash": ["jq"]}, "prebuiltImages": [
            {"tag": "mine:1", "runtime": "node", "installPackages": ["left-pad"]}]}"#,
    );
    let words = ["setup", "--only", "node", "bash", "--bash", "build-base"];
    let ended = isol8(&daemon, &user, &words);
    let done = "[DONE] Setup complete!\n       isol8:node         2 MB\n       isol8:bash         2 MB\n       \
        mine:1             2 MB\n       isol8:bash-custom  2 MB\n";
    assert_eq!((ended.code, &*ended.stdout), (Some(0), done));
    for line in [
        "[OK] Docker is running",
        "[INFO] node: Step 2/2 : RUN one",
        "[OK] mine:1 (node: left-pad)",
        "[OK] isol8:bash-custom (bash: jq, build-essential)",
    ] {
        assert!(
            ended.stderr.lines().any(|told| told == line),
            "{line} in {}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("noise"));
    assert_eq!(daemon.changes(), vec!["POST /build"; 4]);

    let again = isol8(&daemon, &user, &words);
    assert_eq!(
        again.stderr,
        "[OK] Docker is running\n[OK] node: Up to date\n[OK] bash: Up to date\n\
         [OK] mine:1 (already exists)\n[OK] isol8:bash-custom (already exists)\n"
    );
    assert_eq!(daemon.changes().len(), 4, "nothing was built");
    let quiet = isol8(&daemon, &user, &[&words[..], &["--quiet"]].concat());
    quiet.is(0, done, "");

    daemon.image("isol8:bash-custom", json!({}));
    let listed = isol8(&daemon, &user, &[&words[..], &["--json"]].concat()).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let image = |tag: &str, built: bool| json!({ "tag": tag, "built": built, "size": 2_000_000 });
    assert_eq!(
        listed,
        json!([
            image("isol8:node", false),
            image("isol8:bash", false),
            image("mine:1", false),
            image("isol8:bash-custom", true)
        ])
    );
}

#[test]
fn a_failed_build_shows_its_last_lines_and_what_to_do() {
    let (daemon, user) = (Daemon::start(), User::new());
    daemon.build(
        "isol8:python",
        &[
            "Step 1/3 : FROM base",
            "early",
            "Step 2/3 : RUN pip",
            "no such thing",
        ],
        true,
    );
    let ended = isol8(&daemon, &user, &["setup", "--only", "python"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    for part in [
        "[ERR] Failed to build image for python: ",
        "\n--- build log ---\nStep 2/3 : RUN pip\nno such thing\n-----------------\n",
        "run the same command again",
    ] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("early"));
}

#[test]
fn build_names_what_it_has_built() {
    let (daemon, user) = (Daemon::start(), User::new());
    user.write("prepare.sh", "echo 1\necho 2");
    let words = [
        "build",
        "--base",
        "python",
        "--install",
        "numpy",
        "--install",
        "pandas,six",
        "--setup",
        "prepare.sh",
        "--tag",
        "mine:latest",
    ];
    let ended = isol8(&daemon, &user, &words);
    let done = "[DONE] Custom image build complete!\n       Runtime:  python\n       Packages: numpy, pandas, six\n       \
        Setup:    echo 1 ...\n       Image:    mine:latest  2 MB\n";
    assert_eq!((ended.code, &*ended.stdout), (Some(0), done));
    assert!(
        ended.stderr.contains("[OK] Base image ready: python\n"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.ends_with("[OK] Built image: mine:latest\n"),
        "{}",
        ended.stderr
    );
    // The name of an image that nobody named.
    let ended = isol8(&daemon, &user, &words[..5]);
    ended.shows("       Image:    isol8:python-custom-");
}

#[test]
fn build_refuses_what_makes_no_image() {
    let (daemon, user) = (Daemon::start(), User::new());
    for (words, stderr) in [
        (
            &["build", "--base", "python"][..],
            "[ERR] No packages or setup script specified. Use --install <package> or --setup <command>.",
        ),
        (
            &["build", "--base", "ruby", "--install", "a"],
            "[ERR] Invalid runtime: ruby. Expected one of: python, node, bun, deno, bash, agent",
        ),
        (
            &["build", "--install", "a"],
            "error: required option '--base <runtime>' not specified",
        ),
        (
            &["setup", "--only", "ruby"],
            "[ERR] Unknown runtime(s): ruby. Valid: python, node, bun, deno, bash, agent",
        ),
    ] {
        isol8(&daemon, &user, words).failed(stderr);
    }
    assert_eq!(daemon.changes(), Vec::<String>::new());
}

#[test]
fn custom_images_are_listed() {
    let (daemon, user) = (Daemon::start(), User::new());
    isol8(&daemon, &user, &["list-custom"]).is(0, "No custom isol8 images found.\n", "");
    daemon.image(
        "mine:1",
        json!({ "org.isol8.deps.hash": "1", "org.isol8.runtime": "python", "org.isol8.dependencies": "a,b" }),
    );
    isol8(&daemon, &user, &["list-custom"]).is(
        0,
        "  ── Available Custom Images ──\n\n  📦 mine:1\n     Runtime:      python\n     Dependencies: a,b\n",
        "",
    );
    let listed = isol8(&daemon, &user, &["list-custom", "--json"]).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["dependencies"], json!(["a", "b"]));
}
