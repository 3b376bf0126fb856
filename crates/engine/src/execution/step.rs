//! One process of an execution: started, listened to until its end, its output made presentable.

use std::{mem, sync::OnceLock, time::Duration};

use isol8_api::{
    event::{Phase, StreamEvent},
    request::OutputEncoding,
};
use isol8_protocol::{
    AfterExit, CallRequest, ErrorKind, ExecRequest, ExitReport, InlineFile, MAX_INLINE_BYTES,
    SANDBOX_DIR, SessionLoss, Stdin,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{live_input::forward, sink::Sink};
use crate::{
    error::EngineError,
    options::Secrets,
    output::{OutputDecoder, encoded, forward_limit},
    plan::{Step, StepStdin},
    sandbox::{Exec, ExecEvent, Sandbox},
    submission::LiveInput,
};

/// How much longer than the time limit the guest may let us wait, altogether.
const TIMEOUT_GRACE: Duration = Duration::from_secs(10);

/// How steps of one execution are run.
pub(super) struct StepRules<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) sink: &'a Sink,
    pub(super) secrets: &'a Secrets,
    pub(super) output_limit: u64,
    pub(super) output_encoding: OutputEncoding,
    pub(super) timeout: Duration,
    /// Cancelled when the caller gives the execution up.
    pub(super) cancel: &'a CancellationToken,
    /// Where it is noted that the state of a session has been lost.
    pub(super) session_loss: &'a OnceLock<SessionLoss>,
}

/// What differs between the steps of one execution.
#[derive(Clone, Copy)]
pub(super) struct StepOptions {
    /// Phase of its events.
    pub(super) phase: Phase,
    /// What becomes of the processes that it leaves behind.
    pub(super) after_exit: AfterExit,
    /// Whether it may take an interpreter that was started ahead of it.
    pub(super) parked: bool,
    /// Whether its output is kept even when a consumer gets it.
    pub(super) keep_output: bool,
}

/// How a step ended.
pub(super) struct StepOutcome {
    pub(super) report: ExitReport,
    /// Text, or any bytes where the caller wants bytes.
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) truncated: bool,
}

impl StepOutcome {
    /// Logs how the step ended, without its output.
    pub(super) fn explain(&self, what: &'static str) {
        let ExitReport {
            status,
            timed_out,
            parked,
            wall_us,
            ..
        } = &self.report;
        let (exit_code, ms) = (status.code(), wall_us / 1000);
        tracing::debug!(exit_code, ms, timed_out, started_ahead = parked, "{what}");
    }
}

impl StepRules<'_> {
    /// Runs `step` to its end. Output is kept when the sink collects or the options ask for it, and sent
    /// to the sink as events.
    ///
    /// Dropping the future kills the process tree.
    pub(super) async fn run(
        &self,
        step: Step,
        files: Vec<InlineFile>,
        live: Option<LiveInput>,
        options: StepOptions,
    ) -> Result<StepOutcome, EngineError> {
        let Some(call) = &step.session else {
            return self.attempt(step, files, live, options).await;
        };
        let interpreter = call.argv[0];
        let plain = Step {
            session: None,
            ..step.clone()
        };
        match self.attempt(step, files, live.clone(), options).await {
            // A process of its own may do with another interpreter. The files are there by now.
            Err(EngineError::Refused {
                kind: ErrorKind::NotFound,
                path,
                ..
            }) if path == interpreter => self.attempt(plain, Vec::new(), live, options).await,
            outcome => outcome,
        }
    }

    async fn attempt(
        &self,
        step: Step,
        files: Vec<InlineFile>,
        live: Option<LiveInput>,
        options: StepOptions,
    ) -> Result<StepOutcome, EngineError> {
        let stays_open = live.as_ref().is_some_and(LiveInput::stays_open);
        let (stdin, streamed) = stdin_of(step.stdin, &files, stays_open);
        let (argv, env, cwd, call) = match step.session {
            None => (step.argv, step.env, step.cwd, None),
            Some(mut call) => {
                let argv = call.argv.iter().map(|word| (*word).to_owned()).collect();
                let env = mem::take(&mut call.env);
                (argv, env, SANDBOX_DIR.to_owned(), Some(call))
            }
        };
        let request = ExecRequest {
            argv,
            env,
            cwd,
            files,
            stdin,
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            output_limit: forward_limit(self.output_limit, self.secrets.masker()),
            after_exit: options.after_exit,
            parked: options.parked,
            proxy: step.proxy,
        };
        let mut patience = self.timeout + TIMEOUT_GRACE;
        let start = async {
            match call {
                None => self.sandbox.exec(request).await,
                Some(call) => {
                    let request = CallRequest {
                        exec: request,
                        program: call.program,
                        cwd: call.cwd,
                        env: call.call_env,
                        script: call.script.to_owned(),
                        interrupts: call.interrupts,
                    };
                    self.sandbox.call(request, self.cancel.clone()).await
                }
            }
        };
        let exec = spend(&mut patience, Box::pin(start)).await?;
        // Input is sent while output is read: a program may need both at once.
        let input = exec.input();
        let feed = async move {
            if let Some(bytes) = streamed {
                input.write(bytes.into()).await;
                if !stays_open {
                    input.end().await;
                }
            }
            if let Some(live) = live {
                forward(&live, &input).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            outcome = self.listen(exec, options, patience) => outcome,
            () = feed => Err(EngineError::Internal("input outlived its program".to_owned())),
        }
    }

    async fn listen(
        &self,
        mut exec: Exec,
        options: StepOptions,
        mut patience: Duration,
    ) -> Result<StepOutcome, EngineError> {
        let phase = options.phase;
        let keep = options.keep_output || self.sink.collects();
        let mut stdout = Channel::new(self, keep, |text| StreamEvent::stdout(phase, text));
        let mut stderr = Channel::new(self, keep, |text| StreamEvent::stderr(phase, text));
        loop {
            // What a slow consumer takes is not counted: then the guest's event is there already.
            let event = spend(&mut patience, exec.next()).await?;
            match event {
                ExecEvent::Stdout(bytes) => stdout.push(&bytes).await?,
                ExecEvent::Stderr(bytes) => stderr.push(&bytes).await?,
                ExecEvent::Exited(report) => {
                    if let Some(loss) = report.session_loss {
                        // The first one is the reason; later ones lose nothing.
                        let _ = self.session_loss.set(loss);
                    }
                    stdout.finish(report.stdout_bytes).await?;
                    stderr.finish(report.stderr_bytes).await?;
                    return Ok(StepOutcome {
                        report,
                        truncated: stdout.decoder.truncated() || stderr.decoder.truncated(),
                        stdout: stdout.kept,
                        stderr: stderr.kept,
                    });
                }
            }
        }
    }
}

