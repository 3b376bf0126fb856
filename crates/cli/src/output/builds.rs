//! The progress of image builds: on a terminal a line for each that changes in place, else plain lines.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use isol8_backend::{BuildProgress, BuildStatus};

use super::Console;

/// How often a line that changes is drawn.
const TICK: Duration = Duration::from_millis(120);

/// Number of characters of a build step in a plain line: its command can be long.
const PLAIN_WIDTH: usize = 90;

/// What a line shows: it is cut at the width of the terminal.
const TEMPLATE: &str = "{spinner} {prefix} {elapsed} {wide_msg}";

/// Builds that are under way. The lines are on standard error.
pub(crate) struct Builds {
    console: Console,
    lines: Option<MultiProgress>,
}

/// One build.
pub(crate) struct BuildLine<'a> {
    builds: &'a Builds,
    name: String,
    bar: Option<ProgressBar>,
    since: Instant,
}

impl Builds {
    /// No build yet.
    pub(crate) fn new(console: Console) -> Self {
        let moves = stderr().is_terminal() && !console.is_quiet();
        Self {
            console,
            lines: moves
                .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))),
        }
    }

    /// Begins to show a build.
    pub(crate) fn begin(&self, name: &str) -> BuildLine<'_> {
        let bar = self.lines.as_ref().map(|lines| {
            let bar = lines.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(TICK);
            bar
        });
        BuildLine {
            builds: self,
            name: name.to_owned(),
            bar,
            since: Instant::now(),
        }
    }

    fn show(&self, line: &str) {
        match &self.lines {
            // A terminal that cannot be written to loses the line.
            Some(lines) => {
                let _ = lines.println(line);
            }
            None => self.console.note(line),
        }
    }
}

impl BuildLine<'_> {
    /// Shows how far the build is.
    pub(crate) fn report(&self, progress: &BuildProgress) {
        let BuildStatus::Building = progress.status else {
            return;
        };
        let step = on_one_line(progress.message.as_deref().unwrap_or("building"));
        if let Some(bar) = &self.bar {
            bar.set_message(step);
        } else {
            let step: String = step.chars().take(PLAIN_WIDTH).collect();
            self.builds.console.info(&format!("{}: {step}", self.name));
        }
    }

    /// Ends the line with what has come of the build.
    pub(crate) fn done(self, text: &str) {
        self.clear();
        self.builds.show(&self.builds.console.ok_line(text));
    }

    /// How long the build has taken, in seconds.
    pub(crate) fn seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A step without the indentation of its further lines.
fn on_one_line(step: &str) -> String {
    step.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Drop for BuildLine<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_several_lines_takes_no_more_room_than_its_words() {
        let step = "Step 8/13 : RUN set -eu;     if [ -n \"$A\" ]; then\n         true; fi";
        let shown = "Step 8/13 : RUN set -eu; if [ -n \"$A\" ]; then true; fi";
        assert_eq!(on_one_line(step), shown);
    }
}
