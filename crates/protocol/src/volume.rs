//! The content of the volumes that an image declares, as the host hands it to the guest: the file
//! [`VOLUMES_FILE`](crate::VOLUMES_FILE).
//!
//! ```text
//! file     record* , each a message frame; after an entry of a file, the bytes of that file
//! end      the last record, so that a file which is not whole is noticed
//! ```
//!
//! A directory comes before its entries, and its end comes after them. So the guest can fill a directory whose
//! owner may not write to it, and keeps no list meanwhile.

use serde::{Deserialize, Serialize};

/// One record of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeRecord {
    /// Something that is in a volume.
    Entry(VolumeEntry),
    /// Nothing follows.
    End,
}

/// Something that is in a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeEntry {
    /// Which volume, counted from 0 in the order of the guest's arguments.
    pub volume: u32,
    /// Path below the volume. No part of it is empty, `.` or `..`.
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    /// What it is.
    pub kind: VolumeEntryKind,
    /// User id of its owner.
    pub user: u32,
    /// Group id.
    pub group: u32,
    /// Permissions.
    pub mode: u32,
    /// When it was changed, in seconds since 1970.
    pub modified: i64,
}

/// What an entry of a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeEntryKind {
    /// A directory, whose entries follow.
    Directory,
    /// The same directory, after its entries.
    DirectoryEnd,
    /// A regular file. Its bytes follow the record.
    File {
        /// How many.
        size: u64,
    },
    /// A symbolic link.
    SymbolicLink {
        /// Where it leads, as it is written in the link.
        #[serde(with = "serde_bytes")]
        target: Vec<u8>,
    },
    /// Another name of a file that came before.
    HardLink {
        /// Path of that file, below the same volume.
        #[serde(with = "serde_bytes")]
        target: Vec<u8>,
    },
}
