//! One ECMAScript pattern of a list, and its bounded matching against host names.
//!
//! Patterns come from the caller, host names from untrusted code. With a backtracking engine, such code
//! could stall the process: it could choose a name for a careless pattern such as `^(.+\.)*example$`.
//!
//! So there are two engines. Some syntax means the same in ECMAScript and in the `regex` crate. A
//! pattern with only such syntax is matched by that crate, in linear time. All other patterns
//! (lookaround, back-references, oddities) are matched by `regress`, on a thread of its own. A match
//! that exceeds its time limit counts against the host, and so does every later use of that pattern.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use crate::limits::MATCH_DEADLINE;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking {
        regex: Arc<regress::Regex>,
        hung: AtomicBool,
    },
}

/// The outcome of a match. `Hung` means that the time limit was exceeded. It counts against the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Match,
    NoMatch,
    Hung,
}

impl Pattern {
    /// Compiles `source` like `new RegExp(source, "i")`. The error is the parser's message.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let regex = regress::Regex::with_flags(source, "i").map_err(|error| error.to_string())?;
        let engine = match linear(source) {
            Some(linear) => Engine::Linear(linear),
            None => Engine::Backtracking {
                regex: Arc::new(regex),
                hung: AtomicBool::new(false),
            },
        };
        Ok(Self { engine })
    }

    /// Matches like `RegExp.prototype.test`, on a normalised (ASCII) host.
    pub(crate) fn test(&self, host: &str) -> Outcome {
        match &self.engine {
            Engine::Linear(regex) => outcome(regex.is_match(host.as_bytes())),
            Engine::Backtracking { regex, hung } => {
                if hung.load(Ordering::Relaxed) {
                    return Outcome::Hung;
                }
                let found = bounded(Arc::clone(regex), host.to_owned());
                if found == Outcome::Hung {
                    hung.store(true, Ordering::Relaxed);
                }
                found
            }
        }
    }
}

fn outcome(matched: bool) -> Outcome {
    if matched {
        Outcome::Match
    } else {
        Outcome::NoMatch
    }
}

/// Matches on a thread of its own. A thread cannot be interrupted, but it can be left behind. At most
/// one is left for each pattern and concurrent caller, because a pattern that hung never runs again.
fn bounded(regex: Arc<regress::Regex>, host: String) -> Outcome {
    let (send, receive) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("isol8-pattern".into())
        .spawn(move || {
            // The caller may not wait any more.
            let _ = send.send(regex.find(&host).is_some());
        });
    if thread.is_err() {
        return Outcome::Hung;
    }
    receive
        .recv_timeout(MATCH_DEADLINE)
        .map_or(Outcome::Hung, outcome)
}

/// Compiles `source` for the linear engine, if every part of it means the same there. Hosts are ASCII,
/// so ASCII rules apply in both engines.
fn linear(source: &str) -> Option<regex::bytes::Regex> {
    if !common_syntax(source) {
        return None;
    }
    regex::bytes::RegexBuilder::new(source)
        .unicode(false)
        .case_insensitive(true)
        .build()
        .ok()
}

