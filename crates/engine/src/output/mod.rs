//! From bytes that a program writes to text that a caller reads: secrets masked, UTF-8 whole,
//! length limited. Pure; streaming and collecting go through the same [`OutputDecoder`].

mod decoder;
mod forms;
mod heads;
mod mask;
#[cfg(test)]
mod properties;
mod utf8;
mod words;

pub use decoder::{
    OutputDecoder, TIMEOUT_NOTICE, encoded, file_notice, forward_limit, memory_message,
    memory_notice, more_files_notice, trim_output, truncation_notice,
};
pub use mask::Masker;
