//! Volumes that an image declares: filled before anything runs, and made what they were by a reset.

use isol8_protocol::{ErrorKind, VolumeEntry, VolumeEntryKind, VolumeRecord, encode_message};
use tokio::io::AsyncReadExt as _;

use crate::common::{Sandbox, failure, start_raw_with_volumes};

/// One entry of the first volume, with the bytes of a file.
fn entry(path: &str, kind: VolumeEntryKind, owner: u32, mode: u32, data: &[u8]) -> Vec<u8> {
    entry_in(0, path, kind, owner, mode, data)
}

fn entry_in(
    volume: u32,
    path: &str,
    kind: VolumeEntryKind,
    owner: u32,
    mode: u32,
    data: &[u8],
) -> Vec<u8> {
    let entry = VolumeEntry {
        volume,
        path: path.as_bytes().to_vec(),
        kind,
        user: owner,
        group: owner + 1,
        mode,
        modified: 1_000_000_000,
    };
    let mut bytes = encode_message(&VolumeRecord::Entry(entry)).unwrap();
    bytes.extend_from_slice(data);
    bytes
}

fn file(path: &str, owner: u32, mode: u32, data: &[u8]) -> Vec<u8> {
    let size = data.len() as u64;
    entry(path, VolumeEntryKind::File { size }, owner, mode, data)
}

fn link(path: &str, target: &str) -> Vec<u8> {
    let target = target.as_bytes().to_vec();
    entry(
        path,
        VolumeEntryKind::SymbolicLink { target },
        0,
        0o777,
        b"",
    )
}

fn end() -> Vec<u8> {
    encode_message(&VolumeRecord::End).unwrap()
}

/// Files and directories of several owners, some of which keep the others out.
fn content() -> Vec<u8> {
    let directory = |kind| entry("closed", kind, 33, 0o700, b"");
    [
        directory(VolumeEntryKind::Directory),
        file("closed/of root", 0, 0o600, b"1"),
        file("closed/of user", 100, 0o400, b"22"),
        file("plain", 33, 0o644, b"text\n"),
        entry(
            "again",
            VolumeEntryKind::HardLink {
                target: b"plain".to_vec(),
            },
            33,
            0o644,
            b"",
        ),
        file("privileged", 0, 0o4755, b"#!/bin/sh\n"),
        link("out", "/secret/file"),
        directory(VolumeEntryKind::DirectoryEnd),
        end(),
    ]
    .concat()
}

/// All that a program sees of the volume.
const LIST: &str = "cd /data && stat -c '%n %u %g %a %h %F' . closed plain again privileged out; \
    stat -c %Y closed plain out; cat plain; ls -A; ls closed 2>/dev/null || echo refused";

const LISTED: &str = "\
. 0 0 1777 3 directory
closed 33 34 700 2 directory
plain 33 34 644 2 regular file
again 33 34 644 2 regular file
privileged 0 1 4755 1 regular file
out 0 1 777 1 symbolic link
1000000000
1000000000
1000000000
text
again
closed
out
plain
privileged
refused
";

#[tokio::test]
async fn a_volume_has_the_content_of_the_image_and_a_reset_restores_it() {
    let sandbox = Sandbox::start_with_volumes(&["/data"], &content()).await;
    for _ in 0..2 {
        assert_eq!(sandbox.sh(LIST).await, LISTED);
        sandbox
            .sh(
                "cd /data && mkdir -p a/b && echo x >a/b/c && chmod 0 a && ln -s /etc/passwd l && \
                mkfifo p && setfattr -n user.a -v b . 2>/dev/null; true",
            )
            .await;
        sandbox.must_reset().await;
    }
    assert_eq!(sandbox.sh(LIST).await, LISTED);
}

