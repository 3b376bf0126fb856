//! The log: each line about a request has the id of the request, whatever thread or task writes it.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use isol8_fakes::{Exchange, exited, stdout};
use isol8_server::Settings;
use reqwest::Method;
use tracing::{
    Dispatch, Event, Id, Subscriber,
    field::{Field, Visit},
    span::Attributes,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use crate::support::{
    KEY, TestServer, Value, bash, config, events_of, json, open_socket, program, until,
};

/// The line about a connection, which may have carried many requests.
const OF_CONNECTION: &str = "a connection ended";

/// A line, with the ids of the requests that it is about.
#[derive(Debug, Clone)]
struct Line {
    text: String,
    requests: Vec<String>,
}

/// Keeps the lines of isol8.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Line>>>);

struct RequestId(String);

/// Keeps one field.
struct Take<'a>(&'a str, Option<String>);

impl Visit for Take<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == self.0 {
            self.1 = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == self.0 {
            self.1 = Some(value.to_owned());
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Kept {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut take = Take("id", None);
        attributes.record(&mut take);
        if let Some(id) = take.1.filter(|_| span.name() == "request") {
            span.extensions_mut().insert(RequestId(id));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !event.metadata().target().starts_with("isol8") {
            return;
        }
        let mut take = Take("message", None);
        event.record(&mut take);
        let scope = context.event_scope(event).into_iter().flatten();
        let requests = scope.filter_map(|span| {
            let extensions = span.extensions();
            extensions.get::<RequestId>().map(|id| id.0.clone())
        });
        let line = Line {
            text: take.1.unwrap_or_default(),
            requests: requests.collect(),
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Kept {
    fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap().clone()
    }

    /// The requests that lines which begin like this are about.
    fn requests(&self, begin: &str) -> Vec<String> {
        let lines = self.lines().into_iter();
        let lines = lines.filter(|line| line.text.starts_with(begin));
        lines.flat_map(|line| line.requests).collect()
    }
}

#[tokio::test]
async fn each_line_about_a_request_has_its_id_on_every_way_in_and_in_the_background() {
    let kept = Kept::default();
    // While there is one subscriber only, a thread without one decides for all threads that a line is not wanted.
    let _second = Dispatch::new(Registry::default());
    // The tasks of this test are all on its thread.
    let _guard = tracing::subscriber::set_default(Registry::default().with(kept.clone()));
    let done = || bash(vec![program([stdout("x"), exited(0)])]);
    let call = Exchange::new("call /sandbox/main.sh", vec![exited(0)]);
    let starts = [done(), done(), done(), bash(vec![call])];
    let settings = Settings::new(KEY, config(json!({})));
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let body = json!({"request": {"runtime": "bash", "code": "x"}});

    let answered = server.request(Method::POST, "/execute").json(&body);
    let answered = answered.send().await.unwrap();
    let id = answered.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let result: Value = answered.json().await.unwrap();
    assert_eq!(result["exitCode"], json!(0), "{result}");
    let id = [id];
    assert_eq!(kept.requests("execution ended"), id);
    assert_eq!(kept.requests("request answered"), id);

    events_of(&server, body.clone()).await;
    let socket = open_socket(&server).await;
    socket.execute(body["request"].clone()).await;
    let mut in_session = body;
    in_session["sessionId"] = json!("s");
    in_session["options"] = json!({"installNetwork": false});
    server.post("/execute", in_session).await;
    server
        .post(
            "/execute",
            json!({"request": {"runtime": "no", "code": "x"}}),
        )
        .await;
    server.delete("/session/s").await;
    until("all sandboxes are gone", async || {
        scripted.backend.destroyed().len() == 4
    })
    .await;
    let lines = kept.lines();
    server.end().await;

    let ended = kept.requests("execution ended");
    assert_eq!(ended.len(), 4, "{:?}", kept.lines());
    // Each is another request, and its sandbox was started for it in the background.
    let started = kept.requests("sandbox started");
    assert_eq!(started.len(), 4, "{:?}", kept.lines());
    for (number, id) in ended.iter().enumerate() {
        assert!(!ended[..number].contains(id));
        assert!(started.contains(id), "{id}");
    }
    for line in lines {
        let is_of_connection = line.text == OF_CONNECTION;
        assert!(line.requests.len() == 1 || is_of_connection, "{line:?}");
    }
}
