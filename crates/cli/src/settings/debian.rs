//! Names of packages: the images are Debian's, and those of isol8 0.20 were Alpine's.

/// Packages of Alpine that have another name in Debian.
const RENAMED: [(&str, &str); 11] = [
    ("build-base", "build-essential"),
    ("github-cli", "gh"),
    ("libc-dev", "libc6-dev"),
    ("linux-headers", "linux-libc-dev"),
    ("musl-dev", "libc6-dev"),
    ("openssh-client-default", "openssh-client"),
    ("openssl-dev", "libssl-dev"),
    ("py3-pip", "python3-pip"),
    ("sqlite", "sqlite3"),
    ("the_silver_searcher", "silversearcher-ag"),
    ("zlib-dev", "zlib1g-dev"),
];

/// Debian's name of a package.
pub(super) fn debian_name(name: &str) -> String {
    RENAMED
        .iter()
        .find(|(alpine, _)| *alpine == name)
        .map_or(name, |(_, debian)| debian)
        .to_owned()
}
