//! Plans of whole requests.

use std::time::Duration;

use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_egress::ExtraHost;

use super::*;
use crate::{
    limits::MAX_ARGUMENT_BYTES,
    options::Options,
    runtime::Registry,
    submission::{AdapterCommand, Submission},
};

mod refusals;

fn options(json: &str) -> Options {
    serde_json::from_str::<RawOptions>(json)
        .unwrap()
        .try_into()
        .unwrap()
}

fn request(json: &str) -> ExecutionRequest {
    serde_json::from_str(json).unwrap()
}

fn planned_with(
    options: &Options,
    submission: impl Into<Submission>,
) -> Result<ExecutionPlan, PlanError> {
    let registry = Registry::default();
    let (request, source) = CheckedRequest::new(options, &registry, submission.into())?;
    match source {
        RequestSource::Ready(source) => plan(options, request, source),
        RequestSource::Url { url, .. } => panic!("{url} would be fetched"),
    }
}

fn planned(json: &str) -> Result<ExecutionPlan, PlanError> {
    planned_with(&options("{}"), request(json))
}

fn env<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    step.env
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn each_runtime_runs_its_file() {
    let deno = "deno run --allow-read=/sandbox,/tmp --allow-write=/sandbox,/tmp --allow-env \
                --allow-net --no-code-cache /sandbox/main.mts";
    for (runtime, command) in [
        ("python", "python3 /sandbox/main.py"),
        (
            "node",
            "node --disable-warning=MODULE_TYPELESS_PACKAGE_JSON /sandbox/main.js",
        ),
        ("bun", "bun run /sandbox/main.ts"),
        ("bash", "bash /sandbox/main.sh"),
        ("deno", deno),
    ] {
        let plan = planned(&format!(r#"{{"runtime": "{runtime}", "code": "x = 1"}}"#)).unwrap();
        assert_eq!(plan.program.argv.join(" "), command);
        let file = plan.program_file.unwrap();
        assert!(command.ends_with(&file.path));
        assert_eq!(file.data, b"x = 1");
        let packages = Vec::new();
        assert_eq!(
            plan.image,
            ImageChoice::Runtime {
                image: format!("isol8:{runtime}"),
                packages
            }
        );
    }
}

#[test]
fn a_plain_request_has_defaults_and_nothing_more() {
    let plan = planned(r#"{"runtime": "python", "code": "1"}"#).unwrap();
    assert_eq!(
        (plan.install, plan.request_setup, plan.output_paths),
        (None, None, None)
    );
    assert!(plan.files.is_empty());
    assert_eq!(
        (plan.program.cwd.as_str(), &plan.program.stdin),
        ("/sandbox", &StepStdin::Empty)
    );
    assert_eq!(plan.timeout, Duration::from_secs(30));
    assert_eq!(plan.main_extension.as_deref(), Some(".py"));
}

/// What an installation may reach, and one variable of the request and of the secrets in its environment.
fn installation(more: &str) -> (Vec<ExtraHost>, [bool; 2], Option<String>) {
    let options = options(&format!(r#"{{"secrets": {{"SECRET": "s"}}{more}}}"#));
    let json = r#"{"runtime": "python", "code": "1", "installPackages": ["a"], "env": {
        "PIP_INDEX_URL": "http://private.test/simple", "LD_PRELOAD": "/sandbox/x.so"}}"#;
    let plan = planned_with(&options, request(json)).unwrap();
    let install = plan.install.unwrap();
    let has = |name| env(&install, name).is_some();
    let index = env(&install, "PIP_INDEX_URL").map(str::to_owned);
    assert_eq!(env(&plan.program, "LD_PRELOAD"), Some("/sandbox/x.so"));
    (
        plan.install_hosts,
        [has("LD_PRELOAD"), has("SECRET")],
        index,
    )
}

#[test]
fn a_request_chooses_neither_the_registries_of_an_installation_nor_what_it_loads() {
    let public = ["pypi.org", "files.pythonhosted.org"];
    let public: Vec<_> = public.map(|host| ExtraHost::Known(host.to_owned())).into();
    for network in ["none", "filtered"] {
        let options = format!(r#", "network": "{network}""#);
        assert_eq!(
            installation(&options),
            (public.clone(), [false, true], None)
        );
        let url = "https://pip.test:8443/simple";
        let options = format!(r#"{options}, "installRegistries": {{"python": ["{url}"]}}"#);
        let exact = ExtraHost::Exact("pip.test".to_owned(), 8443);
        let expected = (vec![exact], [false, true], Some(url.to_owned()));
        assert_eq!(installation(&options), expected);
    }
    // There an installation reaches no more than the program.
    let own = Some("http://private.test/simple".to_owned());
    for options in [
        r#", "network": "host""#,
        r#", "network": "filtered", "installNetwork": false"#,
    ] {
        assert_eq!(
            installation(options),
            (Vec::new(), [true, true], own.clone())
        );
    }
}

#[test]
fn a_request_is_followed_in_everything() {
    let plan = planned(
        r#"{"runtime": "node", "code": "1", "fileExtension": ".cjs", "stdin": "in", "workdir": "w",
            "timeoutMs": 1500, "files": {"/sandbox/b c": "text"}, "outputPaths": [],
            "setupScript": "a\nb", "installPackages": ["b", " a"], "env": {"X": "1"}}"#,
    )
    .unwrap();
    assert_eq!(plan.program.argv[2], "/sandbox/main.cjs");
    assert_eq!(plan.program.stdin, StepStdin::Bytes(b"in".to_vec()));
    assert_eq!(plan.program.cwd, "/sandbox/w");
    assert_eq!(plan.timeout, Duration::from_millis(1500));
    assert_eq!(plan.files[0].path, "/sandbox/b c");
    assert_eq!(plan.output_paths, Some(Vec::new()));
    let setup = plan.request_setup.unwrap();
    assert_eq!(setup.argv, ["bash", "-c", "a\nb"]);
    assert_eq!(
        (env(&setup, "X"), setup.cwd.as_str()),
        (Some("1"), "/sandbox/w")
    );
    let install = plan.install.unwrap();
    assert_eq!(install.argv[install.argv.len() - 3..], ["--", "a", "b"]);
    assert_eq!(
        (env(&install, "X"), install.cwd.as_str()),
        (None, "/sandbox")
    );
    let ImageChoice::Runtime { packages, .. } = plan.image else {
        panic!()
    };
    assert_eq!(packages, ["a", "b"]);
}

#[test]
fn commands_are_for_bash_in_any_runtime() {
    let plan = planned(r#"{"runtime": "python", "cmd": "echo 1"}"#).unwrap();
    assert_eq!(plan.program.argv, ["bash", "-c", "echo 1"]);
    assert_eq!((plan.program_file, plan.main_extension), (None, None));
    let long = format!(": {}", "x".repeat(MAX_ARGUMENT_BYTES));
    let plan = planned(&format!(r#"{{"runtime": "python", "cmd": "{long}"}}"#)).unwrap();
    let file = plan.program_file.unwrap();
    assert_eq!(plan.program.argv, ["bash", &file.path]);
    assert_eq!(file.data, long.as_bytes());
}

#[test]
fn the_environment_has_its_order_of_precedence() {
    let options = options(
        r#"{"network": "filtered", "networkFilter": {"whitelist": ["a"]},
            "secrets": {"S": "secret", "BOTH": "secret", "HOME": "/s"}}"#,
    );
    let json = r#"{"runtime": "bash", "code": "1", "env": {"BOTH": "own", "HTTP_PROXY": "own"}}"#;
    let plan = planned_with(&options, request(json)).unwrap();
    let step = &plan.program;
    assert_eq!(
        (env(step, "S"), env(step, "BOTH")),
        (Some("secret"), Some("own"))
    );
    assert_eq!(env(step, "HOME"), Some("/s"));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        assert_eq!(env(step, name), Some("http://127.0.0.1:8118"));
    }
    assert_eq!(
        env(step, "PATH"),
        Some(
            "/sandbox/.local/bin:/sandbox/.npm-global/bin:/sandbox/.bun-global/bin:\
             /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        )
    );
    assert!(step.env.is_sorted() && step.env.windows(2).all(|two| two[0].0 != two[1].0));
    assert!(!format!("{plan:?}").contains("secret"), "{plan:?}");
    let closed = planned(json).unwrap();
    assert_eq!(env(&closed.program, "HTTP_PROXY"), Some("own"));
    assert_eq!(env(&closed.program, "https_proxy"), None);
}

#[test]
fn an_image_script_sees_what_the_request_sees() {
    let json = r#"{"runtime": "bash", "code": "1", "env": {"X": "1"}, "workdir": "w"}"#;
    let step = planned(json).unwrap().setup_step("a\nb");
    assert_eq!(
        (env(&step, "X"), step.cwd.as_str()),
        (Some("1"), "/sandbox/w")
    );
    assert_eq!(step.argv, ["bash", "-c", "a\nb"]);
}

#[test]
fn the_image_option_wins() {
    let json = r#"{"runtime": "bun", "code": "1", "installPackages": ["a"]}"#;
    let plan = planned_with(&options(r#"{"image": "mine"}"#), request(json)).unwrap();
    assert_eq!(plan.image, ImageChoice::Explicit("mine".into()));
    let install = plan.install.unwrap();
    assert_eq!(
        env(&install, "BUN_INSTALL_GLOBAL_DIR"),
        Some("/sandbox/.bun-global")
    );
    assert!(install.env.is_sorted());
    let modules = env(&plan.program, "NODE_PATH").unwrap();
    assert!(modules.ends_with("/sandbox/node_modules:/sandbox/.bun-global/node_modules"));
    let json = r#"{"runtime": "node", "code": "1"}"#;
    let plan = planned_with(&options(r#"{"image": "node:18"}"#), request(json)).unwrap();
    assert_eq!(plan.program.argv, ["node", "/sandbox/main.js"]);
    assert!(
        env(&plan.program, "NODE_PATH")
            .unwrap()
            .ends_with(":/sandbox/node_modules")
    );
}

#[test]
fn a_runtime_of_the_user_runs_as_its_adapter_says() {
    let mut submission = Submission {
        request: request(r#"{"runtime": "ruby", "code": "puts 1"}"#),
        adapter: Some(AdapterCommand {
            image: "ruby:3".into(),
            command: vec!["ruby".into(), "/sandbox/main.rb".into()],
            file_extension: ".rb".into(),
        }),
        ..Submission::default()
    };
    let planned = |submission: &Submission| planned_with(&options("{}"), submission.clone());
    let plan = planned(&submission).unwrap();
    assert_eq!(plan.program.argv, ["ruby", "/sandbox/main.rb"]);
    assert_eq!(plan.program_file.unwrap().path, "/sandbox/main.rb");
    assert_eq!(plan.image, ImageChoice::Explicit("ruby:3".into()));

    submission.request.install_packages = vec!["rake".into()];
    assert_eq!(
        planned(&submission).unwrap_err().to_string(),
        "Runtime \"ruby\" cannot install packages: its image \"ruby:3\" is not one of isol8."
    );
    submission.adapter.as_mut().unwrap().image = "isol8:python".into();
    let plan = planned(&submission).unwrap();
    assert_eq!(plan.install.unwrap().argv[0], "pip3");
    submission.adapter.as_mut().unwrap().command.clear();
    assert!(planned(&submission).is_err());
}
