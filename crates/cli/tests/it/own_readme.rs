//! The example commands of this README, run as they stand there.

use crate::{common::User, daemon::Daemon, served::Served};

const README: &str = include_str!("../../../../README.md");

/// The example commands below a heading.
fn examples(heading: &str) -> Vec<String> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    block
        .replace("\\\n", " ")
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_example_of_the_command_works() {
    let (daemon, user) = (Daemon::start(), User::new());
    user.write("script.py", "print('script')");
    user.write("data/in.csv", "a,b");
    user.write(
        "app.py",
        "import numpy\nopen('result.csv', 'w').write(open('in.csv').read() + str(numpy.arange(4).sum()))",
    );
    let mut ran = Vec::new();
    for example in examples("Command line") {
        let name = example.split_whitespace().nth(1).unwrap();
        // Images are built by a daemon that builds nothing.
        let address = daemon.address();
        let fake: &[_] = match name {
            "setup" | "build" => &[("DOCKER_HOST", &*address)],
            _ => &[],
        };
        let ended = user.shell(&example, fake);
        assert_eq!(ended.code, Some(0), "{example}: {ended:?}");
        ran.push((name.to_owned(), ended.stdout));
    }
    let of = |name| ran.iter().filter(move |(ran, _)| ran == name);
    let outputs: Vec<_> = of("run").map(|(_, stdout)| stdout.as_str()).collect();
    assert_eq!(outputs, ["script\n", "42\n", ""]);
    assert_eq!(user.read("result.csv"), "a,b6");
    for name in ["doctor", "setup", "build"] {
        assert_eq!(of(name).count(), 1, "{name}");
    }
}

#[test]
fn the_example_of_the_server_works() {
    let user = User::new();
    let [serve, ask] = &examples("Server")[..] else {
        panic!("a server and a client");
    };
    let variable = serve.split(' ').next().unwrap();
    let (name, key) = variable.split_once('=').unwrap();
    let words = serve.split(' ').skip(3);
    // The helper adds this flag to every server.
    let words: Vec<_> = words.filter(|word| *word != "--keep-images").collect();
    // Where port 3000 is taken, it is another one.
    let server = Served::start_with(&user, &words, &[(name, key)]);
    let address = server.host().trim_start_matches("http://").to_owned();
    let ended = user.shell(&ask.replace("localhost:3000", &address), &[]);
    let result: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(result["stdout"], "42", "{ended:?}");
    assert_eq!(server.end().code, Some(0));
}
