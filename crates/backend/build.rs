//! Builds the guest and embeds it in the library, so that the two can never be of different versions;
//! collects the launchers that go with it.
//!
//! The guest is compiled by the same toolchain, statically, in a target directory of its own.
//! `ISOL8_GUEST` names a ready-built guest instead, for hosts that cannot build for Linux.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// Sources of the interpreter launchers, below this crate.
const LAUNCHERS: &str = "launchers";

/// What the launchers have of npm packages: the path beside them, and the file's path below `node_modules`.
const NPM_FILES: &str = "npm-files.json";

/// The root of the workspace, where npm's files are.
const ROOT: &str = "../..";

type BuildResult<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> BuildResult<()> {
    println!("cargo::rerun-if-env-changed=ISOL8_GUEST");
    for watched in [
        "../guest/src",
        "../guest/Cargo.toml",
        "../protocol/src",
        "../../Cargo.lock",
        LAUNCHERS,
        NPM_FILES,
    ] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let guest = match env::var_os("ISOL8_GUEST") {
        Some(path) => PathBuf::from(path),
        None => build_guest(&out)?,
    };
    let bytes = fs::read(&guest).map_err(|error| format!("{}: {error}", guest.display()))?;
    fs::write(out.join("guest"), &bytes)?;
    let mut launchers = launchers(Path::new(LAUNCHERS))?;
    launchers.extend(npm_files()?);
    fs::write(out.join("launchers.rs"), table(&launchers)?)?;
    let mut digest = Sha256::new_with_prefix(&bytes);
    for (path, source) in &launchers {
        let contents = fs::read(source)?;
        digest.update(format!("\0{path}\0{}\0", contents.len()));
        digest.update(&contents);
    }
    let digest = digest.finalize();
    let hash = hex::encode(&digest[..8]);
    println!("cargo::rustc-env=ISOL8_GUEST_HASH={hash}");
    Ok(())
}

/// The files beside the guest: every file below `directory`, by its path there, sorted.
fn launchers(directory: &Path) -> BuildResult<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(current) = pending.pop() {
        for entry in fs::read_dir(&current)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path
                    .strip_prefix(directory)?
                    .to_str()
                    .ok_or("a name in UTF-8")?;
                found.insert(name.replace('\\', "/"), path.canonicalize()?);
            }
        }
    }
    Ok(found)
}

/// The files of npm packages that the launchers need, each checked to be of the version in the lock file.
fn npm_files() -> BuildResult<BTreeMap<String, PathBuf>> {
    let wanted: BTreeMap<String, String> = serde_json::from_slice(&fs::read(NPM_FILES)?)?;
    wanted
        .into_iter()
        .map(|(path, file)| {
            let source = npm_file(&file).map_err(|error| {
                format!("the session launchers need node_modules/{file}: {error}; run `npm ci`")
            })?;
            Ok((path, source))
        })
        .collect()
}

/// Where `file` of an npm package is. Its first component is the package's name.
fn npm_file(file: &str) -> BuildResult<PathBuf> {
    let name = file.split('/').next().unwrap_or_default();
    let manifest = format!("{ROOT}/node_modules/{name}/package.json");
    let lock = format!("{ROOT}/package-lock.json");
    println!("cargo::rerun-if-changed={manifest}");
    println!("cargo::rerun-if-changed={lock}");
    let read = |path: &str| -> BuildResult<serde_json::Value> {
        let text = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(serde_json::from_slice(&text)?)
    };
    let locked = &read(&lock)?["packages"][format!("node_modules/{name}")]["version"];
    let installed = &read(&manifest)?["version"];
    if !locked.is_string() || installed != locked {
        return Err(format!("{installed} is installed, and {locked} in package-lock.json").into());
    }
    Ok(Path::new(&format!("{ROOT}/node_modules/{file}")).canonicalize()?)
}

/// The source of the table that `src/guest.rs` includes.
fn table(launchers: &BTreeMap<String, PathBuf>) -> BuildResult<String> {
    let mut table = "static LAUNCHERS: &[GuestFile] = &[\n".to_owned();
    for (path, source) in launchers {
        let source = source.to_str().ok_or("a path in UTF-8")?;
        let row = format!("path: {path:?}, contents: include_bytes!({source:?})");
        table.extend(["GuestFile { ", &row, " },\n"]);
    }
    table.push_str("];\n");
    Ok(table)
}

fn build_guest(out: &Path) -> BuildResult<PathBuf> {
    let host_target = env::var("TARGET")?;
    let target = if host_target.contains("-linux-") {
        host_target
    } else {
        format!("{}-unknown-linux-musl", env::var("CARGO_CFG_TARGET_ARCH")?)
    };
    // OUT_DIR is <target dir>/<profile>/build/<package>/out: share one guest build among profiles.
    let target_dir = out
        .ancestors()
        .nth(4)
        .ok_or("unexpected OUT_DIR")?
        .join("guest-build");
    let status = Command::new(env::var("CARGO")?)
        .args(["build", "--package", "isol8-guest", "--profile", "guest"])
        .args(["--target", &target, "--target-dir"])
        .arg(&target_dir)
        .current_dir(PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../.."))
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status()?;
    if !status.success() {
        let hint = "the guest did not build; on hosts other than Linux, name a ready-built one with \
                    ISOL8_GUEST";
        return Err(hint.into());
    }
    Ok(target_dir.join(target).join("guest/isol8-guest"))
}
