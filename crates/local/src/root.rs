//! The root file system of a runtime's sandboxes: what of this machine they show, and files of ours.

use std::{fs, path::Path, time::UNIX_EPOCH};

use isol8_backend::{GUEST_DIGEST, HOSTS};
use isol8_protocol::{Bind, RootPlan, SANDBOX_DIR, WRITABLE_DIRS};
use sha2::{Digest as _, Sha256};

use crate::{Interpreter, Origin, agent, prefix};

/// Directories of the system that every sandbox shows.
const SYSTEM: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What of `/etc` programs need: certificates, libraries, chosen programs, the time zone, names of services.
const OF_ETC: [&str; 12] = [
    "ssl",
    "ca-certificates.conf",
    "pki",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "localtime",
    "timezone",
    "services",
    "protocols",
];

/// What an administrator has put there stays out. It is a place for the interpreters of sandboxes.
const OWN: &str = "/usr/local";

/// Where a sandbox shows a runtime that was installed for sandboxes, or that it cannot show at its own path.
const INSTALLED: &str = "/usr/local/lib/isol8-runtimes";

/// The directory for links to interpreters that are not the system's. It is in `PATH`.
const LINKS: &str = "/usr/local/bin";

/// The one where the other is shown as this machine has it, and no link can be made.
const OTHER_LINKS: &str = "/usr/local/sbin";

/// Names are looked up in files, and at servers where there is a network.
const NAMES: &str =
    "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";

/// Files that are others in a sandbox with the host's network.
const OF_HOST_NETWORK: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// The name of a runtime's root: it changes with the interpreter, and with the guest.
pub(crate) fn id(runtime: &str, interpreter: &Interpreter) -> String {
    let mut digest = Sha256::new();
    digest.update(GUEST_DIGEST);
    for shown in with_others(interpreter) {
        digest.update(shown.program.as_os_str().as_encoded_bytes());
        if let Some(prefix) = &shown.prefix {
            digest.update(b"\0");
            digest.update(prefix.as_os_str().as_encoded_bytes());
        }
        if let Ok(found) = fs::metadata(&shown.program) {
            digest.update(found.len().to_le_bytes());
            let changed = found.modified().ok();
            let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            digest.update(changed.unwrap_or_default().as_nanos().to_le_bytes());
        }
    }
    format!("local:{runtime}:{}", hex::encode(&digest.finalize()[..8]))
}

/// An interpreter, and those that its programs are started by.
pub(crate) fn with_others(interpreter: &Interpreter) -> impl Iterator<Item = &Interpreter> {
    std::iter::once(interpreter).chain(&interpreter.beside)
}

/// The runtime in the name of a root.
pub(crate) fn runtime_of(id: &str) -> Option<&str> {
    let (runtime, _) = id.strip_prefix("local:")?.split_once(':')?;
    Some(runtime)
}

/// The root for an interpreter. Users and control groups are left out.
pub(crate) fn plan(runtime: &str, interpreter: &Interpreter) -> RootPlan {
    let mut plan = RootPlan::default();
    for directory in SYSTEM {
        show(&mut plan, Path::new(directory));
    }
    plan.own_directories = vec![OWN.to_owned()];
    for name in OF_ETC {
        show(&mut plan, &Path::new("/etc").join(name));
    }
    plan.files = own_files();
    plan.host_network_files = OF_HOST_NETWORK
        .iter()
        .map(|path| {
            let content = fs::read_to_string(path).unwrap_or_default();
            ((*path).to_owned(), content)
        })
        .collect();
    let links = links_for(interpreter);
    add_interpreter(&mut plan, links, runtime, interpreter);
    for other in &interpreter.beside {
        add_interpreter(&mut plan, links, other.name, other);
    }
    if runtime == agent::NAME {
        add_fd(&mut plan, links, Path::new("/usr/bin"));
    }
    plan
}

/// The directory for the links to an interpreter, and to those beside it.
fn links_for(interpreter: &Interpreter) -> &'static str {
    let is_shown = with_others(interpreter).any(|shown| {
        shown.origin == Origin::Found && shown.prefix.as_deref() == Some(Path::new(OWN))
    });
    if is_shown { OTHER_LINKS } else { LINKS }
}

