//! Python.

use super::{
    parking,
    spec::{InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv},
};

/// Python. The user site below `/sandbox` is on its path, see the environment in `plan`.
pub(super) const PYTHON: RuntimeSpec = RuntimeSpec {
    name: "python",
    image: "isol8:python",
    extensions: &[".py"],
    default_extension: ".py",
    env: &[],
    parking: Some(&parking::PYTHON),
    session: Some(SessionLauncher {
        argv: &["python3", "/.isol8/session/python.py"],
        lead: "",
        interrupts: true,
    }),
    registries: &["pypi.org", "files.pythonhosted.org"],
    registry_files: "\"$PIP_CONFIG_FILE\" \"$XDG_CONFIG_HOME/pip/pip.conf\" \"$VIRTUAL_ENV/pip.conf\" \
        /etc/xdg/pip/pip.conf /etc/pip.conf /usr/pip.conf /usr/local/pip.conf",
    program_is_file: always_a_file,
    command: |context| argv(&["python3", context.path], &[]),
    bake: BAKE,
    install: |packages| InstallCommand {
        argv: argv(
            &[
                "pip3",
                "install",
                "--user",
                "--no-cache-dir",
                "--break-system-packages",
                "--disable-pip-version-check",
                "--no-input",
                "--retries",
                "0",
                "--",
            ],
            packages,
        ),
        env: Vec::new(),
    },
};

/// Python's own site packages.
const BAKE: &str = r#"#!/bin/sh
set -eu
exec pip3 install --no-cache-dir --break-system-packages --disable-pip-version-check --no-input \
  --root-user-action ignore -- "$@"
"#;
