//! What a new child does until it is the program.

use std::{
    convert::Infallible,
    ffi::{CStr, CString, c_char},
    fs::File,
    os::fd::RawFd,
    ptr::null,
};

use isol8_protocol::ErrorKind;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc,
    unistd::setsid,
};

use super::{Launch, READY, STATUS_FD, starting};
use crate::{
    failure::Failure,
    fd::send,
    files::user_files::{enter_directory, write_inline},
    user::{capabilities, filter},
};

/// What runs a script that does not name its interpreter, as execvp(3) has it.
const SHELL: &CStr = c"/bin/sh";

impl Launch {
    /// Turns a new child into the program. Returns only when that fails.
    ///
    /// Nothing that it allocates may be left when it becomes the program: see [`share_as_user`].
    pub(super) fn become_program(
        &self,
        numbers: &[RawFd],
        vectors: &mut Vectors,
    ) -> Result<Infallible, Failure> {
        let system = |error: Errno| starting(&error.into());
        setsid().map_err(system)?;
        if self.changes_user {
            capabilities::only_setuid()
                .map_err(|error| Failure::system("cannot start the nursery", &error))?;
        }
        for (source, target) in (STATUS_FD + 1..).zip(numbers) {
            // SAFETY: the fork has put them there, and nothing else in the child owns either.
            if unsafe { libc::dup2(source, *target) } < 0 || unsafe { libc::close(source) } < 0 {
                return Err(system(Errno::last()));
            }
        }
        write_inline(&self.files, None)?;
        enter_directory(&self.cwd)?;
        // SAFETY: restores the disposition that a program expects; no handler is involved.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        Err(self.execute(vectors))
    }

    /// The arguments and the environment as the system wants them.
    pub(super) fn vectors(&self) -> Vectors {
        let pointers = |texts: &[CString]| {
            let pointers = texts.iter().map(|text| text.as_ptr());
            pointers.chain([null()]).collect::<Vec<_>>()
        };
        let argv = pointers(&self.argv);
        Vectors {
            // The script's own name is not known yet.
            script: [SHELL.as_ptr(), null()]
                .into_iter()
                .chain(argv[1..].iter().copied())
                .collect(),
            argv,
            environ: pointers(&self.environ),
        }
    }

    /// Tries the candidates in order, as execvp(3) does.
    fn execute(&self, vectors: &mut Vectors) -> Failure {
        let name = || self.argv[0].to_string_lossy();
        let mut denied = false;
        for candidate in &self.candidates {
            match vectors.execute(candidate) {
                Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::ELOOP => {}
                Errno::EACCES => denied = true,
                Errno::ENOEXEC => {
                    let errno = vectors.execute_script(candidate);
                    let doing = "cannot run the program with /bin/sh";
                    return Failure::os(&name(), doing, &errno.into());
                }
                Errno::E2BIG => {
                    let message = "the arguments and environment are longer than the system allows";
                    return Failure::new(ErrorKind::System, &name(), message);
                }
                errno => return Failure::os(&name(), "cannot run the program", &errno.into()),
            }
        }
        let name = name();
        if denied {
            return Failure::os(&name, "cannot run the program", &Errno::EACCES.into());
        }
        Failure::new(
            ErrorKind::NotFound,
            &name,
            format!("program not found: {name}"),
        )
    }
}

/// Pointers into a [`Launch`], each list with a null at its end. Made before there is a child, which
/// could not free them.
pub(super) struct Vectors {
    argv: Vec<*const c_char>,
    environ: Vec<*const c_char>,
    /// The shell, a script, and the arguments.
    script: Vec<*const c_char>,
}

impl Vectors {
    /// Becomes the program at `path`; returns why not.
    fn execute(&self, path: &CStr) -> Errno {
        // SAFETY: the launch outlives its vectors, which end with a null.
        unsafe { libc::execve(path.as_ptr(), self.argv.as_ptr(), self.environ.as_ptr()) };
        Errno::last()
    }

    /// Becomes the shell that runs the script at `path`; returns why not.
    fn execute_script(&mut self, path: &CStr) -> Errno {
        self.script[1] = path.as_ptr();
        // SAFETY: as above.
        unsafe { libc::execve(self.script[0], self.script.as_ptr(), self.environ.as_ptr()) };
        Errno::last()
    }
}

/// Reports from a new child that it has become the user, and puts it under the filter where there is one.
pub(super) fn report_ready(status: &File, filtered: bool) -> Result<(), Failure> {
    fcntl(status, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))
        .map_err(|error| starting(&error.into()))?;
    let installed = if filtered {
        filter::install()
    } else {
        Ok(None)
    };
    // The system limits how many descriptors of the user may be in flight, for all sandboxes together.
    let listener = installed.as_ref().ok().and_then(Option::as_ref);
    send(status, &[READY], listener)
        .or_else(|_| send(status, &[READY], None))
        .map_err(|error| Failure::system("cannot report", &error))?;
    installed.map_err(|error| Failure::system("cannot confine the program", &error))?;
    Ok(())
}
