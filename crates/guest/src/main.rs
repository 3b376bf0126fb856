//! The first process of a sandbox: it runs programs, moves files and resets the sandbox, on behalf
//! of the host at the other end of its link: a socket, or else its standard input and output.
//!
//! ```text
//! boot          process set-up before anything else, and the end
//! link          socket or descriptors, handshake, yamux, frames on one logical stream
//! serve         a stream's request to its handler
//! exec          handler: run a program, park an interpreter, call a session
//! files         handler: read and write files
//! reset         handler: make the sandbox clean
//! guest         what all handlers share
//! processes     the processes of the sandbox, and the guest's own children
//! user          the user that programs are, and what it may do
//! memory        the sandbox's memory, the room that is kept free, the guest's own memory
//! memory_watch  its limit, where no control group has it
//! usage         what a program used
//! writable      the writable places
//! volumes       what the image declares as volumes
//! egress        the proxy port, passed on to the host
//! sockets, ipc  what outlives the programs that made it
//! locks         record locks, which nobody else counts
//! fd, failure   descriptors in the event loop; why a request failed
//! shortage      calls that the system had no memory for
//! stack_bounds  a part of the C library that is left out
//! spawner       the other program in this file: it makes sandboxes of Linux namespaces
//! ```
//!
//! Everything runs on one thread. The threads of `processes/spare` run nothing. The guest is root with four capabilities
//! (`SETUID`, `SETGID`, `KILL`, and `SYS_RESOURCE` where the daemon has it). It touches no path that user code
//! controls: that work happens in children that have become the sandbox user first. There is one exception: when
//! no process of a user is left, a reset removes a few files itself and makes volumes what they were, with the
//! rights that the owner of each file has. The guest trusts the host and nothing else.

use isol8_protocol::SPAWNER_ARGUMENT;

mod boot;
mod egress;
mod exec;
mod failure;
mod fd;
mod files;
mod guest;
mod ipc;
mod link;
mod locks;
mod memory;
mod memory_watch;
mod processes;
mod reset;
mod serve;
mod shortage;
mod sockets;
mod spawner;
mod stack_bounds;
mod usage;
mod user;
mod volumes;
mod writable;

fn main() -> std::process::ExitCode {
    let is_spawner = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == SPAWNER_ARGUMENT);
    if is_spawner {
        return spawner::run();
    }
    boot::run()
}
