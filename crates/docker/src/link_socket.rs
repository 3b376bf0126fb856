//! Sockets of this process that the guests in containers of a daemon on this machine connect to.
//!
//! The sockets spare the way through the daemon: each of the processes on it has to be woken for every
//! byte. With a socket goes a file of host names. It spares the daemon's part of a network that has nothing but
//! loopback, see `container`.
//!
//! A socket is reached through its mount in one container, and by nobody else on the machine: its
//! directory is this process's own. The first who connects is the guest, because nothing runs in a
//! container before its guest has tried; then nobody listens any more.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use isol8_backend::Socket;
use tokio::net::UnixListener;

use crate::process_dir::Directory;

/// A socket that waits for one guest. Dropping it removes it.
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    directory: Arc<Directory>,
}

impl Listener {
    /// Begins to listen.
    pub(crate) fn bind() -> io::Result<Self> {
        let directory = Directory::of_this_process()?;
        let (socket, path) = directory.bind()?;
        let listener = Self {
            socket,
            path,
            directory,
        };
        // The guest is root without the right to overlook permissions, and perhaps of another user
        // namespace. The directory keeps everybody else away.
        fs::set_permissions(&listener.path, Permissions::from_mode(0o777))?;
        Ok(listener)
    }

    /// Where to mount it from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of host names to mount with it.
    pub(crate) fn hosts(&self) -> PathBuf {
        self.directory.hosts()
    }

    /// Whether `message` is about what is mounted here.
    pub(crate) fn is_named_in(&self, message: &str) -> bool {
        let directory = self.directory.path().to_string_lossy();
        message.contains(isol8_protocol::LINK_PATH) || message.contains(&*directory)
    }

    /// Waits for the guest. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        Socket::new(self.socket.accept().await?.0.into_std()?)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Gone when its directory was removed.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::MetadataExt, net::UnixStream as Connection};

    use super::*;

    #[tokio::test]
    async fn one_connects_and_nobody_after_it() {
        // Another start keeps the directory.
        let _other = Listener::bind().unwrap();
        let listener = Listener::bind().unwrap();
        let path = listener.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o777);
        let dir = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(dir.mode() & 0o777, 0o700);
        let hosts = fs::metadata(listener.hosts()).unwrap();
        assert_eq!(
            hosts.mode() & 0o777,
            0o444,
            "every user of a container reads it"
        );
        let bound = listener.socket.local_addr().unwrap();
        let bound = bound.as_pathname().unwrap();
        assert!(bound.starts_with("/proc/self/fd"), "{}", bound.display());
        assert!(listener.is_named_in(&format!("no such file: {}", path.display())));
        assert!(!listener.is_named_in("no such image"));
        // Another name for it, as a mount is, stays when the first one goes.
        let mount = path.with_extension("mount");
        fs::hard_link(&path, &mount).unwrap();
        let _guest = Connection::connect(&mount).unwrap();
        let _link = listener.accept().await.unwrap();
        drop(listener);
        assert!(!path.exists());
        let refused = Connection::connect(&mount).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
