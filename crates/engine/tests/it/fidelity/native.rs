//! Compiles the native module of the corpus.

use std::{process::Command, sync::LazyLock};

/// The bytes of the module, for an interpreter in a sandbox.
pub(crate) static MODULE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("native.node");
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/fidelity/native_addon.rs"
    );
    let status = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "-Cpanic=abort",
            "-O",
        ])
        .args(["-Clink-arg=-nostdlib", "-o"])
        .arg(&path)
        .arg(source)
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read(path).unwrap()
});
