//! When a program may take a parked interpreter, and what is parked for it.

use std::collections::BTreeMap;

use isol8_protocol::{InlineFile, ParkRequest, SANDBOX_DIR};

use super::{ExecutionPlan, environment::environment, paths::main_path};
use crate::{
    options::{Options, Secrets},
    runtime::{CommandContext, PRELOAD_VARIABLE, ParkingSpec, Preloading, RuntimeSpec, any_shell},
};

/// What to start ahead of the programs of a runtime.
#[derive(Debug, Clone)]
pub struct ParkPlan {
    /// Without modules.
    request: ParkRequest,
    preloading: Preloading,
    preload: Vec<String>,
    /// Whether the memory limit has room for modules twice.
    room_to_fork: bool,
}

/// Memory limit from which parked interpreters are forked from one that has imported the modules, in
/// bytes: their memory counts in both.
const FORK_MEMORY: u64 = 256 << 20;

/// What to start ahead of the programs of `runtime`, with the modules `preload`; `None` when nothing
/// can be, or shall not be.
#[must_use]
pub fn park_plan(options: &Options, runtime: &RuntimeSpec, preload: &[String]) -> Option<ParkPlan> {
    let parking = runtime.parking.filter(|_| options.parking)?;
    let program = main_path(runtime.default_extension);
    let argv = runtime.command(&CommandContext {
        code: "",
        path: &program,
        agent_flags: &[],
        own_image: options.image.is_none(),
    });
    let argv = match options.image {
        Some(_) => any_shell(argv),
        None => argv,
    };
    let mut launcher_argv = argv.clone();
    if let Some(flag) = parking.launcher_flag {
        let last = launcher_argv.len().saturating_sub(1);
        launcher_argv.insert(last, flag.to_owned());
    }
    let shared = Options {
        secrets: if options.park_secrets {
            options.secrets.clone()
        } else {
            Secrets::default()
        },
        ..options.clone()
    };
    let owned = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
    let request = ParkRequest {
        argv,
        launcher_argv,
        env: environment(&shared, &BTreeMap::new(), Some(runtime)),
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
        forks: false,
    };
    Some(ParkPlan {
        request,
        preloading: parking.preload,
        preload: preload.to_vec(),
        room_to_fork: options.memory_bytes >= FORK_MEMORY,
    })
}

impl ParkPlan {
    /// The modules that are imported ahead.
    #[must_use]
    pub fn preload(&self) -> &[String] {
        &self.preload
    }

    /// The same with other modules.
    #[must_use]
    pub fn with_preload(&self, preload: &[String]) -> Self {
        Self {
            preload: preload.to_vec(),
            ..self.clone()
        }
    }

    /// What the guest is asked.
    #[must_use]
    pub fn request(&self) -> ParkRequest {
        let mut request = self.request.clone();
        if self.preload.is_empty() {
            return request;
        }
        match self.preloading {
            Preloading::None => {}
            Preloading::Launcher { forks } => {
                request.forks = forks && self.room_to_fork;
                let names = self.preload.join(" ");
                let variable = (PRELOAD_VARIABLE.to_owned(), names);
                request.launcher_env.push(variable);
            }
            Preloading::Flag(flag) => {
                let own = request.launcher_argv.len().saturating_sub(2);
                let flags = self.preload.iter().map(|name| format!("{flag}{name}"));
                request.launcher_argv.splice(own..own, flags);
            }
            Preloading::File(path, beginning) => {
                let names = self.preload.iter().map(|name| format!("\"{name}\", "));
                let with_names = format!("{beginning}{}", names.collect::<String>());
                for file in request.files.iter_mut().filter(|file| file.path == path) {
                    let text = String::from_utf8_lossy(&file.data);
                    file.data = text.replacen(beginning, &with_names, 1).into_bytes();
                }
            }
        }
        request
    }
}

/// Why the program of `plan` would not be the same if its interpreter were started ahead; `None`
/// when it is. `env` has the names of the variables that the interpreter lacks. That it has the same command line is for the guest to see.
pub(super) fn why_plain<'a>(
    mut env: impl Iterator<Item = &'a str>,
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
            plan.program_file
                .as_ref()
                .is_some_and(|file| can_tell(parking, &file.data)),
            "it looks at what was there when the interpreter started",
        ),
        (
            !parking.any_workdir && plan.program.cwd != SANDBOX_DIR,
            "the working directory is given",
        ),
        (
            env.any(|name| parking.reads_at_start(name)),
            "the interpreter reads a variable in env when it starts",
        ),
        (
            plan.local_files
                .iter()
                .map(|file| &file.path)
                .chain(plan.files.iter().map(|file| &file.path))
                .any(|path| parking.sees_at_start(path)),
            "the interpreter reads one of files when it starts",
        ),
    ];
    reasons
        .into_iter()
        .find_map(|(applies, reason)| applies.then_some(reason))
}

fn can_tell(parking: &ParkingSpec, program: &[u8]) -> bool {
    str::from_utf8(program).map_or(true, parking.can_tell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Registry;

    fn request(runtime: &str, preload: &[&str]) -> ParkRequest {
        let options = Options::try_from(isol8_api::options::RawOptions::default()).unwrap();
        let registry = Registry::default();
        let preload: Vec<_> = preload.iter().map(|&name| name.to_owned()).collect();
        let plan = park_plan(&options, registry.get(runtime).unwrap(), &preload);
        plan.unwrap().request()
    }

    #[test]
    fn modules_go_to_the_launcher_and_change_nothing_else() {
        for runtime in ["python", "node", "bun", "deno"] {
            let (with, without) = (request(runtime, &["a", "b"]), request(runtime, &[]));
            assert_eq!((&with.argv, &with.env), (&without.argv, &without.env));
            assert_ne!(with, without, "{runtime}");
        }
        let python = request("python", &["a", "b.c"]).launcher_env;
        assert!(python.contains(&("ISOL8_PRELOAD".into(), "a b.c".into())));
        let bun = request("bun", &["a"]).files.remove(1).data;
        let bun = String::from_utf8(bun).unwrap();
        assert_eq!(bun, "preload = [\"a\", \"/.isol8/bun/park.js\"]\n");
        let deno = request("deno", &["npm:a", "b"]).launcher_argv;
        let expected = [
            "--preload=npm:a",
            "--preload=b",
            "--preload=/.isol8/deno/park.mts",
            "/sandbox/main.mts",
        ];
        assert!(deno.ends_with(&expected.map(str::to_owned)), "{deno:?}");
    }
}
