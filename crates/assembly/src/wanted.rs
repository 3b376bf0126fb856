//! Which backend a caller wants: an option goes over the environment, and that over the configuration.

use isol8_api::options::BackendChoice;
use isol8_engine::{EngineError, options::OptionError};

/// The variable of the environment that names the backend.
pub const VARIABLE: &str = "ISOL8_BACKEND";

/// The wanted backend: what `option` names, else the variable [`VARIABLE`], which `variable` reads, else `configured`.
/// An empty variable counts as absent.
///
/// The error names the option or the variable whose word is none of `auto`, `docker` and `local`.
pub fn choose(
    option: Option<&str>,
    variable: impl FnOnce(&str) -> Option<String>,
    configured: BackendChoice,
) -> Result<BackendChoice, EngineError> {
    if let Some(word) = option {
        let unknown = || OptionError::Choice {
            option: "backend",
            value: word.to_owned(),
            expected: BackendChoice::WORDS,
        };
        return Ok(BackendChoice::of(word).ok_or_else(unknown)?);
    }
    let Some(word) = variable(VARIABLE).filter(|word| !word.trim().is_empty()) else {
        return Ok(configured);
    };
    BackendChoice::of(word.trim()).ok_or_else(|| {
        let expected = BackendChoice::WORDS;
        let message = format!("Invalid {VARIABLE}: \"{word}\". Expected one of: {expected}.");
        EngineError::InvalidConfig(message)
    })
}

#[cfg(test)]
mod tests {
    use isol8_api::ErrorCode;

    use super::*;

    fn chosen(
        option: Option<&str>,
        variable: Option<&str>,
        configured: BackendChoice,
    ) -> Result<BackendChoice, (ErrorCode, String)> {
        let read = |name: &str| {
            assert_eq!(name, "ISOL8_BACKEND");
            variable.map(str::to_owned)
        };
        choose(option, read, configured).map_err(|error| (error.code(), error.to_string()))
    }

    #[test]
    fn an_option_goes_over_the_environment_and_that_over_the_configuration() {
        use BackendChoice::{Auto, Docker, Local};
        for (option, variable, configured, expected) in [
            (None, None, Auto, Auto),
            (None, None, Local, Local),
            (None, Some("docker"), Local, Docker),
            (None, Some("auto"), Docker, Auto),
            (None, Some(" "), Docker, Docker),
            (Some("local"), Some("docker"), Auto, Local),
            (Some("auto"), Some("docker"), Local, Auto),
            // What is not used is not judged.
            (Some("docker"), Some("podman"), Local, Docker),
        ] {
            assert_eq!(
                chosen(option, variable, configured),
                Ok(expected),
                "{option:?} {variable:?} {configured:?}"
            );
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_that_names_its_source() {
        let auto = BackendChoice::Auto;
        let text = "Invalid backend: \"podman\". Expected one of: auto, docker, local.";
        assert_eq!(
            chosen(Some("podman"), None, auto),
            Err((ErrorCode::InvalidOption, text.to_owned()))
        );
        let text = "Invalid ISOL8_BACKEND: \"Docker\". Expected one of: auto, docker, local.";
        assert_eq!(
            chosen(None, Some("Docker"), auto),
            Err((ErrorCode::InvalidConfig, text.to_owned()))
        );
    }
}
