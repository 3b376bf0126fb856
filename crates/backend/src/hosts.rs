//! The names that every sandbox without the host's network knows.

/// The contents of `/etc/hosts`: the names that Docker gives a container which has no network but loopback.
pub const HOSTS: &str = "127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
";
