//! Requests that run programs.

use isol8_protocol::ExecRequest;

/// A request that runs a shell script.
pub(crate) fn sh(script: &str) -> ExecRequest {
    program(&["sh", "-c", script])
}

/// A request that runs a program in `/sandbox`.
pub(crate) fn program(argv: &[&str]) -> ExecRequest {
    ExecRequest {
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        cwd: "/sandbox".to_owned(),
        output_limit: u64::MAX,
        ..ExecRequest::default()
    }
}
