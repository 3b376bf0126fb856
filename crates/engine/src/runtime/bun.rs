//! Bun.

use super::{
    node_modules::link_modules,
    packages,
    parking::{ParkingSpec, Preloading, StartFiles},
    preload,
    spec::{Defaults, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv},
};

const PARKING: ParkingSpec = ParkingSpec {
    // Its native parts keep a copy of the environment that no launcher can change.
    launcher_env: &[],
    launcher_flag: None,
    files: &[
        ("/sandbox/main.ts", ""),
        (
            "/sandbox/bunfig.toml",
            "preload = [\"/.isol8/bun/park.js\"]\n",
        ),
    ],
    any_workdir: false,
    // All of them, for the same reason.
    start_env: &["*"],
    start_files: StartFiles::All,
    can_tell: |_| false,
    preload: Preloading::File("/sandbox/bunfig.toml", "preload = ["),
};

/// Bun. Its program is TypeScript unless the request names another extension.
pub(super) const BUN: RuntimeSpec = RuntimeSpec {
    name: "bun",
    image: "isol8:bun",
    extensions: &[".ts"],
    default_extension: ".ts",
    env: &[GLOBAL_MODULES],
    defaults: Defaults::PROGRAM,
    needs_network: false,
    names: packages::PLAIN,
    preload_name: Some(preload::SPECIFIER),
    parking: Some(&PARKING),
    session: Some(SessionLauncher {
        argv: &["bun", "run", "/.isol8/session/javascript.cjs"],
        own_image_flags: &[],
        script: "",
        interrupts: true,
    }),
    registries: &["registry.npmjs.org"],
    registry_variables: REGISTRY_VARIABLES,
    registry_files: REGISTRY_FILES,
    program_is_file: always_a_file,
    command: |context| argv(&["bun", "run", context.path], &[]),
    bake: BAKE,
    install,
};

/// Installs packages into an image, for Bun programs and for the agent.
pub(super) const BAKE: &str = concat!(
    r#"#!/bin/sh
set -eu
home=/usr/local/lib/isol8
mkdir -p "$home"
bun add --cwd "$home" --cache-dir /tmp/bun -- "$@"
rm -rf /tmp/bun /root/.bun
"#,
    link_modules!()
);

/// Bun prefers the second one.
pub(super) const REGISTRY_VARIABLES: &[&str] = &["NPM_CONFIG_REGISTRY", "BUN_CONFIG_REGISTRY"];

/// Its own settings of other places are below the home directory, which no image fills.
pub(super) const REGISTRY_FILES: &str = "\"$XDG_CONFIG_HOME/.bunfig.toml\"";

/// Bun looks for global packages in `NODE_PATH` too, in addition to what every runtime has there.
pub(super) const GLOBAL_MODULES: (&str, &str) = (
    "NODE_PATH",
    "/usr/local/lib/node_modules:/sandbox/.npm-global/lib/node_modules:/sandbox/node_modules:\
     /sandbox/.bun-global/node_modules",
);

/// A global installation below `/sandbox`, for Bun programs and for the agent. The cache is on the
/// same file system, so that packages are linked and not copied.
pub(super) fn install(packages: &[String]) -> InstallCommand {
    InstallCommand {
        argv: argv(&["bun", "add", "--global", "--"], packages),
        env: vec![
            ("BUN_INSTALL_GLOBAL_DIR", "/sandbox/.bun-global"),
            ("BUN_INSTALL_BIN", "/sandbox/.bun-global/bin"),
            ("BUN_INSTALL_CACHE_DIR", "/sandbox/.bun-global/cache"),
        ],
    }
}
