//! Node.

use super::spec::{
    CommandContext, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv,
};

/// Node. A `.js` file is a module or a script by its syntax (Node's own detection), so inline code
/// may use `import` as well as `require`.
pub(super) const NODE: RuntimeSpec = RuntimeSpec {
    name: "node",
    image: "isol8:node",
    extensions: &[".mjs", ".js", ".cjs"],
    default_extension: ".js",
    env: &[],
    session: Some(SessionLauncher {
        argv: &["node", "/.isol8/session/javascript.cjs"],
        lead: "",
    }),
    registries: &["registry.npmjs.org"],
    program_is_file: always_a_file,
    command,
    install: |packages| InstallCommand {
        argv: argv(
            &[
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
