//! The list of the processes in a group.

use nix::unistd::Pid;

/// The file with the processes of a group.
pub(super) const PROCESSES: &str = "cgroup.procs";

/// The processes of a list of the kernel. It shows those of other namespaces as 0, which would be our own group.
pub(super) fn members(processes: &str) -> impl Iterator<Item = Pid> {
    let numbers = processes.lines().filter_map(|line| line.parse().ok());
    numbers.filter(|number| *number > 0).map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_another_namespace_is_not_killed_as_process_0() {
        let found: Vec<_> = members("0\n12\n-1\n0\n7\n").collect();
        assert_eq!(found, [12, 7].map(Pid::from_raw));
    }
}
