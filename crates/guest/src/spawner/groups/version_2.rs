//! What version 2 of control groups asks for: a group gives the groups below it their controllers, and only one without
//! processes may do that. A delegated group has the host's process in it. So that moves into a group of its own first.

use std::{fs, io, path::Path};

use isol8_protocol::{GROUP_OF_HOST, Hierarchy};
use nix::errno::Errno;

use super::processes::{PROCESSES, members};
use crate::spawner::{
    failure::{Failure, Trying},
    kernel_files::try_write,
    mounting,
};

/// What a group gives to those below it.
const GIVEN: &str = "cgroup.subtree_control";

/// How often processes are moved out of a group: one may fork meanwhile.
const ATTEMPTS: usize = 20;

/// Writes a value to a file of a group.
type Write<'a> = &'a dyn Fn(&Path, &str) -> io::Result<()>;

/// Lets the groups below `group` have the controllers of the hierarchy.
pub(super) fn enable(hierarchy: &Hierarchy, group: &Path) -> Result<(), Failure> {
    enable_by(hierarchy, group, &try_write)
}

fn enable_by(hierarchy: &Hierarchy, group: &Path, write: Write<'_>) -> Result<(), Failure> {
    if hierarchy.version != 2 {
        return Ok(());
    }
    let enabled = fs::read_to_string(group.join(GIVEN)).unwrap_or_default();
    for controller in &hierarchy.controllers {
        if !enabled.split_whitespace().any(|name| name == controller) {
            enable_one(controller, group, write)?;
        }
    }
    Ok(())
}

fn enable_one(controller: &str, group: &Path, write: Write<'_>) -> Result<(), Failure> {
    let file = group.join(GIVEN);
    for _ in 0..ATTEMPTS {
        match write(&file, &format!("+{controller}")) {
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {
                move_out(group, write)?;
            }
            done => return done.trying(format_args!("write +{controller} to {}", file.display())),
        }
    }
    Err(Failure::new(format!(
        "{} has processes that cannot be moved out of it, so that the groups below it get no controllers",
        group.display()
    )))
}

/// Moves the processes of a group into one below it.
fn move_out(group: &Path, write: Write<'_>) -> Result<(), Failure> {
    let target = group.join(GROUP_OF_HOST);
    mounting::directory(&target)?;
    let file = target.join(PROCESSES);
    let processes = fs::read_to_string(group.join(PROCESSES)).unwrap_or_default();
    for pid in members(&processes) {
        match write(&file, &pid.to_string()) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => {}
            done => done.trying(format_args!("move process {pid} to {}", target.display()))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        process::{Child, Command},
    };

    use super::*;

    fn hierarchy(controllers: &[&str]) -> Hierarchy {
        Hierarchy {
            directory: String::new(),
            version: 2,
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// A group with these controllers enabled, and these processes.
    fn group(given: &str, processes: &str) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(GIVEN), given).unwrap();
        fs::write(place.path().join(PROCESSES), processes).unwrap();
        place
    }

    fn content(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    /// The kernel's part: a process is in one group, and a group with processes gives no controllers.
    fn kernel(path: &Path, value: &str) -> io::Result<()> {
        let place = path.parent().unwrap();
        if path.ends_with(GIVEN) {
            if !content(&place.join(PROCESSES)).is_empty() {
                return Err(Errno::EBUSY.into());
            }
            let given = format!("{}{} ", content(path), value.trim_start_matches('+'));
            return fs::write(path, given);
        }
        let from = place.parent().unwrap().join(PROCESSES);
        let all = content(&from);
        if !all.lines().any(|line| line == value) {
            return Err(Errno::ESRCH.into());
        }
        let rest: Vec<_> = all.lines().filter(|line| *line != value).collect();
        let end = if rest.is_empty() { "" } else { "\n" };
        fs::write(&from, rest.join("\n") + end)?;
        let there = fs::read_to_string(path).unwrap_or_default();
        fs::write(path, format!("{there}{value}\n"))
    }

    #[test]
    fn what_is_given_already_is_not_asked_for() {
        let place = group("cpu memory pids\n", "");
        let never = |path: &Path, value: &str| panic!("{value} to {}", path.display());
        enable_by(&hierarchy(&["memory", "cpu"]), place.path(), &never).unwrap();
    }

    #[test]
    fn the_processes_of_a_delegated_group_move_into_one_below_it() {
        let place = group("", "12\n7\n");
        enable_by(&hierarchy(&["memory", "pids"]), place.path(), &kernel).unwrap();
        assert_eq!(content(&place.path().join(GIVEN)), "memory pids ");
        let moved = place.path().join(GROUP_OF_HOST).join(PROCESSES);
        assert_eq!(content(&moved), "12\n7\n");
    }

    #[test]
    fn a_process_that_cannot_be_moved_is_a_failure_that_names_the_group() {
        // A process of another namespace is shown as 0.
        let place = group("", "0\n");
        let failure = enable_by(&hierarchy(&["memory"]), place.path(), &kernel).unwrap_err();
        let said = failure.to_string();
        assert!(said.contains(&*place.path().to_string_lossy()), "{said}");
    }

    /// A group of this machine with a process in it, removed at the end.
    struct Real(PathBuf, Child);

    impl Drop for Real {
        fn drop(&mut self) {
            let _ = self.1.kill();
            let _ = self.1.wait();
            for group in [self.0.join(GROUP_OF_HOST), self.0.clone()] {
                crate::spawner::groups::removal::remove_group(&group);
            }
        }
    }

    #[test]
    fn the_kernel_enables_a_controller_once_the_process_is_moved() {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let place = mounts.lines().find_map(|line| {
            let fields: Vec<_> = line.split(' ').collect();
            (fields[2] == "cgroup2").then(|| PathBuf::from(fields[1]))
        });
        let available = |place: &PathBuf| fs::read_to_string(place.join("cgroup.controllers"));
        let controllers = place.as_ref().and_then(|place| available(place).ok());
        let controller = controllers
            .as_ref()
            .and_then(|all| all.split_whitespace().next());
        let (Some(place), Some(controller)) = (place, controller) else {
            isol8_testing::not_run("this machine has no control groups of version 2");
            return;
        };
        let one = hierarchy(&[controller]);
        let group = place.join(format!("isol8-test-{}", std::process::id()));
        if enable(&one, &place).is_err() || fs::create_dir(&group).is_err() {
            isol8_testing::not_run("control groups of version 2 cannot be made without root");
            return;
        }
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let real = Real(group, child);
        let process = real.1.id().to_string();
        try_write(&real.0.join(PROCESSES), &process).unwrap();
        let refused = try_write(&real.0.join(GIVEN), &format!("+{controller}")).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(Errno::EBUSY as i32));
        enable(&one, &real.0).unwrap();
        assert_eq!(content(&real.0.join(GIVEN)).trim(), controller);
        let moved = real.0.join(GROUP_OF_HOST).join(PROCESSES);
        assert_eq!(content(&moved).trim(), process);
    }
}
