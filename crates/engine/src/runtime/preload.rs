//! What a module may be called that interpreters import ahead of their programs.

/// How the interpreters of a runtime name modules.
#[derive(Debug, Clone, Copy)]
pub struct PreloadName {
    /// Whether this is such a name.
    pub accepts: fn(name: &str) -> bool,
    /// What it must be, in words.
    pub rule: &'static str,
}

/// A module of Python.
pub(super) const PYTHON_MODULE: PreloadName = PreloadName {
    accepts: is_python_module,
    rule: "the name of a module, such as \"pandas\" or \"concurrent.futures\"",
};

/// A module of a JavaScript runtime.
pub(super) const SPECIFIER: PreloadName = PreloadName {
    accepts: is_specifier,
    rule: "what a program would import, such as \"lodash\" or \"node:crypto\"",
};

/// A dotted name, as after `import`.
fn is_python_module(name: &str) -> bool {
    name.split('.').all(|part| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

/// A package, a built-in module, an absolute path or a URL. A relative path would be one of the
/// program's own files, of which there are none yet.
fn is_specifier(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '"' | '\'' | '\\');
    !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_program_would_import() {
        for name in ["os", "os.path", "_x1"] {
            assert!(is_python_module(name), "{name:?}");
        }
        for name in ["", ".a", "a.", "a..b", "1a", "a b", "a-b", "a\0"] {
            assert!(!is_python_module(name), "{name:?}");
        }
        for name in ["", "--eval", "a b", "a\nb", "a\"b", "../x"] {
            assert!(!is_specifier(name), "{name:?}");
        }
    }
}
