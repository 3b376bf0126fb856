//! What an engine is given to run: a request, and what the caller's own code decided for it.

use isol8_api::{request::ExecutionRequest, runtimes::canonical_name};

use super::{LiveInput, LocalFile};

/// A request, and how to run its program when its runtime is one that the caller registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Submission {
    /// The request. It may come from anybody.
    pub request: ExecutionRequest,
    /// What the adapter of the request's runtime answered; `None` for a built-in runtime. It chooses
    /// image and command, so it comes from the engine's owner and never out of a request's JSON.
    pub adapter: Option<AdapterCommand>,
    /// Input and signals that the program gets while it runs.
    pub live: Option<LiveInput>,
    /// Files that are written before those of the request.
    pub local_files: Vec<LocalFile>,
    /// The tenant that the audit log names; `None` where the engine has one owner. It never comes out of a request's
    /// JSON.
    pub tenant: Option<String>,
}

/// How to run a program whose runtime was registered by the user, as its adapter computed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterCommand {
    /// Image of the runtime.
    pub image: String,
    /// Program and arguments that run the file `/sandbox/main<file_extension>`.
    pub command: Vec<String>,
    /// Extension of the program's file, with its dot.
    pub file_extension: String,
}

impl Submission {
    /// The same with the runtime's own name in place of an alias. Whoever has an adapter has named it.
    pub(crate) fn with_own_runtime_name(mut self) -> Self {
        if self.adapter.is_none() {
            self.request.runtime = canonical_name(&self.request.runtime).to_owned();
        }
        self
    }
}

impl From<ExecutionRequest> for Submission {
    fn from(request: ExecutionRequest) -> Self {
        Self {
            request,
            ..Self::default()
        }
    }
}
