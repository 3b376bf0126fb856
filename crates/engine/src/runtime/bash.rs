//! Bash.

use super::{
    packages,
    parking::{ParkingSpec, Preloading, StartFiles},
    spec::{Defaults, InstallCommand, RuntimeSpec, SessionLauncher, always_a_file, argv},
};

const PARKING: ParkingSpec = ParkingSpec {
    launcher_env: &[("BASH_ENV", "/.isol8/bash/begin.sh")],
    launcher_flag: None,
    files: &[],
    any_workdir: true,
    // The launcher knows which ones Bash treats differently at its start, and refuses them.
    start_env: &[],
    start_files: StartFiles::Hidden,
    can_tell: can_tell_parking,
    preload: Preloading::None,
};

/// Bash.
pub(super) const BASH: RuntimeSpec = RuntimeSpec {
    name: "bash",
    image: "isol8:bash",
    extensions: &[".sh"],
    default_extension: ".sh",
    env: &[],
    defaults: Defaults::PROGRAM,
    needs_network: false,
    names: packages::PLAIN,
    preload_name: None,
    parking: Some(&PARKING),
    session: Some(SessionLauncher {
        argv: &["bash", "/sandbox/main.sh"],
        own_image_flags: &[],
        script: SCRIPT,
        interrupts: false,
    }),
    registries: &[
        "deb.debian.org",
        "security.debian.org",
        "archive.ubuntu.com",
        "security.ubuntu.com",
        "ports.ubuntu.com",
        "dl-cdn.alpinelinux.org",
    ],
    registry_variables: &[],
    registry_files: "/etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources",
    program_is_file: always_a_file,
    command: |context| argv(&["bash", context.path], &[]),
    bake: BAKE,
    install: |packages| InstallCommand {
        argv: any_shell(argv(&["bash", "-c", INSTALL_SCRIPT, "install"], packages)),
        env: Vec::new(),
    },
};

/// The first line of the script of a session. `begin.sh` appends the rest. Quoted words are no aliases.
const SCRIPT: &str =
    "\\builtin printf '0\\n' >/.isol8-session/reports; \\builtin . /.isol8/session/begin.sh";

/// Whether a program may look at what parking cannot hide: that `BASH_ARGC` and `BASH_ARGV` are set
/// from the start and not from their first use, and `SECONDS` likewise, in a listing of all variables.
/// A NUL byte cannot be handed over.
pub(super) fn can_tell_parking(code: &str) -> bool {
    let lists = |word: &str| {
        code.match_indices(word).any(|(at, _)| {
            let rest = &code[at + word.len()..];
            if rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
                return false;
            }
            let command = rest
                .split(['\n', ';', '|', '&', '(', ')', '<', '>', '#', '`'])
                .next();
            let mut arguments = command.unwrap_or_default().split_whitespace();
            let option = |argument: &str| word != "set" && argument.starts_with(['-', '+']);
            rest.starts_with(['"', '\'']) || arguments.all(option)
        })
    };
    code.contains('\0')
        || code.contains("BASH_ARG")
        || ["set", "declare", "typeset"].into_iter().any(lists)
}

/// The same command for an image that may have no Bash: its `sh` takes over there.
pub(crate) fn any_shell(argv: Vec<String>) -> Vec<String> {
    const CHOOSE: &str =
        r#"if command -v bash >/dev/null 2>&1; then exec bash "$@"; else exec sh "$@"; fi"#;
    match argv.split_first() {
        Some((program, arguments)) if program == "bash" => {
            super::spec::argv(&["sh", "-c", CHOOSE, "sh"], arguments)
        }
        _ => argv,
    }
}

const BAKE: &str = r#"#!/bin/sh
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

/// Installs packages of the distribution without being root and without writing to the root file
/// system: they are downloaded with what they depend on, unpacked below `/sandbox/.local`, and their
/// programs put into `PATH` as wrappers that find the libraries. Scripts of the packages do not
/// run. The packages are arguments, never script text.
const INSTALL_SCRIPT: &str = r#"set -eu
if ! command -v apt-get dpkg-deb >/dev/null; then
  echo "isol8 installs packages for bash with apt, which this image lacks; build an image" >&2
  exit 127
fi
work=/tmp/.isol8-apt root=/sandbox/.local/packages bin=/sandbox/.local/bin
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$root" "$bin"
apt() {
  apt-get -qq -o Debug::NoLocking=1 -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
    -o Acquire::Languages=none -o Acquire::GzipIndexes=true -o Acquire::Retries=0 "$@"
}
apt update
apt install --yes --no-install-recommends --download-only -- "$@"
libraries=$root/usr/lib:$root/lib
for triplet in /usr/lib/*-linux-*; do
  libraries=$root$triplet:$root/lib/${triplet##*/}:$libraries
done
shopt -s nullglob
for package in "$work"/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
for program in "$root"/{bin,sbin,usr/bin,usr/sbin,usr/games}/*; do
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec %s "$@"\n' \
    "$libraries" "$program" >"$bin/${program##*/}"
  chmod +x "$bin/${program##*/}"
done
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_list_their_variables_are_recognised() {
        for code in [
            "set",
            "x=1; set | grep x",
            "set >all",
            "eval \"set\"",
            "declare -p",
            "typeset -x; x",
            "for x in $(declare)",
            "echo ${BASH_ARGV[0]}",
            "a\0b",
        ] {
            assert!(can_tell_parking(code), "{code}");
        }
        for code in [
            "set -euo pipefail\necho settings",
            "set -- a b",
            "declare -A map=([a]=1)",
            "typeset x",
            "declare -p x",
            "",
        ] {
            assert!(!can_tell_parking(code), "{code}");
        }
    }

    #[test]
    fn the_shell_of_a_session_is_started_with_the_name_of_its_programs() {
        let session = BASH.session.unwrap();
        assert_eq!(session.argv, ["bash", "/sandbox/main.sh"]);
        assert_eq!(BASH.default_extension, ".sh");
        let reports = isol8_protocol::SessionPipe::Reports.path();
        assert!(session.script.contains(&format!(">{reports};")));
        let hello = format!("'{}\\n'", isol8_protocol::NO_CALL);
        assert!(session.script.contains(&hello));
    }

    #[test]
    fn only_bash_is_replaced_where_it_may_be_missing() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let python: Vec<String> = words(&["python3", "x"]);
        assert_eq!(any_shell(python.clone()), python);
        let bash = any_shell(words(&["bash", "-c", "echo"]));
        assert_eq!(bash[..2], ["sh", "-c"]);
        assert_eq!(bash[3..], ["sh", "-c", "echo"]);
    }

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
            .args(["-c", BAKE, "bake", "a", "-b", "c d"])
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
}
