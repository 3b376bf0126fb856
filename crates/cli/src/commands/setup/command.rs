//! Sets up the backend that is used.

use isol8_api::config::Config;
use isol8_assembly::Decision;
use isol8_backend::Backend as _;

use super::{docker, local};
use crate::{
    args::SetupArgs,
    failure::{Exit, Failure},
    output::Console,
    sandboxes::Sandboxes,
    settings::{BackendSettings, SetupSettings, variable},
};

/// Checks the backend, and provides what is wanted.
pub(crate) async fn run(
    args: &SetupArgs,
    config: &Config,
    console: Console,
) -> Result<Exit, Failure> {
    let settings = SetupSettings::resolve(args, config)?;
    let backend = BackendSettings::resolve(&args.backend, config, variable)?;
    let sandboxes = Sandboxes::new(backend)?;
    let checked = match sandboxes.place().decision().await {
        Ok(Decision::Local { why }) => {
            console.info(&format!("Sandboxes are local: {why}"));
            return local::run(&settings, sandboxes.place(), args.json, console).await;
        }
        Ok(Decision::Docker { .. }) => sandboxes.backend().probe().await,
        Err(error) => Err(error),
    };
    if let Err(error) = checked {
        console.error("Docker is not running or not installed.");
        console.result("      Install Docker: https://docs.docker.com/get-docker/");
        console.result("      On macOS: open -a Docker");
        console.result(&format!("      {error}"));
        return Ok(Exit::Failed);
    }
    docker::run(&settings, &sandboxes, args.json, console).await
}
