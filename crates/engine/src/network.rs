//! Joins the connections that programs make to the proxy's port with the proxy, and collects what a
//! run did on the network.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use isol8_egress::{
    Action, Limits, LogEntry, Policy, PolicyError, PolicyOptions, Proxy, RunLog, SystemResolver,
};
use isol8_protocol::MAX_STREAMS;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinSet,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::{
    error::EngineError,
    options::{NetworkMode, Options, Secrets},
    result::{NetworkAction, NetworkLogEntry},
    sandbox::{InboundStreams, LinkStream, Sandbox},
    time,
};

/// The whitelist of a network that only installations use: no host matches it.
const NOTHING: &str = "(?!)";

/// How long the last words of an ended program may take on their way out.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The filtered network of one engine.
pub(crate) struct Network {
    proxy: Proxy,
}

/// What one run did on the network.
#[derive(Debug, Default)]
pub(crate) struct NetworkRecord {
    /// Requests and tunnels, secrets masked, in order. Bounded by the proxy.
    pub(crate) entries: Vec<NetworkLogEntry>,
    /// Bytes received from the network.
    pub(crate) bytes_in: u64,
    /// Bytes sent to the network.
    pub(crate) bytes_out: u64,
}

impl Network {
    /// The network that `options` describe; the error names the entry that is wrong.
    pub(crate) fn new(options: &Options) -> Result<Self, PolicyError> {
        let filter = options.network_filter.clone();
        let mut whitelist = filter.whitelist;
        // An empty list lets everything through, which is meant for a filtered network only.
        if whitelist.is_empty() && options.network != NetworkMode::Filtered {
            whitelist.push(NOTHING.to_owned());
        }
        let policy = Policy::new(PolicyOptions {
            whitelist,
            blacklist: filter.blacklist,
            hosts: filter.hosts,
            allow_private: filter.allow_private,
            allow_loopback: filter.allow_loopback,
            ports: filter.ports,
            ..PolicyOptions::default()
        })?;
        let limits = Limits {
            // The guest bounds them; some that it has closed may not have ended here yet.
            connections: MAX_STREAMS,
            ..Limits::default()
        };
        let resolver = Arc::new(SystemResolver::default());
        Ok(Self {
            proxy: Proxy::new(Arc::new(policy), resolver, limits),
        })
    }

    /// Serves the connections of `sandbox` until the gateway is dropped. `extra_hosts` may be
    /// reached in addition to what the options say.
    pub(crate) fn open(
        &self,
        sandbox: &Sandbox,
        extra_hosts: &[String],
        log: &Arc<RunLog>,
    ) -> Result<Gateway, EngineError> {
        let mut proxy = self.proxy.clone();
        if !extra_hosts.is_empty() {
            let hosts: Vec<_> = extra_hosts.iter().map(String::as_str).collect();
            proxy = proxy.with_policy(Arc::new(proxy.policy().with_extra_hosts(&hosts)?));
        }
        let clients = TaskTracker::new();
        let ended = CancellationToken::new();
        let serving = Serving {
            proxy,
            clients: clients.clone(),
            log: Arc::clone(log),
            ended: ended.clone(),
        };
        let serving = serving.run(sandbox.inbound()?);
        Ok(Gateway {
            clients,
            ended,
            _serving: AbortOnDropHandle::new(tokio::spawn(serving)),
        })
    }
}

/// Serves the connections of one sandbox for a time. Dropping it ends them all.
pub(crate) struct Gateway {
    /// Those that may still say something.
    clients: TaskTracker,
    /// Cancelled when no more come.
    ended: CancellationToken,
    _serving: AbortOnDropHandle<()>,
}

impl Gateway {
    /// Ends the connections of a program that has ended, after what it said last in tunnels was sent
    /// on. A plain request whose client has gone is abandoned, as everywhere in the proxy.
    pub(crate) async fn finish(self) {
        self.ended.cancel();
        // What takes longer goes with the program.
        let _ = tokio::time::timeout(LAST_WORDS, self.clients.wait()).await;
    }
}

/// What serves the connections of one gateway.
struct Serving {
    proxy: Proxy,
    clients: TaskTracker,
    log: Arc<RunLog>,
    ended: CancellationToken,
}

impl Serving {
    async fn run(self, mut streams: InboundStreams) {
        let mut connections = JoinSet::new();
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                stream = streams.recv(), if open => {
                    let Some(stream) = stream else {
                        // All that came have been taken.
                        open = false;
                        self.clients.close();
                        continue;
                    };
                    let client = Client { stream, speaking: Some(self.clients.token()) };
                    let (proxy, log) = (self.proxy.clone(), Arc::clone(&self.log));
                    connections.spawn(async move { proxy.serve(client, &log).await });
                }
                () = self.ended.cancelled(), if !streams.is_closed() => streams.close(),
                Some(_) = connections.join_next() => {}
                else => return,
            }
        }
    }
}

/// A client's connection that knows when the client has said everything.
struct Client {
    stream: LinkStream,
    speaking: Option<TaskTrackerToken>,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) && buffer.filled().len() == before {
            self.speaking = None;
        }
        polled
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl NetworkRecord {
    /// What `log` holds, without secrets.
    pub(crate) fn new(log: &RunLog, secrets: &Secrets) -> Self {
        let collected = log.snapshot();
        if collected.dropped_entries > 0 {
            tracing::debug!(collected.dropped_entries, "the network log is incomplete");
        }
        let public = |entry: LogEntry| NetworkLogEntry {
            timestamp: time::iso8601(entry.timestamp_ms),
            method: secrets.masker().mask(&entry.method),
            host: secrets.masker().mask(&entry.host),
            path: entry.path.map(|path| secrets.masker().mask(&path)),
            action: match entry.action {
                Action::Allow => NetworkAction::Allow,
                Action::Block => NetworkAction::Block,
            },
            duration_ms: u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX),
        };
        Self {
            entries: collected.entries.into_iter().map(public).collect(),
            bytes_in: collected.bytes_received,
            bytes_out: collected.bytes_sent,
        }
    }
}
