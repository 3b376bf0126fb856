//! Whether a request asks for no more than its engine's `requestLimits` allow.

use std::collections::BTreeMap;

use isol8_api::request::ExecutionRequest;

use crate::{
    options::{FieldLimits, RequestLimits},
    submission::LocalFile,
};

/// A request that asks for more than it may. The message names the limit, the value and the option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A field that requests may not have.
    #[error("Requests must not have {field}: {option} is false.")]
    NotAllowed {
        /// The field.
        field: &'static str,
        /// The option that forbids it.
        option: &'static str,
    },
    /// More entries than allowed.
    #[error("The request has {value} entries in {field}; {option} allows {limit}.")]
    Count {
        /// The field.
        field: &'static str,
        /// How many it has.
        value: u64,
        /// The option that limits it.
        option: &'static str,
        /// The limit.
        limit: u64,
    },
    /// More bytes than allowed.
    #[error("The request has {value} bytes in {field}; {option} allows {limit}.")]
    Bytes {
        /// The field.
        field: &'static str,
        /// How many it has.
        value: u64,
        /// The option that limits it.
        option: &'static str,
        /// The limit.
        limit: u64,
    },
    /// More bytes than requests that wait may have together.
    #[error(
        "The requests that wait have {value} bytes with this one; requestLimits.maxWaitingBytes allows {limit}."
    )]
    Waiting {
        /// How many they have.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// A file of a session that is larger than allowed.
    #[error("The file is larger than {limit} bytes, which {option} allows.")]
    File {
        /// The option that limits it.
        option: &'static str,
        /// The limit.
        limit: u64,
    },
    /// More time than allowed.
    #[error("The request has a timeoutMs of {value}; requestLimits.timeoutMs allows {limit}.")]
    Timeout {
        /// What it asks for, in milliseconds.
        value: String,
        /// The limit, in milliseconds.
        limit: u128,
    },
}

/// Checks every field of `request`. The files of this machine count like its own. Nothing is copied.
pub(super) fn check(
    limits: &RequestLimits,
    request: &ExecutionRequest,
    local_files: &[LocalFile],
) -> Result<(), LimitError> {
    if let (Some(limit), Some(asked)) = (limits.timeout, request.timeout_ms) {
        let limit = limit.as_millis();
        #[expect(clippy::cast_precision_loss, reason = "at most a year in milliseconds")]
        // A number that is none is refused as such later.
        if asked > limit as f64 {
            return Err(LimitError::Timeout {
                value: asked.to_string(),
                limit,
            });
        }
    }
    for measure in measures(request, local_files) {
        if let Some(row) = limits.of(measure.field) {
            measure.check(row)?;
        }
    }
    Ok(())
}

/// Checks a program that was fetched: what holds for `code` holds for it, too.
pub(super) fn check_fetched(limits: &RequestLimits, code: &str) -> Result<(), LimitError> {
    match limits.of("code") {
        Some(row) => Measure::text("code", Some(code)).check_size(row),
        None => Ok(()),
    }
}

/// Checks a file that is written into a session: what holds for a request with it as its only file.
pub(crate) fn check_file_in(
    limits: &RequestLimits,
    path: &str,
    bytes: usize,
) -> Result<(), LimitError> {
    match limits.of("files") {
        Some(row) => Measure::entry("files", path.len() + bytes).check(row),
        None => Ok(()),
    }
}

/// Checks a file that is asked for from a session: what holds for a request with it as its only output path.
pub(crate) fn check_file_out(limits: &RequestLimits, path: &str) -> Result<(), LimitError> {
    match limits.of("outputPaths") {
        Some(row) => Measure::entry("outputPaths", path.len()).check(row),
        None => Ok(()),
    }
}

/// The largest file of a session that may be returned, where that is less than `limit`, and the error for a larger one.
pub(crate) fn largest_file(limits: &RequestLimits, limit: u64) -> Option<(u64, LimitError)> {
    let row = limits.of("files")?;
    let limit = row.max_bytes.filter(|bytes| *bytes < limit)?;
    let option = row.names.max_bytes;
    Some((limit, LimitError::File { option, limit }))
}

/// How many bytes the fields of `request` have. Files of this machine are read when their turn comes.
pub(crate) fn bytes_of(request: &ExecutionRequest) -> u64 {
    let measured = measures(request, &[]);
    measured.iter().map(|measure| measure.bytes).sum()
}

