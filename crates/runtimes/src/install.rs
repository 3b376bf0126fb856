//! Installs a runtime: every tarball checked, then unpacked beside its place, then moved there.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::{StreamExt as _, stream};
use isol8_backend::ImageSources;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    InstallError,
    download::Registry,
    folder::{MARKER, identity, installed_by},
    lock::{Pins, pin},
    recipe::{Part, Recipe},
    recipes::recipe,
    turn::Turn,
    unpack::{make_folder, unpack},
};

/// Beginning of the name of a folder that is not complete.
const PARTIAL: &str = ".partial-";

/// Beginning of the name of a folder that was replaced.
const OLD: &str = ".old-";

/// Bytes of a tarball between two reports of how many have arrived.
const REPORT_BYTES: u64 = 4 << 20;

/// Tarballs up to which each is reported. They come one after the other.
const FEW: usize = 4;

/// Tarballs that are fetched at once where there are more.
const AT_ONCE: usize = 8;

/// Packages between two reports.
const PACKAGES_REPORT: usize = 25;

/// Installs runtimes into one folder, from one registry.
pub struct Installer {
    folder: PathBuf,
    registry: Registry,
    pins: Pins,
}

/// Gets each step of an installation.
type Report<'a> = &'a (dyn Fn(Step) + Send + Sync);

/// What an installation does at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// It waits until another process has installed.
    Waiting,
    /// A tarball arrives.
    Downloading {
        /// What is in it, such as `npm 11.21.2`.
        what: String,
        /// Bytes that have arrived.
        bytes: u64,
        /// All its bytes, where the registry tells.
        of: Option<u64>,
    },
    /// A tarball is unpacked.
    Unpacking {
        /// What is in it.
        what: String,
    },
    /// Some of many small packages are unpacked.
    Packages {
        /// How many.
        done: usize,
        /// How many there are.
        of: usize,
    },
}

/// A runtime that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its folder, with `bin` in it.
    pub prefix: PathBuf,
    /// Its version.
    pub version: &'static str,
    /// Whether it was installed by this call. It was there before otherwise.
    pub new: bool,
}

impl Installer {
    /// Installs into `folder` from the registry of `sources`. Does no I/O beside reading certificates.
    pub fn new(folder: PathBuf, sources: &ImageSources) -> Result<Self, InstallError> {
        Ok(Self {
            folder,
            registry: Registry::new(sources)?,
            pins: pin,
        })
    }

    /// Installs the pinned version of `runtime` unless it is there; with `force` also then. `report` gets each step.
    /// Another installation in the same folder is waited for.
    ///
    /// Dropping the future ends the installation, and nothing of it stays.
    pub async fn install(
        &self,
        runtime: &str,
        force: bool,
        report: Report<'_>,
    ) -> Result<Installed, InstallError> {
        let not_pinned = || InstallError::NotPinned {
            runtime: runtime.to_owned(),
            architecture: std::env::consts::ARCH,
        };
        let recipe = recipe(runtime).ok_or_else(not_pinned)?;
        let identity = identity(self.pins, recipe).ok_or_else(not_pinned)?;
        let version = (self.pins)(runtime).ok_or_else(not_pinned)?.version;
        let there = |new| {
            Some(Installed {
                prefix: installed_by(self.pins, &self.folder, runtime)?,
                version,
                new,
            })
        };
        if !force && let Some(there) = there(false) {
            return Ok(there);
        }
        make_folder(&self.folder).map_err(|cause| InstallError::write(&self.folder, cause))?;
        let turn = Turn::take(&self.folder, || report(Step::Waiting)).await?;
        // The one that was waited for may have installed it.
        if !force && let Some(there) = there(false) {
            return Ok(there);
        }
        remove_partial(&self.folder);
        let partial = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempdir_in(&self.folder)
            .map_err(|cause| InstallError::write(&self.folder, cause))?;
        // It is removed when this future and the thread that unpacks have ended, whichever is last.
        let partial = Arc::new(partial);
        let made = partial.path().join("new");
        self.unpack_all(recipe, &partial, &made, report).await?;
        finish(recipe, &identity, &made).map_err(|cause| InstallError::write(&made, cause))?;
        let prefix = self.folder.join(runtime);
        replace(&self.folder, &made, &prefix)
            .map_err(|cause| InstallError::write(&prefix, cause))?;
        drop(turn);
        there(true).ok_or_else(|| {
            InstallError::write(prefix, io::Error::other("the tarball lacks the program"))
        })
    }

