//! Bash.

use super::spec::{InstallCommand, RuntimeSpec, always_a_file, argv};

/// Bash.
pub(super) const BASH: RuntimeSpec = RuntimeSpec {
    name: "bash",
    image: "isol8:bash",
    extensions: &[".sh"],
    default_extension: ".sh",
    program_is_file: always_a_file,
    command: |context| argv(&["bash", context.path], &[]),
    install: |packages| InstallCommand {
        argv: argv(&["bash", "-c", INSTALL_SCRIPT, "install"], packages),
        env: Vec::new(),
    },
};

/// Calls the package manager that the image has. The packages are arguments, never script text.
const INSTALL_SCRIPT: &str = r#"if command -v apk >/dev/null; then exec apk add --no-cache -- "$@"
elif command -v apt-get >/dev/null; then
  apt-get update -qq && exec apt-get install -qq -y --no-install-recommends -- "$@"
elif command -v dnf >/dev/null; then exec dnf install -q -y -- "$@"
else echo "this image has no package manager that isol8 knows" >&2; exit 127
fi"#;
