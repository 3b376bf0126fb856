//! A network of a test's own, for tests alone: two network namespaces with a cable between them.
//!
//! ```text
//! near: the test program            far: every other host
//! lo 127.0.0.1                      lo 9.9.9.9 10.0.0.5 169.254.169.254 …
//! near0 198.51.100.1 ───────────── far0 198.51.100.2
//! ```
//!
//! The near namespace reaches every address through the far one, which has no way out. So a test can
//! use addresses of the public Internet, of private networks and of cloud metadata, and none of them
//! is the test program's own. Both namespaces end with their process.
//!
//! It needs Linux, `unshare` and `ip`, and root or user namespaces.

#![cfg(target_os = "linux")]

mod inside;
mod topology;

pub use inside::{run_inside, run_inside_as_root};
pub use topology::{NEAR_V4, NEAR_V6, Network};
