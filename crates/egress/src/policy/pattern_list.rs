//! A list of patterns, and which of them match a host.

use std::net::IpAddr;

use super::denial::Denial;
use super::error::PolicyError;
use super::host_pattern::HostPattern;
use super::ownership::{matches_every_address, matches_other_owners};
use crate::host::Host;
use crate::limits::{MAX_PATTERN, MAX_PATTERNS};
use crate::pattern::{MatchBudget, TimedOut};

/// A compiled list.
#[derive(Debug)]
pub(super) struct PatternList {
    name: &'static str,
    /// Those that are matched in linear time come first, so that a slow one is tried only where it
    /// decides.
    patterns: Vec<HostPattern>,
}

impl PatternList {
    /// Compiles `sources`; the error names the entry that is wrong.
    pub(super) fn new(name: &'static str, sources: &[String]) -> Result<Self, PolicyError> {
        if sources.len() > MAX_PATTERNS {
            return Err(PolicyError::TooManyPatterns { list: name });
        }
        let one = |(index, source): (usize, &String)| {
            if source.len() > MAX_PATTERN {
                return Err(PolicyError::PatternTooLong { list: name, index });
            }
            HostPattern::new(source).map_err(|reason| PolicyError::Pattern {
                list: name,
                pattern: source.clone(),
                reason,
            })
        };
        let mut patterns: Vec<HostPattern> = sources
            .iter()
            .enumerate()
            .map(one)
            .collect::<Result<_, _>>()?;
        patterns.sort_by_key(|pattern| !pattern.is_linear());
        Ok(Self { name, patterns })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether no pattern can run out of time.
    pub(super) fn is_linear(&self) -> bool {
        self.patterns.iter().all(HostPattern::is_linear)
    }

    /// Whether any pattern matches `host`.
    pub(super) fn matches(&self, host: &Host, budget: &mut MatchBudget) -> Result<bool, Denial> {
        self.any(|pattern| pattern.matches(host, budget))
    }

    /// Whether any pattern matches `address`, other than those that match every address.
    pub(super) fn matches_address(
        &self,
        address: IpAddr,
        budget: &mut MatchBudget,
    ) -> Result<bool, Denial> {
        let host = Host::from(address);
        self.any(|pattern| {
            Ok(
                pattern.matches(&host, budget)?
                    && !matches_every_address(pattern, address, budget)?,
            )
        })
    }

    /// Whether any pattern matches `host` and no host of another owner.
    pub(super) fn is_specific_to(
        &self,
        host: &Host,
        budget: &mut MatchBudget,
    ) -> Result<bool, Denial> {
        self.any(|pattern| {
            Ok(pattern.matches(host, budget)? && !matches_other_owners(pattern, host, budget)?)
        })
    }

    fn any(
        &self,
        mut holds: impl FnMut(&HostPattern) -> Result<bool, TimedOut>,
    ) -> Result<bool, Denial> {
        for pattern in &self.patterns {
            let held = holds(pattern).map_err(|_| Denial::PatternTimeout {
                list: self.name,
                pattern: pattern.source().clone(),
            })?;
            if held {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
