//! What both sides of a tunnel are.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that carries bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}
