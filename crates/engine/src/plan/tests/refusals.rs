//! The public message of each refusal.

use super::*;
use crate::limits::MAX_ENV_BYTES;

fn refusal(json: &str) -> String {
    planned(json).unwrap_err().to_string()
}

#[test]
fn agents_need_a_network_before_anything_else() {
    let prompt = r#"{"runtime": "agent", "code": "a", "cmd": "b"}"#;
    assert_eq!(
        refusal(prompt),
        "Agent runtime requires network access. The AI coding agent needs to reach its LLM \
         provider API. Use --net host, or --net filtered --allow \"api.anthropic.com\" (or your \
         provider's domain)."
    );
    let filtered = options(r#"{"network": "filtered"}"#);
    assert_eq!(
        planned_with(&filtered, request(prompt))
            .unwrap_err()
            .to_string(),
        "Agent runtime requires at least one network whitelist entry. The AI coding agent needs \
         to reach its LLM provider API. Use --allow \"api.anthropic.com\" (or your provider's \
         domain)."
    );
    let host = options(r#"{"network": "host"}"#);
    assert_eq!(
        planned_with(&host, request(prompt)).unwrap_err(),
        PlanError::SeveralSources
    );
    let json = r#"{"runtime": "agent", "code": "do it", "agentFlags": "--model 'a b'"}"#;
    let plan = planned_with(&host, request(json)).unwrap();
    assert_eq!(plan.program.argv[4..], ["--model", "a b", "-p", "do it"]);
    assert_eq!(plan.program_file, None);
    let json = r#"{"runtime": "agent", "code": "do it", "agentFlags": "'"}"#;
    assert_eq!(
        planned_with(&host, request(json)).unwrap_err(),
        PlanError::AgentFlags
    );
}

#[test]
fn there_is_exactly_one_source() {
    let several = "ExecutionRequest.code, ExecutionRequest.codeUrl, and ExecutionRequest.cmd are \
                   mutually exclusive — provide exactly one.";
    assert_eq!(
        refusal(r#"{"runtime": "bash", "code": "a", "cmd": "b"}"#),
        several
    );
    assert_eq!(
        refusal(r#"{"runtime": "bash", "code": "a", "codeUrl": "b"}"#),
        several
    );
    let none = "ExecutionRequest must include exactly one of: code, codeUrl, or cmd.";
    assert_eq!(refusal(r#"{"runtime": "bash"}"#), none);
    assert_eq!(refusal(r#"{"runtime": "bash", "code": " \n"}"#), none);
    let json = r#"{"runtime": "bash", "code": " ", "codeUrl": "https://a.test/x"}"#;
    let registry = Registry::default();
    let checked = CheckedRequest::new(&options("{}"), &registry, request(json).into());
    let at_url = RequestSource::Url {
        url: "https://a.test/x".into(),
        hash: None,
        insecure: false,
    };
    assert_eq!(checked.unwrap().1, at_url);
}

#[test]
fn refusals_have_their_public_messages() {
    for (field, message) in [
        (
            r#""workdir": "../etc""#,
            "Working directory must be inside /sandbox",
        ),
        (
            r#""installPackages": ["a;b"]"#,
            "Invalid package name: \"a;b\". Only alphanumeric, -, _, ., /, @, and = are allowed.",
        ),
        (
            r#""timeoutMs": 0"#,
            "Invalid timeoutMs: 0. It must be a finite number above 0.",
        ),
        (
            r#""codeHash": "xyz""#,
            "Invalid codeHash: \"xyz\". It must be a SHA-256 in hex (64 digits).",
        ),
        (
            r#""files": {"": ""}"#,
            "Invalid path in files: \"\". It must not be empty, and have no NUL and at most 4095 bytes.",
        ),
        (
            r#""outputPaths": [""]"#,
            "Invalid path in outputPaths: \"\". It must not be empty, and have no NUL and at most 4095 bytes.",
        ),
        (
            r#""env": {"A=B": ""}"#,
            "Invalid name of an environment variable: \"A=B\". It must not be empty or contain \
             \"=\" or NUL.",
        ),
        (
            r#""env": {"A": "x\u0000"}"#,
            "Invalid value of the environment variable \"A\": it contains NUL or is over 131070 \
             bytes.",
        ),
        (
            r#""setupScript": "\u0000""#,
            "Invalid setupScript: it contains NUL or is over 102400 bytes.",
        ),
    ] {
        let json = format!(r#"{{"runtime": "bash", "code": "1", {field}}}"#);
        assert_eq!(refusal(&json), message);
    }
    assert_eq!(
        refusal(r#"{"runtime": "ruby", "code": "1"}"#),
        "Unknown runtime: \"ruby\". Available: python, node, bun, bash, deno, agent"
    );
    assert_eq!(
        refusal(r#"{"runtime": "bash", "cmd": "a\u0000"}"#),
        "Invalid cmd: it contains NUL or is over 102400 bytes."
    );
}

#[test]
fn an_environment_is_limited_as_a_whole() {
    let mut request = request(r#"{"runtime": "bash", "code": "1"}"#);
    let value = "x".repeat(100_000);
    request.env = (0..3)
        .map(|index| (format!("V{index}"), value.clone()))
        .collect();
    assert!(planned_with(&options("{}"), request.clone()).is_ok());
    request.env.insert("V3".into(), value);
    let error = planned_with(&options("{}"), request.clone()).unwrap_err();
    assert_eq!(
        error,
        PlanError::EnvTooLarge {
            bytes: 400_008,
            limit: MAX_ENV_BYTES
        }
    );
}
