//! Deno.

use super::{
    packages::installer_names,
    spec::{InstallCommand, RuntimeSpec, always_a_file, argv},
};

/// Deno, with its own permissions narrowed to what a sandbox has anyway.
pub(super) const DENO: RuntimeSpec = RuntimeSpec {
    name: "deno",
    image: "isol8:deno",
    extensions: &[".mts"],
    default_extension: ".mts",
    env: &[],
    registries: &[
        "jsr.io",
        "npm.jsr.io",
        "registry.npmjs.org",
        "deno.land",
        "esm.sh",
    ],
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
