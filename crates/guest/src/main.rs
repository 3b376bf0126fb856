//! The first process of a sandbox: it runs programs, moves files and resets the sandbox, on behalf
//! of the host at the other end of its link: a socket, or else its standard input and output.
//!
//! ```text
//! boot      process set-up before anything else       signals  signalfd: children, termination
//! link      socket or descriptors, handshake, yamux       reaper   the one caller of wait
//! frames    frames on one logical stream              tree     what runs, and killing it
//! serve     a stream's request to its handler         exec     run a program
//! guest     what all handlers share                   files    read and write files
//! as_user   forked children with the user's rights    reset    make the sandbox as new
//! filter    what programs run under, for its listener
//! egress    the proxy's port, tunnelled to the host   owner    whose a connection to it is
//! share     a child that shares the guest's memory    heap     the guest's own memory
//! ```
//!
//! Everything runs on one thread. The guest is root with three capabilities (`SETUID`, `SETGID`,
//! `KILL`) and touches no path that user code controls: that work happens in children that have
//! become the sandbox user first, except that a reset removes a few files itself, with that user's
//! rights, when nobody is left. It trusts the host and nothing else.

mod as_user;
mod attributes;
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
mod ipc;
mod kill;
mod link;
mod owner;
mod reaper;
mod reset;
mod serve;
mod share;
mod signals;
mod small_pieces;
mod sockets;
mod sweep;
mod tree;
mod usage;
mod user_files;

fn main() -> std::process::ExitCode {
    boot::run()
}
