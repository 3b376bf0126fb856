//! The examples of `skill/isol8/SKILL.md`, run as they stand there.

use std::{os::unix::fs::symlink, path::Path, process::Command};

use crate::common::{Ended, User};

const SKILL: &str = include_str!("../../../../skill/isol8/SKILL.md");

#[test]
fn every_example_for_a_shell_works() {
    let user = User::new();
    let tools = user.path("tools");
    std::fs::create_dir(&tools).unwrap();
    symlink(env!("CARGO_BIN_EXE_isol8"), tools.join("isol8")).unwrap();
    let blocks = SKILL.split("```sh\n").skip(1);
    let examples: Vec<_> = blocks
        .flat_map(|block| block.split("```").next().unwrap().lines())
        .collect();
    assert!(examples.len() >= 9, "{examples:?}");
    for example in examples {
        let ended = shell(&user, &tools, example);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{example}");
        let silent = example.contains("--output-path");
        assert_eq!(
            ended.stdout.is_empty(),
            silent,
            "{example}: {}",
            ended.stdout
        );
    }
    assert_eq!(user.read("sum.txt"), "42");
}

fn shell(user: &User, tools: &Path, line: &str) -> Ended {
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(user.path("."))
        .env("PATH", path);
    command.output().unwrap().into()
}
