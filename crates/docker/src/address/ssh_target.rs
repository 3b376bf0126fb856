//! A daemon that is reached through the program `ssh`.

use std::fmt;

use url::Url;

/// Seconds that `ssh` may take to connect. Docker's own client has the same limit.
const CONNECT_SECONDS: &str = "ConnectTimeout=30";

/// A machine with a daemon, as `ssh://[user@]host[:port][/path of the socket]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SshTarget {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// The daemon's socket on that machine, unless it is the usual one.
    pub(super) socket: Option<String>,
}

impl SshTarget {
    /// The target of `url`. The error names what is wrong.
    pub(super) fn new(url: &Url) -> Result<Self, &'static str> {
        if url.password().is_some() {
            return Err("a password cannot be given here");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or a fragment");
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("it has no host")?;
        let socket = Some(url.path()).filter(|path| !matches!(*path, "" | "/"));
        // The other side's shell reads the path.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if socket.is_some_and(|path| !path.chars().all(plain)) {
            return Err("the path has characters other than letters, digits, /, ., _ and -");
        }
        let user = Some(url.username()).filter(|user| !user.is_empty());
        if user.is_some_and(|user| user.contains('%')) {
            return Err("the user name has characters that a URL cannot have");
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            socket: socket.map(str::to_owned),
        })
    }

    /// The arguments with which `ssh` connects its standard streams to the daemon, as Docker's own
    /// client gives them. `ssh` asks nobody for a password, because nobody may be there.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = ["-o", CONNECT_SECONDS, "-o", "BatchMode=yes", "-T"]
            .map(str::to_owned)
            .to_vec();
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        arguments.extend(["--", &self.host, "docker"].map(str::to_owned));
        if let Some(socket) = &self.socket {
            arguments.extend(["--host".to_owned(), format!("unix://{socket}")]);
        }
        arguments.extend(["system", "dial-stdio"].map(str::to_owned));
        arguments
    }
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.socket.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<SshTarget, &'static str> {
        SshTarget::new(&text.parse().unwrap())
    }

    #[test]
    fn the_command_is_the_one_of_dockers_client() {
        let plain = target("ssh://build").unwrap();
        let options = "-o ConnectTimeout=30 -o BatchMode=yes -T";
        let end = "docker system dial-stdio";
        assert_eq!(
            plain.arguments().join(" "),
            format!("{options} -- build {end}")
        );
        let full = target("ssh://me@[fe80::1]:2222/run/user/1/docker.sock").unwrap();
        let host = "docker --host unix:///run/user/1/docker.sock";
        assert_eq!(
            full.arguments().join(" "),
            format!("{options} -l me -p 2222 -- fe80::1 {host} system dial-stdio")
        );
        for text in ["ssh://build", "ssh://me@[fe80::1]:2222/run/d.sock"] {
            assert_eq!(target(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_a_shell_or_ssh_would_take_for_something_else_is_refused() {
        for text in [
            "ssh://me:secret@build",
            "ssh://build?x=1",
            "ssh://build#x",
            "ssh:///path",
            "ssh://build/a;id",
            "ssh://build/$(id)",
            "ssh://build/%0aid",
            "ssh://a%20b@build",
        ] {
            assert!(target(text).is_err(), "{text}");
        }
        let dashed = target("ssh://-oProxyCommand=id").map(|target| target.arguments());
        let after = |arguments: Vec<String>| {
            let mark = arguments.iter().position(|a| a == "--").unwrap();
            arguments.iter().position(|a| a.starts_with("-oP")).unwrap() > mark
        };
        assert!(dashed.is_err() || dashed.is_ok_and(after));
    }
}
