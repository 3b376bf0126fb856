//! Deno.

use super::spec::{InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv};

/// Deno, with its own permissions narrowed to what a sandbox has anyway.
pub(super) const DENO: RuntimeSpec = RuntimeSpec {
    name: "deno",
    image: "isol8:deno",
    extensions: &[".mts"],
    default_extension: ".mts",
    env: &[],
    session: Some(SessionLauncher {
        argv: &[
            "deno",
            "run",
            "--allow-read=/sandbox,/tmp,/.isol8,/dev/fd",
            "--allow-write=/sandbox,/tmp,/dev/fd",
            "--allow-env",
            "--allow-net",
            "/.isol8/session/javascript.cjs",
        ],
        lead: "",
    }),
    program_is_file: always_a_file,
    command: |context| {
        argv(
            &[
                "deno",
                "run",
                "--allow-read=/sandbox,/tmp",
                "--allow-write=/sandbox,/tmp",
                "--allow-env",
                "--allow-net",
                context.path,
            ],
            &[],
        )
    },
    install: |packages| InstallCommand {
        argv: argv(&["deno", "cache", "--"], packages),
        env: Vec::new(),
    },
};
