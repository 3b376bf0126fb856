//! The state that all requests share.

use std::{ffi::OsString, os::fd::OwnedFd};

use tokio::sync::{RwLock, watch};

use crate::{
    egress::Egress,
    ipc,
    locks::Locks,
    memory::{Memory, heap::Heap},
    processes::reaper::Reaper,
    sockets::Sockets,
    volumes::Volumes,
    writable::sweep::WritablePlace,
};

/// The state of the guest. Interpreters that outlive a program are in [`Programs`](crate::exec::Programs) instead.
pub(crate) struct Guest {
    pub(crate) reaper: Reaper,
    /// Requests hold it shared while they work. A reset holds it exclusively.
    pub(crate) gate: RwLock<()>,
    /// Increases when running programs have to end.
    pub(crate) end: watch::Sender<u32>,
    /// Increases when requests that have not ended in time have to be dropped.
    pub(crate) abandon: watch::Sender<u32>,
    /// `/dev/null`, for reading and writing.
    pub(crate) null: OwnedFd,
    pub(crate) egress: Egress,
    /// Whether programs run under the guest's filter. The strict profile allows that.
    pub(crate) filters_programs: bool,
    /// Whether a process may run that an earlier request left running on purpose. A reset ends it.
    pub(crate) services: watch::Sender<bool>,
    /// Whether the sandbox has a place for the pipes and files of a session.
    pub(crate) can_have_session: bool,
    pub(crate) memory: Memory,
    pub(crate) sockets: Sockets,
    pub(crate) locks: Locks,
    pub(crate) ipc: ipc::Lists,
    pub(crate) heap: Heap,
    /// The writable places as they were at the start.
    pub(crate) places: Vec<WritablePlace>,
    /// The volumes that the image declares.
    pub(crate) volumes: Volumes,
    /// Directories that are mounted for writing and that no reset can make what they were.
    pub(crate) unknown_mounts: Vec<String>,
    /// The environment that the image defines.
    pub(crate) environ: Vec<(OsString, OsString)>,
}

impl Guest {
    /// Whether programs have more than they may of what no control group counts.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.sockets.are_too_many() || self.locks.are_too_many(&self.memory, &self.reaper)
    }
}
