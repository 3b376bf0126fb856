use super::*;

fn hierarchy(version: u8, directory: &Path) -> Hierarchy {
    Hierarchy {
        directory: directory.to_str().unwrap().to_owned(),
        version,
        controllers: ["memory", "pids", "cpu"].map(str::to_owned).to_vec(),
    }
}

fn plan() -> SandboxPlan {
    SandboxPlan {
        number: 1,
        host_name: String::new(),
        host_network: false,
        memory_bytes: 64 << 20,
        processes: 20,
        cpu_quota_micros: 50_000,
        sandbox_bytes: 0,
        tmp_bytes: 0,
        session: false,
        arguments: Vec::new(),
        filter: Vec::new(),
    }
}

/// A group with empty files, as the kernel makes them.
fn group(files: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for file in files {
        fs::write(place.path().join(file), "").unwrap();
    }
    place
}

fn content(place: &tempfile::TempDir, file: &str) -> String {
    fs::read_to_string(place.path().join(file)).unwrap()
}

#[test]
fn the_limits_of_version_2_are_written() {
    let place = group(&["memory.max", "memory.swap.max", "pids.max", "cpu.max"]);
    limit(&hierarchy(2, place.path()), place.path(), &plan()).unwrap();
    let written = ["memory.max", "memory.swap.max", "pids.max", "cpu.max"];
    let written = written.map(|file| content(&place, file));
    assert_eq!(written, ["67108864", "0", "20", "50000 100000"]);
}

#[test]
fn the_limits_of_version_1_are_written() {
    let files = [
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "pids.max",
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us",
    ];
    let place = group(&files);
    limit(&hierarchy(1, place.path()), place.path(), &plan()).unwrap();
    let written = files.map(|file| content(&place, file));
    assert_eq!(written, ["67108864", "67108864", "20", "100000", "50000"]);
}

#[test]
fn a_limit_that_cannot_be_set_is_a_failure_and_missing_swap_is_none() {
    let place = group(&["memory.max", "pids.max"]);
    let failure = limit(&hierarchy(2, place.path()), place.path(), &plan()).unwrap_err();
    assert!(failure.to_string().contains("cpu.max"), "{failure}");
}

#[test]
fn groups_are_removed_unless_their_spawner_lives() {
    let place = tempfile::tempdir().unwrap();
    for path in ["dead/1", "dead/2", "alive/1"] {
        fs::create_dir_all(place.path().join(path)).unwrap();
    }
    let alive = File::open(place.path().join("alive")).unwrap();
    alive.try_lock().unwrap();
    remove_abandoned(&[hierarchy(1, place.path())]);
    assert!(!place.path().join("dead").exists());
    assert!(place.path().join("alive/1").exists());
}

#[test]
fn groups_are_for_their_owner_alone() {
    let place = tempfile::tempdir().unwrap();
    let mode = |group: &Path| fs::metadata(group).unwrap().permissions().mode() & 0o777;
    let (new, found) = (place.path().join("new"), place.path().join("found"));
    make_private(&new).unwrap();
    assert_eq!(mode(&new), 0o700);
    fs::create_dir(&found).unwrap();
    fs::set_permissions(&found, fs::Permissions::from_mode(0o755)).unwrap();
    make_private(&found).unwrap();
    assert_eq!(mode(&found), 0o700);
}
