//! What all requests share.

use std::{cell::Cell, ffi::OsString, os::fd::OwnedFd};

use tokio::sync::{Mutex, RwLock, watch};

use crate::{
    egress::Egress,
    exec::{Parking, Session},
    heap::Heap,
    ipc,
    reaper::Reaper,
    sockets::Sockets,
    sweep::WritablePlace,
    usage::MemoryFiles,
};

/// The state of the guest. Nothing in it but `session` comes from a run, and a reset takes that away.
pub(crate) struct Guest {
    pub(crate) reaper: Reaper,
    /// Held shared by requests that work, exclusively by a reset.
    pub(crate) gate: RwLock<()>,
    /// Counts up when running programs are to end.
    pub(crate) end: watch::Sender<u32>,
    /// Counts up when requests that have not ended in time are to be dropped.
    pub(crate) abandon: watch::Sender<u32>,
    /// `/dev/null`, for reading and writing.
    pub(crate) null: OwnedFd,
    pub(crate) egress: Egress,
    /// Whether programs run under a filter of the guest's: the sandbox's profile is made for that.
    pub(crate) filters_programs: bool,
    /// Whether something may run that an earlier request was to leave running. A reset ends it.
    pub(crate) services: Cell<bool>,
    pub(crate) memory: MemoryFiles,
    pub(crate) parking: Parking,
    /// Held during a call, so that calls come one after the other.
    pub(crate) session: Mutex<Session>,
    pub(crate) sockets: Sockets,
    pub(crate) ipc: ipc::Lists,
    pub(crate) heap: Heap,
    /// The writable places as they were at the start.
    pub(crate) places: Vec<WritablePlace>,
    /// The environment that the image defines.
    pub(crate) environ: Vec<(OsString, OsString)>,
}
