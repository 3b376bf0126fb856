//! What to make ready before the first execution.

use isol8_api::{
    options::{RawPrewarm, RawStartOptions},
    runtimes::{LANGUAGES, canonical_name},
};

use super::{OptionError, Preload};

/// What `start()` makes ready, decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// The runtimes to prewarm.
    pub runtimes: Vec<String>,
    /// The modules to import ahead, where the call names some.
    pub preload: Option<Preload>,
    /// Whether a runtime that cannot be made ready is an error.
    pub strict: bool,
}

impl TryFrom<RawStartOptions> for StartOptions {
    type Error = OptionError;

    fn try_from(raw: RawStartOptions) -> Result<Self, OptionError> {
        let all = || LANGUAGES.map(str::to_owned).to_vec();
        let strict = raw.strict.unwrap_or(false);
        Ok(match raw.prewarm {
            None | Some(RawPrewarm::All(false)) => Self {
                strict,
                ..Self::default()
            },
            Some(RawPrewarm::All(true)) => Self {
                runtimes: all(),
                preload: None,
                strict,
            },
            Some(RawPrewarm::Some(details)) => Self {
                runtimes: details.runtimes.map_or_else(all, canonical),
                preload: Some(details.preload.unwrap_or_default().try_into()?),
                strict,
            },
        })
    }
}

/// The runtimes' own names, each once.
fn canonical(names: Vec<String>) -> Vec<String> {
    let mut known = Vec::new();
    for name in names {
        let name = canonical_name(&name).to_owned();
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(json: &str) -> StartOptions {
        let raw: RawStartOptions = serde_json::from_str(json).unwrap();
        raw.try_into().unwrap()
    }

    fn runtimes(json: &str) -> Vec<String> {
        start(json).runtimes
    }

    #[test]
    fn nothing_is_prewarmed_unasked() {
        assert!(runtimes("{}").is_empty());
        assert!(runtimes(r#"{"prewarm":false}"#).is_empty());
        assert!(runtimes(r#"{"prewarm":null}"#).is_empty());
    }

    #[test]
    fn all_or_some_are_prewarmed() {
        assert_eq!(runtimes(r#"{"prewarm":true}"#), LANGUAGES);
        assert_eq!(runtimes(r#"{"prewarm":{}}"#), LANGUAGES);
        assert_eq!(runtimes(r#"{"prewarm":{"runtimes":["node"]}}"#), ["node"]);
        assert_eq!(
            runtimes(r#"{"prewarm":{"runtimes":["node"],"preload":null}}"#),
            ["node"]
        );
    }

    #[test]
    fn an_alias_is_the_runtime_that_it_stands_for() {
        let json = r#"{"prewarm":{"runtimes":["sh","python3","python"]}}"#;
        assert_eq!(runtimes(json), ["bash", "python"]);
    }

    #[test]
    fn modules_are_read() {
        let json = r#"{"prewarm":{"runtimes":["python"],"preload":{"python":["json"]}}}"#;
        assert_eq!(start(json).preload.unwrap().of("python"), ["json"]);
    }
}
