//! The root file system that all sandboxes of a spawner have: directories of the host, read-only, and files of ours.
//!
//! The spawner keeps nothing else of the host's files. Its own root has these directories:
//!
//! ```text
//! /root     what becomes the root of sandboxes    /groups   its control groups
//! /empty    covers directories of /proc           /host     files for sandboxes with the host's network
//! /proc     that of the host                        /kept     what is mounted below directories of the host
//! ```

use std::{fs, io::Write as _, os::unix::fs::MetadataExt as _, path::Path};

use isol8_protocol::{Bind, GUEST_DIR, RootPlan, SANDBOX_DIR, SESSION_DIR, TMP_DIR};
use nix::{
    libc,
    mount::MsFlags,
    sched::{CloneFlags, unshare},
};

use super::{
    devices,
    failure::{Failure, Trying},
    files::Files,
    groups::Groups,
    layers::{self, Layers},
    mounting,
    paths::{EMPTY, HOST_NETWORK, ROOT, in_root},
};

/// Where the spawner's root is put together, on the host. What lies there is visible again when it is done.
const STAGE: &str = "/tmp";

/// Directories for what each sandbox mounts itself, and empty ones.
const MOUNT_POINTS: [&str; 9] = [
    SANDBOX_DIR,
    TMP_DIR,
    SESSION_DIR,
    "/proc",
    "/dev/pts",
    "/dev/shm",
    "/dev/mqueue",
    // Empty, as programs expect them.
    "/root",
    "/var/tmp",
];

/// Makes the root of the spawner, with that of its sandboxes in it, and enters it. `guest` are the files beside the
/// guest's program. Returns what each sandbox mounts over it, and what this system does not have.
pub(crate) fn build(
    plan: &RootPlan,
    guest: &Files,
    groups: &Groups,
) -> Result<(Layers, Vec<String>), Failure> {
    unshare(CloneFlags::CLONE_NEWNS).trying("make a mount namespace")?;
    mounting::make_private()?;
    mounting::file_system("tmpfs", STAGE, mounting::PLAIN, "mode=0755")?;
    // From here on the stage is the root, and the host's root is below it.
    let old = "/old";
    mounting::directory(Path::new(&format!("{STAGE}{old}")))?;
    nix::unistd::pivot_root(STAGE, format!("{STAGE}{old}").as_str()).trying("change the root")?;
    nix::unistd::chdir("/").trying("enter the root")?;
    for directory in ["/proc", ROOT, EMPTY, HOST_NETWORK] {
        mounting::directory(Path::new(directory))?;
    }
    mounting::bind(&format!("{old}/proc"), "/proc")?;
    groups.show(old)?;
    fill(plan, guest, groups, old)?;
    for (path, content) in &plan.host_network_files {
        write(&format!("{HOST_NETWORK}{path}"), content.as_bytes())?;
    }
    // What is mounted on the stage for an attempt goes with the host's root.
    let layers = layers::prepare(plan, &format!("{old}{STAGE}"))?;
    nix::mount::umount2(old, nix::mount::MntFlags::MNT_DETACH).trying("leave the host's root")?;
    Ok(layers)
}

/// Fills the root of sandboxes.
fn fill(plan: &RootPlan, guest: &Files, groups: &Groups, old: &str) -> Result<(), Failure> {
    mounting::file_system("tmpfs", ROOT, mounting::PLAIN, "mode=0755")?;
    for bind in &plan.binds {
        let (source, target) = (format!("{old}{}", bind.source), in_root(&bind.target));
        if !Path::new(&source).is_dir() {
            // The host's own would be shared with it.
            copy(&source, &target)?;
            continue;
        }
        mounting::directory(Path::new(&target))?;
        mounting::bind(&source, &target)?;
        mounting::restrict(&target, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV)?;
        for own in own_directories(plan, bind) {
            mounting::file_system("tmpfs", &own, mounting::PLAIN, "mode=0755")?;
        }
    }
    for (path, target) in &plan.links {
        mounting::link(target, Path::new(&in_root(path)))?;
    }
    for (path, content) in &plan.files {
        write(&in_root(path), content.as_bytes())?;
    }
    guest.copy(|path| mounting::file(Path::new(&in_root(&format!("{GUEST_DIR}/{path}")))))?;
    let guest = in_root(GUEST_DIR);
    mounting::bind(&guest, &guest)?;
    mounting::restrict(&guest, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV)?;
    devices::make(old, groups.limit("memory"))?;
    let of_groups = groups
        .directories()
        .map(|place| in_root(&format!("/{place}")));
    let points = MOUNT_POINTS.into_iter().map(in_root).chain(of_groups);
    for point in points {
        mounting::directory(Path::new(&point))?;
    }
    for own in plan
        .binds
        .iter()
        .flat_map(|bind| own_directories(plan, bind))
    {
        make_read_only(&own, mounting::PLAIN)?;
    }
    make_read_only(&in_root("/dev"), devices::FLAGS)?;
    make_read_only(ROOT, mounting::PLAIN)
}

/// The directories of ours within a directory of the host, as the spawner sees them.
fn own_directories(plan: &RootPlan, within: &Bind) -> impl Iterator<Item = String> {
    let all = plan.own_directories.iter();
    let own = all
        .filter(|own| own.as_str() != within.target && Path::new(own).starts_with(&within.target));
    own.map(|own| in_root(own))
        .filter(|own| Path::new(own).is_dir())
}

/// Makes a mount of ours read-only, with its other flags. What is mounted below has been seen to.
fn make_read_only(target: &str, others: MsFlags) -> Result<(), Failure> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | others;
    nix::mount::mount(None::<&str>, target, None::<&str>, flags, None::<&str>)
        .trying(format_args!("make {target} read-only"))
}

/// Copies a file that everybody may read. Others are left out.
fn copy(source: &str, target: &str) -> Result<(), Failure> {
    let found = fs::metadata(source).trying(format_args!("look at {source}"))?;
    if !found.is_file() || found.mode() & 0o004 == 0 {
        return Ok(());
    }
    let content = fs::read(source).trying(format_args!("read {source}"))?;
    write(target, &content)
}

fn write(path: &str, content: &[u8]) -> Result<(), Failure> {
    let mut file = mounting::file(Path::new(path))?;
    file.write_all(content).trying(format_args!("write {path}"))
}
