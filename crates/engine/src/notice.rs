//! Warnings that users get even without a log.

use crate::options::Secrets;

/// Target of such log lines. They are warnings.
pub const NOTICE: &str = "isol8::notice";

/// Most names in a line.
const MAX_NAMES: usize = 20;

/// Says which secrets are so short that masking them also replaces other text.
pub(crate) fn of_short_secrets(secrets: &Secrets) {
    let names = secrets.short_names();
    if !names.is_empty() {
        tracing::warn!(
            target: NOTICE,
            "The values of these secrets have fewer than {} characters, so that masking them also replaces \
             other text: {}",
            Secrets::SHORT_CHARS,
            listed(&names),
        );
    }
}

/// Names in one line, whatever they contain: a client of a server may have chosen them.
fn listed(names: &[&str]) -> String {
    let escaped = names.iter().map(|name| name.escape_debug().to_string());
    let shown: Vec<String> = escaped.take(MAX_NAMES).collect();
    let text = shown.join(", ");
    match names.len() - shown.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_one_line_and_no_more_than_fit() {
        assert_eq!(listed(&["CODE", "PIN"]), "CODE, PIN");
        assert_eq!(listed(&["A\n[WARN] b\u{1b}[2J"]), r"A\n[WARN] b\u{1b}[2J");
        let many = listed(&["A"; MAX_NAMES + 2]);
        assert!(many.ends_with(", A, A and 2 more"), "{many}");
        assert_eq!(many.matches('A').count(), MAX_NAMES);
    }
}