#[tokio::test]
async fn a_deep_tree_in_a_volume_is_removed() {
    let sandbox = Sandbox::start_with_volumes(&["/data"], &end()).await;
    let deep = "cd /data && i=0; while [ $i -lt 1500 ]; do mkdir d && cd d; i=$((i+1)); done; \
        echo x >file; chmod 0 .; ls -A /data";
    assert_eq!(sandbox.sh(deep).await, "d\n");
    sandbox.must_reset().await;
    assert_eq!(sandbox.sh("ls -A /data").await, "");
}

#[tokio::test]
async fn volumes_inside_other_places_are_restored_where_they_are() {
    let places = [
        "/data",
        "/data/sub",
        "/data/sub/deep",
        "/sandbox/cache",
        "/tmp/x",
    ];
    let in_each = (0..).zip(["outer", "inner", "deepest", "cached", "temporary"]);
    let files = in_each.flat_map(|(volume, name)| {
        let size = name.len() as u64;
        let kind = VolumeEntryKind::File { size };
        entry_in(volume, name, kind, 33, 0o644, name.as_bytes())
    });
    let content = files.chain(end()).collect::<Vec<u8>>();
    let sandbox = Sandbox::start_with_volumes(&places, &content).await;
    let list = "cd / && find data sandbox tmp -printf '%p %U %m %y\\n' | sort; \
                cat data/outer data/sub/inner data/sub/deep/deepest sandbox/cache/cached tmp/x/temporary";
    let listed = sandbox.sh(list).await;
    assert!(
        listed.ends_with("outerinnerdeepestcachedtemporary"),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 13, "{listed}");
    for attack in [
        "for d in /data/sub /data/sub/deep /sandbox/cache /tmp/x; do echo evil >$d/left; mkdir -p $d/a/b; done; \
         echo evil >/data/left; echo evil >/sandbox/left; echo evil >/tmp/left",
        "mv /data/sub /data/moved; mv /sandbox/cache /sandbox/moved; mv /data/sub/deep /data/deep; \
         rm -rf /data/sub /sandbox/cache /tmp/x; rmdir /data/sub/deep; true",
        // More than the guest removes by itself.
        "mkdir -p /sandbox/cache/a/b /data/sub/a /sandbox/a/b; i=0; \
         while [ $i -lt 100 ]; do echo x >/sandbox/$i; echo x >/data/sub/a/$i; i=$((i+1)); done; chmod 0 /sandbox",
    ] {
        sandbox.sh(&format!("{{ {attack}; }} 2>/dev/null")).await;
        sandbox.must_reset().await;
        assert_eq!(sandbox.sh(list).await, listed, "{attack}");
    }
}

#[tokio::test]
async fn a_sandbox_with_a_volume_that_a_program_can_move_is_not_used_again() {
    for (volumes, path) in [
        (&["/data", "/data/x/sub"][..], "/data/x/sub"),
        (&["/sandbox/x/sub"], "/sandbox/x/sub"),
    ] {
        let sandbox = Sandbox::start_with_volumes(volumes, &end()).await;
        let (kind, place, _) = failure(sandbox.reset().await);
        assert_eq!((kind, place.as_str()), (ErrorKind::NotClean, path));
    }
}

#[tokio::test]
async fn a_guest_whose_content_leads_out_of_its_volume_or_is_not_whole_does_not_serve() {
    let through_a_link = [link("l", "/tmp"), file("l/x", 0, 0o644, b"x"), end()].concat();
    let above = [file("../x", 0, 0o644, b"x"), end()].concat();
    let twice = [link("x", "/tmp/y"), file("x", 0, 0o644, b"x"), end()].concat();
    let cut = file("x", 0, 0o644, b"x");
    for content in [through_a_link, above, twice, cut] {
        let (mut process, _input, mut output, _root) = start_raw_with_volumes(&["/data"], &content);
        let mut told = Vec::new();
        output.read_to_end(&mut told).await.unwrap();
        assert!(!process.wait().await.unwrap().success());
        assert!(told.is_empty(), "it began to serve");
    }
}
