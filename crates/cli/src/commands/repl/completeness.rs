//! Whether a text is a whole input, or its next line is still to come. A guess: an empty line always ends the input.

/// Whether a text needs another line.
pub(super) fn is_incomplete(runtime: &str, text: &str) -> bool {
    let last = text.rsplit('\n').next().unwrap_or_default();
    if last.trim().is_empty() {
        return false;
    }
    if last.ends_with('\\') {
        return true;
    }
    let rest = Rest::of(runtime, text);
    rest.open > 0 || rest.quoted || (runtime == "python" && has_block(&rest.code))
}

/// Whether Python code is a block: of those only an empty line is the end.
fn has_block(code: &str) -> bool {
    code.starts_with('@') || code.lines().any(|line| line.trim_end().ends_with(':'))
}

/// A text without its comments and the contents of its strings.
struct Rest {
    code: String,
    /// Brackets that are not closed.
    open: usize,
    /// Whether a string is not closed.
    quoted: bool,
}

impl Rest {
    fn of(runtime: &str, text: &str) -> Self {
        let mut rest = Self {
            code: String::new(),
            open: 0,
            quoted: false,
        };
        let mut left = text;
        while let Some(next) = left.chars().next() {
            if let Some(end) = comment_end(runtime, left, &rest.code) {
                left = &left[end..];
            } else if let Some(quote) = opening_quote(runtime, left) {
                let inside = &left[quote.len()..];
                if let Some(length) = string_length(runtime, inside, quote) {
                    left = &inside[length..];
                } else {
                    rest.quoted = true;
                    break;
                }
            } else {
                match next {
                    '(' | '[' | '{' => rest.open += 1,
                    ')' | ']' | '}' => rest.open = rest.open.saturating_sub(1),
                    _ => {}
                }
                rest.code.push(next);
                left = &left[next.len_utf8()..];
            }
        }
        rest
    }
}

/// The length of the comment that `text` begins with, behind `before`.
fn comment_end(runtime: &str, text: &str, before: &str) -> Option<usize> {
    let line = text.find('\n').unwrap_or(text.len());
    match runtime {
        "python" => text.starts_with('#').then_some(line),
        // `$#` and `a#b` have none.
        "bash" => (text.starts_with('#') && !before.ends_with(|c: char| !c.is_whitespace()))
            .then_some(line),
        _ if text.starts_with("//") => Some(line),
        _ if text.starts_with("/*") => text.find("*/").map(|end| end + 2),
        _ => None,
    }
}

/// The quote that `text` begins with.
fn opening_quote<'a>(runtime: &str, text: &'a str) -> Option<&'a str> {
    if runtime == "python" && (text.starts_with("\"\"\"") || text.starts_with("'''")) {
        return Some(&text[..3]);
    }
    // The backtick of Bash quotes commands, and may hold strings.
    let is_quote = match text.chars().next()? {
        '"' | '\'' => true,
        '`' => matches!(runtime, "node" | "bun" | "deno"),
        _ => false,
    };
    is_quote.then(|| &text[..1])
}

/// How far a string goes, with its closing quote; `None` when its end is still to come. One that may have a single
/// line only ends with the line: that is an error, which is the interpreter's to tell.
fn string_length(runtime: &str, text: &str, quote: &str) -> Option<usize> {
    let lines = quote.len() == 3 || quote == "`" || runtime == "bash";
    let backslashes = !(runtime == "bash" && quote == "'");
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' && backslashes {
            escaped = true;
        } else if text[at..].starts_with(quote) {
            return Some(at + quote.len());
        } else if character == '\n' && !lines {
            return Some(at);
        }
    }
    (!lines).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_inputs_are_run_at_once() {
        for (runtime, text) in [
            ("python", "print(1)"),
            ("python", "x = {'a': \"(\"}"),
            ("python", "x = 1  # ("),
            ("python", "print('it''s')"),
            ("python", "x = 'open"),
            ("python", "def f():\n    return 1\n"),
            ("python", "(\n"),
            ("node", "f(`a(`, '}', /* ( */ 1) // {"),
            ("node", "const x = 'it'"),
            ("bash", "echo 'it' $# \"a (\""),
            ("bash", "echo it # isn't"),
            ("bash", "echo \\\\ 'a\\'"),
            ("bash", "for i in 1 2; do echo $i; done"),
            ("python", ""),
        ] {
            assert!(!is_incomplete(runtime, text), "{runtime}: {text}");
        }
    }

    #[test]
    fn inputs_that_are_open_get_another_line() {
        for (runtime, text) in [
            ("python", "def f():"),
            ("python", "def f():\n    return 1"),
            ("python", "if x: # why"),
            ("python", "@decorated"),
            ("python", "x = '''a"),
            ("python", "print(1,"),
            ("python", "x = 1 + \\"),
            ("node", "function f() {"),
            ("node", "x = `a"),
            ("bash", "f() {"),
            ("bash", "echo 'a"),
            ("bash", "echo a \\"),
        ] {
            assert!(is_incomplete(runtime, text), "{runtime}: {text}");
        }
    }
}
