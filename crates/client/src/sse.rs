//! Server-sent events: turns the lines of a body into messages.

use std::collections::VecDeque;

use crate::{
    error::Reason,
    limits::{MAX_ANSWER, MAX_EVENT},
};

/// How an event begins that may carry a result, which is longer than any other event.
const EXIT: [&[u8]; 2] = [b"data: {\"type\":\"exit\",", b"{\"type\":\"exit\","];

/// Turns chunks of a body into the data of events. A line that never ends is an error.
#[derive(Default)]
pub(crate) struct SseParser {
    /// The line that has not ended.
    line: Vec<u8>,
    /// The data of the event that has not ended.
    data: Vec<u8>,
    has_data: bool,
    ready: VecDeque<String>,
}

impl SseParser {
    /// Adds a chunk of the body.
    pub(crate) fn add(&mut self, chunk: &[u8]) -> Result<(), Reason> {
        let mut lines = chunk.split(|&byte| byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for end in lines {
            self.line.extend_from_slice(end);
            self.check()?;
            let line = std::mem::take(&mut self.line);
            self.end_line(line.strip_suffix(b"\r").unwrap_or(&line));
        }
        self.line.extend_from_slice(last);
        self.check()
    }

    fn check(&self) -> Result<(), Reason> {
        let [line, data] = EXIT;
        let is_exit = self.line.starts_with(line) || self.data.starts_with(data);
        let limit = if is_exit { MAX_ANSWER } else { MAX_EVENT };
        if self.line.len() + self.data.len() > limit {
            return Err(Reason::EndlessEvent);
        }
        Ok(())
    }

    fn end_line(&mut self, line: &[u8]) {
        if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data
                .extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        } else if line.is_empty() && self.has_data {
            self.has_data = false;
            let data = std::mem::take(&mut self.data);
            let text = String::from_utf8(data)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            self.ready.push_back(text);
        }
    }

    /// The data of the next event that is whole.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(chunks: &[&[u8]]) -> Vec<String> {
        let mut parser = SseParser::default();
        for chunk in chunks {
            parser.add(chunk).unwrap();
        }
        std::iter::from_fn(|| parser.next()).collect()
    }

    #[test]
    fn events_arrive_whole_in_chunks_of_any_size() {
        let text = ": hi\n\ndata: é\r\n\r\ndata:a\ndata: b\n\nevent: x\n\ndata: cut".as_bytes();
        let whole = parsed(&[text]);
        assert_eq!(whole, ["é", "a\nb"]);
        let bytes: Vec<_> = text.chunks(1).collect();
        assert_eq!(parsed(&bytes), whole);
    }

    #[test]
    fn an_event_that_never_ends_is_an_error() {
        let endless = |first: &[u8], chunk: &[u8]| {
            let mut parser = SseParser::default();
            parser.add(first).unwrap();
            let refused = (0..=2 * MAX_EVENT / chunk.len()).find_map(|_| parser.add(chunk).err());
            refused.map(|reason| reason.to_string())
        };
        let message = Some("the server sent an event without an end".to_owned());
        assert_eq!(endless(b"", &b"x".repeat(65_536)), message);
        assert_eq!(endless(b"", &b"data: xxxxxxxxx\n".repeat(4096)), message);
        assert_eq!(endless(EXIT[0], &b"x".repeat(65_536)), None);
    }
}
