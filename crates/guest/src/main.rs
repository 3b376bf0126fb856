//! The first process of a sandbox: it runs programs, moves files and resets the sandbox, on behalf
//! of the host at the other end of its link: a socket, or else its standard input and output.
//!
//! ```text
//! boot      process set-up before anything else       signals  signalfd: children, termination
//! link      socket or descriptors, handshake, yamux       reaper   the one caller of wait
//! frames    frames on one logical stream              tree     the processes
//! serve     a stream's request to its handler         exec     run a program
//! guest     what all handlers share                   files    read and write files
//! as_user   forked children with the user's rights    helper   those that do the guest's own work
//! reset     make the sandbox clean
//! filter    the seccomp filter of programs
//! egress    the proxy port, passed on to the host    owner    the process of a connection to it
//! share     a child that shares the guest's memory    heap     the guest's own memory
//! memory    the sandbox's memory                     reserve  room that is kept free
//! memory_watch  its limit, where no control group has it
//! spare     processes that are kept free             volumes  what the image declares as volumes
//! user      the user that programs are               inside   volumes inside other writable places
//! sandbox_dir  the directory of programs, where it is root's
//! spawner   the other program in this file: it makes sandboxes of Linux namespaces
//! ```
//!
//! Everything runs on one thread. The threads of `spare` run nothing. The guest is root with four capabilities
//! (`SETUID`, `SETGID`, `KILL`, and `SYS_RESOURCE` where the daemon has it). It touches no path that user code
//! controls: that work happens in children that have become the sandbox user first. There is one exception: when
//! no process of a user is left, a reset removes a few files itself and makes volumes what they were, with the
//! rights that the owner of each file has. The guest trusts the host and nothing else.

use isol8_protocol::SPAWNER_ARGUMENT;

mod as_user;
mod attributes;
mod batch;
mod boot;
mod capabilities;
mod egress;
mod exec;
mod failure;
mod fd;
mod files;
mod filter;
mod frames;
mod guest;
mod heap;
mod helper;
mod inside;
mod ipc;
mod kill;
mod link;
mod memory;
mod memory_watch;
mod mounts;
mod oom_score;
mod owner;
mod reaper;
mod reserve;
mod reset;
mod rights;
mod sandbox_dir;
mod serve;
mod share;
mod signals;
mod small_pieces;
mod sockets;
mod spare;
mod spawner;
mod sweep;
mod tree;
mod usage;
mod user;
mod user_files;
mod volumes;

fn main() -> std::process::ExitCode {
    let is_spawner = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == SPAWNER_ARGUMENT);
    if is_spawner {
        return spawner::run();
    }
    boot::run()
}
