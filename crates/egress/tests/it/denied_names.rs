//! Names that lead to addresses which must not be reached: by their look-up, by a later one, or by the option `hosts`.

use crate::support::{
    Client, Recorder, Scripted, assert_untouched, lenient, local_names, ok, proxy, strings,
};
use isol8_egress::PolicyOptions;

#[tokio::test]
async fn the_blacklist_holds_for_addresses_that_a_name_resolves_to() {
    let recorder = Recorder::start(ok("leaked")).await;
    let options = PolicyOptions {
        blacklist: strings(&["^127\\.0\\.0\\.1$"]),
        ..lenient()
    };
    let mut client = Client::connect(&proxy(options, local_names()));
    client
        .send(format!(
            "GET http://allowed.test:{}/ HTTP/1.1\r\n\r\n",
            recorder.port()
        ))
        .await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.ends_with("blocked by network filter: networkFilter.blacklist matches it"),
        "{answer}"
    );
    assert_untouched(&recorder, "a blacklisted address");
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_resolved_once() {
    // The first lookup gives the address to use. A second one would give the loopback address.
    let recorder = Recorder::start(ok("inside")).await;
    let port = recorder.port();
    // Nothing answers at 127.0.0.2, which is "outside" here. 127.0.0.1 is refused.
    let names = Scripted::new(&[("rebind.test", &["127.0.0.2", "127.0.0.1"])]);
    let options = PolicyOptions {
        whitelist: strings(&["^rebind\\.test$"]),
        allow_loopback: strings(&["127.0.0.2"]),
        ..PolicyOptions::default()
    };
    let proxy = proxy(options, names.clone());
    let mut client = Client::connect(&proxy);
    let request = format!("GET http://rebind.test:{port}/ HTTP/1.1\r\n\r\n");
    client.send(&request).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 502 "));
    assert_eq!(
        names.asked(),
        ["rebind.test"],
        "one question for one connection"
    );
    client.send(&request).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 403 "));
    assert_eq!(names.asked().len(), 2);
    assert_untouched(&recorder, "rebinding");
}

#[tokio::test]
async fn refused_addresses_among_allowed_ones_are_not_dialled() {
    let inside = Recorder::start(ok("inside")).await;
    let outside = Recorder::on(
        format!("127.0.0.2:{}", inside.port()).parse().unwrap(),
        ok("outside"),
    )
    .await;
    let names = Scripted::new(&[("mixed.test", &["127.0.0.1 169.254.169.254 127.0.0.2"])]);
    let options = PolicyOptions {
        whitelist: strings(&["^mixed\\.test$"]),
        allow_loopback: strings(&["127.0.0.2/32"]),
        ..PolicyOptions::default()
    };
    let proxy = proxy(options, names);
    let mut client = Client::connect(&proxy);
    client
        .send(format!(
            "GET http://mixed.test:{}/ HTTP/1.1\r\n\r\n",
            inside.port()
        ))
        .await;
    assert!(client.answer().await.ends_with("outside"));
    assert_eq!(outside.connections(), 1);
    assert_untouched(&inside, "the refused address");
}

#[tokio::test]
async fn addresses_in_the_option_hosts_obey_the_address_rules() {
    let recorder = Recorder::start(ok("inside")).await;
    let request = format!(
        "GET http://given.test:{}/ HTTP/1.1\r\n\r\n",
        recorder.port()
    );
    for (allowed, status) in [(&[][..], "403"), (&["given.test"], "200")] {
        let options = PolicyOptions {
            whitelist: strings(&["^given\\.test$"]),
            hosts: vec![("Given.Test.".into(), vec![crate::support::LOCALHOST])],
            allow_loopback: strings(allowed),
            ..PolicyOptions::default()
        };
        let names = Scripted::new(&[]);
        let proxy = proxy(options, names.clone());
        let mut client = Client::connect(&proxy);
        client.send(&request).await;
        let answer = client.answer().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(names.asked().is_empty(), "a given host is not looked up");
    }
    assert_eq!(recorder.connections(), 1);
}
