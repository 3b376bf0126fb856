//! Deno.

use super::{
    packages,
    parking::{ParkingSpec, Preloading, StartFiles},
    preload,
    spec::{
        CommandContext, Defaults, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv,
    },
};

const PARKING: ParkingSpec = ParkingSpec {
    launcher_env: &[],
    launcher_flag: Some("--preload=/.isol8/deno/park.mts"),
    files: &[("/sandbox/main.mts", "")],
    any_workdir: false,
    start_env: &[
        "DENO_*",
        "NODE_*",
        "NPM_*",
        "npm_*",
        "V8_*",
        "XDG_*",
        "RUST_*",
        "OTEL_*",
        "JSR_*",
        "HTTP*",
        "http*",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ],
    start_files: StartFiles::Named(&[
        "deno.json",
        "deno.jsonc",
        "deno.lock",
        "package.json",
        "node_modules",
        "jsr.json",
        "jsr.jsonc",
        "tsconfig.json",
        "vendor",
    ]),
    can_tell: |code| code.contains("nextTick"),
    preload: Preloading::Flag("--preload="),
};

/// Deno, with its own permissions narrowed to what a sandbox has anyway.
pub(super) const DENO: RuntimeSpec = RuntimeSpec {
    name: "deno",
    image: "isol8:deno",
    extensions: &[".mts"],
    default_extension: ".mts",
    env: &[],
    defaults: Defaults::PROGRAM,
    needs_network: false,
    names: packages::DENO,
    preload_name: Some(preload::SPECIFIER),
    parking: Some(&PARKING),
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
        own_image_flags: &[NO_CODE_CACHE, NO_COMPILATION_CACHE],
        script: "",
        interrupts: false,
    }),
    registries: &[
        "jsr.io",
        "npm.jsr.io",
        "registry.npmjs.org",
        "deno.land",
        "esm.sh",
    ],
    registry_variables: &["NPM_CONFIG_REGISTRY"],
    registry_files: "",
    program_is_file: always_a_file,
    command,
    bake: BAKE,
    install: |packages| InstallCommand {
        argv: argv(
            &["deno", "cache", "--"],
            &packages::DENO.for_installer(packages),
        ),
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

/// V8's compilation cache would keep the text of each program of a session.
const NO_COMPILATION_CACHE: &str = "--v8-flags=--no-compilation-cache";

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
