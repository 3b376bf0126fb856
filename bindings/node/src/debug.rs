//! `debug: true`: each step is explained on standard error.

use tracing_subscriber::filter::LevelFilter;

/// Switches the explanations on for this process. They cannot be told apart by engine, so they are on
/// for all of them once one has asked.
pub(crate) fn enable() {
    // Another subscriber may be there already (a second engine with `debug`); it does the same.
    let _ = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
