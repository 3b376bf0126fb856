//! What the guest and the launcher of a resident interpreter say to each other. Launchers are
//! written in five languages, one of them a shell, hence no frames and no postcard.
//!
//! ```text
//! command   lead  call NUL program NUL cwd NUL count NUL (name NUL value NUL){count}
//! report    call SPACE exit-code LF
//! ```
//!
//! An empty `cwd` means: stay. A report that carries another call's number is not believed.

/// Descriptor of the interpreter from which its launcher reads commands: high, so that programs
/// that number their descriptors do not meet it.
pub const COMMAND_FD: i32 = 250;

/// Descriptor of the interpreter to which its launcher writes reports.
pub const REPORT_FD: i32 = 251;

/// Longest line that can be a report, in bytes.
pub const MAX_REPORT_BYTES: usize = 64;

/// The command that runs `program` as call number `call`. No text in it may contain a NUL byte.
#[must_use]
pub fn command(
    lead: &str,
    call: u64,
    program: &str,
    cwd: Option<&str>,
    env: &[(String, String)],
) -> Vec<u8> {
    let mut command = lead.as_bytes().to_vec();
    let mut field = |text: &str| {
        command.extend_from_slice(text.as_bytes());
        command.push(0);
    };
    field(&call.to_string());
    field(program);
    field(cwd.unwrap_or_default());
    field(&env.len().to_string());
    for (name, value) in env {
        field(name);
        field(value);
    }
    command
}

/// Call number and exit code of a report, without its line feed.
#[must_use]
pub fn parse_report(line: &[u8]) -> Option<(u64, i32)> {
    let (call, code) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((call.parse().ok()?, code.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_reports_have_the_drawn_layout() {
        let env = [("K".to_owned(), "V".to_owned())];
        assert_eq!(
            command("x\n", 7, "/p", None, &env),
            b"x\n7\0/p\0\x001\0K\0V\0"
        );
        assert_eq!(command("", 8, "/p", Some("/d"), &[]), b"8\0/p\0/d\x000\0");
        assert_eq!(parse_report(b"7 -1"), Some((7, -1)));
        for wrong in ["", "7", "7 ", " 1", "7 1 1", "x 1", "7 99999999999"] {
            assert_eq!(parse_report(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
