//! How a program ended, as its caller sees it.

use std::collections::BTreeMap;

use isol8_api::{
    event::{Phase, StreamEvent},
    request::OutputEncoding,
    result::SessionReset,
};
use isol8_protocol::ExitReport;

use super::{
    output_files::OutputFiles,
    report::exit_code_of,
    step::{StepOutcome, StepRules},
};
use crate::{
    error::EngineError,
    options::{Options, size_text},
    output::{
        TIMEOUT_NOTICE, encoded, file_notice, memory_message, memory_notice, more_files_notice,
        trim_output,
    },
};

/// The error event of a stream when the program ran out of time.
const TIMED_OUT: &str = "EXECUTION TIMED OUT";

/// How the program ended.
pub(crate) struct Outcome {
    pub(crate) report: ExitReport,
    pub(crate) exit_code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) truncated: bool,
    pub(crate) files: Option<BTreeMap<String, String>>,
    /// Why the session's state was lost, when this is the first execution to report it.
    pub(crate) session_reset: Option<SessionReset>,
}

/// What is said of output files that are left out. A program may have a secret in the name of one.
fn notices(files: Option<&OutputFiles>, options: &Options, rules: &StepRules<'_>) -> Vec<String> {
    let Some(OutputFiles { left_out, .. }) = files else {
        return Vec::new();
    };
    let limit = options.max_output_files_bytes;
    let masker = rules.secrets.masker();
    let named = left_out.paths.iter();
    let named = named.map(|path| file_notice(&masker.mask(path), limit));
    let more = (left_out.more > 0).then(|| more_files_notice(left_out.more, limit));
    named.chain(more).collect()
}

/// The outcome of a program that has ended. A stream gets its last events.
pub(super) async fn finish(
    outcome: StepOutcome,
    files: Option<OutputFiles>,
    options: &Options,
    rules: &StepRules<'_>,
) -> Result<Outcome, EngineError> {
    let (sink, encoding) = (rules.sink, rules.output_encoding);
    let exit_code = exit_code_of(&outcome.report);
    let is_text = encoding == OutputEncoding::Utf8;
    let presented = |output: Vec<u8>| {
        let mut text = encoded(output, encoding);
        if is_text {
            text.truncate(trim_output(&text).len());
        }
        text
    };
    let mut stderr = presented(outcome.stderr);
    // Exact bytes have no notices.
    let mut note = |notice: &str| {
        if is_text {
            stderr.push_str(notice);
        }
    };
    let mut has_all_files = true;
    for notice in notices(files.as_ref(), options, rules) {
        has_all_files = false;
        note(&notice);
        if is_text {
            sink.send(StreamEvent::stderr(Phase::Code, notice)).await?;
        }
    }
    if outcome.report.out_of_memory {
        let limit = size_text(options.memory_bytes);
        note(&memory_notice(&limit));
        let message = memory_message(&limit);
        sink.send(StreamEvent::error(Phase::Code, message)).await?;
    }
    if outcome.report.timed_out {
        note(TIMEOUT_NOTICE);
        sink.send(StreamEvent::error(Phase::Code, TIMED_OUT.to_owned()))
            .await?;
    }
    sink.send(StreamEvent::exit(Phase::Code, exit_code)).await?;
    Ok(Outcome {
        report: outcome.report,
        exit_code,
        stdout: presented(outcome.stdout),
        stderr,
        truncated: outcome.truncated || !has_all_files,
        files: files.map(|files| files.contents),
        session_reset: None,
    })
}
