//! Texts of a daemon as a terminal may show them.

use anstream::adapter::strip_str;

/// A text of the daemon without escape sequences and other control characters but line ends.
pub(crate) fn plain(text: &str) -> String {
    let visible = strip_str(text).to_string();
    visible
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}
