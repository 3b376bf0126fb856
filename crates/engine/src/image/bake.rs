//! How packages get into a custom image: one script a runtime, run as root while the image is built.
//!
//! They are put where a program below `/sandbox` finds them without any setting: Python's own site
//! packages; `/node_modules`, where Node's and Bun's lookup for `import` as well as `require` ends; a
//! cache of modules for Deno; the system for bash.

/// The rest of a script whose modules are in `$home`. A `package.json` at the root itself would be
/// that of every program.
macro_rules! link_modules {
    () => {
        r#"ln -sfn "${home#/}/node_modules" /node_modules
for program in "$home"/node_modules/.bin/*; do
  [ ! -e "$program" ] || [ -e "/usr/local/bin/${program##*/}" ] || ln -s "$program" /usr/local/bin/
done
"#
    };
}

const SCRIPT_NODE: &str = concat!(
    r#"#!/bin/sh
set -eu
home=/usr/local/lib/isol8
npm install --prefix "$home" --cache /tmp/npm --no-audit --no-fund --no-update-notifier -- "$@"
rm -rf /tmp/npm /tmp/node-compile-cache /root/.npm
"#,
    link_modules!()
);

const SCRIPT_BUN: &str = concat!(
    r#"#!/bin/sh
set -eu
home=/usr/local/lib/isol8
mkdir -p "$home"
bun add --cwd "$home" --cache-dir /tmp/bun -- "$@"
rm -rf /tmp/bun /root/.bun
"#,
    link_modules!()
);

const SCRIPT_PYTHON: &str = r#"#!/bin/sh
set -eu
exec pip3 install --no-cache-dir --break-system-packages --disable-pip-version-check --no-input \
  --root-user-action ignore -- "$@"
"#;

const SCRIPT_DENO: &str = r#"#!/bin/sh
set -eu
export DENO_DIR=/usr/local/share/isol8-deno
deno cache -- "$@"
chmod -R a+rX "$DENO_DIR"
"#;

const SCRIPT_SYSTEM: &str = r#"#!/bin/sh
set -eu
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install --yes --no-install-recommends -- "$@"
  rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/*.log
elif command -v apk >/dev/null; then
  apk add --no-cache -- "$@"
else
  echo "the base image has no package manager that isol8 knows" >&2
  exit 127
fi
"#;

/// Where the script is in the image, and its name in the build context.
pub(super) const SCRIPT_NAME: &str = "isol8-bake";

/// Modules of a custom Deno image.
pub(crate) const BAKED_DENO_DIR: &str = "/usr/local/share/isol8-deno";

/// The script that installs the packages of `runtime`; `None` when there is no such runtime.
pub(super) fn script(runtime: &str) -> Option<&'static str> {
    Some(match runtime {
        "python" => SCRIPT_PYTHON,
        "node" => SCRIPT_NODE,
        "bun" | "agent" => SCRIPT_BUN,
        "deno" => SCRIPT_DENO,
        "bash" => SCRIPT_SYSTEM,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Registry;

    /// Runs the script of bash in a system whose programs are these scripts.
    fn install_with(programs: &[(&str, &str)]) -> std::process::Output {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        for (name, text) in programs {
            let path = directory.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::process::Command::new("/bin/sh")
            .args(["-c", SCRIPT_SYSTEM, "bake", "a", "-b", "c d"])
            .env_clear()
            .env("PATH", directory.path())
            .output()
            .unwrap()
    }

    /// Of Alpine's installer only how it is called: there is no Alpine image to try it in.
    #[test]
    fn the_system_s_own_installer_gets_the_packages_as_names() {
        let tell = r#"printf '<%s>' "${0##*/}" "$@"; echo"#;
        let apk = install_with(&[("apk", tell)]);
        assert!(apk.status.success(), "{apk:?}");
        let said = String::from_utf8(apk.stdout).unwrap();
        assert_eq!(said, "<apk><add><--no-cache><--><a><-b><c d>\n");
        // Apt is preferred where there are both.
        let apt = install_with(&[("apk", "exit 9"), ("apt-get", tell), ("rm", "")]);
        assert!(apt.status.success(), "{apt:?}");
        let said = String::from_utf8(apt.stdout).unwrap();
        assert!(said.ends_with("<--><a><-b><c d>\n"), "{said}");
        let failing = install_with(&[("apk", "exit 9")]);
        assert_eq!(failing.status.code(), Some(9));
        let none = install_with(&[]);
        assert_eq!(none.status.code(), Some(127));
        assert!(
            String::from_utf8(none.stderr)
                .unwrap()
                .contains("no package manager")
        );
    }

    #[test]
    fn every_runtime_has_a_script_with_the_packages_as_arguments() {
        for runtime in Registry::default().list() {
            let script = script(runtime.name).unwrap();
            assert!(script.contains(" -- \"$@\""), "{}", runtime.name);
        }
        assert!(SCRIPT_DENO.contains(BAKED_DENO_DIR));
    }
}
