//! Options that are one of several words.

use isol8_api::options::{NetworkMode, PoolStrategy};

use super::{Mode, OptionError};

/// The words of an option, as shown in its error, and their meanings.
pub(super) struct Choices<T: 'static>(&'static str, &'static [(&'static str, T)]);

pub(super) const MODES: Choices<Mode> = Choices(
    "ephemeral, persistent",
    &[
        ("ephemeral", Mode::Ephemeral),
        ("persistent", Mode::Persistent),
    ],
);

pub(super) const NETWORK_MODES: Choices<NetworkMode> = Choices(
    "none, host, filtered",
    &[
        ("none", NetworkMode::None),
        ("host", NetworkMode::Host),
        ("filtered", NetworkMode::Filtered),
    ],
);

pub(super) const POOL_STRATEGIES: Choices<PoolStrategy> = Choices(
    "fast, secure",
    &[
        ("fast", PoolStrategy::Fast),
        ("secure", PoolStrategy::Secure),
    ],
);

/// The meaning of the word that an option has, or the default.
pub(super) fn choose<T: Copy + Default>(
    option: &'static str,
    word: Option<String>,
    choices: &Choices<T>,
) -> Result<T, OptionError> {
    let Some(value) = word else {
        return Ok(T::default());
    };
    let found = choices.1.iter().find(|(name, _)| *name == value);
    found
        .map(|(_, meaning)| *meaning)
        .ok_or(OptionError::Choice {
            option,
            value,
            expected: choices.0,
        })
}
