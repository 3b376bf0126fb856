use clap::Parser as _;
use isol8_api::options::NetworkMode;
use isol8_engine::options::{Mode, PoolSize};

use super::*;
use crate::args::{Cli, Command};

fn with(config: &str, words: &[&str]) -> Result<RunSettings, String> {
    let words = ["isol8", "run"].iter().chain(words);
    let Some(Command::Run(args)) = Cli::try_parse_from(words).unwrap().command else {
        panic!("not run");
    };
    let config: Config = serde_json::from_str(config).unwrap();
    RunSettings::resolve(*args, &config, false, Console::new(true))
        .map_err(|failure| failure.to_string())
}

fn run(words: &[&str]) -> RunSettings {
    with("{}", words).unwrap()
}

fn refused(words: &[&str]) -> String {
    with("{}", words).unwrap_err()
}

#[test]
fn the_source_decides_the_runtime_unless_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, "x").unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (python, node, text) = (file("a.py"), file("b.cjs"), file("c.unknown"));
    for (words, runtime, extension) in [
        (&["-e", "1"][..], "python", None),
        (&[], "python", None),
        (&["--cmd", "ls"], "bash", None),
        (&["--cmd", "ls", "-r", "node"], "node", None),
        (&["--url", "https://a.example/x.ts?y=1"], "bun", None),
        (&[&python], "python", Some(".py")),
        (&[&node], "node", Some(".cjs")),
        (&[&python, "-r", "node"], "node", Some(".py")),
        (&[&text, "-r", "bash"], "bash", Some(".unknown")),
    ] {
        let request = run(words).request;
        assert_eq!(request.runtime, runtime, "{words:?}");
        assert_eq!(request.file_extension.as_deref(), extension, "{words:?}");
    }
    assert_eq!(
        refused(&[&text]),
        format!("Cannot detect runtime for {text}. Use --runtime to specify.")
    );
    assert_eq!(refused(&["no/such.py"]), "File not found: no/such.py");
    assert_eq!(
        refused(&["--url", "https://a.example/x"]),
        "Cannot detect runtime from URL path. Use --runtime to specify."
    );
}

#[test]
fn sources_that_exclude_each_other_are_refused() {
    let cmd = "--cmd cannot be combined with file input, --eval, --url, --github, or --gist.";
    let url = "--url/--github/--gist cannot be used with file input or --eval.";
    for (words, message) in [
        (&["--cmd", "a", "-e", "b"][..], cmd),
        (&["--cmd", "a", "b.py"], cmd),
        (&["--cmd", "a", "--gist", "a/b.py"], cmd),
        (&["--url", "https://a.example/x.py", "-e", "b"], url),
        (&["--github", "a/b/c/d.py", "x.py"], url),
        (
            &["-e", "a", "x.py"],
            "--eval cannot be combined with file input.",
        ),
        (&["--watch", "-e", "a"], "--watch needs a file to run."),
        (
            &["-i"],
            "--interactive needs the program from elsewhere: standard input cannot be both.",
        ),
        (
            &["-i", "-e", "1", "--no-stream"],
            "--interactive cannot be combined with --no-stream or --watch.",
        ),
        (
            &["--stdin", "-"],
            "--stdin - needs the program from elsewhere: standard input cannot be both.",
        ),
    ] {
        assert_eq!(refused(words), message, "{words:?}");
    }
}

#[test]
fn shorthands_are_addresses_that_stay_on_their_host() {
    let url = |words: &[&str]| run(words).request.code_url.unwrap();
    assert_eq!(
        url(&["--github", "me/it/main/a b/c.py"]),
        "https://raw.githubusercontent.com/me/it/main/a%20b/c.py"
    );
    assert_eq!(
        url(&["--gist", "abc/f.js"]),
        "https://gist.githubusercontent.com/raw/abc/f.js"
    );
    for wrong in ["a/b/c", "a/../c/d.py", "a//c/d.py"] {
        assert_eq!(
            refused(&["--github", wrong]),
            "--github format must be owner/repo/ref/path/to/file"
        );
    }
    for wrong in ["abc", "abc/f", "a/b/c.py", "../f.py"] {
        assert_eq!(
            refused(&["--gist", wrong]),
            "--gist format must be gistId/file.ext"
        );
    }
    assert_eq!(
        refused(&["--url", "no address"]),
        "Invalid --url: \"no address\": it must be an address such as https://example.com/script.py"
    );
}

