//! The examples of `skill/isol8/SKILL.md`, run as they stand there.

use crate::common::User;

const SKILL: &str = include_str!("../../../../skill/isol8/SKILL.md");

#[test]
fn every_example_for_a_shell_works() {
    let user = User::new();
    let blocks = SKILL.split("```sh\n").skip(1);
    let examples: Vec<_> = blocks
        .flat_map(|block| block.split("```").next().unwrap().lines())
        .collect();
    assert!(examples.len() >= 9, "{examples:?}");
    for example in examples {
        let ended = user.shell(example, &[]);
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
