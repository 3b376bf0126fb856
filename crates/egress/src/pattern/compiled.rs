//! One compiled pattern.

use std::sync::Arc;

use super::budget::{MatchBudget, TimedOut};
use super::linear;
use super::matcher::Matcher;
use super::parser;
use super::program::Program;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: Arc<str>,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(Program),
}

impl Pattern {
    /// Compiles `source` as `new RegExp(source, "i")` would. The error says what is wrong.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let syntax = parser::parse(source).map_err(|error| error.to_string())?;
        let engine = if let Some(regex) = linear::compile(&syntax.node) {
            Engine::Linear(regex)
        } else {
            let program = Program::new(&syntax).map_err(|error| error.to_string())?;
            Engine::Backtracking(program)
        };
        Ok(Self {
            source: source.into(),
            engine,
        })
    }

    /// `RegExp.prototype.test` on a normalised host, which is ASCII.
    pub(crate) fn matches(&self, host: &str, budget: &mut MatchBudget) -> Result<bool, TimedOut> {
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(host.as_bytes())),
            Engine::Backtracking(program) => Matcher::new(program, host.as_bytes(), budget).run(),
        }
    }

    /// Whether matching takes linear time, and so never runs out of it.
    pub(crate) fn is_linear(&self) -> bool {
        matches!(self.engine, Engine::Linear(_))
    }

    /// The pattern as written.
    pub(crate) fn source(&self) -> &Arc<str> {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn matches(source: &str, host: &str) -> Result<bool, TimedOut> {
        let mut budget = MatchBudget::new(Duration::from_mins(1));
        Pattern::new(source).unwrap().matches(host, &mut budget)
    }

    /// Each is the answer of Node 20.
    #[test]
    fn meaning_is_that_of_ecmascript() {
        for (source, host, expected) in [
            ("example", "an.example.com", true),
            ("^example\\.com$", "example.com", true),
            ("^example\\.com$", "notexample.com", false),
            ("^API\\.Example\\.com$", "api.example.com", true),
            ("^(?:[a-z0-9-]+\\.)*example\\.com$", "a.b.example.com", true),
            ("^(?!evil)", "evil.com", false),
            ("^(?!evil)", "good.com", true),
            ("(?<=a\\.)b", "a.b", true),
            ("(?<!a\\.)b", "a.b", false),
            ("^(?=.*\\.com$)(?!bad)[a-z]+\\.com$", "good.com", true),
            ("^(\\w)\\1$", "aa", true),
            ("^(\\w)\\1$", "ab", false),
            ("^(?:(a)|b)*\\1$", "ab", true),
            ("^(?<x>a)\\k<x>$", "aa", true),
            ("(?<=\\1(a))b", "aab", true),
            ("^(z)((a+)?(b+)?(c))*\\3$", "zaacbbbc", true),
            ("^(?:a?)*?$", "aa", true),
            ("^(?:a*?)*b\\b(?=$)", "aab", true),
            ("^\\d{1,3}(\\.\\d{1,3}){3}$", "10.0.0.1", true),
            ("^\\x61\\u0062$", "ab", true),
            ("^\\u{2}$", "uu", true),
            ("^\\141\\8$", "a8", true),
            ("\\cA|[\\c_]|[\\ca]", "a", false),
            ("[\\c]", "c", true),
            ("", "anything", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("a{,2}", "aa", false),
            ("[a-c&&b]", "b", true),
            ("[\\w-a]$", "-", true),
            ("^[é-ü]", "e", false),
            ("^[^é]$", "e", true),
            ("ſ", "s", false),
            ("\u{212a}", "k", false),
            ("\\p{L}", "a", false),
            ("^.{3}$", "a.b", true),
            ("(?i:A)(?s-i:.)", "ab", true),
            ("(?<n>a)|(?<n>b)\\k<n>", "bb", true),
            ("a{0,99999999999999999999}$", "aa", true),
        ] {
            assert_eq!(matches(source, host), Ok(expected), "{source} {host}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let nested = "(".repeat(300) + &")".repeat(300);
        for source in [
            "(",
            ")",
            "[",
            "*",
            "a**",
            "^*",
            "\\b+",
            "(?<=a)*",
            "\\",
            "[b-a]",
            "a{2,1}",
            "(?<n>a)(?<n>b)",
            "(?<n>a\\k)",
            "(?<n>a)\\k<m>",
            "(?<1>a)",
            "(?P<n>a)",
            "(?-:a)",
            "(?ii:a)",
            "{1}",
            "(?",
            "(?<n",
            &nested,
            "(?=((a{256}){256}){256})",
        ] {
            assert!(Pattern::new(source).is_err(), "{source}");
        }
    }

    #[test]
    fn only_lookaround_and_backreferences_are_not_linear() {
        for source in [
            "^example\\.com$",
            ".*",
            "^(.+\\.)*a$",
            "a{2,3}?",
            "[\\w.-]+",
            "[]",
            "[^]",
            "[a&&b]",
            "a{,2}",
            "\\cA",
            "é",
            "[[a]",
            "[\\b]",
            "\\<",
            "\\1",
            "(?<n>a)",
            "\\b{2}",
        ] {
            if let Ok(pattern) = Pattern::new(source) {
                assert!(pattern.is_linear(), "{source}");
            }
        }
        for source in ["(?=a)", "(?<!a)", "(a)\\1", "(?<n>a)\\k<n>"] {
            assert!(!Pattern::new(source).unwrap().is_linear(), "{source}");
        }
    }

    #[test]
    fn lookaround_alone_takes_no_exponential_time() {
        // Each takes minutes where a state is tried more than once.
        let host = "a.".repeat(120) + "b";
        assert_eq!(matches("^(.+\\.)*example$", &host), Ok(false));
        assert_eq!(matches("^(?=(.+\\.)*example$)", &host), Ok(false));
        assert_eq!(matches("^(?!.*x)(.*\\.)*(.*a)*c$", &host), Ok(false));
    }

    #[test]
    fn a_match_ends_when_its_time_is_over() {
        let host = "a".repeat(250);
        let pattern = Pattern::new("^(a+)+\\1x$").unwrap();
        let mut budget = MatchBudget::new(Duration::from_millis(50));
        let started = Instant::now();
        assert_eq!(pattern.matches(&host, &mut budget), Err(TimedOut));
        // Not the limit itself: this machine may be busy. Without an end it would be years.
        assert!(started.elapsed() < Duration::from_secs(20));
        // The same pattern still answers for another host.
        let mut budget = MatchBudget::new(Duration::from_millis(50));
        assert_eq!(pattern.matches("aax", &mut budget), Ok(true));
    }
}
