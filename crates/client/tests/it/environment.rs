//! What a client cannot be made from.

use isol8_client::RemoteClient;

#[test]
fn wrong_connections_are_errors_that_name_the_field() {
    for (host, key, message) in [
        (
            "localhost:3000",
            "k",
            "Invalid host: \"localhost:3000\". It must be an address such as http://localhost:3000 or unix:/path.",
        ),
        (
            "http://user:hunter2@a",
            "k",
            "Invalid host: it has a name or a password in it. Give the key as API key.",
        ),
        (
            "http://a",
            "a\nb",
            "Invalid apiKey: it has characters that no HTTP header can have.",
        ),
    ] {
        let refused = RemoteClient::new(host, key).err().expect("it is refused");
        assert_eq!(refused.to_string(), message);
    }
}
