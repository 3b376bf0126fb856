//! Interpreters started ahead of their programs.
//!
//! At most one waits in a sandbox, and only while nothing of a user has run there since the sandbox
//! was started or reset. So no user code ever meets a parked process. The next program either becomes the
//! parked process or starts after its end.

use std::{cell::Cell, ffi::CString, time::Duration};

use isol8_protocol::{AfterExit, ErrorKind, ExecRequest, PARK_MARK, ParkRequest, Reply, hand_over};
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

use super::{
    launch::Launch,
    nursery::Nursery,
    programs::Programs,
    start::{MAX_REASON_BYTES, PipedProgram, READY_DEADLINE, start},
};
use crate::{
    failure::{Failure, RequestError},
    files::write_inline,
    guest::Guest,
    processes::{helper::Helper, kill},
    usage::{cpu_clock, resident_memory},
};

/// How long a parked interpreter may take to accept what is handed over. After that the program is
/// started without it.
const GO_DEADLINE: Duration = Duration::from_secs(2);

/// The parked interpreter of a sandbox, and its nursery.
#[derive(Default)]
pub(super) struct Parking {
    /// Locked while one is being started.
    slot: Mutex<Option<Parked>>,
    nursery: Mutex<Option<Nursery>>,
    /// Whether there were modules that cannot be forked.
    unforkable: Cell<bool>,
    /// Whether anything of a user may have run since the start or the last reset.
    used: Cell<bool>,
    /// Counts up when the interpreter that is being started is not going to be used.
    unwanted: watch::Sender<u32>,
}

/// An interpreter that waits for its program.
struct Parked {
    argv: Vec<CString>,
    /// Its environment without what the launcher needs.
    environ: Vec<CString>,
    cwd: String,
    program: String,
    /// Files that were written for it.
    files: Vec<String>,
    waiting: PipedProgram,
}

impl Parking {
    /// The sandbox was reset: nobody waits, and nothing has run.
    pub(super) fn clear(&self) {
        if let Ok(mut slot) = self.slot.try_lock() {
            *slot = None;
        }
        self.used.set(false);
    }
}

/// Starts an interpreter. Answers when it waits for its program.
pub(crate) async fn park(
    guest: &Guest,
    programs: &Programs,
    request: ParkRequest,
) -> Result<Option<Reply>, RequestError> {
    let parking = &programs.parking;
    let mut unwanted = parking.unwanted.subscribe();
    let mut end = guest.end.subscribe();
    let mut slot = parking.slot.lock().await;
    if parking.used.get() || slot.is_some() {
        return Err(late());
    }
    let files: Vec<_> = request.files.iter().map(|file| file.path.clone()).collect();
    let mut nursery = parking.nursery.lock().await;
    let forked = if request.forks && !parking.unforkable.get() {
        tokio::select! {
            forked = Nursery::park(&mut nursery, guest, &request) => Some(forked),
            () = given_up(&mut unwanted, &mut end) => None,
        }
    } else {
        Some(Ok(None))
    };
    Nursery::tidy(&mut nursery, guest).await;
    let Some(forked) = forked else {
        return Err(late());
    };
    let forked = forked?;
    let was_forked = forked.is_some();
    let mut waiting = if let Some(forked) = forked {
        forked
    } else {
        parking.unforkable.set(request.forks);
        start_parked(guest, parking, &request).await?
    };
    let (ready, is_given_up) = tokio::select! {
        ready = timeout(READY_DEADLINE, waiting.stdout.take_mark(PARK_MARK)) => (ready == Ok(true), false),
        () = given_up(&mut unwanted, &mut end) => (false, true),
    };
    // Output of its start would come twice, or not at all.
    if is_given_up || (was_forked && !ready) {
        // When a fork fails, an interpreter that is started may still park.
        if !is_given_up {
            parking.unforkable.set(true);
        }
        discard(guest, waiting, &files).await;
        return Err(late());
    }
    if !ready || waiting.stdout.has_pending() || waiting.stderr.has_pending() {
        let complaint = waiting.stderr.pending_text(MAX_REASON_BYTES);
        discard(guest, waiting, &files).await;
        return Err(Failure::invalid(format!("the interpreter did not park: {complaint}")).into());
    }
    waiting.memory_before = resident_memory(waiting.program.pid).unwrap_or_default();
    let mut plain = plain_request(&request);
    let plain = Launch::new(&mut plain, &guest.environ)?;
    *slot = Some(Parked {
        argv: plain.argv().to_vec(),
        environ: plain.environ().to_vec(),
        cwd: request.cwd,
        program: request.program,
        files,
        waiting,
    });
    Ok(Some(Reply::Done))
}

