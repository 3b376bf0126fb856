//! Lookups of names that nobody answers: how many one program may have, and whom they hold up.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use isol8_egress::{
    Limits, LookupPlace, LookupTurn, MAX_FURTHER_LOOKUPS, Policy, PolicyOptions, Proxy, Resolver,
    Run, SystemResolver,
};
use tokio::sync::Semaphore;

use crate::support::{Client, Recorder, eventually, lenient, ok, strings};

/// A resolver whose answers for `slow.test` wait until the test releases them.
struct Slow {
    released: Semaphore,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Slow {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            released: Semaphore::new(0),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }
}

impl Resolver for Slow {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        _turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            if host.ends_with("slow.test") {
                let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                let _released = self.released.acquire().await;
                self.under_way.fetch_sub(1, Ordering::SeqCst);
            }
            Ok(vec![crate::support::LOCALHOST])
        })
    }
}

/// A policy that allows the names of [`Slow`], and one whose answer does not wait.
fn policy() -> Arc<Policy> {
    let options = PolicyOptions {
        whitelist: strings(&["slow\\.test$", "^allowed\\.test$"]),
        ..lenient()
    };
    Arc::new(Policy::new(options).unwrap())
}

/// A request for `host`.
fn get(host: &str, port: u16) -> String {
    format!("GET http://{host}:{port}/ HTTP/1.1\r\n\r\n")
}

#[tokio::test]
async fn lookups_of_one_run_hold_up_no_other() {
    let recorder = Recorder::start(ok("found")).await;
    let names = Slow::new();
    let limits = Limits::default();
    let most = limits.lookups;
    let names_of_run = Arc::clone(&names) as Arc<dyn Resolver>;
    let proxy = Proxy::new(policy(), names_of_run, limits);
    let port = recorder.port();
    let run = Run::new(proxy.limits());
    let mut clients = Vec::new();
    for index in 0..4 * most {
        let mut client = Client::under(&proxy, &run);
        client.send(get(&format!("{index}.slow.test"), port)).await;
        clients.push(client);
    }
    let under_way = || names.under_way.load(Ordering::SeqCst);
    eventually("the lookups have begun", || under_way() == most).await;
    // Another run resolves its names meanwhile.
    let request = get("allowed.test", port);
    let mut other = Client::connect(&proxy);
    other.send(&request).await;
    assert!(other.answer().await.ends_with("found"));
    // Lookups whose clients have gone away still count.
    for client in clients.drain(..) {
        client.done().await;
    }
    let mut later = Client::under(&proxy, &run);
    later.send(&request).await;
    tokio::task::yield_now().await;
    assert_eq!(under_way(), most);
    names.released.add_permits(100);
    assert!(later.answer().await.ends_with("found"));
    assert_eq!(names.most.load(Ordering::SeqCst), most);
}

/// The places of the system's resolver, with answers for `slow.test` that wait until the test releases them.
struct SlowSystem {
    places: SystemResolver,
    names: Arc<Slow>,
}

impl Resolver for SlowSystem {
    fn turn(&self, place: LookupPlace) -> BoxFuture<'_, LookupTurn> {
        self.places.turn(place)
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let _turn = turn;
            self.names.resolve(host, None).await
        })
    }
}

#[tokio::test]
async fn many_runs_whose_names_nobody_answers_hold_up_no_other() {
    let recorder = Recorder::start(ok("found")).await;
    let names = Slow::new();
    let limits = Limits::default();
    let resolver = SlowSystem {
        places: SystemResolver::default(),
        names: Arc::clone(&names),
    };
    let proxy = Proxy::new(policy(), Arc::new(resolver), limits.clone());
    let port = recorder.port();
    let (runs, each) = (MAX_FURTHER_LOOKUPS, limits.lookups);
    let mut clients = Vec::new();
    for run in 0..runs {
        let of_run = Run::new(proxy.limits());
        for index in 0..each {
            let mut client = Client::under(&proxy, &of_run);
            let host = format!("{run}-{index}.slow.test");
            client.send(get(&host, port)).await;
            clients.push(client);
        }
    }
    let under_way = || names.under_way.load(Ordering::SeqCst);
    let all = runs + MAX_FURTHER_LOOKUPS;
    eventually("no further lookup can begin", || under_way() == all).await;
    // Another run looks up its names meanwhile, one after the other.
    let other = Run::new(proxy.limits());
    for _ in 0..3 {
        let mut client = Client::under(&proxy, &other);
        client.send(get("allowed.test", port)).await;
        assert!(client.answer().await.ends_with("found"));
    }
    assert_eq!(under_way(), all, "the others still wait");
    // Half of the stalled runs end. Their lookups still hold their places, and delay nobody.
    for client in clients.drain(..runs * each / 2) {
        client.done().await;
    }
    let mut client = Client::under(&proxy, &other);
    client.send(get("allowed.test", port)).await;
    assert!(client.answer().await.ends_with("found"));
    names.released.add_permits(runs * each);
    for client in clients {
        client.done().await;
    }
}

/// A resolver whose turns come from the test.
struct Turns {
    free: Arc<Semaphore>,
    wanted: AtomicUsize,
    begun: Mutex<Vec<String>>,
}

impl Resolver for Turns {
    fn turn(&self, place: LookupPlace) -> BoxFuture<'_, LookupTurn> {
        if place == LookupPlace::Further {
            return Box::pin(std::future::pending());
        }
        self.wanted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Arc::clone(&self.free).acquire_owned().await.ok() })
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.begun.lock().unwrap().push(host.to_owned());
        drop(turn);
        Box::pin(std::future::ready(Ok(vec![crate::support::LOCALHOST])))
    }
}

#[tokio::test]
async fn a_lookup_that_has_not_begun_is_given_up_with_its_client() {
    let recorder = Recorder::start(ok("found")).await;
    let names = Arc::new(Turns {
        free: Arc::new(Semaphore::new(0)),
        wanted: AtomicUsize::new(0),
        begun: Mutex::default(),
    });
    let policy = Arc::new(Policy::new(lenient()).unwrap());
    let resolver = Arc::clone(&names) as Arc<dyn Resolver>;
    let proxy = Proxy::new(policy, resolver, Limits::default());
    let mut gone = Client::connect(&proxy);
    gone.send("GET http://also.test/ HTTP/1.1\r\n\r\n").await;
    let wanted = || names.wanted.load(Ordering::SeqCst);
    eventually("the lookup waits for its turn", || wanted() == 1).await;
    gone.done().await;
    let mut later = Client::connect(&proxy);
    let port = recorder.port();
    later.send(get("allowed.test", port)).await;
    eventually("the next lookup waits for its turn", || wanted() == 2).await;
    names.free.add_permits(1);
    assert!(later.answer().await.ends_with("found"));
    assert_eq!(*names.begun.lock().unwrap(), ["allowed.test"]);
}