#[test]
fn flags_go_over_the_configuration_and_that_over_the_defaults() {
    let config = r#"{"defaults": {"timeoutMs": 5, "network": "host", "readonlyRootFs": false,
        "tmpSize": "1m"}, "security": {"seccomp": "unconfined"}}"#;
    let options = with(config, &["-e", "1", "--timeout", "7", "--net=none"])
        .unwrap()
        .options;
    assert_eq!(options.timeout.as_millis(), 7);
    assert_eq!(options.network, NetworkMode::None);
    assert!(!options.readonly_root);
    assert_eq!(options.tmp_bytes, 1 << 20);
    let options = with(config, &["-e", "1"]).unwrap().options;
    assert_eq!(options.network, NetworkMode::Host);
    assert_eq!(options.timeout.as_millis(), 5);

    let options = run(&[
        "-e",
        "1",
        "--persistent",
        "--writable",
        "--memory",
        "1g",
        "--cpu",
        "0.5",
        "--pids-limit",
        "9",
        "--max-output",
        "10",
        "--sandbox-size",
        "2m",
        "--image",
        "mine",
        "--persist",
        "--secret",
        "K=v",
    ])
    .options;
    assert_eq!(options.mode, Mode::Persistent);
    assert!(!options.readonly_root && options.persist);
    assert_eq!(options.memory_bytes, 1 << 30);
    assert_eq!(options.pids_limit, Some(9));
    assert_eq!(options.max_output_bytes, 10);
    assert_eq!(options.sandbox_bytes, Some(2 << 20));
    assert_eq!(options.image.as_deref(), Some("mine"));
    assert_eq!(options.pool_size, PoolSize { clean: 0, dirty: 0 });
}

#[test]
fn an_installation_opens_its_registries_and_nothing_else() {
    let filter = |words: &[&str]| {
        let options = with(
            r#"{"network": {"whitelist": ["^w$"], "blacklist": ["^b$"]}}"#,
            words,
        )
        .unwrap()
        .options;
        (options.network, format!("{:?}", options.network_filter))
    };
    let (mode, lists) = filter(&["-e", "1", "--install", "a,b"]);
    assert_eq!(mode, NetworkMode::Filtered);
    for host in [
        r"^w$",
        r"^b$",
        r"^pypi\\.org$",
        r"^files\\.pythonhosted\\.org$",
    ] {
        assert!(lists.contains(host), "{host} in {lists}");
    }
    let (mode, lists) = filter(&["-e", "1", "--install", "a", "--allow", "x", "--net=none"]);
    assert_eq!(mode, NetworkMode::None);
    assert!(!lists.contains("^w$"), "{lists}");
    let packages = run(&["-e", "1", "--install", "a, b", "--install", "c"])
        .request
        .install_packages;
    assert_eq!(packages, ["a", "b", "c"]);
}

#[test]
fn packages_of_bash_have_the_names_that_builds_give_them() {
    let packages = |more: &[&str]| {
        let words = ["--cmd", "make", "--install", "build-base,jq"];
        run(&[&words[..], more].concat()).request.install_packages
    };
    assert_eq!(packages(&[]), ["build-essential", "jq"]);
    assert_eq!(packages(&["--image", "alpine"]), ["build-base", "jq"]);
    assert_eq!(packages(&["-r", "python"]), ["build-base", "jq"]);
}

#[test]
fn outputs_have_a_place_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let settings = run(&[
        "-e",
        "1",
        "--output-path",
        "out/a.txt",
        "--output-path",
        "/sandbox/b:c",
        "--output-path",
        &format!("d.txt:{path}"),
    ]);
    let places: Vec<_> = settings
        .outputs
        .iter()
        .map(|output| output.destination.clone())
        .collect();
    assert_eq!(
        places,
        [
            PathBuf::from("a.txt"),
            PathBuf::from("c"),
            folder.path().join("d.txt")
        ]
    );
    assert_eq!(
        settings.request.output_paths.unwrap(),
        ["/sandbox/out/a.txt", "/sandbox/b", "/sandbox/d.txt"]
    );
    assert!(refused(&["-e", "1", "--output-path", "a/.."]).contains("must name a file"));
}
