//! What the host and the guest decode of each other's bytes. A message that is understood must survive
//! being sent on, and nothing may panic or allocate what a length only claims.
#![no_main]
#![expect(clippy::expect_used, reason = "a target fails by panicking")]

use std::fmt::Debug;

use isol8_protocol::{
    ExecControl, FRAME_HEADER_BYTES, FrameHeader, MAX_FRAME_BYTES, PREAMBLE_BYTES, Reply, Request,
    check_preamble, decode, encode_message, parse_report,
};
use libfuzzer_sys::fuzz_target;

/// Decodes `payload` as a message, and again what is encoded of it.
fn round_trip<M>(payload: &[u8])
where
    M: Debug + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
{
    let Ok(message) = decode::<M>(payload) else {
        return;
    };
    let Ok(frame) = encode_message(&message) else {
        return; // Longer than a frame: a payload of that length never comes from one.
    };
    let (head, again) = frame.split_at(FRAME_HEADER_BYTES);
    let head = FrameHeader::parse(head.try_into().expect("a header"));
    assert_eq!(head.expect("its own header").length, again.len());
    assert_eq!(decode::<M>(again).as_ref(), Ok(&message));
}

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_report(bytes);
    if let Some(preamble) = bytes.first_chunk::<PREAMBLE_BYTES>() {
        let _ = check_preamble(*preamble);
    }
    let Some((head, payload)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return;
    };
    if let Ok(header) = FrameHeader::parse(*head) {
        assert!(header.length <= MAX_FRAME_BYTES);
        assert_eq!(header.to_bytes(), *head);
    }
    round_trip::<Request>(payload);
    round_trip::<Reply>(payload);
    round_trip::<ExecControl>(payload);
});
