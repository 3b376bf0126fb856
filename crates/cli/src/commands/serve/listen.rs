//! The port of `serve`, and another one where it is taken.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::net::TcpListener;

use crate::{failure::Failure, output::Console, settings::parse_port};

/// Listens on `port`. Where another program has it, a person at a terminal is asked. Without a
/// terminal any free port is taken, with a warning that names it.
pub(super) async fn listen(
    hostname: Option<&str>,
    port: u16,
    console: Console,
) -> Result<TcpListener, Failure> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let mut port = port;
    loop {
        match isol8_server::listen(hostname, port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound.map_err(|cause| cannot(hostname, port, cause)),
        }
        if !is_terminal {
            let listener = any_port(hostname).await?;
            let free = port_of(&listener)?;
            let text = format!("Port {port} is in use. Falling back to available port {free}.");
            console.warn(&text);
            return Ok(listener);
        }
        console.warn(&format!("Port {port} is already in use."));
        match ask(console).await? {
            Choice::Port(other) => port = other,
            Choice::Any => {
                let listener = any_port(hostname).await?;
                let free = port_of(&listener)?;
                console.info(&format!("Using available port {free}"));
                return Ok(listener);
            }
            Choice::Exit => return Err(Failure::Usage("Server startup cancelled.".to_owned())),
        }
    }
}

async fn any_port(hostname: Option<&str>) -> Result<TcpListener, Failure> {
    let bound = isol8_server::listen(hostname, 0).await;
    bound.map_err(|cause| cannot(hostname, 0, cause))
}

/// The port of a listener.
pub(super) fn port_of(listener: &TcpListener) -> Result<u16, Failure> {
    let address = listener.local_addr();
    let address = address.map_err(|cause| Failure::input_output("Cannot listen", cause))?;
    Ok(address.port())
}

fn cannot(hostname: Option<&str>, port: u16, cause: io::Error) -> Failure {
    let host = hostname.unwrap_or("all interfaces");
    Failure::input_output(format!("Cannot listen on {host}, port {port}"), cause)
}

/// What a person wants instead.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    Port(u16),
    Any,
    Exit,
}

/// What one line of an answer means.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    EnterPort,
    Any,
    Exit,
    Invalid,
}

impl Answer {
    fn of(line: &str) -> Self {
        match line.trim() {
            "1" => Self::EnterPort,
            "" | "2" => Self::Any,
            "3" => Self::Exit,
            _ => Self::Invalid,
        }
    }
}

async fn ask(console: Console) -> Result<Choice, Failure> {
    loop {
        let question =
            "Choose: [1] Enter another port  [2] Find an available port  [3] Exit (default: 2): ";
        let Some(line) = answer_to(question).await? else {
            return Ok(Choice::Exit);
        };
        match Answer::of(&line) {
            Answer::Any => return Ok(Choice::Any),
            Answer::Exit => return Ok(Choice::Exit),
            Answer::Invalid => console.error("Invalid selection. Enter 1, 2, or 3."),
            Answer::EnterPort => {
                let Some(line) = answer_to("Enter port (1-65535): ").await? else {
                    return Ok(Choice::Exit);
                };
                match parse_port(&line) {
                    Some(port) => return Ok(Choice::Port(port)),
                    None => console.error(&format!(
                        "Invalid port from input: {}. Expected 1-65535.",
                        line.trim()
                    )),
                }
            }
        }
    }
}

/// A line of standard input; none at its end.
async fn answer_to(question: &'static str) -> Result<Option<String>, Failure> {
    let read = tokio::task::spawn_blocking(move || {
        let mut stderr = io::stderr();
        write!(stderr, "{question}")?;
        stderr.flush()?;
        let mut line = String::new();
        let bytes = io::stdin().lock().read_line(&mut line)?;
        Ok((bytes > 0).then_some(line))
    });
    let line = read.await.map_err(io::Error::other).flatten();
    line.map_err(|cause| Failure::input_output("Cannot read standard input", cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_of_three_and_nothing_is_the_second() {
        for (line, answer) in [
            ("1\n", Answer::EnterPort),
            ("2", Answer::Any),
            ("\n", Answer::Any),
            (" 3 ", Answer::Exit),
            ("4", Answer::Invalid),
            ("x", Answer::Invalid),
        ] {
            assert_eq!(Answer::of(line), answer, "{line:?}");
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_gives_another_without_a_terminal() {
        let taken = isol8_server::listen(Some("127.0.0.1"), 0).await.unwrap();
        let port = port_of(&taken).unwrap();
        let error = isol8_server::listen(Some("127.0.0.1"), port)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let other = any_port(Some("127.0.0.1")).await.unwrap();
        assert_ne!(port_of(&other).unwrap(), port);
    }
}
