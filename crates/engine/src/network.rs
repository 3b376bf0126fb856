//! Joins the connections that programs make to the proxy's port with the proxy, and collects what a
//! run did on the network.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use isol8_api::{
    options::NetworkMode,
    result::{NetworkAction, NetworkLogEntry, SecurityEvent},
};
use isol8_egress::{
    Action, ExtraHost, Limits, LogEntry, Policy, PolicyError, Proxy, Redact, Run, SystemResolver,
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
    options::{Options, Secrets},
    sandbox::{InboundStreams, LinkStream, Sandbox},
    time,
};

/// The whitelist of a network that only installations use: no host matches it, because none is empty. It is
/// matched in linear time. With a pattern that needs backtracking, each decision would take a thread.
const MATCHES_NO_HOST: &str = "^$";

/// How long bytes that an ended program has sent may take to leave.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The filtered network of one engine.
pub(crate) struct Network {
    proxy: Proxy,
}

/// What one run did on the network, without secrets.
#[derive(Debug, Default)]
pub(crate) struct NetworkRecord {
    /// Requests and tunnels in order. Bounded by the proxy.
    pub(crate) entries: Vec<NetworkLogEntry>,
    /// One event for each blocked entry.
    pub(crate) security_events: Vec<SecurityEvent>,
    /// Allowed requests that the log had no room for.
    pub(crate) dropped_allowed: u64,
    /// Blocked ones.
    pub(crate) dropped_blocked: u64,
    /// Bytes received from the network.
    pub(crate) bytes_in: u64,
    /// Bytes sent to the network.
    pub(crate) bytes_out: u64,
}

/// Hides secrets in the log of a run.
struct Masking(Secrets);

impl Redact for Masking {
    fn text(&self, text: &str) -> String {
        self.0.masker().mask(text)
    }

    fn host(&self, host: &str) -> String {
        self.0.host_masker().mask(host)
    }
}

impl Network {
    /// The network that `options` describe; the error names the entry that is wrong.
    pub(crate) fn new(options: &Options) -> Result<Self, PolicyError> {
        let mut filter = options.network_filter.clone();
        // An empty list allows every host, which is meant for a filtered network only.
        if filter.whitelist.is_empty() && options.network != NetworkMode::Filtered {
            filter.whitelist.push(MATCHES_NO_HOST.to_owned());
        }
        let policy = Policy::new(filter)?;
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

    /// Starts to collect what one run does on the network, without `secrets`.
    pub(crate) fn start_run(&self, secrets: &Secrets) -> Arc<Run> {
        Run::redacting(self.proxy.limits(), Masking(secrets.clone()))
    }

    /// Serves the connections of `sandbox` until the returned access is dropped. `extra_hosts` may
    /// be reached in addition to what the options allow.
    pub(crate) fn open(
        &self,
        sandbox: &Sandbox,
        extra_hosts: &[ExtraHost],
        run: &Arc<Run>,
    ) -> Result<NetworkAccess, EngineError> {
        let mut proxy = self.proxy.clone();
        if !extra_hosts.is_empty() {
            proxy = proxy.with_policy(Arc::new(proxy.policy().with_extra_hosts(extra_hosts)?));
        }
        let clients = TaskTracker::new();
        let ended = CancellationToken::new();
        let acceptor = Acceptor {
            proxy,
            clients: clients.clone(),
            run: Arc::clone(run),
            ended: ended.clone(),
        };
        let serving = acceptor.run(sandbox.inbound()?);
        Ok(NetworkAccess {
            clients,
            ended,
            _serving: AbortOnDropHandle::new(tokio::spawn(serving)),
        })
    }
}

/// A sandbox's access to the network. Dropping it closes all connections.
pub(crate) struct NetworkAccess {
    /// Clients that may still send bytes.
    clients: TaskTracker,
    /// Cancelled when no further connection is accepted.
    ended: CancellationToken,
    _serving: AbortOnDropHandle<()>,
}

impl NetworkAccess {
    /// Closes the connections of a program that has ended. What the program has sent into tunnels is
    /// forwarded first, for up to [`DRAIN_TIMEOUT`]. A plain request whose client has gone is
    /// abandoned, as everywhere in the proxy.
    pub(crate) async fn finish(self) {
        self.ended.cancel();
        // After the timeout the remaining connections are cut.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, self.clients.wait()).await;
    }
}

/// Accepts a sandbox's connections and hands them to the proxy.
struct Acceptor {
    proxy: Proxy,
    clients: TaskTracker,
    run: Arc<Run>,
    ended: CancellationToken,
}

impl Acceptor {
    async fn run(self, mut streams: InboundStreams) {
        let mut connections = JoinSet::new();
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                stream = streams.recv(), if open => {
                    let Some(stream) = stream else {
                        // Every connection that arrived has been accepted.
                        open = false;
                        self.clients.close();
                        continue;
                    };
                    let client = ClientStream { stream, sending: Some(self.clients.token()) };
                    let (proxy, run) = (self.proxy.clone(), Arc::clone(&self.run));
                    connections.spawn(async move { proxy.serve(client, &run).await });
                }
                () = self.ended.cancelled(), if !streams.is_closed() => streams.close(),
                Some(_) = connections.join_next() => {}
                else => return,
            }
        }
    }
}

/// A client's connection. Its token is released when the client has sent its last byte.
struct ClientStream {
    stream: LinkStream,
    sending: Option<TaskTrackerToken>,
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) && buffer.filled().len() == before {
            self.sending = None;
        }
        polled
    }
}

impl AsyncWrite for ClientStream {
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
    /// What `run` has collected.
    pub(crate) fn new(run: &Run) -> Self {
        let log = run.snapshot();
        let mut record = Self {
            dropped_allowed: log.dropped_allowed,
            dropped_blocked: log.dropped_blocked,
            bytes_in: log.bytes_received,
            bytes_out: log.bytes_sent,
            ..Self::default()
        };
        for entry in log.entries {
            let blocked = entry.blocked.clone();
            let entry = public_entry(entry);
            if let Some(reason) = blocked {
                let event =
                    SecurityEvent::network_blocked(&entry, reason.code(), &reason.to_string());
                record.security_events.push(event);
            }
            record.entries.push(entry);
        }
        record
    }

    /// How many requests the log had no room for.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped_allowed + self.dropped_blocked
    }
}

fn public_entry(entry: LogEntry) -> NetworkLogEntry {
    NetworkLogEntry {
        timestamp: time::iso8601(entry.timestamp_ms),
        action: match entry.action() {
            Action::Allow => NetworkAction::Allow,
            Action::Block => NetworkAction::Block,
        },
        method: entry.method,
        host: entry.host,
        path: entry.path,
        duration_ms: u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX),
        count: Some(entry.count).filter(|count| *count > 1),
    }
}

#[cfg(test)]
mod tests {
    use isol8_egress::{Denial, Host, PolicyOptions};

    use super::*;

    #[test]
    fn no_host_matches_the_whitelist_of_installations() {
        let policy = Policy::new(PolicyOptions {
            whitelist: vec![MATCHES_NO_HOST.to_owned()],
            ..PolicyOptions::default()
        });
        let policy = policy.unwrap();
        assert!(policy.is_fast());
        for host in ["a", "a.test", "a.test.", "10.0.0.5", "::1"] {
            let judged = policy.judge(&Host::parse(host).unwrap(), 443);
            assert_eq!(judged, Err(Denial::NotWhitelisted), "{host}");
        }
    }
}
