//! Python.

use super::{
    packages,
    parking::{ParkingSpec, Preloading, StartFiles},
    preload,
    spec::{Defaults, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv},
};

const PARKING: ParkingSpec = ParkingSpec {
    launcher_env: &[("PYTHONPATH", "/.isol8/python")],
    launcher_flag: None,
    files: &[],
    any_workdir: true,
    // The last ones are read by start-up files that Python packages install.
    start_env: &[
        "PYTHON*",
        "__PYVENV*",
        "SETUPTOOLS_*",
        "COVERAGE_*",
        "COV_*",
    ],
    start_files: StartFiles::Hidden,
    can_tell: |_| false,
    preload: Preloading::Launcher { forks: true },
};

/// Python. The user site below `/sandbox` is on its path, see the environment in `plan`.
pub(super) const PYTHON: RuntimeSpec = RuntimeSpec {
    name: "python",
    image: "isol8:python",
    extensions: &[".py"],
    default_extension: ".py",
    env: &[],
    defaults: Defaults::PROGRAM,
    needs_network: false,
    names: packages::PLAIN,
    preload_name: Some(preload::PYTHON_MODULE),
    parking: Some(&PARKING),
    session: Some(SessionLauncher {
        argv: &["python3", "/.isol8/session/python/main.py"],
        own_image_flags: &[],
        script: "",
        interrupts: true,
    }),
    registries: &["pypi.org", "files.pythonhosted.org"],
    registry_variables: &["PIP_INDEX_URL"],
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
