//! The content of an image's volumes, from Docker's archives to what the guest reads.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufWriter, IntoInnerError, Read, Write},
    path::Path,
};

use isol8_protocol::{VolumeEntry, VolumeEntryKind, VolumeRecord, encode_message};
use tar::{Archive, EntryType};

use super::error::VolumeError;

/// Most entries that the volumes of one image can have.
const MAX_ENTRIES: usize = 50_000;

/// What a tmpfs needs for each begun piece of a file, in bytes.
const PAGE_BYTES: u64 = 4096;

/// What an image has in its volumes.
pub(crate) struct ImageVolumes {
    /// In the order of the guest's arguments.
    pub(super) places: Vec<Place>,
    /// What the guest reads; none when all volumes are empty.
    pub(super) content: Option<Content>,
}

impl ImageVolumes {
    /// The path of the first volume that does not belong to root.
    pub(crate) fn first_of_a_user(&self) -> Option<&str> {
        let of_a_user = |place: &&Place| (place.user, place.group) != (0, 0);
        let place = self.places.iter().find(of_a_user);
        place.map(|place| place.path.as_str())
    }
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    /// Owner, group and permissions of the directory itself.
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) mode: u32,
    /// What its content needs in a tmpfs.
    pub(super) bytes: u64,
}

/// The records that the guest reads, in a file that has no name.
pub(super) struct Content {
    pub(super) file: File,
    pub(super) length: u64,
}

/// Puts the content of volumes together.
pub(super) struct Builder {
    /// Every volume, so that the content of one inside another is not taken twice.
    paths: Vec<String>,
    places: Vec<Place>,
    records: BufWriter<File>,
    length: u64,
    entries: usize,
    /// What the volumes before the present one need.
    bytes: u64,
}

impl Builder {
    /// Begins with the volumes at these paths, each of which is to be [added](Self::add) in this order.
    pub(super) fn new(paths: Vec<String>) -> io::Result<Self> {
        Ok(Self {
            paths,
            places: Vec::new(),
            records: BufWriter::new(tempfile::tempfile()?),
            length: 0,
            entries: 0,
            bytes: 0,
        })
    }

    /// Adds the next volume from an archive of its directory, as Docker makes it. Reads no more than `limit`
    /// allows.
    pub(super) fn add(&mut self, archive: impl Read, limit: Limit) -> Result<(), VolumeError> {
        let number = self.places.len();
        let volume = self.paths.get(number).cloned().unwrap_or_default();
        let mut place = None;
        let mut bytes = 0_u64;
        let mut directories = Vec::new();
        for entry in Archive::new(archive).entries()? {
            let mut entry = entry?;
            let path = below_top(&entry.path_bytes());
            let kind = entry.header().entry_type();
            let header = entry.header();
            let (user, group) = (id(header.uid()?)?, id(header.gid()?)?);
            let mode = header.mode()? & 0o7777;
            let Some(path) = path else {
                if kind != EntryType::Directory {
                    return Err(VolumeError::Refused {
                        path: volume,
                        reason: "it is not a directory in the image",
                    });
                }
                place = Some((user, group, mode));
                continue;
            };
            if self.is_in_another(&volume, &path) {
                continue;
            }
            let refused = |reason| VolumeError::Content {
                path: format!("{volume}/{}", String::from_utf8_lossy(&path)),
                volume: volume.clone(),
                reason,
            };
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(refused("the volumes of one image can have 50000 entries"));
            }
            let link = entry.link_name_bytes().map(Cow::into_owned);
            let kind = match (kind, link) {
                (EntryType::Directory, _) => VolumeEntryKind::Directory,
                (EntryType::Regular | EntryType::Continuous, _) => {
                    let size = entry.size();
                    bytes = bytes.saturating_add(size.div_ceil(PAGE_BYTES) * PAGE_BYTES);
                    VolumeEntryKind::File { size }
                }
                (EntryType::Symlink, Some(target)) => VolumeEntryKind::SymbolicLink { target },
                (EntryType::Link, Some(target)) => match below_top(&target) {
                    Some(target) => VolumeEntryKind::HardLink { target },
                    None => return Err(refused("it is a link to another place")),
                },
                _ => return Err(refused("it is neither a file, nor a directory, nor a link")),
            };
            limit.check(&volume, bytes, self.bytes)?;
            let record = VolumeEntry {
                volume: u32::try_from(number).unwrap_or(u32::MAX),
                path,
                kind,
                user,
                group,
                mode,
                modified: i64::try_from(entry.header().mtime()?).unwrap_or_default(),
            };
            let is_file = matches!(record.kind, VolumeEntryKind::File { .. });
            if record.kind == VolumeEntryKind::Directory {
                directories.push(record.clone());
            }
            self.write(&VolumeRecord::Entry(record))?;
            if is_file {
                self.length += io::copy(&mut entry, &mut self.records)?;
            }
        }
        // The permissions of a directory may keep the owners of its entries out. So they come last.
        for directory in directories.into_iter().rev() {
            let kind = VolumeEntryKind::DirectoryEnd;
            self.write(&VolumeRecord::Entry(VolumeEntry { kind, ..directory }))?;
        }
        let (user, group, mode) =
            place.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        self.bytes = self.bytes.saturating_add(bytes);
        self.places.push(Place {
            path: volume,
            user,
            group,
            mode,
            bytes,
        });
        Ok(())
    }

    /// Ends with the last volume.
    pub(super) fn finish(mut self) -> io::Result<ImageVolumes> {
        self.write(&VolumeRecord::End)?;
        let file = self
            .records
            .into_inner()
            .map_err(IntoInnerError::into_error)?;
        Ok(ImageVolumes {
            places: self.places,
            content: (self.entries > 0).then_some(Content {
                file,
                length: self.length,
            }),
        })
    }

    fn write(&mut self, record: &VolumeRecord) -> io::Result<()> {
        let frame = encode_message(record).map_err(io::Error::other)?;
        self.length += frame.len() as u64;
        self.records.write_all(&frame)
    }

    /// Whether `path` below `volume` belongs to another volume, or is the place of one.
    fn is_in_another(&self, volume: &str, path: &[u8]) -> bool {
        let Ok(path) = str::from_utf8(path) else {
            return false;
        };
        let path = Path::new(volume).join(path);
        let mut others = self.paths.iter().filter(|other| *other != volume);
        others.any(|other| Path::new(other).starts_with(volume) && path.starts_with(other))
    }
}

