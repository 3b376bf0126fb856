//! How the files of a control group are read.

use super::{cached, value_of};

#[test]
fn files_on_disk_are_cached_and_those_in_memory_are_not() {
    let statistics = "cache 999\nshmem 900\ninactive_file 60\nactive_file 39\ntotal_cache 999\n";
    assert_eq!(cached(statistics), 99);
    assert_eq!(cached(""), 0);
}

#[test]
fn kills_are_counted_in_both_versions_and_unknown_elsewhere() {
    let first = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
    let second = "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n";
    for text in [first, second] {
        assert_eq!(value_of("oom_kill", text), Some(3));
    }
    assert_eq!(
        value_of("oom_kill", "oom_kill_disable 0\nunder_oom 0\n"),
        None
    );
}
