//! The engine: requests in, results and events out.

mod activity;
mod admission;
mod admitted;
mod audit_entry;
mod choice;
mod chosen_image;
mod conclusion;
mod ephemeral;
mod execute;
mod images;
mod lifecycle;
mod needs;
mod persistent;
mod pools;
mod remembered;
mod renewal;
mod seccomp;
mod session;
mod session_files;
mod stream;
mod streaming;
#[cfg(test)]
mod tests;
mod waiting;

pub use lifecycle::Engine;
pub use stream::EventStream;
