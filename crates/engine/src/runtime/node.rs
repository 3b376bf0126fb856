//! Node.

use super::spec::{InstallCommand, RuntimeSpec, always_a_file, argv};

/// Node. A `.js` file without a `package.json` around it is a module or a script by its syntax
/// (Node's own detection), so inline code may use `import` as well as `require`.
pub(super) const NODE: RuntimeSpec = RuntimeSpec {
    name: "node",
    image: "isol8:node",
    extensions: &[".mjs", ".js", ".cjs"],
    default_extension: ".js",
    program_is_file: always_a_file,
    command: |context| argv(&["node", context.path], &[]),
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
                "--no-fund",
                "--no-update-notifier",
                "--",
            ],
            packages,
        ),
        env: Vec::new(),
    },
};
