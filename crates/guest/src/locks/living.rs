//! The processes of programs, with the CPU time of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    time::{Duration, Instant},
};

use super::known::LATEST;
use crate::{
    processes::{
        reaper::{Reaper, Role},
        tree::last_born,
    },
    usage::cpu_clock,
};

/// The list of processes. To list them takes the kernel much longer than to say which id it assigned last. No process
/// is new while that is the same.
#[derive(Default)]
pub(super) struct Living {
    listed: BTreeSet<i32>,
    /// When they were listed, and the id that was assigned last before.
    at: Option<(Instant, i32)>,
}

impl Living {
    /// The processes of programs that live now.
    pub(super) fn of_programs(&mut self, reaper: &Reaper) -> io::Result<BTreeMap<i32, Duration>> {
        self.list()?;
        let own = [Role::Helper, Role::Nursery].map(|role| reaper.pids(role));
        let own = own.concat();
        let clocks = self.listed.iter().map(|pid| (*pid, cpu_clock(*pid)));
        // One that has ended has no clock.
        let clocks = clocks.filter(|(pid, cpu)| !cpu.is_zero() && !own.contains(pid));
        Ok(clocks.collect())
    }

    /// Lists the processes again if there may be new ones.
    fn list(&mut self) -> io::Result<()> {
        // Where the system does not say, the processes are listed each time.
        let born = last_born().ok().flatten().filter(|id| *id > 0);
        if !self.is_old(born) {
            return Ok(());
        }
        let names = fs::read_dir("/proc")?.flatten();
        let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        self.listed = pids.filter(|pid| *pid != 1).collect();
        self.at = born.map(|id| (Instant::now(), id));
        Ok(())
    }

    /// Whether a process may have started since the list was made, when this id was assigned last. After a while it is
    /// old anyway: the ids may have wrapped around.
    fn is_old(&self, born: Option<i32>) -> bool {
        let same = self.at.filter(|(_, id)| Some(*id) == born);
        same.is_none_or(|(at, _)| at.elapsed() >= LATEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_old_when_an_id_was_assigned_and_after_a_while() {
        let now = Instant::now();
        let mut living = Living::default();
        assert!(living.is_old(Some(7)), "nothing is listed");
        living.at = Some((now, 7));
        assert!(!living.is_old(Some(7)));
        assert!(living.is_old(Some(8)));
        assert!(living.is_old(None), "the system does not say");
        living.at = now.checked_sub(LATEST).map(|long_ago| (long_ago, 7));
        assert!(living.is_old(Some(7)));
    }

    #[test]
    fn new_processes_are_seen_and_ended_ones_are_left_out() {
        let (mut living, reaper) = (Living::default(), Reaper::default());
        let own = nix::unistd::getpid().as_raw();
        assert!(living.of_programs(&reaper).unwrap()[&own] > Duration::ZERO);
        let busy = ["-c", "while :; do :; done"];
        let mut child = std::process::Command::new("sh").args(busy).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        while cpu_clock(pid).is_zero() {}
        assert!(living.of_programs(&reaper).unwrap().contains_key(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        // No id was assigned meanwhile, or it is listed again.
        assert!(!living.of_programs(&reaper).unwrap().contains_key(&pid));
    }
}
