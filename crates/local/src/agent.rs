//! The coding agent: a program for Node.js that is installed for local sandboxes and found nowhere else.

use std::path::PathBuf;

use isol8_backend::{BackendError, BackendErrorKind};

use crate::{
    Interpreter, LocalOptions, Origin,
    interpreter::{find_in, unusable},
    prefix,
};

/// Name of the runtime.
pub(crate) const NAME: &str = "agent";

/// The agent's program.
const PROGRAM: &str = "pi";

/// Runtimes that the agent needs: the one that it is written for, and the one that installs packages for it.
const NEEDED: [&str; 2] = ["node", "bun"];

/// Finds the agent among the installed runtimes, and the interpreters that it needs, also in these directories of `PATH`.
pub(crate) fn find(options: &LocalOptions, path: &[PathBuf]) -> Result<Interpreter, BackendError> {
    let prefix = options.runtimes_dir.as_ref().map(|all| all.join(NAME));
    let found = prefix.and_then(|prefix| {
        let program = prefix.join("bin").join(PROGRAM).canonicalize().ok()?;
        Some((prefix, program))
    });
    let Some((prefix, program)) = found else {
        return Err(BackendError::new(
            BackendErrorKind::ImageMissing,
            "No agent is installed for local sandboxes. `isol8 setup --backend local --only agent` installs it."
                .to_owned(),
        ));
    };
    prefix::check_installed(&prefix).map_err(|reason| unusable(NAME, &reason))?;
    let beside = NEEDED.map(|runtime| find_in(runtime, options, path));
    Ok(Interpreter {
        name: PROGRAM,
        program,
        prefix: Some(prefix),
        origin: Origin::Installed,
        beside: beside.into_iter().collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    #[test]
    fn the_agent_is_found_with_the_interpreters_that_it_needs() {
        let place = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &[u8]| {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        let options = LocalOptions {
            runtimes_dir: Some(place.path().to_owned()),
            ..LocalOptions::default()
        };
        let missing = find(&options, &[]).unwrap_err();
        assert_eq!(missing.kind, BackendErrorKind::ImageMissing);
        assert!(missing.message.contains("--only agent"), "{missing}");
        put("agent/lib/cli.js", b"#!/usr/bin/env node\n");
        put("agent/bin/other", b"");
        symlink("../lib/cli.js", place.path().join("agent/bin/pi")).unwrap();
        put("node/bin/node", b"\x7fELF");
        put("bun/bin/bun", b"\x7fELF");
        let agent = find(&options, &[]).unwrap();
        assert_eq!((agent.name, agent.origin), ("pi", Origin::Installed));
        assert!(agent.program.ends_with("agent/lib/cli.js"));
        let beside = agent
            .beside
            .iter()
            .map(|other| (other.name, other.prefix.clone().unwrap()));
        let expected = ["node", "bun"].map(|name| (name, place.path().join(name)));
        assert!(beside.eq(expected));
        symlink("/etc", place.path().join("agent/lib/etc")).unwrap();
        let refused = find(&options, &[]).unwrap_err();
        assert!(refused.message.contains("leads to /etc"), "{refused}");
    }
}
