//! What the filtering proxy reads of a TLS hello before it lets a tunnel through.
#![no_main]

use isol8_egress::{Hello, MAX_HELLO, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte says how much of the rest came before the others.
    let Some((&share, bytes)) = bytes.split_first() else {
        return;
    };
    let verdict = inspect(bytes);
    match &verdict {
        Hello::Incomplete(needed) => assert!(*needed > bytes.len() && *needed <= MAX_HELLO),
        Hello::Client(Some(name)) => assert!(!name.is_empty() && name.is_ascii()),
        _ => {}
    }
    // A verdict does not change with what follows. Before it, there is none.
    let earlier = inspect(&bytes[..bytes.len() * usize::from(share) / 256]);
    assert!(matches!(earlier, Hello::Incomplete(_)) || earlier == verdict);
});
