//! A connection to a daemon through the program `ssh`: its standard streams are those of
//! `docker system dial-stdio` on the other machine. Docker's own client connects in the same way.

mod complaint;
mod connect;
mod stream;

pub(crate) use connect::connect;
