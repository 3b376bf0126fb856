//! A line of the log, and who gets it in place of standard error.

use std::sync::{Arc, PoisonError, RwLock};

/// One message of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// When, in ISO 8601 with milliseconds, in UTC.
    pub time: String,
    /// What happened, with `name=value` for each detail.
    pub message: String,
    /// The execution that it is about, if it is about one.
    pub execution_id: Option<String>,
    /// The request to a server that it is about, if it is about one.
    pub request_id: Option<String>,
}

/// Takes a line. Gives it back when nobody takes lines any more.
pub type Sink = Arc<dyn Fn(Line) -> Result<(), Line> + Send + Sync>;

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Hands every line from now on to `sink`, which must not block. Without one, lines go to standard error.
pub fn set_sink(sink: Option<Sink>) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = sink;
}

/// Hands a line to the sink. Returns it when there is none.
pub(crate) fn deliver(line: Line) -> Option<Line> {
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(sink) = sink else {
        return Some(line);
    };
    let line = sink(line).err()?;
    remove(&sink);
    Some(line)
}

/// Takes a sink away, unless another one has taken its place.
fn remove(gone: &Sink) {
    let mut current = SINK.write().unwrap_or_else(PoisonError::into_inner);
    if current.as_ref().is_some_and(|sink| Arc::ptr_eq(sink, gone)) {
        *current = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn lines_go_to_the_sink_until_nobody_takes_them() {
        let line = |message: &str| Line {
            level: "debug",
            time: String::new(),
            message: message.to_owned(),
            execution_id: None,
            request_id: None,
        };
        assert_eq!(deliver(line("a")), Some(line("a")));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        set_sink(Some(Arc::new(move |line: Line| {
            if line.message == "last" {
                return Err(line);
            }
            sink.lock().unwrap().push(line.message);
            Ok(())
        })));
        assert_eq!(deliver(line("b")), None);
        assert_eq!(deliver(line("last")), Some(line("last")));
        assert_eq!(deliver(line("c")), Some(line("c")), "the sink is gone");
        assert_eq!(*taken.lock().unwrap(), ["b"]);

        // A sink that sets another one while it has a line.
        set_sink(Some(Arc::new(|line: Line| {
            set_sink(Some(Arc::new(|_| Ok(()))));
            Err(line)
        })));
        assert_eq!(deliver(line("d")), Some(line("d")));
        assert_eq!(deliver(line("e")), None, "the new sink has it");
        set_sink(None);
    }
}
