//! Deno.

use super::{
    packages::installer_names,
    parking,
    spec::{InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv},
};

/// Deno, with its own permissions narrowed to what a sandbox has anyway.
pub(super) const DENO: RuntimeSpec = RuntimeSpec {
    name: "deno",
    image: "isol8:deno",
    extensions: &[".mts"],
    default_extension: ".mts",
    env: &[],
    parking: Some(&parking::DENO),
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
    registries: &[
        "jsr.io",
        "npm.jsr.io",
        "registry.npmjs.org",
        "deno.land",
        "esm.sh",
    ],
    registry_files: "",
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
        argv: argv(&["deno", "cache", "--"], &installer_names("deno", packages)),
        env: Vec::new(),
    },
};
