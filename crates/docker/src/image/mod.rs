//! Images on a daemon: the base images of the runtimes and custom ones, found, built and removed.

mod base;
mod build;
mod built;
mod context;
mod custom;
mod inspect;
mod remove;
mod store;
mod tail;

pub use base::BaseImage;
pub use remove::OwnImage;
pub use store::DockerImages;
