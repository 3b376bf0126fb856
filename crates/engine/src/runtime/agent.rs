//! The coding agent (`pi`): its program is a prompt.

use std::borrow::Cow;

use super::{
    bun, packages,
    spec::{CommandContext, Defaults, RuntimeSpec, argv},
};
use crate::limits::MAX_ARGUMENT_BYTES;

/// The agent.
pub(super) const AGENT: RuntimeSpec = RuntimeSpec {
    name: "agent",
    image: "isol8:agent",
    extensions: &[".txt"],
    default_extension: ".txt",
    env: &[
        bun::GLOBAL_MODULES,
        // It talks to its model and to nobody unasked.
        ("PI_OFFLINE", "1"),
        ("PI_SKIP_VERSION_CHECK", "1"),
        ("PI_TELEMETRY", "0"),
    ],
    // It edits whole projects, and its tools are programs of their own.
    defaults: Defaults {
        pids: 200,
        sandbox_bytes: 2 << 30,
    },
    needs_network: true,
    names: packages::PLAIN,
    preload_name: None,
    parking: None,
    session: None,
    registries: &["registry.npmjs.org"],
    registry_variables: bun::REGISTRY_VARIABLES,
    registry_files: bun::REGISTRY_FILES,
    program_is_file: prompt_is_file,
    command,
    bake: bun::BAKE,
    install: bun::install,
};

/// The agent's system prompt: a description of the sandbox.
const SYSTEM_PROMPT: &str = "You are running inside an isol8 sandbox: an isolated container with \
    limits on memory, CPU, processes, disk and time. Work in /sandbox, the only directory besides \
    /tmp that you can write to. Network access may be limited to a list of allowed hosts, reached \
    through the proxy that the environment names; other hosts answer 403, and retrying does not \
    help. There is no terminal and nobody to answer questions: finish the task on your own.";

/// The beginning of a family of models, the variable with the key of who makes them, and what `pi` calls that provider.
const PROVIDERS: [(&str, &str, &str); 3] = [
    ("claude-", "ANTHROPIC_API_KEY", "anthropic"),
    ("gemini-", "GEMINI_API_KEY", "google"),
    ("gpt-", "OPENAI_API_KEY", "openai"),
];

/// `flags` with the provider of the model that they name, when a program finds its key in the environment. `pi` looks
/// for the name of a model that it does not know in those of all providers, and takes one whose key nobody has given.
pub(crate) fn with_provider(
    flags: &[String],
    has_variable: impl Fn(&str) -> bool,
) -> Cow<'_, [String]> {
    let named = flags.windows(2).rfind(|pair| pair[0] == "--model");
    let provider = named.and_then(|pair| {
        let mut providers = PROVIDERS.iter();
        providers.find(|(family, key, _)| pair[1].starts_with(family) && has_variable(key))
    });
    match provider {
        Some((.., provider)) if !flags.iter().any(|flag| flag == "--provider") => {
            let mut all = argv(&["--provider", provider], &[]);
            all.extend_from_slice(flags);
            all.into()
        }
        _ => flags.into(),
    }
}

/// A prompt goes into the command line unless it is too long for one, or `pi` would take it for a
/// flag or a file.
fn prompt_is_file(prompt: &str) -> bool {
    prompt.len() > MAX_ARGUMENT_BYTES || prompt.starts_with(['-', '@'])
}

fn command(context: &CommandContext<'_>) -> Vec<String> {
    let mut words = argv(
        &[
            "pi",
            "--no-session",
            "--append-system-prompt",
            SYSTEM_PROMPT,
        ],
        context.agent_flags,
    );
    words.push("-p".to_owned());
    words.push(if prompt_is_file(context.code) {
        format!("@{}", context.path)
    } else {
        context.code.to_owned()
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: &str) -> Vec<String> {
        let agent_flags = &["--model".to_owned(), "a b".to_owned()];
        command(&CommandContext {
            code,
            path: "/sandbox/main.txt",
            agent_flags,
            own_image: true,
        })
    }

    #[test]
    fn flags_stand_before_the_prompt() {
        let words = run("say 'hi'");
        assert_eq!(words[..3], ["pi", "--no-session", "--append-system-prompt"]);
        assert_eq!(words[4..], ["--model", "a b", "-p", "say 'hi'"]);
    }

    #[test]
    fn a_model_is_that_of_the_provider_whose_key_is_there() {
        let flags = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let keys = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"];
        for (given, expected) in [
            (
                "--model claude-x -t",
                "--provider anthropic --model claude-x -t",
            ),
            (
                "--model a --model gpt-9",
                "--provider openai --model a --model gpt-9",
            ),
            ("--model gemini-3", "--model gemini-3"),
            ("--model own/claude-x", "--model own/claude-x"),
            (
                "--model claude-x --provider own",
                "--model claude-x --provider own",
            ),
            ("--thinking --model", "--thinking --model"),
        ] {
            let given = flags(given);
            let found = with_provider(&given, |name| keys.contains(&name));
            assert_eq!(*found, flags(expected));
        }
    }

    #[test]
    fn prompts_that_cannot_be_an_argument_are_files() {
        for prompt in [
            "--help".to_owned(),
            "@notes".to_owned(),
            "x".repeat(1 << 18),
        ] {
            assert!(AGENT.program_is_file(&prompt));
            assert_eq!(run(&prompt).last().unwrap(), "@/sandbox/main.txt");
        }
        assert!(!AGENT.program_is_file("explain -- this"));
    }
}
