//! A terminal with the program in it. What a person would see is read off its screen.

use std::{
    io::{Read as _, Write as _},
    num::NonZero,
    os::unix::process::ExitStatusExt as _,
    process::Child,
    sync::{Arc, Mutex},
};

use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};

use crate::common::{User, until};

/// Lines of a terminal.
const ROWS: u16 = 24;

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A program in a terminal. It is killed with the value.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<Mutex<vt100::Parser>>,
    reader: std::thread::JoinHandle<()>,
}

impl Terminal {
    /// Starts the program in a terminal of this width.
    pub(crate) fn start(
        user: &User,
        words: &[&str],
        columns: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let (pty, end) = open().unwrap();
        pty.resize(Size::new(ROWS, columns)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_isol8"))
            .args(words)
            .current_dir(user.path("."))
            .env("HOME", user.home())
            .env("TERM", "xterm")
            .env_remove("ISOL8_API_KEY");
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let child = command.spawn(end).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            cells(ROWS),
            cells(columns),
            0,
        )));
        let pty = Arc::new(pty);
        let (seen, from) = (Arc::clone(&screen), Arc::clone(&pty));
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end of the program is an error of the terminal.
            while let Ok(length) = (&*from).read(&mut piece) {
                seen.lock().unwrap().process(&piece[..length]);
            }
        });
        Self {
            child,
            pty,
            screen,
            reader,
        }
    }

    /// Types a text. `\r` is Enter, `\x03` is Ctrl-C, `\x04` is Ctrl-D.
    pub(crate) fn write(&self, text: &str) {
        (&*self.pty).write_all(text.as_bytes()).unwrap();
    }

    /// Changes the width.
    pub(crate) fn resize(&self, columns: u16) {
        self.screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(cells(ROWS), cells(columns));
        self.pty.resize(Size::new(ROWS, columns)).unwrap();
    }

    /// The lines that are seen now, without the empty ones.
    pub(crate) fn lines(&self) -> Vec<String> {
        let screen = self.screen.lock().unwrap();
        let columns = screen.screen().size().1;
        let rows = screen.screen().rows(0, columns.get());
        rows.map(|row| row.trim_end().to_owned())
            .filter(|row| !row.is_empty())
            .collect()
    }

    /// Whether the cursor is at the beginning of a line.
    pub(crate) fn is_at_line_start(&self) -> bool {
        self.screen.lock().unwrap().screen().cursor_position().1 == 0
    }

    /// Whether the first character of this part has a colour.
    pub(crate) fn is_coloured(&self, part: &str) -> bool {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let rows = screen.rows(0, screen.size().1.get()).enumerate();
        let mut found = rows.filter_map(|(row, text)| Some((row, text.find(part)?)));
        let (row, column) = found.next().unwrap();
        let cell = screen.cell(row.try_into().unwrap(), column.try_into().unwrap());
        cell.unwrap().fgcolor() != vt100::Color::Default
    }

    /// Waits until a line has this part.
    #[track_caller]
    pub(crate) fn shows(&self, part: &str) {
        until(&format!("the terminal shows {part:?}"), || {
            let lines = self.lines();
            lines.iter().any(|line| line.contains(part))
        });
    }

    /// Waits for the end of the program: its exit code, or minus the signal that ended it.
    pub(crate) fn end(mut self) -> (i32, Vec<String>) {
        until("the command ends", || {
            self.child.try_wait().unwrap().is_some()
        });
        let status = self.child.wait().unwrap();
        until("all is on the screen", || self.reader.is_finished());
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap());
        (code, self.lines())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the screen:\n{}", self.lines().join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
