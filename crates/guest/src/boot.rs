//! Start and end of the guest: it protects its process before it talks to the host, and kills every other
//! process when it stops.

use std::{
    env, io,
    os::fd::{AsRawFd as _, OwnedFd},
    process::ExitCode,
    rc::Rc,
};

use isol8_protocol::{KNOWN_MOUNTS_ARGUMENT, START_REPORT_ARGUMENT, STRICT_ARGUMENT};
use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    libc,
    sys::{prctl, signal, stat::Mode},
};
use tokio::{
    sync::{RwLock, watch},
    task::LocalSet,
};

use crate::{
    egress::Egress,
    exec::{Programs, limit_services, make_pipes},
    guest::Guest,
    ipc,
    link::{Link, LinkError, Wire},
    locks::Locks,
    memory::{Memory, heap::Heap, oom_score},
    memory_watch,
    processes::{kill, reaper::Reaper, signals::Signals},
    serve::{Served, serve},
    sockets::Sockets,
    user::{self, capabilities},
    volumes::Volumes,
    writable::{mounts, sandbox_dir, sweep},
};

/// How many signals Linux has.
const SIGNALS: i32 = 64;

/// Why the guest does not run, or has stopped.
#[derive(Debug, thiserror::Error)]
enum BootError {
    #[error("the guest must be the first process of a sandbox (process 1), this is process {0}")]
    NotFirst(u32),
    #[error("cannot prepare the process: {0}")]
    Prepare(#[source] io::Error),
    #[error("cannot make the volumes of the image: {0}")]
    Volumes(#[source] io::Error),
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Runs the guest until the link to the host ends.
pub(crate) fn run() -> ExitCode {
    let ended = start();
    if !matches!(ended, Err(BootError::NotFirst(_))) {
        // The end of process 1 ends all others. They are killed anyway.
        kill::send_to_all();
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "standard error is the guest's only way to say this"
)]
fn print(error: &BootError) {
    eprintln!("isol8-guest: {error}");
}

fn start() -> Result<(), BootError> {
    let pid = std::process::id();
    if pid != 1 {
        return Err(BootError::NotFirst(pid));
    }
    user::choose(arguments()).map_err(BootError::Prepare)?;
    harden().map_err(BootError::Prepare)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(BootError::Prepare)?;
    LocalSet::new().block_on(&runtime, serve_host())
}

/// Keeps the guest's memory and descriptors out of reach of user code, and passes nothing inherited on to
/// user code.
fn harden() -> io::Result<()> {
    // The kernel names a program without a path after its descriptor.
    prctl::set_name(c"guest")?;
    prctl::set_dumpable(false)?;
    capabilities::clear_inheritable()?;
    oom_score::protect_guest()?;
    for number in (1..=SIGNALS).filter(|number| *number != libc::SIGPIPE) {
        set_default_disposition(number);
    }
    signal::SigSet::empty().thread_set_mask()?;
    Ok(())
}

/// The arguments of the guest, which the host has written.
fn arguments() -> impl Iterator<Item = String> {
    let words = env::args_os().skip(1);
    words.filter_map(|word| word.into_string().ok())
}

fn has_argument(argument: &str) -> bool {
    arguments().any(|word| word == argument)
}

async fn serve_host() -> Result<(), BootError> {
    let prepared = || {
        let can_have_session = make_pipes()?;
        let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
        // Connected before anything else can run here: the host lets in the first who comes.
        let wire = match Wire::socket() {
            Some(wire) => wire,
            None => standard_streams()?,
        };
        let (signals, ipc) = (Signals::open()?, ipc::Lists::open()?);
        Ok((null, wire, signals, ipc, can_have_session))
    };
    let (null, wire, signals, ipc, can_have_session) = prepared().map_err(BootError::Prepare)?;
    sandbox_dir::open_to_user().map_err(BootError::Prepare)?;
    // Nothing else can run yet.
    let volumes = Volumes::open(arguments()).map_err(BootError::Volumes)?;
    let restorable = volumes.restorable();
    let places = sweep::places(&restorable);
    let unknown_mounts = if has_argument(KNOWN_MOUNTS_ARGUMENT) {
        Vec::new()
    } else {
        mounts::unknown(&restorable)
    };
    let (egress, wanted) = Egress::new();
    let memory = Memory::open();
    let guest = Guest {
        reaper: Reaper::default(),
        gate: RwLock::new(()),
        end: watch::Sender::new(0),
        abandon: watch::Sender::new(0),
        null,
        egress,
        filters_programs: has_argument(STRICT_ARGUMENT),
        services: watch::Sender::default(),
        can_have_session,
        sockets: Sockets::open(memory.limit()),
        locks: Locks::new(),
        memory,
        ipc,
        places,
        unknown_mounts,
        volumes,
        environ: env::vars_os().collect(),
        heap: Heap::now(),
    };
    let served = Rc::new(Served {
        guest,
        programs: Programs::default(),
    });
    let guest = &served.guest;
    if has_argument(START_REPORT_ARGUMENT) {
        end_report(&guest.null).map_err(BootError::Prepare)?;
    }
    let link = async {
        let sharing = Rc::clone(&served);
        let on_shortage = move || sharing.guest.memory.give_up_own();
        let link = Link::open(wire, guest.memory.window_bytes(), on_shortage).await?;
        let accept = |stream| {
            tokio::task::spawn_local(serve(Rc::clone(&served), stream));
        };
        Ok(link.drive(accept, wanted).await?)
    };
    tokio::select! {
        ended = link => ended,
        never = limit_services(guest) => match never {},
        never = memory_watch::keep(memory_watch::limit(arguments())) => match never {},
        ended = signals.run(&guest.reaper) => ended.map_err(BootError::Prepare),
    }
}

/// Resets a signal disposition that the guest may have inherited. The C library's function refuses two
/// signals that it keeps for itself, and a program would inherit these, too. So this makes the system
/// call. Signals that cannot be changed need no change.
fn set_default_disposition(number: i32) {
    // `struct kernel_sigaction`, all zero: SIG_DFL, no flags, empty mask. See sigaction(2).
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK_BYTES: usize = size_of::<u64>();
    let old = std::ptr::null_mut::<u64>();
    // SAFETY: the structure is valid for the call, and no handler is involved.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            number,
            DEFAULT.as_ptr(),
            old,
            MASK_BYTES,
        )
    };
}

/// Tells the spawner that the start has not failed: it reads the standard error of this process until that is closed.
fn end_report(null: &OwnedFd) -> io::Result<()> {
    // SAFETY: nothing in this process owns its standard error, and the call takes numbers only.
    let done = unsafe { libc::dup2(null.as_raw_fd(), libc::STDERR_FILENO) };
    Errno::result(done)?;
    Ok(())
}

/// Standard input and output as the link.
fn standard_streams() -> io::Result<Wire> {
    // SAFETY: nothing else in this process owns its standard input and output.
    let (input, output) = unsafe { (take(0), take(1)) };
    Wire::pair(input, output)
}

/// # Safety
///
/// Nothing else may own descriptor `number`.
unsafe fn take(number: i32) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: by the caller.
    unsafe { OwnedFd::from_raw_fd(number) }
}
