//! Whether a control group of version 2 is this user's to divide.

use std::path::Path;

/// Exists where systemd runs the machine. See `sd_booted(3)`.
const OF_SYSTEMD: &str = "/run/systemd/system";

/// Whether nobody else manages what is in a group. Where systemd does not run the machine, whoever may write there manages it.
pub(super) fn is_left_to_us(group: &Path) -> bool {
    is_left_by(Path::new(OF_SYSTEMD), group)
}

fn is_left_by(systemd: &Path, group: &Path) -> bool {
    !systemd.exists() || is_delegated(group)
}

/// Whether systemd leaves a group to its unit. The system's manager marks such a group. A user's manager does not, and is
/// asked. Its own groups begin at `user@…service`, which is marked.
#[cfg(target_os = "linux")]
fn is_delegated(group: &Path) -> bool {
    let mut value = [0_u8; 8];
    let marked = rustix::fs::getxattr(group, "user.delegate", &mut value);
    if marked.is_ok_and(|length| value.get(..length) == Some(b"1")) {
        return true;
    }
    let Some(unit) = group.file_name() else {
        return false;
    };
    let answer = std::process::Command::new("timeout")
        .args(["5", "systemctl", "--user", "show", "--property=Delegate"])
        .args(["--value", "--"])
        .arg(unit)
        .stdin(std::process::Stdio::null())
        .output();
    answer.is_ok_and(|answer| answer.stdout == b"yes\n")
}

#[cfg(not(target_os = "linux"))]
fn is_delegated(_group: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_systemd_does_not_run_nobody_delegates_a_group() {
        let place = tempfile::tempdir().unwrap();
        let group = place.path().join("group");
        std::fs::create_dir(&group).unwrap();
        assert!(is_left_by(&place.path().join("none"), &group));
        assert!(!is_left_by(place.path(), &group));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_with_the_mark_of_systemd_is_delegated() {
        // In a file system that has such attributes.
        let place = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        assert!(!is_delegated(place.path()));
        rustix::fs::setxattr(place.path(), "user.delegate", b"1", flags).unwrap();
        assert!(is_delegated(place.path()));
    }
}
