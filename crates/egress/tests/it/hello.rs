//! The parser of TLS hellos.

use crate::support::hello::{hello, message, names, records};
use isol8_egress::{Hello, inspect};

fn named(name: &str) -> Hello {
    Hello::Client(Some(name.to_owned()))
}

#[test]
fn whole_hellos() {
    assert_eq!(inspect(&hello(Some("a.test"))), named("a.test"));
    assert_eq!(inspect(&hello(None)), Hello::Client(None));
    let mut early = hello(Some("a.test"));
    early.extend([23, 3, 3, 0, 1, 9]);
    assert_eq!(
        inspect(&early),
        named("a.test"),
        "early data in a record of its own"
    );
    for size in [5, 7, 50] {
        let split = records(&message(&[(0, names(&[(0, b"a.test")]))]), size);
        assert_eq!(inspect(&split), named("a.test"), "records of {size}");
    }
}

#[test]
fn every_prefix_is_incomplete_and_needs_no_more_than_the_whole() {
    for whole in [
        hello(Some("a.test")),
        records(&message(&[(0, names(&[(0, b"a.test")]))]), 9),
    ] {
        for end in 0..whole.len() {
            match inspect(&whole[..end]) {
                Hello::Incomplete(needed) => assert!(needed > end && needed <= whole.len()),
                other => panic!("{end}: {other:?}"),
            }
        }
    }
}

#[test]
fn other_protocols() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"SSH-2.0-x",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x02\x01\x00\x05\x01",
        b"\x16\x03\x01\x00\x05\x02",
        b"\x17\x03\x03\x00\x01\x01",
        b"\0",
    ] {
        assert_eq!(inspect(bytes), Hello::NotTls, "{bytes:?}");
    }
}

#[test]
fn ambiguous_hellos_are_malformed() {
    let sni = |data: Vec<u8>| records(&message(&[(0, data)]), 1 << 14);
    let mut trailing = message(&[(0, names(&[(0, b"a.test")]))]);
    trailing.push(0);
    let mut interrupted = records(&message(&[(0, names(&[(0, b"a.test")]))]), 40);
    interrupted[45] = 21;
    let mut longer = names(&[(0, b"a.test")]);
    longer.push(0);
    let mut empty_record = vec![22, 3, 1, 0, 0];
    empty_record.extend(hello(Some("a.test")));
    let mut cut = message(&[(0, names(&[(0, b"a.test")]))]);
    cut[3] -= 1;
    for (what, bytes) in [
        ("two names", sni(names(&[(0, b"a.test"), (0, b"b.test")]))),
        (
            "a name of another type first",
            sni(names(&[(1, b"x"), (0, b"a.test")])),
        ),
        ("no name", sni(names(&[]))),
        ("an empty name", sni(names(&[(0, b"")]))),
        (
            "a name that is no ASCII",
            sni(names(&[(0, "é.test".as_bytes())])),
        ),
        ("data after the list", sni(longer)),
        ("an empty extension", sni(Vec::new())),
        (
            "the extension twice",
            records(
                &message(&[(0, names(&[(0, b"a.test")])), (0, names(&[(0, b"b.test")]))]),
                1 << 14,
            ),
        ),
        (
            "another extension twice",
            records(&message(&[(10, Vec::new()), (10, Vec::new())]), 1 << 14),
        ),
        ("data after the hello", records(&trailing, 1 << 14)),
        ("another record between", interrupted),
        ("a length that is too small", records(&cut, 1 << 14)),
        (
            "a crowd of records",
            records(&message(&[(9, vec![0; 100])]), 1),
        ),
        ("a giant", vec![22, 3, 1, 0x40, 0, 1, 0xff, 0, 0]),
    ] {
        let outcome = inspect(&bytes);
        let refused = matches!(outcome, Hello::Malformed(_))
            // Only the head of the oversized hello is given.
            || what == "a giant" && matches!(outcome, Hello::Incomplete(_));
        assert!(refused, "{what}: {outcome:?}");
    }
    assert_ne!(inspect(&empty_record), named("a.test"));
    let mut giant = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0, 0];
    giant.resize(5 + 0x4000, 0);
    assert!(matches!(inspect(&giant), Hello::Malformed(_)));
}
