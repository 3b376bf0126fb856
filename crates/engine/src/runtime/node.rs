//! Node.

use super::{
    node_modules::link_modules,
    packages,
    parking::{ParkingSpec, Preloading, StartFiles},
    preload,
    spec::{
        CommandContext, Defaults, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv,
    },
};

const PARKING: ParkingSpec = ParkingSpec {
    launcher_env: &[("NODE_OPTIONS", "--require /.isol8/node/park.cjs")],
    launcher_flag: None,
    files: &[],
    any_workdir: true,
    // The last ones are read by its `fetch` and its agents, which are there ahead where the network is
    // filtered.
    start_env: &[
        "NODE_*",
        "UV_*",
        "V8_*",
        "UNDICI_*",
        "JEST_WORKER_ID",
        "NO_PROXY",
        "no_proxy",
    ],
    start_files: StartFiles::Named(&["package.json"]),
    can_tell: |_| false,
    preload: Preloading::Launcher { forks: false },
};

/// Node. A `.js` file is a module or a script by its syntax (Node's own detection), so inline code
/// may use `import` as well as `require`.
pub(super) const NODE: RuntimeSpec = RuntimeSpec {
    name: "node",
    image: "isol8:node",
    extensions: &[".mjs", ".js", ".cjs"],
    default_extension: ".js",
    env: &[],
    defaults: Defaults::PROGRAM,
    needs_network: false,
    names: packages::PLAIN,
    preload_name: Some(preload::SPECIFIER),
    parking: Some(&PARKING),
    session: Some(SessionLauncher {
        argv: &["node", "/.isol8/session/javascript.cjs"],
        own_image_flags: &[QUIET],
        script: "",
        interrupts: true,
    }),
    registries: &["registry.npmjs.org"],
    registry_variables: &["NPM_CONFIG_REGISTRY"],
    registry_files: "\"$NPM_CONFIG_GLOBALCONFIG\" \"$NPM_CONFIG_USERCONFIG\" \
        /usr/local/etc/npmrc /usr/etc/npmrc \
        /usr/local/lib/node_modules/npm/npmrc /usr/lib/node_modules/npm/npmrc",
    program_is_file: always_a_file,
    command,
    bake: BAKE,
    install: |packages| InstallCommand {
        argv: argv(
            &[
                "sh",
                "-c",
                WITH_GLOBAL_SETTINGS,
                "npm",
                "install",
                "--prefix",
                "/sandbox",
                "--cache",
                "/tmp/.npm",
                "--no-audit",
                // Its own two retries take over a minute where nothing can be reached.
                "--fetch-retries",
                "1",
                "--fetch-retry-mintimeout",
                "500",
                "--no-fund",
                "--no-update-notifier",
                "--",
            ],
            packages,
        ),
        env: Vec::new(),
    },
};

const BAKE: &str = concat!(
    r#"#!/bin/sh
set -eu
home=/usr/local/lib/isol8
npm install --prefix "$home" --cache /tmp/npm --no-audit --no-fund --no-update-notifier -- "$@"
rm -rf /tmp/npm /tmp/node-compile-cache /root/.npm
"#,
    link_modules!()
);

/// npm looks for its global settings below its prefix, which is the user's here. Those of the image
/// are where they would be without that.
const WITH_GLOBAL_SETTINGS: &str = r#"for file in /usr/local/etc/npmrc /usr/etc/npmrc; do
  if [ -f "$file" ]; then export NPM_CONFIG_GLOBALCONFIG="${NPM_CONFIG_GLOBALCONFIG:-$file}"; fi
done
exec npm "$@""#;

/// What a `package.json` beside the program (npm writes one) makes Node print for a module in a
/// `.js` file. It would land in the program's standard error.
const QUIET: &str = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON";

/// The Node of another image may be too old to know the flag.
fn command(context: &CommandContext<'_>) -> Vec<String> {
    if context.own_image {
        argv(&["node", QUIET, context.path], &[])
    } else {
        argv(&["node", context.path], &[])
    }
}
