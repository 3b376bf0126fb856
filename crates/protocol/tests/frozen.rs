//! The wire format, byte for byte. When one of these fails, raise `PROTOCOL_VERSION` and write the
//! new bytes down here.
#![expect(clippy::unwrap_used, reason = "a test")]

use isol8_protocol::{
    AfterExit, CallRequest, ErrorKind, ExecControl, ExecRequest, ExitReport, ExitStatus,
    FileRequest, InlineFile, PROTOCOL_VERSION, ParkRequest, ProxyPort, ReadFilesRequest,
    ReadRequest, Reply, Request, ResetReport, SessionLoss, Stdin, VolumeEntry, VolumeEntryKind,
    VolumeRecord, encode_message,
};

fn payload<M: serde::Serialize>(message: &M) -> Vec<u8> {
    encode_message(message).unwrap()[5..].to_vec()
}

#[test]
fn version_10_of_every_request() {
    assert_eq!(PROTOCOL_VERSION, 10);
    let exec = Request::Exec(ExecRequest {
        argv: vec!["a".into(), "b".into()],
        env: vec![("K".into(), "V".into())],
        cwd: "/".into(),
        files: vec![InlineFile {
            path: "/f".into(),
            data: vec![7, 8],
        }],
        stdin: Stdin::Inline(vec![9]),
        timeout_ms: 300,
        output_limit: 5,
        after_exit: AfterExit::Keep,
        parked: true,
        proxy: ProxyPort::Program,
    });
    assert_eq!(
        payload(&exec),
        b"\0\x02\x01a\x01b\x01\x01K\x01V\x01/\x01\x02/f\x02\x07\x08\x01\x01\x09\xac\x02\x05\x01\x01\x02"
    );
    let file = FileRequest { path: "/x".into() };
    assert_eq!(payload(&Request::WriteFile(file)), b"\x01\x02/x");
    let read = ReadRequest {
        path: "/x".into(),
        max_bytes: 300,
    };
    assert_eq!(payload(&Request::ReadFile(read)), b"\x02\x02/x\xac\x02");
    assert_eq!(payload(&Request::Reset), b"\x03");
    let call = Request::Call(CallRequest {
        exec: ExecRequest::default(),
        program: "/p".into(),
        cwd: Some("/d".into()),
        env: vec![("K".into(), "V".into())],
        script: "l".into(),
        interrupts: true,
    });
    assert_eq!(
        payload(&call),
        b"\x04\0\0\0\0\0\0\0\0\0\0\x02/p\x01\x02/d\x01\x01K\x01V\x01l\x01"
    );
    let park = Request::Park(ParkRequest {
        argv: vec!["a".into()],
        launcher_argv: vec!["b".into()],
        env: vec![("K".into(), "V".into())],
        launcher_env: vec![("L".into(), "W".into())],
        cwd: "/".into(),
        program: "/p".into(),
        files: vec![InlineFile {
            path: "/f".into(),
            data: vec![7],
        }],
        forks: true,
    });
    assert_eq!(
        payload(&park),
        b"\x05\x01\x01a\x01\x01b\x01\x01K\x01V\x01\x01L\x01W\x01/\x02/p\x01\x02/f\x01\x07\x01"
    );
    let files = vec![InlineFile {
        path: "/f".into(),
        data: vec![7, 8],
    }];
    assert_eq!(
        payload(&Request::WriteFiles(files)),
        b"\x06\x01\x02/f\x02\x07\x08"
    );
    let read = ReadFilesRequest {
        paths: vec!["/x".into(), "/y".into()],
        max_bytes: 300,
    };
    assert_eq!(
        payload(&Request::ReadFiles(read)),
        b"\x07\x02\x02/x\x02/y\xac\x02"
    );
    assert_eq!(payload(&ExecControl::Signal(15)), b"\0\x1e");
    assert_eq!(payload(&ExecControl::Kill), b"\x01");
    assert_eq!(payload(&ExecControl::Interrupt), b"\x02");
    assert_eq!(payload(&Stdin::Empty), b"\0");
    assert_eq!(payload(&Stdin::Stream), b"\x02");
    assert_eq!(payload(&AfterExit::KillAll), b"\0");
    assert_eq!(payload(&ProxyPort::Closed), b"\0");
    assert_eq!(payload(&ProxyPort::Open), b"\x01");
}

#[test]
fn version_10_of_every_reply() {
    assert_eq!(PROTOCOL_VERSION, 10);
    let exit = ExitReport {
        status: ExitStatus::Signal(9),
        timed_out: true,
        out_of_memory: false,
        parked: true,
        wall_us: 1,
        cpu_us: 2,
        memory_bytes: 3,
        peak_memory_bytes: 4,
        stdout_bytes: 5,
        stderr_bytes: 6,
        session_loss: Some(SessionLoss::Exited(7)),
    };
    assert_eq!(
        payload(&Reply::Exited(exit)),
        b"\0\x01\x12\x01\0\x01\x01\x02\x03\x04\x05\x06\x01\x02\x0e"
    );
    for (number, loss) in (0..).zip([SessionLoss::TimedOut, SessionLoss::Cancelled]) {
        assert_eq!(payload(&loss), [number]);
    }
    assert_eq!(payload(&SessionLoss::Signalled(9)), b"\x03\x12");
    assert_eq!(payload(&SessionLoss::OutOfMemory), b"\x04");
    assert_eq!(payload(&Reply::Done), b"\x01");
    let reset = ResetReport {
        processes: 1,
        entries: 2,
    };
    assert_eq!(payload(&Reply::Reset(reset)), b"\x02\x01\x02");
    let failed = Reply::Failed {
        kind: ErrorKind::NoSpace,
        path: "/p".into(),
        message: "m".into(),
    };
    assert_eq!(payload(&failed), b"\x03\x04\x02/p\x01m");
    assert_eq!(payload(&ErrorKind::TooLarge), b"\x07");
    assert_eq!(payload(&Reply::LeftOut(ErrorKind::NotFound)), b"\x04\x01");
}

#[test]
fn version_10_of_every_volume_record() {
    assert_eq!(PROTOCOL_VERSION, 10);
    let entry = VolumeRecord::Entry(VolumeEntry {
        volume: 1,
        path: b"a".to_vec(),
        kind: VolumeEntryKind::File { size: 3 },
        user: 0,
        group: 101,
        mode: 0o644,
        modified: 1,
    });
    assert_eq!(payload(&entry), b"\0\x01\x01a\x02\x03\0\x65\xa4\x03\x02");
    assert_eq!(payload(&VolumeRecord::End), b"\x01");
    assert_eq!(payload(&VolumeEntryKind::Directory), b"\0");
    assert_eq!(payload(&VolumeEntryKind::DirectoryEnd), b"\x01");
    let target = b"t".to_vec();
    let symbolic = VolumeEntryKind::SymbolicLink {
        target: target.clone(),
    };
    assert_eq!(payload(&symbolic), b"\x03\x01t");
    assert_eq!(payload(&VolumeEntryKind::HardLink { target }), b"\x04\x01t");
}
