//! The names of the built-in runtimes.

/// All of them, in the order in which images are built.
pub const RUNTIMES: [&str; 6] = ["python", "node", "bun", "deno", "bash", "agent"];

/// Those that run programs in a language. An agent is started too rarely to keep one ready unasked.
pub const LANGUAGES: [&str; 5] = ["python", "node", "bun", "deno", "bash"];

/// Other names that callers use, each with the runtime's own name.
pub const ALIASES: [(&str, &str); 4] = [
    ("python3", "python"),
    ("javascript", "node"),
    ("typescript", "bun"),
    ("sh", "bash"),
];

/// The runtime's own name; `name` itself when it is no alias.
#[must_use]
pub fn canonical_name(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, own)| own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_no_name_and_stands_for_one() {
        for (alias, own) in ALIASES {
            assert!(RUNTIMES.contains(&own) && !RUNTIMES.contains(&alias));
            assert_eq!(canonical_name(alias), own);
        }
        assert_eq!(canonical_name("deno"), "deno");
        assert_eq!(canonical_name("Python"), "Python");
    }
}
