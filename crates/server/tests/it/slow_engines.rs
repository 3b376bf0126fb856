//! Engines that take long to make hold up nobody else.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use isol8_backend::{Backend, ImageStore};
use isol8_fakes::{Exchange, exited};
use isol8_server::Place;
use reqwest::Method;

use crate::support::{
    Keys, Scripted, ScriptedPlace, TestServer, bash, done, gauge, in_session, json, request, until,
};

/// A place that gives out the backend of the OCI runtime `slow` only after the test has sent a message.
struct Slow {
    place: ScriptedPlace,
    is_there: Mutex<mpsc::Receiver<()>>,
    /// How often that backend was asked for.
    asked: Arc<AtomicUsize>,
}

impl Place for Slow {
    fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend> {
        if oci_runtime == Some("slow") {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let is_there = self.is_there.lock();
            let is_there = is_there.unwrap_or_else(PoisonError::into_inner);
            let _ = is_there.recv_timeout(Duration::from_mins(1));
        }
        self.place.backend(oci_runtime)
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        self.place.images()
    }
}

/// A server of this place, and the key of a tenant.
async fn serve_tenant(place: Slow) -> (TestServer, String) {
    let keys = Keys::new().await;
    let a = keys.of("a").await;
    let settings = keys.settings(json!({}));
    let server = TestServer::start(&settings, Arc::new(place)).await;
    (server.keeping(keys), a)
}

#[tokio::test]
async fn an_engine_that_takes_long_to_make_holds_up_nobody_else() {
    let (tell, is_there) = mpsc::channel();
    let scripted = Scripted::new([
        done(),
        bash(vec![Exchange::new(
            "call /sandbox/main.sh",
            vec![exited(0)],
        )]),
    ]);
    let place = Slow {
        place: ScriptedPlace(scripted),
        is_there: Mutex::new(is_there),
        asked: Arc::default(),
    };
    let (server, a) = serve_tenant(place).await;
    let mut slow = request();
    slow["options"] = json!({"security": {"runtime": "slow"}});
    let slow = server.request(Method::POST, "/execute").json(&slow);
    let slow = tokio::spawn(slow.send());
    until("it has its turn", async || {
        gauge(&server, "running").await == 1
    })
    .await;
    let (status, told) = server.ask(&a, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 200, "{told}");
    let (status, told) = server
        .ask(&a, Method::POST, "/execute", &in_session("s"))
        .await;
    assert_eq!(status, 200, "{told}");
    assert!(!slow.is_finished());
    slow.abort();
    tell.send(()).unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_has_no_two_engines_made_at_once() {
    let (tell, is_there) = mpsc::channel();
    let asked = Arc::new(AtomicUsize::new(0));
    let place = Slow {
        place: ScriptedPlace(Scripted::new([done(), done()])),
        is_there: Mutex::new(is_there),
        asked: Arc::clone(&asked),
    };
    let asked = || asked.load(Ordering::Relaxed);
    let (server, a) = serve_tenant(place).await;
    let start = |memory: &str| {
        let mut slow = request();
        slow["options"] = json!({"security": {"runtime": "slow"}, "memoryLimit": memory});
        let slow = server.request(Method::POST, "/execute").json(&slow);
        tokio::spawn(slow.send())
    };
    let gone = start("64m");
    until("the first is made", async || asked() == 1).await;
    gone.abort();
    until("its turn is over", async || {
        gauge(&server, "running").await == 0
    })
    .await;
    let second = start("65m");
    until("the second has its turn", async || {
        gauge(&server, "running").await == 1
    })
    .await;
    // Time in which the second could begin, too.
    let (status, told) = server.ask(&a, Method::POST, "/execute", &request()).await;
    assert_eq!((status.as_u16(), asked()), (200, 1), "{told}");
    tell.send(()).unwrap();
    until("the second is made", async || asked() == 2).await;
    tell.send(()).unwrap();
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    server.end().await;
}
