//! What the engine does on a real Docker daemon, in one test program.
//!
//! Each module can be run by itself: `cargo test -p isol8-engine --test it sessions::`. Two modules take
//! most of the time and start many sandboxes, so `npm test` runs them as steps of their own:
//! `fidelity` and `cpython`. The module `network` runs itself once more in a network namespace.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod common;

mod audit_trail;
mod cpython;
mod custom_images;
mod fidelity;
mod first_light;
mod full_memory;
mod image_declarations;
mod image_names;
mod image_volumes;
mod javascript_constants;
mod link_by_socket;
mod live_input;
#[cfg(target_os = "linux")]
mod local;
mod messages;
#[cfg(target_os = "linux")]
mod network;
mod output_files;
mod own_users;
mod packages;
mod preload;
mod proxied_packages;
mod relay;
mod repaired_results;
mod security_options;
mod sessions;
mod setup_scripts;
mod signals;
