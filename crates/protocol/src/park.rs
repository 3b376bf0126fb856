//! The hand-over: what the guest writes to a parked interpreter. Launchers read it before anything is
//! imported, with what their language has built in. So the format uses neither frames nor postcard.
//!
//! ```text
//! length of the rest: 8 hexadecimal digits
//! cwd NUL program NUL count NUL (name=value NUL){count} contents
//! ```
//!
//! An empty `program` means that there is no file to write. `-` in place of the count means that the
//! environment does not change.

/// A launcher writes this byte to standard output when it is ready, and again when it lets the
/// interpreter go on.
pub const PARK_MARK: u8 = 6; // ASCII "acknowledge"

/// Returns the message that lets a parked interpreter go on. No text in it may contain a NUL byte.
#[must_use]
pub fn hand_over(
    cwd: &str,
    program: &str,
    environ: Option<&[impl AsRef<[u8]>]>,
    contents: &[u8],
) -> Vec<u8> {
    let mut body = Vec::with_capacity(contents.len() + 256);
    for text in [cwd, program] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    match environ {
        None => body.extend_from_slice(b"-\0"),
        Some(pairs) => {
            body.extend_from_slice(format!("{}\0", pairs.len()).as_bytes());
            for pair in pairs {
                body.extend_from_slice(pair.as_ref());
                body.push(0);
            }
        }
    }
    body.extend_from_slice(contents);
    let mut message = format!("{:08x}", body.len()).into_bytes();
    message.append(&mut body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_drawn_layout() {
        let none = None::<&[&str]>;
        assert_eq!(
            hand_over("/a", "/b", none, b"c\0d"),
            b"0000000b/a\0/b\0-\0c\0d"
        );
        let environ = Some(["K=V"].as_slice());
        assert_eq!(hand_over("/", "", environ, b""), b"00000009/\0\x001\0K=V\0");
    }
}
