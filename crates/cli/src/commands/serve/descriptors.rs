//! How many descriptors the server may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises this process's limit of open descriptors to the largest that it may set by itself. Many systems begin with 1024, and
/// a server has more connections than that. Where the system refuses it, the limit stays.
pub(super) fn raise_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // What it refuses is noticed when a connection cannot be accepted, which the server logs.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_becomes_the_largest() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(1024), hard).unwrap();
        raise_limit();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((hard, hard)));
    }
}
