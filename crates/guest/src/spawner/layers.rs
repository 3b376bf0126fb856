//! File systems in front of the host's directories. Without them a program shares inodes with the host: inotify tells it
//! which files the programs of the host open, and its locks meet theirs.
//!
//! Each sandbox has file systems of its own in front of the directories that programs come from, of `/etc` and of the
//! guest's directory. In front of directories in `/etc` all sandboxes of a spawner have the same.

use std::{fs, os::unix::ffi::OsStringExt as _, path::Path};

use isol8_protocol::{GUEST_DIR, RootPlan};
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

use super::{
    failure::{Failure, Trying},
    mounting,
    paths::{EMPTY, in_root},
};
use crate::writable::mounts::unescape;

/// Where the spawner keeps what is mounted below such a directory.
const KEPT: &str = "/kept";

/// The directory whose directories are read too seldom for each sandbox to have a file system in front of them.
const ETC: &str = "/etc";

/// The file systems that each sandbox mounts, in this order.
#[derive(Default)]
pub(crate) struct Layers(Vec<Layer>);

struct Layer {
    target: String,
    /// What is mounted below it: where that is kept, and where it belongs.
    below: Vec<(String, String)>,
}

/// Finds out what each sandbox has to mount over the root that is made of `plan`, and mounts what all share. It tries the
/// others at the directory `attempts`. The caller unmounts them there, all at once: that takes longer than all else here.
/// The texts say what this system does not have.
pub(crate) fn prepare(plan: &RootPlan, attempts: &str) -> Result<(Layers, Vec<String>), Failure> {
    let mounts = fs::read("/proc/self/mountinfo").trying("read the list of mounts")?;
    let mut layers = Layers::default();
    let mut lacks = Vec::new();
    let binds = plan.binds.iter().map(|bind| bind.target.as_str());
    // What is in /etc comes before it, so that it is kept with what is in front of it.
    let directories = binds.chain([ETC, GUEST_DIR]).map(in_root);
    let directories = directories.filter(|target| Path::new(target).is_dir());
    for (number, target) in directories.enumerate() {
        let below = keep_all(&topmost(&mounts, &target), &format!("{KEPT}/{number}"))?;
        let is_shared = target.starts_with(&in_root(&format!("{ETC}/")));
        let place = if is_shared { &*target } else { attempts };
        if let Err(errno) = cover(&target, place) {
            lacks.push(format!(
                "no overlay in front of {target}: {}; programs share its inodes with the host",
                errno.desc()
            ));
            continue;
        }
        if is_shared {
            put_back(&below)?;
        } else {
            layers.0.push(Layer { target, below });
        }
    }
    Ok((layers, lacks))
}

impl Layers {
    /// Mounts them for one sandbox.
    pub(crate) fn mount(&self) -> Result<(), Failure> {
        for Layer { target, below } in &self.0 {
            cover(target, target).trying(format_args!("mount overlay at {target}"))?;
            put_back(below)?;
        }
        Ok(())
    }
}

/// Mounts a read-only file system that shows the same as a directory: in front of it, or elsewhere.
fn cover(directory: &str, place: &str) -> Result<(), Errno> {
    let flags = MsFlags::MS_RDONLY | mounting::PLAIN;
    let options = format!("lowerdir={EMPTY}:{}", escaped(directory));
    mount(
        Some("overlay"),
        place,
        Some("overlay"),
        flags,
        Some(&*options),
    )
}

/// A path as an option of overlay has it.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for letter in path.chars() {
        if matches!(letter, '\\' | ':' | ',') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// Keeps mounts in a directory. Returns where each is kept, and where it belongs.
fn keep_all(places: &[String], directory: &str) -> Result<Vec<(String, String)>, Failure> {
    let keep = |(number, place): (usize, &String)| {
        let kept = format!("{directory}/{number}");
        if Path::new(place).is_dir() {
            mounting::directory(Path::new(&kept))?;
        } else {
            mounting::file(Path::new(&kept))?;
        }
        mounting::bind(place, &kept)?;
        Ok((kept, place.clone()))
    };
    places.iter().enumerate().map(keep).collect()
}

/// Mounts again what a file system in front of a directory hides.
fn put_back(kept: &[(String, String)]) -> Result<(), Failure> {
    for (kept, place) in kept {
        mounting::bind(kept, place)?;
    }
    Ok(())
}

/// The mounts below a directory in a list of the kernel, without those below them in turn.
fn topmost(mounts: &[u8], directory: &str) -> Vec<String> {
    let lines = mounts.split(|byte| *byte == b'\n');
    let places = lines.filter_map(|line| {
        let place = line.split(|byte| *byte == b' ').nth(4)?;
        std::ffi::OsString::from_vec(unescape(place))
            .into_string()
            .ok()
    });
    let below = |place: &str, top: &str| {
        let rest = place.strip_prefix(top);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let mut found: Vec<_> = places.filter(|place| below(place, directory)).collect();
    found.sort_unstable();
    found.dedup();
    let all = found.clone();
    found.retain(|place| !all.iter().any(|top| below(place, top)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_topmost_mounts_below_a_directory_are_kept() {
        let mounts = b"1 0 8:1 / /root/usr rw - ext4 /dev/a rw\n\
            2 1 0:5 / /root/usr/local ro - tmpfs t rw\n\
            3 2 0:6 / /root/usr/local/lib/it ro - ext4 /dev/a rw\n\
            4 1 0:7 / /root/usr/with\\040space ro - ext4 /dev/a rw\n\
            5 1 0:7 / /root/usr-more ro - ext4 /dev/a rw\n";
        let found = topmost(mounts, "/root/usr");
        assert_eq!(found, ["/root/usr/local", "/root/usr/with space"]);
    }

    #[test]
    fn paths_are_escaped_as_overlay_reads_them() {
        assert_eq!(escaped("/opt/a:b,c"), "/opt/a\\:b\\,c");
    }
}
