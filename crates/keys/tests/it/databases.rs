//! Databases of tests: servers on folders and sockets of their own, which end with the test.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::{User, chown, geteuid};
use tempfile::TempDir;

/// Longest that a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A database that is there until this is dropped.
pub(crate) struct Database {
    /// As `--auth-db` takes it.
    pub(crate) address: String,
    server: Option<Child>,
    folder: TempDir,
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The program `name` on the `PATH`, or where Debian has it.
fn program(name: &str) -> Result<PathBuf, String> {
    let mut folders: Vec<_> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    folders.push("/usr/sbin".into());
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is not installed; scripts/ensure-databases.sh installs it"))
}

/// A new folder, and who the server runs as: neither server runs as root.
fn folder(user: &str) -> Result<(TempDir, Option<User>), String> {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    if !geteuid().is_root() {
        return Ok((folder, None));
    }
    let user = User::from_name(user)
        .unwrap()
        .ok_or_else(|| format!("there is no user {user}"))?;
    chown(folder.path(), Some(user.uid), Some(user.gid)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    Ok((folder, Some(user)))
}

/// A command that runs as `user`, and ends when this process does.
fn command(program: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(user) = user {
        command
            .arg(format!("--reuid={}", user.uid))
            .arg(format!("--regid={}", user.gid))
            .arg("--clear-groups");
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn finish(mut command: Command) {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {out}{err}");
}

/// A file of SQLite.
pub(crate) fn sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    Database {
        address: folder.path().join("folder/keys.db").display().to_string(),
        server: None,
        folder,
    }
}

/// A server of PostgreSQL; the reason when there can be none.
pub(crate) fn postgres() -> Result<Database, String> {
    program("setpriv")?;
    let (initdb, server) = (program("initdb")?, program("postgres")?);
    let (folder, user) = folder("postgres")?;
    let data = folder.path().join("data");
    let mut init = command(&initdb, user.as_ref());
    init.args(["--no-sync", "-A", "trust", "-U", "keys", "-D"])
        .arg(&data);
    finish(init);
    let mut serve = command(&server, user.as_ref());
    serve
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(folder.path())
        .args(["-h", "", "-c", "fsync=off"]);
    let socket = folder.path().join(".s.PGSQL.5432");
    let host = folder.path().display().to_string().replace('/', "%2F");
    let address = format!("postgres://keys@localhost/postgres?host={host}");
    Ok(start(serve, &socket, address, folder))
}

/// A server of MariaDB; the reason when there can be none.
pub(crate) fn mariadb() -> Result<Database, String> {
    program("setpriv")?;
    let (install, server) = (program("mariadb-install-db")?, program("mariadbd")?);
    let (folder, user) = folder("mysql")?;
    let data = folder.path().join("data");
    let mut init = command(&install, user.as_ref());
    init.args(["--no-defaults", "--auth-root-authentication-method=normal"])
        .arg(format!("--datadir={}", data.display()));
    finish(init);
    let socket = folder.path().join("socket");
    let mut serve = command(&server, user.as_ref());
    serve
        .args(["--no-defaults", "--skip-networking"])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", socket.display()));
    let path = socket.display().to_string().replace('/', "%2F");
    let address = format!("mysql://root@localhost/test?socket={path}");
    Ok(start(serve, &socket, address, folder))
}

fn start(mut serve: Command, socket: &Path, address: String, folder: TempDir) -> Database {
    let log = folder.path().join("log");
    let file = fs::File::create(&log).unwrap();
    serve.stdout(file.try_clone().unwrap()).stderr(file);
    let mut database = Database {
        address,
        server: Some(serve.spawn().unwrap()),
        folder,
    };
    let deadline = Instant::now() + PATIENCE;
    while std::os::unix::net::UnixStream::connect(socket).is_err() {
        let ended = database.server.as_mut().unwrap().try_wait().unwrap();
        let log = fs::read_to_string(&log).unwrap();
        assert!(ended.is_none() && Instant::now() < deadline, "{log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    database
}

impl Database {
    /// The folder that has everything of it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
