//! Removal of everything that nobody uses. Simultaneous calls share one run.

use std::sync::Arc;

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use isol8_backend::{BackendError, CleanupReport};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::app::App;

/// What a clean-up did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cleaned {
    ok: bool,
    sessions: CleanupReport,
    containers: CleanupReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<CleanupReport>,
}

type Run = Shared<BoxFuture<'static, Result<Cleaned, Arc<BackendError>>>>;

/// The clean-up under way, and whether it removes images.
#[derive(Default)]
pub(crate) struct Cleanups(Mutex<Option<(bool, Run)>>);

impl Cleanups {
    /// Ends all sessions and idle engines, and removes the containers that nobody uses, with `images` the
    /// images as well. A caller that goes away does not stop it half way.
    pub(crate) async fn run(&self, app: &App, images: bool) -> Result<Cleaned, Arc<BackendError>> {
        loop {
            let mut current = self.0.lock().await;
            let (removes_images, run) = match &*current {
                Some((removes_images, run)) if run.peek().is_none() => {
                    (*removes_images, run.clone())
                }
                _ => {
                    let run = clean(app.clone(), images).boxed().shared();
                    app.tasks().spawn(run.clone());
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

async fn clean(app: App, images: bool) -> Result<Cleaned, Arc<BackendError>> {
    let removed = app.sessions().remove_all().await;
    app.engines().stop_idle().await;
    let containers = app.backend().clean_up().await?;
    let images = if images {
        Some(app.images().remove_all().await?)
    } else {
        None
    };
    Ok(Cleaned {
        ok: true,
        sessions: CleanupReport {
            removed,
            ..CleanupReport::default()
        },
        containers,
        images,
    })
}
