//! The spawner: makes sandboxes of Linux namespaces on this machine, whose first process is the guest.
//!
//! ```text
//! serve    messages of the host, ends of sandboxes  control       packets to and from the host
//! prepare  what is made before the first sandbox    sandbox       one sandbox: made, reported, ended
//! root     the root file system that all have       mounting      calls of mount(2)
//! paths    directories of the spawner's own root    clone, child  from the clone to the guest
//! places   the file systems of one sandbox          groups        control groups
//! users    a range of users for each sandbox        network       network namespaces
//! limits   limits that processes inherit            filters       filters of system calls
//! layers   file systems in front of the host's      landlock      a second wall around files
//! failure  what could not be done                   kernel_files  files of the kernel that take a value
//! devices  the devices of the root
//! ```
//!
//! It is a small process of one thread that the host starts, because a clone of the host's own process would copy its
//! page tables. Every sandbox ends with the spawner, and the spawner ends with its socket.

mod child;
mod clone;
mod control;
mod devices;
mod failure;
mod files;
mod filters;
mod groups;
mod kernel_files;
mod landlock;
mod layers;
mod limits;
mod mounting;
mod network;
mod paths;
mod places;
mod prepare;
mod root;
mod sandbox;
mod serve;
mod users;

pub(crate) use serve::run;
