//! Options and a request as their callers write them, up to the plan of the execution. The input is JSON:
//! `{"options": {…}, "request": {…}}`.
#![no_main]

use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_engine::{
    options::{MAX_TIMEOUT, Options},
    plan::{CheckedRequest, ExecutionPlan, RequestSource, plan},
    runtime::Registry,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// A value that no description of an execution may show.
const SECRET: &str = "b7Qx-4f1c9d7be2-secret";

/// The plan of the input, when it is accepted.
fn planned(mut input: Value) -> Option<(Options, ExecutionPlan)> {
    let mut options = input["options"].take();
    if let Some(options) = options.as_object_mut() {
        options.insert("secrets".to_owned(), json!({ "TOKEN": SECRET }));
    }
    let raw: RawOptions = serde_json::from_value(options).ok()?;
    let options = Options::try_from(raw).ok()?;
    let request: ExecutionRequest = serde_json::from_value(input["request"].take()).ok()?;
    let registry = Registry::default();
    let (request, source) = CheckedRequest::new(&options, &registry, request.into()).ok()?;
    let RequestSource::Ready(source) = source else {
        return None;
    };
    let plan = plan(&options, request, source).ok()?;
    Some((options, plan))
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(input) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let Some((options, plan)) = input.is_object().then_some(input).and_then(planned) else {
        return;
    };
    assert!(plan.timeout <= MAX_TIMEOUT);
    let mut directory = plan.program.cwd.split('/');
    assert_eq!(
        (directory.next(), directory.next()),
        (Some(""), Some("sandbox"))
    );
    assert!(directory.all(|part| !matches!(part, "" | "." | "..")));
    for file in plan.files.iter().chain(&plan.program_file) {
        assert!(file.path.starts_with('/') && !file.path.contains('\0'));
    }
    if !bytes
        .windows(SECRET.len())
        .any(|window| window == SECRET.as_bytes())
    {
        assert!(
            !format!("{options:?} {plan:?}").contains(SECRET),
            "a secret is shown"
        );
    }
});