/// Waits until the interpreter that is being started is not going to be used. Cancel safe.
async fn given_up(unwanted: &mut watch::Receiver<u32>, end: &mut watch::Receiver<u32>) {
    tokio::select! {
        _ = unwanted.changed() => {}
        _ = end.changed() => {}
    }
}

/// The answer when the program has come before its interpreter was parked. The next time may go better.
fn late() -> RequestError {
    Failure::new(ErrorKind::Denied, "", "the sandbox is in use").into()
}

fn plain_request(request: &ParkRequest) -> ExecRequest {
    ExecRequest {
        argv: request.argv.clone(),
        env: request.env.clone(),
        cwd: request.cwd.clone(),
        ..ExecRequest::default()
    }
}

async fn start_parked(
    guest: &Guest,
    parking: &Parking,
    request: &ParkRequest,
) -> Result<PipedProgram, Failure> {
    let taken = |(name, _): &(String, String)| {
        let of_image = guest
            .environ
            .iter()
            .any(|(known, _)| known.to_str() == Some(name));
        of_image || request.env.iter().any(|(known, _)| known == name)
    };
    if request.launcher_env.iter().any(taken) {
        return Err(Failure::invalid("the launcher's variables are in use"));
    }
    let mut exec = plain_request(request);
    exec.argv.clone_from(&request.launcher_argv);
    exec.env.extend(request.launcher_env.iter().cloned());
    exec.files.clone_from(&request.files);
    let mut launch = Launch::new(&mut exec, &guest.environ)?;
    launch.set_first(!parking.used.get());
    let mut waiting = start(guest, launch).await?;
    waiting.parked = true;
    Ok(waiting)
}

/// The interpreter for a request, if one is parked that can become its program. It has then accepted its
/// program. In every other case the parked interpreter has been ended.
pub(super) async fn take(
    guest: &Guest,
    parking: &Parking,
    request: &ExecRequest,
    launch: &mut Launch,
) -> Result<Option<PipedProgram>, Failure> {
    launch.set_first(!parking.used.replace(true));
    let wanted = request.parked && request.after_exit == AfterExit::KillAll;
    if !wanted {
        parking
            .unwanted
            .send_modify(|count| *count = count.wrapping_add(1));
    }
    let Some(parked) = parking.slot.lock().await.take() else {
        return Ok(None);
    };
    if !wanted || parked.argv != launch.argv() || !guest.reaper.is_child(parked.waiting.program.pid)
    {
        discard(guest, parked.waiting, &parked.files).await;
        return Ok(None);
    }
    let Parked {
        environ,
        cwd,
        program,
        files,
        mut waiting,
        ..
    } = parked;
    let mut others = launch.files().to_vec();
    let elsewhere = (cwd != launch.cwd()).then(|| launch.cwd());
    // The launcher writes the program, unless a directory is to be made after it: the order can be
    // seen in the listing of their parent.
    let own = others
        .iter()
        .rposition(|file| file.path == program)
        .filter(|_| elsewhere.is_none());
    let contents = own.map(|at| others.remove(at).data);
    if (elsewhere.is_some() || !others.is_empty())
        && let Err(failure) = write_inline(guest, &others, elsewhere).await
    {
        discard(guest, waiting, &files).await;
        return Err(failure);
    }
    let message = hand_over(
        launch.cwd(),
        contents.as_ref().map_or("", |_| &program),
        (environ != launch.environ())
            .then(|| launch.environ_bytes())
            .as_deref(),
        contents.as_deref().unwrap_or_default(),
    );
    waiting.cpu_before = cpu_clock(waiting.program.pid);
    waiting.program.started = std::time::Instant::now();
    let accepted = async {
        let (sent, accepted) = tokio::join!(
            waiting.stdin.write_all(&message),
            waiting.stdout.take_mark(PARK_MARK)
        );
        sent.is_ok() && accepted
    };
    if timeout(GO_DEADLINE, accepted).await == Ok(true) {
        return Ok(Some(waiting));
    }
    discard(guest, waiting, &files).await;
    Ok(None)
}

/// Ends a parked interpreter before anything else runs, and removes its files.
async fn discard(guest: &Guest, waiting: PipedProgram, files: &[String]) {
    kill::child(&guest.reaper, waiting.program.pid, waiting.program.ended).await;
    if files.is_empty() {
        return;
    }
    let removal = Helper::start(&guest.reaper, &guest.null, |_, _| {
        for file in files {
            // A file that does not exist need not be removed.
            let _ = std::fs::remove_file(file);
        }
        Ok(Reply::Done)
    });
    if let Ok(helper) = removal {
        helper.answer().await;
    }
}
