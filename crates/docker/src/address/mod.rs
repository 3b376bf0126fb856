//! Where the Docker daemon is: the caller's address, else `DOCKER_HOST`, else the current Docker
//! context, else the first of the usual sockets that exists. What is not understood is an error. A
//! guess could select another daemon than the caller means.

mod certificates;
mod context;
mod discover;
mod docker_address;
mod endpoint;
mod error;
mod ssh_target;

pub(crate) use certificates::{Certificates, TlsFiles};
pub use docker_address::DockerAddress;
pub(crate) use endpoint::Endpoint;
pub use error::AddressError;
pub(crate) use ssh_target::SshTarget;