/// How much content a volume can have. All volumes of an image together can have twice as much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) bytes: u64,
    /// Where the limit comes from.
    pub(super) option: &'static str,
}

impl Limit {
    /// Refuses a volume that needs more than is allowed. `before` is what the volumes before it need.
    pub(super) fn check(self, volume: &str, bytes: u64, before: u64) -> Result<(), VolumeError> {
        let option = self.option;
        if bytes > self.bytes {
            let (path, limit) = (volume.to_owned(), self.bytes);
            return Err(VolumeError::TooLarge {
                path,
                limit,
                option,
            });
        }
        let limit = self.bytes.saturating_mul(2);
        if before.saturating_add(bytes) > limit {
            return Err(VolumeError::TooLargeTogether { limit, option });
        }
        Ok(())
    }
}

/// A path of an archive without its first part, which is the archived directory; `None` for that directory.
fn below_top(path: &[u8]) -> Option<Vec<u8>> {
    let is_part = |part: &&[u8]| !matches!(*part, b"" | b".");
    let parts = path.split(|byte| *byte == b'/').filter(is_part);
    let below: Vec<_> = parts.skip(1).collect();
    (!below.is_empty()).then(|| below.join(&b'/'))
}

fn id(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| io::Error::other("an owner's id is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        bytes: 3 * PAGE_BYTES,
        option: "raise it",
    };

    /// An archive of a directory with one file.
    fn archive(size: u64) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive
            .append_data(&mut header, "top/", io::empty())
            .unwrap();
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        let content = io::repeat(b'x').take(size);
        archive
            .append_data(&mut header, "top/file", content)
            .unwrap();
        archive.into_inner().unwrap()
    }

    fn read(sizes: &[u64]) -> Result<ImageVolumes, String> {
        let paths = (0..sizes.len()).map(|number| format!("/{number}"));
        let mut builder = Builder::new(paths.collect()).unwrap();
        for size in sizes {
            builder
                .add(archive(*size).as_slice(), LIMIT)
                .map_err(|error| error.to_string())?;
        }
        Ok(builder.finish().unwrap())
    }

    #[test]
    fn each_volume_and_all_together_have_a_limit() {
        let volumes = read(&[1, 2 * PAGE_BYTES, 3 * PAGE_BYTES]).unwrap();
        let needed: Vec<_> = volumes.places.iter().map(|place| place.bytes).collect();
        assert_eq!(needed, [PAGE_BYTES, 2 * PAGE_BYTES, 3 * PAGE_BYTES]);
        let one = read(&[1, 3 * PAGE_BYTES + 1]).err().unwrap();
        assert!(one.contains("the volume /1, and its content"), "{one}");
        let all = read(&[3 * PAGE_BYTES, 3 * PAGE_BYTES, 1]).err().unwrap();
        assert!(all.contains("more than 24576 bytes"), "{all}");
    }
}