/// Waits for the guest, and takes the time from `patience`. One that speaks without end cannot hold up its
/// caller, either.
async fn spend<T>(
    patience: &mut Duration,
    word: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let begun = Instant::now();
    let heard = tokio::time::timeout(*patience, word).await;
    *patience = patience.saturating_sub(begun.elapsed());
    heard.map_err(|_| {
        let message = "the guest did not report the end of the program within its time limit";
        EngineError::Guest(message.to_owned())
    })?
}

/// Standard input within the request when it fits and nothing follows it, else to be streamed.
fn stdin_of(stdin: StepStdin, files: &[InlineFile], stays_open: bool) -> (Stdin, Option<Vec<u8>>) {
    let inline: usize = files.iter().map(|file| file.data.len()).sum();
    match stdin {
        StepStdin::Empty if stays_open => (Stdin::Stream, None),
        StepStdin::Empty => (Stdin::Empty, None),
        StepStdin::Bytes(bytes) if !stays_open && inline + bytes.len() <= MAX_INLINE_BYTES => {
            (Stdin::Inline(bytes), None)
        }
        StepStdin::Bytes(bytes) => (Stdin::Stream, Some(bytes)),
    }
}

/// One of the two output streams.
struct Channel<'a, E> {
    decoder: OutputDecoder,
    sink: &'a Sink,
    encoding: OutputEncoding,
    keep: bool,
    kept: Vec<u8>,
    event: E,
}

impl<'a, E: Fn(String) -> StreamEvent> Channel<'a, E> {
    fn new(rules: &StepRules<'a>, keep: bool, event: E) -> Self {
        let (masker, encoding) = (rules.secrets.masker().clone(), rules.output_encoding);
        Self {
            decoder: OutputDecoder::new(rules.output_limit, masker, encoding),
            encoding,
            sink: rules.sink,
            keep,
            kept: Vec::new(),
            event,
        }
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let output = self.decoder.push(bytes);
        self.deliver(output).await
    }

    async fn finish(&mut self, total_bytes: u64) -> Result<(), EngineError> {
        let output = self.decoder.finish(total_bytes);
        self.deliver(output).await
    }

    async fn deliver(&mut self, output: Vec<u8>) -> Result<(), EngineError> {
        if output.is_empty() {
            return Ok(());
        }
        if self.keep {
            self.kept.extend_from_slice(&output);
        }
        if !self.sink.streams() {
            return Ok(());
        }
        self.sink
            .send((self.event)(encoded(output, self.encoding)))
            .await
    }
}

#[cfg(test)]
mod tests;
