//! Removal of everything that nobody uses. Simultaneous calls share one run.

use std::sync::Arc;

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use isol8_backend::{BackendError, CleanupReport};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use utoipa::ToSchema;

/// What a clean-up did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Cleaned {
    /// True.
    pub(crate) ok: bool,
    /// The sessions.
    pub(crate) sessions: Removed,
    /// Sandboxes that nobody used.
    pub(crate) containers: Removed,
    /// The images, if they were to be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<Removed>,
}

/// What was removed of one kind.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "clients know the field by this name"
)]
pub(crate) struct Removed {
    /// How many were removed.
    removed: u64,
    /// How many could not be removed.
    failed: u64,
    /// Why, one message for each failure.
    errors: Vec<String>,
}

impl From<CleanupReport> for Removed {
    fn from(report: CleanupReport) -> Self {
        let CleanupReport {
            removed,
            failed,
            errors,
        } = report;
        Self {
            removed,
            failed,
            errors,
        }
    }
}

impl Cleaned {
    /// That this many sessions were removed, and nothing else.
    pub(crate) fn of_sessions(removed: u64) -> Self {
        Self {
            ok: true,
            sessions: Removed {
                removed,
                ..Removed::default()
            },
            containers: Removed::default(),
            images: None,
        }
    }
}

/// A clean-up that several callers wait for.
type Run = Shared<BoxFuture<'static, Result<Cleaned, Arc<BackendError>>>>;

/// The clean-up under way, and whether it removes images.
#[derive(Default)]
pub(crate) struct Cleanups(Mutex<Option<(bool, Run)>>);

impl Cleanups {
    /// Waits for the clean-up under way, or starts `clean` as one of `tasks`. `images` says whether images are
    /// removed, too. A caller that goes away does not stop a clean-up half way.
    pub(crate) async fn run<Work>(
        &self,
        tasks: &TaskTracker,
        images: bool,
        clean: impl Fn() -> Work,
    ) -> Result<Cleaned, Arc<BackendError>>
    where
        Work: Future<Output = Result<Cleaned, Arc<BackendError>>> + Send + 'static,
    {
        loop {
            let mut current = self.0.lock().await;
            let (removes_images, run) = match &*current {
                Some((removes_images, run)) if run.peek().is_none() => {
                    (*removes_images, run.clone())
                }
                _ => {
                    let run = clean().boxed().shared();
                    tasks.spawn(run.clone().in_current_span());
                    *current = Some((images, run.clone()));
                    (images, run)
                }
            };
            drop(current);
            let cleaned = run.await;
            // A run that leaves images alone is not what somebody asked for who wants them removed.
            if removes_images == images {
                return cleaned;
            }
        }
    }
}
