//! Warnings that users get even without a log.

pub use isol8_backend::NOTICE;

use crate::options::Secrets;

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

/// Says that an image was left out whose labels may be anybody's.
pub(crate) fn of_untrusted_image(tag: &str) {
    tracing::warn!(
        target: NOTICE,
        "The labels of the image {} say that it has packages that a request wants. It is left out, because this user has \
         not built it. If its labels are right, name it in the option trustedImages, or in the key trustedImages of the \
         configuration.",
        listed(&[tag]),
    );
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
