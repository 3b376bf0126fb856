//! The engine: requests in, results and events out.

mod admission;
mod choice;
mod ephemeral;
mod images;
mod persistent;
mod pools;
mod stream;
#[cfg(test)]
mod tests;
mod top;
mod trail;

pub use stream::EventStream;
pub use top::Engine;
