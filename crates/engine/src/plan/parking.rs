//! When a program may take a parked interpreter, and what is parked for it.

use std::collections::BTreeMap;

use isol8_protocol::{InlineFile, ParkRequest, SANDBOX_DIR};

use super::{ExecutionPlan, build::main_path, environment::environment};
use crate::{
    options::Options,
    request::ExecutionRequest,
    runtime::{CommandContext, ParkingSpec, RuntimeSpec},
};

/// What to start ahead of the programs of `runtime`; `None` when nothing can be, or shall not be.
#[must_use]
pub fn park_request(options: &Options, runtime: &RuntimeSpec) -> Option<ParkRequest> {
    let parking = runtime.parking.filter(|_| options.parking)?;
    let program = main_path(runtime.default_extension);
    let argv = runtime.command(&CommandContext {
        code: "",
        path: &program,
        agent_flags: &[],
        own_image: options.image.is_none(),
    });
    let mut launcher_argv = argv.clone();
    if let Some(flag) = parking.launcher_flag {
        let last = launcher_argv.len().saturating_sub(1);
        launcher_argv.insert(last, flag.to_owned());
    }
    let owned = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
    Some(ParkRequest {
        argv,
        launcher_argv,
        env: environment(options, &BTreeMap::new(), Some(runtime)),
        launcher_env: parking.launcher_env.iter().map(owned).collect(),
        cwd: SANDBOX_DIR.to_owned(),
        program,
        files: parking
            .files
            .iter()
            .map(|(path, text)| InlineFile {
                path: (*path).to_owned(),
                data: text.as_bytes().to_vec(),
            })
            .collect(),
    })
}

/// Why the program of `plan` would not be the same if its interpreter were started ahead; `None`
/// when it is. That it has the same command line is for the guest to see.
pub(super) fn why_plain(
    request: &ExecutionRequest,
    plan: &ExecutionPlan,
    parking: Option<&ParkingSpec>,
) -> Option<&'static str> {
    let Some(parking) = parking else {
        return Some("nothing is started ahead for this runtime");
    };
    let reasons = [
        (plan.install.is_some(), "packages may be installed first"),
        (plan.request_setup.is_some(), "a setup script runs first"),
        (plan.program_file.is_none(), "it is a command"),
        (
            !parking.any_workdir && plan.program.cwd != SANDBOX_DIR,
            "the working directory is given",
        ),
        (
            request.env.keys().any(|name| parking.reads_at_start(name)),
            "the interpreter reads a variable in env when it starts",
        ),
        (
            plan.files
                .iter()
                .any(|file| parking.sees_at_start(&file.path)),
            "the interpreter reads one of files when it starts",
        ),
    ];
    reasons
        .into_iter()
        .find_map(|(applies, reason)| applies.then_some(reason))
}