/// Whether `source`, which is valid ECMAScript, uses only syntax that both engines share.
fn common_syntax(source: &str) -> bool {
    let bytes = source.as_bytes();
    let mut i = 0;
    let mut in_class = false;
    while let Some(&byte) = bytes.get(i) {
        let next = bytes.get(i + 1).copied();
        let step = match byte {
            b'\\' => match next {
                // In a class `\b` is a backspace, `\B` an error.
                Some(b'b' | b'B') if in_class => None,
                Some(b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'b' | b'B') => {
                    // `\b{start}` has a meaning in the linear engine.
                    (bytes.get(i + 2) != Some(&b'{')).then_some(2)
                }
                // An escaped `<` or `>` is a word boundary in the linear engine, and a plain character
                // in ECMAScript.
                Some(b'<' | b'>') => None,
                Some(c) if c.is_ascii_punctuation() => Some(2),
                _ => None,
            },
            b'[' if in_class => None,
            b'[' => {
                in_class = true;
                // `[]` matches nothing and `[^]` anything, here; there they are errors.
                let body = if next == Some(b'^') { i + 2 } else { i + 1 };
                (bytes.get(body) != Some(&b']')).then_some(body - i)
            }
            b']' if in_class => {
                in_class = false;
                Some(1)
            }
            // A lone one is literal here.
            b']' | b'}' => None,
            // Set operations of the other engine.
            b'&' | b'-' | b'~' if in_class && next == Some(byte) => None,
            b'(' if !in_class && next == Some(b'?') => {
                (bytes.get(i + 2) == Some(&b':')).then_some(3)
            }
            b'{' if !in_class => quantifier(&bytes[i..]),
            _ if byte == b' ' || byte.is_ascii_graphic() => Some(1),
            _ => None,
        };
        let Some(step) = step else { return false };
        i += step;
    }
    !in_class
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of `bytes`.
fn quantifier(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().position(|&b| b == b'}')?;
    let body = std::str::from_utf8(bytes.get(1..end)?).ok()?;
    let (least, most) = body.split_once(',').unwrap_or((body, body));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    (digits(least) && (most.is_empty() || digits(most))).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_linear(source: &str) -> bool {
        matches!(Pattern::new(source).unwrap().engine, Engine::Linear(_))
    }

    #[test]
    fn test_semantics() {
        for (source, host, expected) in [
            ("example", "an.example.com", Outcome::Match),
            ("^example\\.com$", "example.com", Outcome::Match),
            ("^example\\.com$", "notexample.com", Outcome::NoMatch),
            ("^API\\.Example\\.com$", "api.example.com", Outcome::Match),
            (
                "^(?:[a-z0-9-]+\\.)*example\\.com$",
                "a.b.example.com",
                Outcome::Match,
            ),
            ("^(?!evil)", "evil.com", Outcome::NoMatch),
            ("^(?!evil)", "good.com", Outcome::Match),
            ("(?<=a\\.)b", "a.b", Outcome::Match),
            ("^(\\w)\\1$", "aa", Outcome::Match),
            ("^\\d{1,3}(\\.\\d{1,3}){3}$", "10.0.0.1", Outcome::Match),
            ("^\\x61\\u0062$", "ab", Outcome::Match),
            ("", "anything", Outcome::Match),
            ("[]", "a", Outcome::NoMatch),
            ("a{,2}", "aa", Outcome::NoMatch),
            ("[a-c&&b]", "b", Outcome::Match),
        ] {
            assert_eq!(
                Pattern::new(source).unwrap().test(host),
                expected,
                "{source} {host}"
            );
        }
        for source in [
            "(",
            "[",
            "*",
            "a**",
            "(?<n>a)(?<n>b)",
            "\\u{1}**",
            "(?P<n>a)",
            "a{2,1}",
        ] {
            assert!(Pattern::new(source).is_err(), "{source}");
        }
    }

    #[test]
    fn ordinary_patterns_are_linear() {
        for source in [
            "^example\\.com$",
            ".*",
            "^(.+\\.)*a$",
            "a{2,3}?",
            "[\\w.-]+",
            "^[^.]+\\.x\\/?$",
        ] {
            assert!(is_linear(source), "{source}");
        }
        for source in [
            "(?=a)", "(a)\\1", "[]", "[^]", "[a&&b]", "a{,2}", "\\cA", "é", "[[a]", "[\\b]", "\\<",
        ] {
            assert!(!is_linear(source), "{source}");
        }
    }

    #[test]
    fn a_name_cannot_stall_a_pattern() {
        let host = "a.".repeat(120) + "b";
        let careless = Pattern::new("^(.+\\.)*example$").unwrap();
        let started = std::time::Instant::now();
        assert_eq!(careless.test(&host), Outcome::NoMatch);
        assert!(started.elapsed() < MATCH_DEADLINE);

        // A bounded number of tries, so that the thread left behind ends.
        let worse = Pattern::new("^(?=(.+\\.)*example$)").unwrap();
        assert_eq!(worse.test(&"a.".repeat(24)), Outcome::Hung);
        let started = std::time::Instant::now();
        assert_eq!(worse.test("b.example"), Outcome::Hung);
        assert!(started.elapsed() < MATCH_DEADLINE);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Both engines agree on every pattern that the linear one gets.
        #[test]
        fn engines_agree(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("a"), Just("B"), Just("."), Just("\\."), Just("-"), Just("[a-c]"),
                    Just("[^.]"), Just("[A-]"), Just("[a^]"), Just("(?:"), Just("("), Just(")"),
                    Just("|"), Just("*"), Just("+?"), Just("?"), Just("{2}"), Just("{1,}"),
                    Just("{0,2}"), Just("^"), Just("$"), Just("\\b"), Just("\\B"), Just("\\w"),
                    Just("\\D"), Just("\\s"), Just("[\\d.]"), Just("[\\w-a]"), Just("[a-c-e]"),
                    Just("{"), Just("}"), Just("\\-"), Just("[+--]"), Just("[!-~]"), Just("[.]]"),
                ],
                0..8,
            ),
            host in "[ab1.-]{0,8}",
        ) {
            let source = parts.concat();
            if let (Ok(reference), Some(linear)) =
                (regress::Regex::with_flags(&source, "i"), linear(&source))
            {
                prop_assert_eq!(
                    reference.find(&host).is_some(),
                    linear.is_match(host.as_bytes()),
                    "{} on {}", source, host
                );
            }
        }
    }
}
