//! The standard streams of a container, as the link of its guest.

use std::{io, pin::Pin};

use bollard::{
    Docker,
    container::{AttachContainerResults, LogOutput},
    errors::Error as DockerError,
    query_parameters::AttachContainerOptions,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use isol8_backend::DuplexStream;
use tokio::io::{AsyncBufReadExt, AsyncWrite};
use tokio_util::io::StreamReader;

/// The standard streams of a container.
pub(crate) struct Attached {
    output: StreamReader<Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>, Bytes>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Attached {
    /// Attaches to a container that was created.
    pub(crate) async fn to(docker: &Docker, id: &str) -> Result<Self, DockerError> {
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        let AttachContainerResults { output, input } =
            docker.attach_container(id, Some(options)).await?;
        // The guest's standard error goes to the debug log.
        let output = output.filter_map(|item| async move {
            match item {
                Ok(LogOutput::StdErr { message }) => {
                    tracing::debug!(message = %String::from_utf8_lossy(&message), "guest");
                    None
                }
                Ok(output) => Some(Ok(output.into_bytes())),
                Err(error) => Some(Err(io::Error::other(error))),
            }
        });
        Ok(Self {
            output: StreamReader::new(Box::pin(output)),
            input,
        })
    }

    /// Waits for the guest's first bytes, and leaves them there. `false`: it ended without any.
    pub(crate) async fn says_something(&mut self) -> bool {
        let bytes = self.output.fill_buf().await;
        bytes.is_ok_and(|bytes| !bytes.is_empty())
    }

    pub(crate) fn into_stream(self) -> Box<dyn DuplexStream> {
        Box::new(tokio::io::join(self.output, self.input))
    }
}
