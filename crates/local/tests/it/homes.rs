//! Interpreters that lie in a home: their directories `bin` and `lib` are shown, and nothing else of the home.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use isol8_backend::{Backend as _, ImageStore as _, SandboxSpec};
use isol8_local::{LocalBackend, LocalImages, LocalOptions, Origin, find_interpreter};

use crate::support::{guests_of, spawner_of, spec};

/// The test that runs with such a home.
const INSIDE: &str = "homes::inside_a_home";

/// Runs with a home that the test below makes.
#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn inside_a_home() {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let options = LocalOptions::default();
    let found = find_interpreter("bun", &options).unwrap();
    assert_eq!(found.origin, Origin::Found);
    assert_eq!(found.prefix.as_deref(), Some(&*home.join(".bun")));
    let images = LocalImages::new(options.clone());
    let image = images.inspect("isol8:bun").await.unwrap().unwrap();
    let backend = LocalBackend::new(options);
    let spec = SandboxSpec {
        image: image.id,
        runtime: "bun".to_owned(),
        ..spec().await
    };
    let started = backend.start(&spec).await.unwrap();
    let (guest, _) = guests_of(spawner_of(&started.id), 1).await[0];
    let root = format!("/proc/{guest}/root");
    let names = |path: &Path| {
        let entries = fs::read_dir(format!("{root}{}", path.display())).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    assert_eq!(names(&home), [".bun"]);
    assert_eq!(names(&home.join(".bun")), ["bin", "lib"]);
    assert_eq!(names(&home.join(".bun/bin")), ["bun"]);
    let link = fs::read_link(format!("{root}/usr/local/bin/bun")).unwrap();
    assert_eq!(link, home.join(".bun/bin/bun"));
}

#[test]
fn of_an_interpreter_in_a_home_its_bin_and_lib_are_shown() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    });
    if !is_root {
        isol8_testing::not_run("the root of a sandbox is looked into as root");
        return;
    }
    // Not in /tmp, where this checkout may lie: each sandbox has one of its own.
    let place = tempfile::tempdir_in("/opt").unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let home = place.path().canonicalize().unwrap().join("home");
    for directory in [".bun/bin", ".bun/lib", ".bun/install", ".ssh"] {
        fs::create_dir_all(home.join(directory)).unwrap();
    }
    fs::write(home.join(".ssh/key"), "private").unwrap();
    // Whatever program it is: it is looked at, and not started.
    fs::copy("/bin/true", home.join(".bun/bin/bun")).unwrap();
    let output = Command::new("timeout")
        .args(["-s", "KILL", "60"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", INSIDE, "--nocapture"])
        .env("HOME", &home)
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    isol8_testing::assert_ran(&output, INSIDE);
}
