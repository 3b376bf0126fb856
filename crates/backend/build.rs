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

type BuildResult<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> BuildResult<()> {
    println!("cargo::rerun-if-env-changed=ISOL8_GUEST");
    for watched in [
        "../guest/src",
        "../guest/Cargo.toml",
        "../protocol/src",
        "../../Cargo.lock",
        LAUNCHERS,
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
    let launchers = launchers(Path::new(LAUNCHERS))?;
    fs::write(out.join("launchers.rs"), table(&launchers)?)?;
    let mut digest = Sha256::new_with_prefix(&bytes);
    for (path, contents) in &launchers {
        digest.update(format!("\0{path}\0{}\0", contents.len()));
        digest.update(contents);
    }
    let digest = digest.finalize();
    let hash = hex::encode(&digest[..8]);
    println!("cargo::rustc-env=ISOL8_GUEST_HASH={hash}");
    Ok(())
}

/// The files beside the guest: every file below `directory`, by its path there, sorted.
fn launchers(directory: &Path) -> BuildResult<BTreeMap<String, Vec<u8>>> {
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
                found.insert(name.replace('\\', "/"), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// The source of the table that `src/guest.rs` includes.
fn table(launchers: &BTreeMap<String, Vec<u8>>) -> BuildResult<String> {
    let directory = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(LAUNCHERS);
    let mut table = "static LAUNCHERS: &[GuestFile] = &[\n".to_owned();
    for path in launchers.keys() {
        let source = directory.join(path);
        let source = source.to_str().ok_or("a name in UTF-8")?;
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