/// How much a request has of one field.
struct Measure {
    field: &'static str,
    given: bool,
    count: u64,
    bytes: u64,
}

impl Measure {
    fn switch(field: &'static str, on: bool) -> Self {
        Self {
            field,
            given: on,
            count: 0,
            bytes: 0,
        }
    }

    /// A list or a map with one entry.
    fn entry(field: &'static str, bytes: usize) -> Self {
        Self {
            field,
            given: true,
            count: 1,
            bytes: bytes as u64,
        }
    }

    /// A blank text counts as absent, as it does everywhere.
    fn text(field: &'static str, text: Option<&str>) -> Self {
        Self {
            field,
            given: text.is_some_and(|text| !text.trim().is_empty()),
            count: 0,
            bytes: text.map_or(0, str::len) as u64,
        }
    }

    fn list<'a>(field: &'static str, texts: impl ExactSizeIterator<Item = &'a String>) -> Self {
        let count = texts.len() as u64;
        Self {
            field,
            given: count > 0,
            count,
            bytes: texts.map(|text| text.len() as u64).sum(),
        }
    }

    fn map<V>(field: &'static str, map: &BTreeMap<String, V>, size: impl Fn(&V) -> usize) -> Self {
        let bytes = map
            .iter()
            .map(|(key, value)| (key.len() + size(value)) as u64);
        Self {
            field,
            given: !map.is_empty(),
            count: map.len() as u64,
            bytes: bytes.sum(),
        }
    }

    fn and_files(self, files: &[LocalFile]) -> Self {
        let bytes: u64 = files
            .iter()
            .map(|file| file.path.len() as u64 + file.bytes)
            .sum();
        Self {
            given: self.given || !files.is_empty(),
            count: self.count + files.len() as u64,
            bytes: self.bytes + bytes,
            ..self
        }
    }

    fn check(&self, row: &FieldLimits) -> Result<(), LimitError> {
        if self.given && !row.allowed {
            return Err(LimitError::NotAllowed {
                field: self.field,
                option: row.names.allowed,
            });
        }
        self.check_size(row)
    }

    fn check_size(&self, row: &FieldLimits) -> Result<(), LimitError> {
        let Self {
            field,
            count,
            bytes,
            ..
        } = *self;
        if let Some(limit) = row.max_count.filter(|limit| count > *limit) {
            return Err(LimitError::Count {
                field,
                value: count,
                option: row.names.max_count,
                limit,
            });
        }
        if let Some(limit) = row.max_bytes.filter(|limit| bytes > *limit) {
            return Err(LimitError::Bytes {
                field,
                value: bytes,
                option: row.names.max_bytes,
                limit,
            });
        }
        Ok(())
    }
}

/// Every field of a request but `timeoutMs`. A new field does not compile without a line here.
fn measures(request: &ExecutionRequest, local_files: &[LocalFile]) -> [Measure; 17] {
    let ExecutionRequest {
        runtime,
        code,
        code_url,
        cmd,
        code_hash,
        allow_insecure_code_url,
        timeout_ms: _,
        env,
        file_extension,
        stdin,
        files,
        output_paths,
        output_encoding,
        install_packages,
        metadata,
        setup_script,
        workdir,
        agent_flags,
    } = request;
    [
        Measure::text("runtime", Some(runtime)),
        Measure::text("code", code.as_deref()),
        Measure::text("codeUrl", code_url.as_deref()),
        Measure::text("cmd", cmd.as_deref()),
        Measure::text("codeHash", code_hash.as_deref()),
        Measure::switch("allowInsecureCodeUrl", *allow_insecure_code_url),
        Measure::map("env", env, String::len),
        Measure::text("fileExtension", file_extension.as_deref()),
        Measure::text("stdin", stdin.as_deref()),
        Measure::map("files", files, |content| content.as_bytes().len()).and_files(local_files),
        Measure::list(
            "outputPaths",
            output_paths.as_deref().unwrap_or_default().iter(),
        ),
        Measure::switch("outputEncoding", output_encoding.is_some()),
        Measure::list("installPackages", install_packages.iter()),
        Measure::map("metadata", metadata, String::len),
        Measure::text("setupScript", setup_script.as_deref()),
        Measure::text("workdir", workdir.as_deref()),
        Measure::text("agentFlags", agent_flags.as_deref()),
    ]
}

#[cfg(test)]
mod tests;
