//! The guest and its launchers, as every backend puts them into its sandboxes: the files of
//! `isol8_protocol::GUEST_DIR`, read-only for whatever runs there.

/// The guest's program, for the platform that this library was built for.
const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest"));

/// Digest of all the files, in hex. A library of another version has another one, so that it never meets
/// this guest.
pub const GUEST_DIGEST: &str = env!("ISOL8_GUEST_HASH");

/// A file of the guest's directory. It may be executed by everybody.
#[derive(Debug, Clone, Copy)]
pub struct GuestFile {
    /// Path below the directory.
    pub path: &'static str,
    /// Contents.
    pub contents: &'static [u8],
}

// `static LAUNCHERS: &[GuestFile]`: every file below `launchers/` and those of `npm-files.json`, see
// `build.rs`.
include!(concat!(env!("OUT_DIR"), "/launchers.rs"));

/// Every file. The guest comes last: as long as it is not complete it cannot be started, so a sandbox that
/// starts finds everything.
pub fn guest_files() -> impl Iterator<Item = GuestFile> {
    let guest = GuestFile {
        path: "guest",
        contents: GUEST,
    };
    LAUNCHERS.iter().copied().chain([guest])
}

#[cfg(test)]
mod tests {
    use super::GUEST;

    /// See `stack_bounds` of the guest. This is the format by which `sscanf` of glibc reads `/proc/self/maps`.
    #[test]
    fn the_guest_goes_without_the_part_of_the_c_library_that_reads_memory_maps() {
        let format = b"%lx-%lx";
        assert!(!GUEST.windows(format.len()).any(|part| part == format));
    }
}
