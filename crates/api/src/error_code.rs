//! The codes of errors.

use std::fmt;

use serde::{Serialize, Serializer};

/// What kind of error it is: a stable name for programs, where the message is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// An option of the engine is not acceptable.
    InvalidOption,
    /// The request is not acceptable.
    InvalidRequest,
    /// The request asks for more than `requestLimits` allows.
    RequestLimit,
    /// A configuration file or a setting of the environment is not acceptable.
    InvalidConfig,
    /// No runtime has this name, or none serves this file.
    UnknownRuntime,
    /// The program could not be fetched from its URL.
    RemoteCode,
    /// The audit log could not be written, so nothing runs.
    Audit,
    /// No Docker daemon answers.
    DockerUnreachable,
    /// The Docker daemon refused a request or failed at it.
    Docker,
    /// This machine does not let local sandboxes run as it is.
    LocalUnavailable,
    /// The system of this machine refused a step of the local backend or failed at it.
    Local,
    /// The backend cannot do what an option or a request asks for.
    Unsupported,
    /// There is no such image.
    ImageMissing,
    /// No sandbox can be made of an image as it is.
    ImageRefused,
    /// An image did not build.
    ImageBuild,
    /// The OCI runtime of `security.runtime` does not work.
    OciRuntime,
    /// The custom seccomp profile could not be read.
    SeccompProfile,
    /// The guest broke the protocol or did not answer.
    Guest,
    /// The sandbox ended while it was in use.
    SandboxLost,
    /// The guest refused what it was asked.
    Refused,
    /// A file of the sandbox does not exist.
    FileNotFound,
    /// The sandbox user may not read or write a file.
    FileDenied,
    /// A path names a folder, or something else that is no regular file.
    NotAFile,
    /// There is no room left in the sandbox.
    NoSpace,
    /// A file is larger than what can be read at once.
    FileTooLarge,
    /// A file could not be read or written for another reason.
    File,
    /// Writing `files` or collecting `outputPaths` took longer than the time limit.
    FilesTimeout,
    /// The packages could not be installed.
    Install,
    /// A setup script failed.
    Setup,
    /// A persistent engine was asked for a second runtime.
    RuntimeSwitch,
    /// A file operation came before the first execution.
    NoActiveContainer,
    /// The caller gave up.
    Cancelled,
    /// The engine was stopped.
    Stopped,
    /// A request to a server has no key.
    Unauthorized,
    /// A server does not let this key do this.
    Forbidden,
    /// A server has no such endpoint or session.
    NotFound,
    /// A request to a server is too large.
    TooLarge,
    /// A server has no room for more of this at the moment.
    TooManyRequests,
    /// A server takes no work at the moment.
    Unavailable,
    /// A program has run on a server that had no memory for its result.
    ResultLost,
    /// A server of this process cannot begin, or cannot end in order.
    Server,
    /// A server could not be reached, broke off, or answered with an error that has no code.
    Remote,
    /// There is no native engine for this platform.
    NativeUnavailable,
    /// Something that should not happen.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of their declaration.
    pub const ALL: [Self; 44] = [
        Self::InvalidOption,
        Self::InvalidRequest,
        Self::RequestLimit,
        Self::InvalidConfig,
        Self::UnknownRuntime,
        Self::RemoteCode,
        Self::Audit,
        Self::DockerUnreachable,
        Self::Docker,
        Self::LocalUnavailable,
        Self::Local,
        Self::Unsupported,
        Self::ImageMissing,
        Self::ImageRefused,
        Self::ImageBuild,
        Self::OciRuntime,
        Self::SeccompProfile,
        Self::Guest,
        Self::SandboxLost,
        Self::Refused,
        Self::FileNotFound,
        Self::FileDenied,
        Self::NotAFile,
        Self::NoSpace,
        Self::FileTooLarge,
        Self::File,
        Self::FilesTimeout,
        Self::Install,
        Self::Setup,
        Self::RuntimeSwitch,
        Self::NoActiveContainer,
        Self::Cancelled,
        Self::Stopped,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::TooLarge,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::ResultLost,
        Self::Server,
        Self::Remote,
        Self::NativeUnavailable,
        Self::Internal,
    ];

    /// The code of this name. One that is not known, as of a later version, is [`Self::Internal`].
    #[must_use]
    pub fn named(name: Option<&str>) -> Self {
        let known = Self::ALL
            .into_iter()
            .find(|code| Some(code.as_str()) == name);
        known.unwrap_or(Self::Internal)
    }

    /// The code as callers see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidOption => "ISOL8_INVALID_OPTION",
            Self::InvalidRequest => "ISOL8_INVALID_REQUEST",
            Self::RequestLimit => "ISOL8_REQUEST_LIMIT",
            Self::InvalidConfig => "ISOL8_INVALID_CONFIG",
            Self::UnknownRuntime => "ISOL8_UNKNOWN_RUNTIME",
            Self::RemoteCode => "ISOL8_REMOTE_CODE",
            Self::Audit => "ISOL8_AUDIT",
            Self::DockerUnreachable => "ISOL8_DOCKER_UNREACHABLE",
            Self::Docker => "ISOL8_DOCKER",
            Self::LocalUnavailable => "ISOL8_LOCAL_UNAVAILABLE",
            Self::Local => "ISOL8_LOCAL",
            Self::Unsupported => "ISOL8_UNSUPPORTED",
            Self::ImageMissing => "ISOL8_IMAGE_MISSING",
            Self::ImageRefused => "ISOL8_IMAGE_REFUSED",
            Self::ImageBuild => "ISOL8_IMAGE_BUILD",
            Self::OciRuntime => "ISOL8_OCI_RUNTIME",
            Self::SeccompProfile => "ISOL8_SECCOMP_PROFILE",
            Self::Guest => "ISOL8_GUEST",
            Self::SandboxLost => "ISOL8_SANDBOX_LOST",
            Self::Refused => "ISOL8_REFUSED",
            Self::FileNotFound => "ISOL8_FILE_NOT_FOUND",
            Self::FileDenied => "ISOL8_FILE_DENIED",
            Self::NotAFile => "ISOL8_NOT_A_FILE",
            Self::NoSpace => "ISOL8_NO_SPACE",
            Self::FileTooLarge => "ISOL8_FILE_TOO_LARGE",
            Self::File => "ISOL8_FILE",
            Self::FilesTimeout => "ISOL8_FILES_TIMEOUT",
            Self::Install => "ISOL8_INSTALL",
            Self::Setup => "ISOL8_SETUP",
            Self::RuntimeSwitch => "ISOL8_RUNTIME_SWITCH",
            Self::NoActiveContainer => "ISOL8_NO_ACTIVE_CONTAINER",
            Self::Cancelled => "ISOL8_CANCELLED",
            Self::Stopped => "ISOL8_STOPPED",
            Self::Unauthorized => "ISOL8_UNAUTHORIZED",
            Self::Forbidden => "ISOL8_FORBIDDEN",
            Self::NotFound => "ISOL8_NOT_FOUND",
            Self::TooLarge => "ISOL8_TOO_LARGE",
            Self::TooManyRequests => "ISOL8_TOO_MANY_REQUESTS",
            Self::Unavailable => "ISOL8_UNAVAILABLE",
            Self::ResultLost => "ISOL8_RESULT_LOST",
            Self::Server => "ISOL8_SERVER",
            Self::Remote => "ISOL8_REMOTE",
            Self::NativeUnavailable => "ISOL8_NATIVE_UNAVAILABLE",
            Self::Internal => "ISOL8_INTERNAL",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own() {
        let names: BTreeSet<_> = ErrorCode::ALL.map(ErrorCode::as_str).into();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(names.iter().all(|name| name.starts_with("ISOL8_")));
    }

    /// The words that follow `before`, up to `after`.
    fn words<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
        let lines = text.lines().map(str::trim_start);
        let found = lines.filter_map(|line| line.strip_prefix(before)?.split(after).next());
        found.collect()
    }

    #[test]
    fn the_page_of_errors_and_the_types_have_each_code_once_and_no_other() {
        let page = include_str!("../../../docs/errors.md");
        let types = include_str!("../../../types/errors.d.cts");
        for listed in [words(page, "| `", '`'), words(types, "| \"", '"')] {
            let mut listed: Vec<_> = listed.iter().map(|name| name.trim()).collect();
            listed.sort_unstable();
            let mut codes = ErrorCode::ALL.map(ErrorCode::as_str);
            codes.sort_unstable();
            assert_eq!(listed, codes);
        }
        for row in page.lines().filter(|line| line.starts_with("| `ISOL8_")) {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "code, cause and remedy: {row}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        }
    }
}
