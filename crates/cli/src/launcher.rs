//! The JavaScript launcher of the npm package, where it runs beside this process and did not become it.

use std::{os::unix::process::parent_id, time::Duration};

use tokio::runtime::Handle;

use crate::failure::Exit;

/// The process that has started this one to stand for it, by its number.
const VARIABLE: &str = "ISOL8_LAUNCHER";

/// How often it is looked for. A signal that ends it is passed on; only a kill is not.
const INTERVAL: Duration = Duration::from_millis(250);

/// Ends this process when its launcher has ended. Sandboxes end with this process.
pub(crate) fn end_with_it(runtime: &Handle) {
    let launcher = std::env::var(VARIABLE).ok();
    let Some(launcher) = launcher.and_then(|number| number.parse::<u32>().ok()) else {
        return;
    };
    runtime.spawn(async move {
        while parent_id() == launcher {
            tokio::time::sleep(INTERVAL).await;
        }
        std::process::exit(Exit::Signal(15).code().into());
    });
}
