//! Deno.

use super::{
    packages::installer_names,
    parking,
    spec::{CommandContext, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv},
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
        interrupts: false,
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
    command,
    bake: BAKE,
    install: |packages| InstallCommand {
        argv: argv(&["deno", "cache", "--"], &installer_names("deno", packages)),
        env: Vec::new(),
    },
};

/// Modules of a custom image.
pub(crate) const BAKED_DENO_DIR: &str = "/usr/local/share/isol8-deno";

const BAKE: &str = r#"#!/bin/sh
set -eu
export DENO_DIR=/usr/local/share/isol8-deno
deno cache -- "$@"
chmod -R a+rX "$DENO_DIR"
"#;

/// V8's code cache would be written for programs that run once, and costs a tenth of a start.
const NO_CODE_CACHE: &str = "--no-code-cache";

/// The Deno of another image may be too old to know the flag.
fn command(context: &CommandContext<'_>) -> Vec<String> {
    let mut command = argv(
        &[
            "deno",
            "run",
            "--allow-read=/sandbox,/tmp",
            "--allow-write=/sandbox,/tmp",
            "--allow-env",
            "--allow-net",
        ],
        &[],
    );
    if context.own_image {
        command.push(NO_CODE_CACHE.to_owned());
    }
    command.push(context.path.to_owned());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_baked_where_programs_look_for_them() {
        assert!(BAKE.contains(&format!("DENO_DIR={BAKED_DENO_DIR}\n")));
    }
}
