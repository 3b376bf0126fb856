//! Patterns match as in JavaScript: random ones, compared with the answers of Node.
//!
//! It needs `node`, as everything in this repository does.

use std::io::Write;
use std::process::{Command, Stdio};

use isol8_egress::{Denial, Host, Policy, PolicyOptions};

use crate::support::fuzz::{Random, run};

/// Reads one pattern a line, as JSON. Prints for each `error`, or a digit a host.
const SCRIPT: &str = "const hosts = JSON.parse(process.argv[1])
for (const line of require('node:fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean)) {
  let answer
  try {
    const pattern = new RegExp(JSON.parse(line), 'i')
    answer = hosts.map((host) => Number(pattern.test(host))).join('')
  } catch { answer = 'error' }
  console.log(answer)
}";

const HOSTS: [&str; 12] = [
    "a", "ab", "aab.b", "b-a_1", "a.a.a", "1a", "aaaaaa", "abab", "a-b.a-b", "x", "a1b2", "bba.1b",
];

/// Patterns for one Node process.
const BATCH: usize = 400;

/// The parts of a random pattern. `&` stands for a further part.
const PARTS: &[&str] = &[
    "a", "b", "B", "1", ".", "-", "_", "x", "&&", "&&&", "&|&", "|", "(&)", "(?:&)", "(?=&)",
    "(?!&)", "(?<=&)", "(?<!&)", "(?<n>&)", "\\k<n>", "\\k", "\\1", "\\2", "\\3", "\\12", "&*",
    "&+", "&?", "&*?", "&+?", "&??", "&{2}", "&{1,}", "&{0,2}", "&{1,2}?", "&{,2}", "&{0}", "{",
    "}", "]", "^", "$", "\\b", "\\B", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\.", "\\-",
    "\\/", "\\x61", "\\x6", "\\u0061", "\\u{61}", "\\u006", "\\cA", "\\c", "\\0", "\\07", "\\141",
    "\\8", "\\a", "\\p{L}", "[&]", "[^&]", "[]", "[^]", "[a-b]", "[^a-b]", "[A-Z]", "[\\w-a]",
    "[a-\\d]", "[b-a]", "[a-c-e]", "[\\b]", "[\\c1]", "[\\c]", "[\\k]", "[\\]]", "[a&&b]", "[[a]",
    "[.-]", "[é-ü]", "[^é]", "é", "ſ", "\u{212a}", "😀", "[a-😀]", "(", ")", "[", "*", "\\",
];

fn pattern(random: &mut Random) -> String {
    let mut text = String::from("&&");
    for round in 0.. {
        let Some(at) = text.find('&') else { break };
        // Later only parts that end the growth.
        let part = loop {
            let part = *random.pick(PARTS);
            if round < 6 || !part.contains('&') {
                break part;
            }
        };
        text.replace_range(at..=at, part);
    }
    text
}

fn as_json(pattern: &str) -> String {
    let units = pattern.encode_utf16();
    let escaped: Vec<String> = units.map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{}\"\n", escaped.concat())
}

fn ask_node(patterns: &[String]) -> Vec<String> {
    let hosts = format!("{HOSTS:?}");
    let mut node = Command::new("node")
        .args(["-e", SCRIPT, &hosts])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node cannot be run: {error}"));
    let input: String = patterns.iter().map(|pattern| as_json(pattern)).collect();
    let mut stdin = node.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What Node would print; a `?` where the time was over.
fn ask_policy(pattern: &str) -> String {
    let policy = Policy::new(PolicyOptions {
        blacklist: vec![pattern.to_owned()],
        ..PolicyOptions::default()
    });
    let Ok(policy) = policy else {
        return "error".to_owned();
    };
    let answers = HOSTS.map(
        |host| match policy.judge(&Host::parse(host).unwrap(), 443) {
            Ok(_) => '0',
            Err(Denial::Blacklisted) => '1',
            Err(_) => '?',
        },
    );
    answers.into_iter().collect()
}

#[tokio::test]
async fn random_patterns_mean_what_they_mean_in_node() {
    let (mut valid, mut refused) = (0, 0);
    run("patterns", 4, async |random: &mut Random| {
        let patterns: Vec<String> = (0..BATCH).map(|_| pattern(random)).collect();
        let expected = ask_node(&patterns);
        assert_eq!(expected.len(), patterns.len());
        for (pattern, expected) in patterns.iter().zip(expected) {
            let answer = ask_policy(pattern);
            // Node allows equal names in different alternatives from version 23 on.
            let newer = pattern.matches("(?<n>").count() > 1;
            assert!(
                answer == expected || newer,
                "{pattern:?}: {answer}, in Node {expected}"
            );
            if answer == "error" {
                refused += 1;
            } else {
                valid += 1;
            }
        }
    })
    .await;
    println!("{valid} valid patterns, {refused} refused");
    assert!(valid > 1000 && refused > 100);
}