/// Gives `fd` its own name, which coding agents look for: Debian calls it `fdfind`. `programs` is the directory of both.
fn add_fd(plan: &mut RootPlan, links: &str, programs: &Path) {
    let (known, wanted) = (programs.join("fdfind"), programs.join("fd"));
    if let Some(target) = known.to_str()
        && known.exists()
        && !wanted.exists()
    {
        add_link(plan, format!("{links}/fd"), target);
    }
}

/// Shows a path of the host at the same path: a link as a link, anything else as it is.
fn show(plan: &mut RootPlan, path: &Path) {
    let Some(text) = path.to_str() else { return };
    if let Ok(target) = fs::read_link(path) {
        let target = path.parent().unwrap_or(path).join(target);
        if let (Some(target), true) = (target.to_str(), is_of_system(&target)) {
            plan.links.push((text.to_owned(), target.to_owned()));
            return;
        }
    }
    if path.exists() {
        plan.binds.push(Bind {
            source: text.to_owned(),
            target: text.to_owned(),
        });
    }
}

/// Whether a link's target is a directory of [`SYSTEM`], as with `/lib -> usr/lib`.
fn is_of_system(target: &Path) -> bool {
    SYSTEM.iter().any(|directory| target.starts_with(directory))
}

/// Users, host names and the like.
fn own_files() -> Vec<(String, String)> {
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/bash\nsandbox:x:100:101::{SANDBOX_DIR}:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    );
    let group = "root:x:0:\nsandbox:x:101:\nnogroup:x:65534:\n".to_owned();
    [
        ("/etc/passwd", passwd),
        ("/etc/group", group),
        ("/etc/hosts", HOSTS.to_owned()),
        ("/etc/resolv.conf", String::new()),
        ("/etc/nsswitch.conf", NAMES.to_owned()),
    ]
    .into_iter()
    .map(|(path, content)| (path.to_owned(), content))
    .collect()
}

/// Shows the directory of an interpreter that is not the system's, with links to its programs.
fn add_interpreter(plan: &mut RootPlan, links: &str, runtime: &str, interpreter: &Interpreter) {
    let Some(prefix) = &interpreter.prefix else {
        return;
    };
    let parts = match interpreter.origin {
        Origin::Installed => vec![prefix.clone()],
        Origin::System | Origin::Found => prefix::shown_parts(prefix),
    };
    let at = if interpreter.origin == Origin::Installed || is_hidden(prefix) {
        Path::new(INSTALLED).join(runtime)
    } else {
        prefix.clone()
    };
    for part in parts {
        let below = part.strip_prefix(prefix).unwrap_or(Path::new(""));
        let target = if below.as_os_str().is_empty() {
            at.clone()
        } else {
            at.join(below)
        };
        if let (Some(source), Some(target)) = (part.to_str(), target.to_str())
            && !plan.binds.iter().any(|bind| bind.target == target)
        {
            plan.binds.push(Bind {
                source: source.to_owned(),
                target: target.to_owned(),
            });
        }
    }
    if at.join("bin") == Path::new(LINKS) {
        return;
    }
    let entries = fs::read_dir(prefix.join("bin")).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let target = at.join("bin").join(entry.file_name());
        if let (Some(name), Some(target)) = (entry.file_name().to_str(), target.to_str()) {
            add_link(plan, format!("{links}/{name}"), target);
        }
    }
    add_own_name(plan, links, interpreter, &at);
}

/// Whether a sandbox has a writable place of its own there, which would hide what is shown: of a project in `/tmp`, say.
fn is_hidden(prefix: &Path) -> bool {
    WRITABLE_DIRS.iter().any(|place| prefix.starts_with(place))
}

/// Gives an interpreter the name that programs start it by. Its file may have another one: npm's Bun is `bun.exe`.
fn add_own_name(plan: &mut RootPlan, links: &str, interpreter: &Interpreter, at: &Path) {
    let Some(file) = interpreter.program.file_name() else {
        return;
    };
    let link = format!("{links}/{}", interpreter.name);
    let target = at.join("bin").join(file);
    if let Some(target) = target.to_str() {
        add_link(plan, link, target);
    }
}

/// Adds a link to `target` unless there is one at this path.
fn add_link(plan: &mut RootPlan, link: String, target: &str) {
    if !plan.links.iter().any(|(known, _)| *known == link) {
        plan.links.push((link, target.to_owned()));
    }
}

#[cfg(test)]
mod tests;
