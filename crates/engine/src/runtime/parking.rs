//! How the interpreters of the runtimes are parked, and what makes a program start without that.
//!
//! Whatever an interpreter looks at before its launcher waits must be the same for the program that
//! comes later. What a request could change of it is listed here; the list errs on the side of a
//! plain start, which is always right.

/// How a runtime's interpreter is parked.
#[derive(Debug, Clone, Copy)]
pub struct ParkingSpec {
    /// Environment that makes the interpreter load the launcher.
    pub launcher_env: &'static [(&'static str, &'static str)],
    /// Flag that makes it load the launcher, put before the program, for the one that knows no such
    /// variable.
    pub launcher_flag: Option<&'static str>,
    /// Files that must exist when the interpreter starts: an empty program, and settings that make it
    /// load the launcher, which removes them.
    pub files: &'static [(&'static str, &'static str)],
    /// Whether it can get its working directory later.
    pub any_workdir: bool,
    /// Variables that it reads at its start, beside those that every program reads. A `*` stands for
    /// any ending.
    pub start_env: &'static [&'static str],
    /// Whether files of the request are seen by it at its start, when they are below `/sandbox`.
    pub start_files: StartFiles,
    /// Whether a program of this text may look at something that parking leaves different.
    pub can_tell: fn(code: &str) -> bool,
    /// How it learns which modules to import while it waits.
    pub preload: Preloading,
}

/// How an interpreter learns which modules to import ahead of its program.
#[derive(Debug, Clone, Copy)]
pub enum Preloading {
    /// By [`PRELOAD_VARIABLE`], which its launcher reads and removes.
    Launcher {
        /// Whether parked interpreters can be forked from one that has imported them.
        forks: bool,
    },
    /// By this flag for each, before the launcher's own.
    Flag(&'static str),
    /// By the list of preloads in this file, which begins with these characters.
    File(&'static str, &'static str),
    /// There are no modules.
    None,
}

/// Names the modules to import ahead, with spaces between them.
pub const PRELOAD_VARIABLE: &str = "ISOL8_PRELOAD";

/// Which files below `/sandbox` an interpreter sees at its start.
#[derive(Debug, Clone, Copy)]
pub enum StartFiles {
    /// Those whose first name below `/sandbox` begins with a dot: settings, and what `PATH` names.
    Hidden,
    /// These names there as well.
    Named(&'static [&'static str]),
    /// All of them: it remembers which there are.
    All,
}

/// Variables that the C library, the dynamic loader, TLS libraries and terminals have everyone read.
const COMMON_ENV: [&str; 25] = [
    "PATH",
    "HOME",
    "LD_*",
    "LC_*",
    "LANG*",
    "TZ*",
    "MALLOC_*",
    "GLIBC_*",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "HOSTALIASES",
    "TMPDIR",
    "TMP",
    "TEMP",
    "OPENSSL_*",
    "SSL_*",
    "SSLKEYLOGFILE",
    "TERM*",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR*",
];

impl ParkingSpec {
    /// Whether a variable of this name must be there from the start.
    #[must_use]
    pub fn reads_at_start(&self, name: &str) -> bool {
        let of_interpreter = self.start_env.iter().copied();
        COMMON_ENV.into_iter().chain(of_interpreter).any(|pattern| {
            match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == pattern,
            }
        })
    }

    /// Whether a file at this path must be there from the start.
    #[must_use]
    pub fn sees_at_start(&self, path: &str) -> bool {
        // Whatever is not plain enough to be compared.
        if path.split('/').any(|name| matches!(name, "." | "..")) || path.contains("//") {
            return true;
        }
        let Some(below) = path.strip_prefix("/sandbox/") else {
            return !path.starts_with("/tmp/");
        };
        let first = below.split('/').next().unwrap_or_default();
        first.starts_with('.')
            || match self.start_files {
                StartFiles::Hidden => false,
                StartFiles::Named(names) => names.contains(&first),
                StartFiles::All => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use crate::runtime::{ParkingSpec, Registry};

    fn parking(runtime: &str) -> ParkingSpec {
        *Registry::default().get(runtime).unwrap().parking.unwrap()
    }

    #[test]
    fn what_an_interpreter_reads_at_its_start_is_recognised() {
        for name in [
            "PATH",
            "PYTHONHASHSEED",
            "LC_ALL",
            "TZ",
            "LD_PRELOAD",
            "GLIBC_TUNABLES",
        ] {
            assert!(parking("python").reads_at_start(name), "{name}");
        }
        assert!(
            !parking("python").reads_at_start("NODE_ENV")
                && parking("node").reads_at_start("NODE_ENV")
        );
        assert!(
            !parking("python").reads_at_start("API_KEY")
                && parking("bun").reads_at_start("API_KEY")
        );
    }

    #[test]
    fn files_that_matter_at_the_start_are_recognised() {
        for path in [
            "/sandbox/.local/bin/python3",
            "/sandbox/.env",
            "/sandbox/./x",
            "/sandbox//.env",
            "/tmp/../sandbox/.env",
            "/etc/x",
        ] {
            assert!(parking("python").sees_at_start(path), "{path}");
        }
        for path in ["/sandbox/a.py", "/tmp/x", "/sandbox/a/.b"] {
            assert!(!parking("python").sees_at_start(path), "{path}");
        }
        assert!(parking("deno").sees_at_start("/sandbox/node_modules/x/package.json"));
        assert!(
            !parking("deno").sees_at_start("/sandbox/util.mts")
                && parking("bun").sees_at_start("/sandbox/util.ts")
        );
    }
}
