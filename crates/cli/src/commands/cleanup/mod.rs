//! `cleanup`: removes what is left on the daemon, and of local sandboxes.

mod docker;
mod local;
mod shown;

use isol8_api::{config::Config, options::BackendChoice};

use self::{docker::clean_up_docker, local::clean_up_local, shown::listed};
use crate::{
    args::{BackendArgs, CleanupArgs},
    failure::{Exit, Failure},
    output::{Console, print},
    sandboxes::Sandboxes,
    settings::{BackendSettings, variable},
};

/// Removes what local sandboxes have left, unless Docker alone is wanted. Then shows what there is on the daemon, asks, and
/// removes it, unless local sandboxes alone are wanted.
pub(crate) async fn run(
    args: CleanupArgs,
    config: &Config,
    console: Console,
) -> Result<Exit, Failure> {
    let settings = BackendSettings::resolve(&BackendArgs::default(), config, variable)?;
    let only_local = settings.choice == BackendChoice::Local;
    let mut local = Exit::Success;
    // With --json nothing is removed without --force.
    if settings.choice != BackendChoice::Docker && (args.force || !args.json) {
        let place = Sandboxes::new(settings)?;
        local = clean_up_local(place.place(), only_local && !args.json, console).await?;
    }
    if only_local {
        if args.json {
            print(&listed(&[], None).to_string())?;
        }
        return Ok(local);
    }
    let docker = clean_up_docker(args, console).await?;
    Ok(if docker == Exit::Success {
        local
    } else {
        docker
    })
}
