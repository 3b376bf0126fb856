//! Whose a container is that outlives its process: the label that says which process made it, whether
//! that process lives, and which of this process's own are in use.

use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

/// The persisted containers that this process uses at the moment.
static IN_USE: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// A process of a machine, told from every other one that was or will be: the machine's current boot,
/// the namespace of its number, the number, and when it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    boot: String,
    namespace: String,
    number: u32,
    started: u64,
}

impl Process {
    /// This process. None on a system without `/proc`.
    fn own() -> Option<Self> {
        let number = std::process::id();
        Some(Self {
            boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .ok()?
                .trim()
                .to_owned(),
            namespace: fs::read_link("/proc/self/ns/pid")
                .ok()?
                .to_str()?
                .to_owned(),
            number,
            started: start_time(&fs::read_to_string(format!("/proc/{number}/stat")).ok()?)?,
        })
    }

    fn parse(label: &str) -> Option<Self> {
        let mut parts = label.split('/');
        let mut next = || parts.next();
        let process = Self {
            boot: next()?.to_owned(),
            namespace: next()?.to_owned(),
            number: next()?.parse().ok()?,
            started: next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(process)
    }

    fn label(&self) -> String {
        let Self {
            boot,
            namespace,
            number,
            started,
        } = self;
        format!("{boot}/{namespace}/{number}/{started}")
    }

    /// Whether it has ended, as far as `own`, a process of this system, can see.
    fn has_ended(&self, own: &Self) -> bool {
        if (&self.boot, &self.namespace) != (&own.boot, &own.namespace) {
            return false; // Out of sight: another machine, or another container.
        }
        match fs::read_to_string(format!("/proc/{}/stat", self.number)) {
            Ok(stat) => start_time(&stat) != Some(self.started),
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }
}

/// The start time in a `/proc/PID/stat`, in ticks since boot: the 22nd field, see `proc_pid_stat(5)`.
/// None of a process that has ended and was not collected.
fn start_time(stat: &str) -> Option<u64> {
    // The second field is a name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The value of [`OWNER_LABEL`](crate::labels::OWNER_LABEL) in containers of this process. None where processes cannot be told
/// apart.
pub(crate) fn own_label() -> Option<String> {
    Process::own().map(|process| process.label())
}

/// Whether nobody uses the running persisted container `id` any more, with this owner's label. One
/// without a label names no owner, and may be removed.
pub(crate) fn is_free(id: &str, label: Option<&str>) -> bool {
    if in_use().contains(id) {
        return false;
    }
    let (Some(own), Some(label)) = (Process::own(), label) else {
        return true;
    };
    match Process::parse(label) {
        Some(owner) => owner == own || owner.has_ended(&own),
        None => false,
    }
}

/// Notes that this process uses the persisted container `id`.
pub(crate) fn take(id: &str) {
    in_use().insert(id.to_owned());
}

/// Notes that this process uses the container `id` no longer.
pub(crate) fn let_go(id: &str) {
    in_use().remove(id);
}

fn in_use() -> MutexGuard<'static, HashSet<String>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_survives_and_nonsense_is_no_label() {
        let own = Process::own().unwrap();
        assert_eq!(Process::parse(&own.label()), Some(own));
        for wrong in ["", "a/b/c/d", "a/b/1", "a/b/1/2/3", "a/b/-1/2"] {
            assert_eq!(Process::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let stat = "7 (a) 9 9) S 1 7 7 0 -1 0 0 0 0 0 11 12 13 14 20 0 1 0 999 0";
        assert_eq!(start_time(stat), Some(999));
        assert_eq!(start_time(&stat.replace(") S", ") Z")), None);
        assert_eq!(start_time(""), None);
    }

    #[test]
    fn own_containers_are_free_when_nobody_uses_them() {
        let own = own_label().unwrap();
        assert!(is_free("a", Some(&own)));
        take("a");
        assert!(!is_free("a", Some(&own)));
        assert!(!is_free("a", None));
        let_go("a");
        assert!(is_free("a", Some(&own)));
    }

    #[test]
    fn containers_of_others_are_free_when_their_process_has_ended() {
        let own = Process::own().unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let other = Process {
            number: child.id(),
            started: start_time(&stat).unwrap(),
            ..own.clone()
        };
        assert!(!is_free("b", Some(&other.label())), "it lives");
        let reused = Process {
            started: other.started + 1,
            ..other.clone()
        };
        assert!(
            is_free("b", Some(&reused.label())),
            "its number is another's"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_free("b", Some(&other.label())), "it has ended");
        for elsewhere in [
            Process {
                boot: "another".to_owned(),
                ..other.clone()
            },
            Process {
                namespace: "pid:[1]".to_owned(),
                ..other
            },
        ] {
            assert!(!is_free("b", Some(&elsewhere.label())), "out of sight");
        }
        assert!(!is_free("b", Some("nonsense")));
        assert!(is_free("b", None), "nobody said whose it is");
    }
}
