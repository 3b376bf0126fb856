//! The debug log: each step of isol8, explained on standard error in the form of the package's logger.

use std::{
    fmt,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use isol8_engine::NOTICE;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{LevelFilter, dynamic_filter_fn},
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// The names of the crates whose steps are shown begin with this.
const OURS: &str = "isol8";

/// A step does not name its engine, so steps are shown for all engines or for none.
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
    let wanted = dynamic_filter_fn(|metadata, _| {
        metadata.target() == NOTICE
            || ENABLED.load(Ordering::Relaxed) && metadata.target().starts_with(OURS)
    });
    let explain = tracing_subscriber::fmt::layer()
        .event_format(Explained)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // Standard error may be closed; that is the program's own business.
        .log_internal_errors(false)
        .with_filter(wanted.with_max_level_hint(LevelFilter::DEBUG));
    // No other code can have installed one: each program or addon that is built from this has its own copy of
    // `tracing`.
    let _ = Registry::default().with(explain).try_init();
}

/// `[DEBUG] what happened name=value … (execution id="…")`
struct Explained;

impl<S, N> FormatEvent<S, N> for Explained
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "[ERROR]",
            Level::WARN => "[WARN]",
            Level::INFO => "[INFO]",
            Level::DEBUG | Level::TRACE => "[DEBUG]",
        };
        write!(writer, "{level} ")?;
        context.format_fields(writer.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            let fields = fields.map_or("", |fields| fields.fields.as_str());
            write!(writer, " ({} {fields})", span.name())?;
        }
        writeln!(writer)
    }
}
