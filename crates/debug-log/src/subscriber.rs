//! Collects what isol8 reports and hands it to the sink, or prints it in the form of the package's logger.

use std::{
    io::Write as _,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use isol8_engine::{NOTICE, time::now_iso8601};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, dynamic_filter_fn},
    fmt::{
        FormatFields as _,
        format::{DefaultFields, Writer},
    },
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::line::{Line, deliver};

/// The names of the crates whose steps are shown begin with this.
const OURS: &str = "isol8";

/// The spans of an execution and of a request to a server, and the field of them that has their id.
const EXECUTION: &str = "execution";
const REQUEST: &str = "request";
const ID: &str = "id";

/// Steps of no execution have no id, so they are shown for all engines or for none.
static ENABLED: AtomicBool = AtomicBool::new(false);
static INSTALL: Once = Once::new();

/// Switches the debug log of this process on or off.
pub fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
    if enabled {
        listen();
    }
}

/// From now on messages of engines are printed. Without the debug log these are the ones that users must know, and no
/// others.
pub fn listen() {
    INSTALL.call_once(install);
}

fn install() {
    // Without the debug log, too, a message that users must know says what it is about.
    let wanted = dynamic_filter_fn(|metadata, _| {
        metadata.target() == NOTICE
            || metadata.target().starts_with(OURS)
                && (metadata.is_span() || ENABLED.load(Ordering::Relaxed))
    });
    let explain = Explain.with_filter(wanted.with_max_level_hint(LevelFilter::DEBUG));
    // No other code can have installed one: each program or addon that is built from this has its own copy of
    // `tracing`.
    let _ = Registry::default().with(explain).try_init();
}

/// Makes a line of each event.
struct Explain;

/// What a span says of itself.
struct Described {
    name: &'static str,
    text: String,
    id: Option<String>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Explain {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let mut text = String::new();
        let written = DefaultFields::new().format_fields(Writer::new(&mut text), attributes);
        if written.is_err() {
            return;
        }
        let mut id = FindId::default();
        attributes.record(&mut id);
        span.extensions_mut().insert(Described {
            name: span.name(),
            text: format!(" ({} {text})", span.name()),
            id: id.0,
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut message = String::new();
        let written = DefaultFields::new().format_fields(Writer::new(&mut message), event);
        if written.is_err() {
            return;
        }
        let mut spans = String::new();
        let (mut execution_id, mut request_id) = (None, None);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(described) = span.extensions().get::<Described>() {
                spans.push_str(&described.text);
                let id = match described.name {
                    EXECUTION => &mut execution_id,
                    REQUEST => &mut request_id,
                    _ => continue,
                };
                *id = id.take().or_else(|| described.id.clone());
            }
        }
        let line = Line {
            level: match *event.metadata().level() {
                Level::ERROR => "error",
                Level::WARN => "warn",
                Level::INFO => "info",
                Level::DEBUG | Level::TRACE => "debug",
            },
            time: now_iso8601(),
            message: in_one_line(&message),
            execution_id,
            request_id,
        };
        if let Some(line) = deliver(line) {
            print(&line, &spans);
        }
    }
}

/// A message without characters that would begin another line, or do something to a terminal. Others may have chosen a part of it.
fn in_one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// `[DEBUG] time what happened name=value … (execution id="…")`. Other messages have no time.
fn print(line: &Line, spans: &str) {
    let Line {
        level,
        time,
        message,
        ..
    } = line;
    let level = level.to_ascii_uppercase();
    let text = if level == "DEBUG" {
        format!("[{level}] {time} {message}{spans}\n")
    } else {
        format!("[{level}] {message}{spans}\n")
    };
    // Standard error may be closed; that is the program's own business.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Takes the id out of the fields of a span.
#[derive(Default)]
struct FindId(Option<String>);

impl Visit for FindId {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == ID {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_others_have_chosen_of_it() {
        assert_eq!(in_one_line("path=\"ä b\""), "path=\"ä b\"");
        let forged = "x\r\n[WARN] y\u{1b}[2J\u{9b}\u{2028}z";
        let line = in_one_line(forged);
        assert_eq!(line, r"x\r\n[WARN] y\u{1b}[2J\u{9b}\u{2028}z");
    }
}