    /// Fetches and unpacks every part, several at a time where there are many.
    async fn unpack_all(
        &self,
        recipe: &'static Recipe,
        partial: &Arc<TempDir>,
        made: &Path,
        report: Report<'_>,
    ) -> Result<(), InstallError> {
        let (all, many) = (recipe.parts.len(), recipe.parts.len() > FEW);
        let silent: Report<'_> = &|_| {};
        let report_part = if many { silent } else { report };
        let parts = recipe.parts.iter();
        let unpacked = parts.map(|part| self.unpack_part(part, partial, made, report_part));
        let mut unpacked = stream::iter(unpacked).buffer_unordered(if many { AT_ONCE } else { 1 });
        let mut done = 0;
        while let Some(part) = unpacked.next().await {
            part?;
            done += 1;
            if many && (done % PACKAGES_REPORT == 0 || done == all) {
                report(Step::Packages { done, of: all });
            }
        }
        Ok(())
    }

    async fn unpack_part(
        &self,
        part: &'static Part,
        partial: &Arc<TempDir>,
        made: &Path,
        report: Report<'_>,
    ) -> Result<(), InstallError> {
        let Some(pin) = (self.pins)(part.pin) else {
            return Ok(());
        };
        let what = || format!("{} {}", part.pin, pin.version);
        let next_report = AtomicU64::new(0);
        let arrived = |bytes: u64, of: Option<u64>| {
            if bytes >= next_report.load(Ordering::Relaxed) {
                next_report.store(bytes + REPORT_BYTES, Ordering::Relaxed);
                report(Step::Downloading {
                    what: what(),
                    bytes,
                    of,
                });
            }
        };
        let tarball = self.registry.fetch(pin, &arrived).await?;
        report(Step::Unpacking { what: what() });
        let cancel = CancellationToken::new();
        let _cancel_when_dropped = cancel.clone().drop_guard();
        let (partial, made) = (Arc::clone(partial), made.to_owned());
        let unpacking = tokio::task::spawn_blocking(move || {
            let unpacked = unpack(tarball, pin.tarball, part, &made, &cancel);
            drop(partial);
            unpacked
        });
        unpacking.await.map_err(|error| InstallError::Unpack {
            tarball: pin.tarball,
            reason: error.to_string(),
        })?
    }
}

/// Adds what no tarball has.
fn finish(recipe: &Recipe, identity: &str, made: &Path) -> io::Result<()> {
    fs::write(made.join(MARKER), identity)?;
    for (link, to) in recipe.links {
        if let Some(folder) = made.join(link).parent() {
            make_folder(folder)?;
        }
        std::os::unix::fs::symlink(to, made.join(link))?;
    }
    for (file, line) in recipe.lines {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(made.join(file))?;
        io::Write::write_all(&mut file, line.as_bytes())?;
    }
    Ok(())
}

/// Moves `made` to `prefix`. What was there stays under another name until the next time: sandboxes may use it.
fn replace(folder: &Path, made: &Path, prefix: &Path) -> io::Result<()> {
    let old = folder.join(format!(
        "{OLD}{}",
        prefix.file_name().unwrap_or_default().display()
    ));
    let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    fs::remove_dir_all(&old).or_else(|error| if absent(&error) { Ok(()) } else { Err(error) })?;
    fs::rename(prefix, &old).or_else(|error| if absent(&error) { Ok(()) } else { Err(error) })?;
    fs::rename(made, prefix)
}

/// Removes what killed installations have left. The caller has the turn, so nobody uses it.
fn remove_partial(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PARTIAL.as_bytes())
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, path = %entry.path().display(), "a partial installation stays");
        }
    }
}

#[cfg(test)]
mod tests;
