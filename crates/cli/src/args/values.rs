//! Values of flags that have a form of their own.

use std::path::PathBuf;

use isol8_engine::options::parse_size;

/// `KEY=VALUE`. `Debug` does not show the value: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=***", self.key)
    }
}

/// `SRC` or `SRC:DEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputPath {
    /// Path in the sandbox.
    pub(crate) source: String,
    /// Where it goes on this machine; the source's own name in the working directory without it.
    pub(crate) destination: Option<PathBuf>,
}

/// The error does not repeat the text: it may be a secret.
pub(super) fn pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Pair {
            key: key.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("it must have the form KEY=VALUE".to_owned()),
    }
}

pub(super) fn output_path(text: &str) -> Result<OutputPath, String> {
    let (source, destination) = match text.split_once(':') {
        Some((source, destination)) => (source, Some(destination)),
        None => (text, None),
    };
    if source.is_empty() || destination.is_some_and(str::is_empty) {
        return Err("it must have the form SRC or SRC:DEST".to_owned());
    }
    Ok(OutputPath {
        source: source.to_owned(),
        destination: destination.map(PathBuf::from),
    })
}

/// A size such as 512m. It stays text: the engine and servers read it themselves.
pub(super) fn size(text: &str) -> Result<String, String> {
    match parse_size("size", text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("it must be a size above 0, such as 512m or 1g".to_owned()),
    }
}

pub(super) fn cores(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(cores) if cores.is_finite() && cores > 0.0 => Ok(cores),
        _ => Err("it must be a number above 0, such as 0.5 or 2".to_owned()),
    }
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!(
            "it must be a whole number, at least 1 and at most {}",
            u32::MAX
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_what_follows_the_first_separator() {
        let given = pair("A=b=c").unwrap();
        assert_eq!((&*given.key, &*given.value), ("A", "b=c"));
        assert_eq!(pair("A=").unwrap().value, "");
        let path = output_path("out/a:b:c").unwrap();
        assert_eq!(path.source, "out/a");
        assert_eq!(path.destination, Some(PathBuf::from("b:c")));
        assert_eq!(output_path("a").unwrap().destination, None);
        for wrong in ["", ":b", "a:"] {
            assert!(output_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_show_up_in_no_error_and_no_log() {
        assert!(!pair("hunter2").unwrap_err().contains("hunter2"));
        assert_eq!(format!("{:?}", pair("KEY=hunter2").unwrap()), "KEY=***");
    }
}
