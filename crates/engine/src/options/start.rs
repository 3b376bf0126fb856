//! What to make ready before the first execution.

use serde::Deserialize;

/// Options of `start()`. Nothing is prewarmed unless asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartOptions {
    /// What to prewarm.
    pub prewarm: Option<Prewarm>,
}

/// What to prewarm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Prewarm {
    /// Every language runtime, or nothing.
    All(bool),
    /// These runtimes, or every language runtime when none is named.
    Some(PrewarmOptions),
}

/// Details of a prewarming.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrewarmOptions {
    /// Names of runtimes.
    pub runtimes: Option<Vec<String>>,
}

/// The runtimes that run programs; an agent is started too rarely to keep one ready unasked.
const LANGUAGES: [&str; 5] = ["python", "node", "bun", "deno", "bash"];

impl StartOptions {
    /// The runtimes to prewarm.
    #[must_use]
    pub fn runtimes(&self) -> Vec<String> {
        match &self.prewarm {
            None | Some(Prewarm::All(false)) => Vec::new(),
            Some(Prewarm::Some(PrewarmOptions {
                runtimes: Some(named),
            })) => named.clone(),
            Some(Prewarm::All(true) | Prewarm::Some(PrewarmOptions { runtimes: None })) => {
                LANGUAGES.map(str::to_owned).to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtimes(json: &str) -> Vec<String> {
        serde_json::from_str::<StartOptions>(json)
            .unwrap()
            .runtimes()
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
    }
}
