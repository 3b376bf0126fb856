//! Which images this user has built: `~/.isol8/images.json`. Labels are anybody's to write, and an image may come from
//! anywhere. So labels alone do not say that an image is what they claim.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use isol8_backend::NOTICE;
use serde::{Deserialize, Serialize};

/// Where the file is in a home directory.
const FILE: &str = ".isol8/images.json";

/// Largest file in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Most images in the file. The oldest go first.
const MAX_IMAGES: usize = 1000;

/// What this process has built, also where it cannot write the file.
static HERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The content of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Register {
    /// Oldest first.
    images: Vec<BuiltImage>,
}

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BuiltImage {
    /// The daemon's id, which means one content for ever.
    id: String,
    /// Its name, for people.
    tag: String,
}

/// Writes down that the image `id` was built and named `tag`.
pub(super) async fn remember(id: String, tag: String) {
    built_by_this_process().insert(id.clone());
    let write = move || write_down(&file()?, BuiltImage { id, tag });
    let written = tokio::task::spawn_blocking(write).await;
    if let Err(error) = written.map_err(io::Error::other).flatten() {
        tracing::warn!(
            target: NOTICE,
            "Cannot write ~/{FILE}: {error}. Other processes do not find the packages of this image, unless the option \
             trustedImages names it."
        );
    }
}

/// The ids of the images that were built.
pub(super) async fn ids() -> BTreeSet<String> {
    let read = tokio::task::spawn_blocking(|| read(&file()?)).await;
    let known = read.map_err(io::Error::other).flatten();
    let known = known.unwrap_or_else(|error| {
        tracing::debug!(%error, file = FILE, "it is not known which images were built");
        Register::default()
    });
    let ids = known.images.into_iter().map(|image| image.id);
    ids.chain(built_by_this_process().iter().cloned()).collect()
}

fn built_by_this_process() -> MutexGuard<'static, BTreeSet<String>> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file() -> io::Result<PathBuf> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| io::Error::other("there is no home directory"))?;
    Ok(home.join(FILE))
}

fn read(path: &Path) -> io::Result<Register> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Register::default()),
        opened => opened?,
    };
    file.lock_shared()?;
    parse(&mut file)
}

fn parse(file: &mut File) -> io::Result<Register> {
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!(
            "it has more than {MAX_BYTES} bytes"
        )));
    }
    Ok(serde_json::from_str(&text)?)
}

fn write_down(path: &Path, image: BuiltImage) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    file.lock()?;
    // What a process has left half written is of no use.
    let mut register = parse(&mut file).unwrap_or_default();
    register.images.retain(|known| known.id != image.id);
    register.images.push(image);
    let surplus = register.images.len().saturating_sub(MAX_IMAGES);
    register.images.drain(..surplus);
    let text = serde_json::to_string_pretty(&register)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: usize) -> BuiltImage {
        BuiltImage {
            id: format!("sha256:{number}"),
            tag: format!("isol8:{number}"),
        }
    }

    #[test]
    fn the_newest_images_are_known_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert!(read(&path).unwrap().images.is_empty(), "no file");
        for number in [1, 2, 1] {
            write_down(&path, image(number)).unwrap();
        }
        assert_eq!(read(&path).unwrap().images, [image(2), image(1)]);
        let many = Register {
            images: (10..10 + MAX_IMAGES).map(image).collect(),
        };
        fs::write(&path, serde_json::to_string(&many).unwrap()).unwrap();
        write_down(&path, image(1)).unwrap();
        let images = read(&path).unwrap().images;
        assert_eq!(
            (images.len(), images.first(), images.last()),
            (MAX_IMAGES, Some(&image(11)), Some(&image(1)))
        );
    }

    #[test]
    fn a_file_that_is_no_register_is_an_error_and_is_replaced_by_the_next_build() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.json");
        for text in ["", "{", "[]", r#"{"images": ["sha256:1"]}"#] {
            fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
            write_down(&path, image(1)).unwrap();
            assert_eq!(read(&path).unwrap().images, [image(1)], "{text}");
        }
        fs::write(&path, vec![b' '; 1024 * 1024 + 1]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("more than"));
    }
}
