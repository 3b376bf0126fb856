//! The end of a build's output, by lines. Pure.

use std::collections::VecDeque;

/// How many lines are kept.
const LINES: usize = 25;

/// Bytes from which on the rest of a line is left out.
const MAX_LINE_BYTES: usize = 4096;

/// What the first line of a step begins with.
const STEP: &str = "Step ";

/// The step that a build is at, and the last lines of its output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    step: String,
    lines: VecDeque<String>,
    /// A line whose end has not come.
    open: String,
}

impl Tail {
    /// Adds a message of the builder, and returns the step that begins with it. A step is a message of its own. Of the
    /// output a message has what a program has written at once, which may be a part of a line.
    pub(super) fn add(&mut self, message: &str) -> Option<&str> {
        let begins = message.starts_with(STEP);
        let mut output = message;
        if begins {
            let (step, rest) = message.split_once('\n').unwrap_or((message, ""));
            step.trim_end().clone_into(&mut self.step);
            self.lines.clear();
            self.open.clear();
            output = rest;
        }
        for piece in output.split_inclusive('\n') {
            let text = piece.trim_end_matches(['\n', '\r']);
            if self.open.len() < MAX_LINE_BYTES {
                self.open.push_str(text);
            }
            if piece.ends_with('\n') {
                self.end_line();
            }
        }
        begins.then_some(&*self.step)
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.open);
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// The step, and below it the last lines.
    pub(super) fn into_text(mut self) -> String {
        self.end_line();
        self.lines.push_front(self.step);
        Vec::from(self.lines).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(messages: &[&str]) -> String {
        let mut tail = Tail::default();
        for message in messages {
            tail.add(message);
        }
        tail.into_text()
    }

    #[test]
    fn a_line_that_comes_in_parts_is_one_line() {
        let messages = [
            "Step 4/8 : RUN bake",
            "\n",
            " ---> Running in a1fd\n",
            "E",
            ": ",
            "Unable to locate package x\r\n",
            "the\nend",
        ];
        let expected =
            "Step 4/8 : RUN bake\n ---> Running in a1fd\nE: Unable to locate package x\nthe\nend";
        assert_eq!(text(&messages), expected);
    }

    #[test]
    fn the_last_step_has_its_own_lines_only() {
        let mut tail = Tail::default();
        assert_eq!(tail.add("Step 1/2 : FROM x\n"), Some("Step 1/2 : FROM x"));
        assert_eq!(tail.add("earlier\nopen"), None);
        assert_eq!(tail.add("Step 2/2 : RUN y"), Some("Step 2/2 : RUN y"));
        tail.add("later\n\n \n");
        assert_eq!(tail.into_text(), "Step 2/2 : RUN y\nlater");
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let mut tail = Tail::default();
        for count in 0..100 {
            tail.add(&format!("{count}\n"));
        }
        for _ in 0..100 {
            tail.add(&"x".repeat(1000));
        }
        let text = tail.into_text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[1]), (LINES + 1, "76"));
        assert!(lines[LINES].len() < MAX_LINE_BYTES + 1000);
    }
}
