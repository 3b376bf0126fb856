//! The example commands of the readme of 0.20, as they stand there. Those for other hosts are in `network`.

use serde_json::{Value, json};

use crate::{common::User, daemon::Daemon, served::Served};

#[test]
fn examples_that_run_a_program() {
    let user = User::new();
    user.write("script.py", "print('script')");
    for (line, stdout) in [
        (
            r#"isol8 run -e "print('hello isol8')" --runtime python"#,
            "hello isol8\n",
        ),
        ("isol8 run script.py", "script\n"),
        (
            r#"echo "console.log(42)" | isol8 run --runtime node"#,
            "42\n",
        ),
        (r#"isol8 run -e "print(1+1)" --runtime python"#, "2\n"),
        (r#"echo "Bun.version" | isol8 run --runtime bun"#, ""),
        // New: the usual name of standard input.
        (r#"echo "print(3)" | isol8 run -"#, "3\n"),
    ] {
        let ended = user.shell(line, &[]);
        assert_eq!(
            (ended.code, &*ended.stdout, &*ended.stderr),
            (Some(0), stdout, ""),
            "{line}"
        );
    }
}

#[test]
fn an_example_that_installs_a_package() {
    let line =
        r#"isol8 run -e "import numpy; print(numpy.__version__)" --install numpy --runtime python"#;
    let ended = User::new().shell(line, &[]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    let version: Vec<_> = ended.stdout.trim_end().split('.').collect();
    assert_eq!(version.len(), 3, "{ended:?}");
}

#[test]
fn examples_that_build_images() {
    let (daemon, user) = (Daemon::start(), User::new());
    let address = daemon.address();
    for (line, parts) in [
        (
            "isol8 setup",
            &["[DONE] Setup complete!", "isol8:agent"][..],
        ),
        (
            "isol8 setup --python numpy,pandas,scipy",
            &["isol8:python-custom  2 MB"],
        ),
        (
            "isol8 setup --node lodash,axios",
            &["isol8:node-custom  2 MB"],
        ),
        (
            "isol8 build --base python --install numpy --install pandas",
            &[
                "[DONE] Custom image build complete!",
                "Packages: numpy, pandas\n",
                "Image:    isol8:python-custom-",
            ],
        ),
        (
            "isol8 build --base python --install numpy,pandas,torch --tag my-registry/ml-image:latest",
            &[
                "Packages: numpy, pandas, torch\n",
                "Image:    my-registry/ml-image:latest",
            ],
        ),
        (
            r#"isol8 build --base python --setup "mkdir -p /sandbox/data && echo 'ready' > /sandbox/data/.init""#,
            &["Setup:    mkdir -p /sandbox/data && echo 'ready' > /sandbox/data/.init"],
        ),
    ] {
        let ended = user.shell(line, &[("DOCKER_HOST", &address)]);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        for part in parts {
            assert!(
                ended.stdout.contains(part),
                "{line}: {part} in {}",
                ended.stdout
            );
        }
        assert!(
            ended
                .stderr
                .lines()
                .all(|line| line.starts_with("[OK] ") || line.starts_with("[INFO] ")),
            "{ended:?}"
        );
    }
}

#[test]
fn examples_that_clean_up() {
    for (line, removed) in [
        ("echo y | isol8 cleanup", &["Removed 1 container(s)\n"][..]),
        ("isol8 cleanup --force", &["Removed 1 container(s)\n"]),
        (
            "isol8 cleanup --images --force",
            &["Removed 1 container(s)\n", "Removed 1 image(s)\n"],
        ),
    ] {
        let (daemon, user) = (Daemon::start(), User::new());
        daemon.container(json!({
            "Id": "0123456789abcdef", "Image": "isol8:python", "State": "exited", "Created": 1000,
            "Labels": { "isol8.managed": "true" },
        }));
        daemon.image("isol8:python", json!({ "org.isol8.runtime": "python" }));
        let ended = user.shell(line, &[("DOCKER_HOST", &daemon.address())]);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{line}");
        for part in removed {
            assert!(
                ended.stdout.contains(part),
                "{line}: {part} in {}",
                ended.stdout
            );
        }
    }
}

#[test]
fn examples_that_show_the_configuration() {
    let user = User::new();
    let shown = user.shell("isol8 config", &[]);
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""));
    for part in [
        "Isol8 Configuration",
        "Source: defaults (no config file found)",
    ] {
        shown.shows(part);
    }
    let json = user.shell("isol8 config --json", &[]);
    assert_eq!((json.code, &*json.stderr), (Some(0), ""));
    let config: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(config["maxConcurrent"], 10);
    // The one that fetches code says why it does not.
    let line = "isol8 run --url https://raw.githubusercontent.com/user/repo/main/script.py --runtime python";
    let disabled =
        "[ERR] Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.";
    user.shell(line, &[]).failed(disabled);
    let hash = "0".repeat(64);
    let line =
        format!("isol8 run --github user/repo/main/script.py --hash {hash} --runtime python");
    user.shell(&line, &[]).failed(disabled);
}

#[test]
fn examples_that_serve_and_use_a_server() {
    let user = User::new();
    user.write("script.py", "print('script')");
    // Where port 3000 is taken, it is another one, and standard error has a warning.
    for words in [
        &["--port", "3000", "--key", "my-api-key"][..],
        &["--update"],
    ] {
        let server = Served::start_with(&user, words, &[("ISOL8_API_KEY", "my-api-key")]);
        let line = format!(
            "isol8 run script.py --host {} --key my-api-key",
            server.host()
        );
        user.shell(&line, &[]).is(0, "script\n", "");
        let ended = server.end();
        let told: Vec<_> = ended.stderr.lines().collect();
        let known = [
            "[WARN] Port 3000 is in use.",
            "[INFO] The server is part of this program",
            "[Serve] ",
        ];
        let unknown = told
            .iter()
            .find(|line| !known.iter().any(|known| line.starts_with(known)));
        assert_eq!((ended.code, unknown), (Some(0), None));
    }
}
