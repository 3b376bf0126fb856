//! The flags of options: the engine's errors speak of options, and people at a terminal write flags.

/// Options and fields of requests, with what this command calls them.
const FLAGS: [(&str, &str); 17] = [
    ("backend \"docker\"", "--backend docker"),
    ("readonlyRootFs: false", "--writable"),
    ("memoryLimit", "--memory"),
    ("cpuLimit", "--cpu"),
    ("pidsLimit", "--pids-limit"),
    ("maxOutputSize", "--max-output"),
    ("sandboxSize", "--sandbox-size"),
    ("tmpSize", "--tmp-size"),
    ("timeoutMs", "--timeout"),
    ("installPackages", "--install"),
    ("networkFilter", "--allow and --deny"),
    ("logNetwork", "--log-network"),
    ("outputPaths", "--output-path"),
    ("option persist", "--persist"),
    ("`image` option", "--image"),
    ("option image", "--image"),
    ("`limits: \"best-effort\"`", "--limits best-effort"),
];

/// Options that this command does not have, in the words of the engine's errors, and what takes their place.
const NO_FLAGS: [(&str, &str); 1] = [("DOCKER_HOST or the `docker` option", "DOCKER_HOST")];

/// The message of an error, with a line that has the flags of the options in it.
pub(crate) fn with_flags(mut message: String) -> String {
    for (option, ours) in NO_FLAGS {
        message = message.replace(option, ours);
    }
    let named: Vec<_> = FLAGS
        .iter()
        .filter(|(option, flag)| message.contains(option) && !message.contains(flag))
        .map(|(_, flag)| *flag)
        .collect();
    if named.is_empty() {
        return message;
    }
    format!("{message}\nOn the command line: {}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_in_an_error_comes_with_its_flag() {
        for (message, flags) in [
            ("Invalid cpuLimit: 64.", "--cpu"),
            ("Invalid memoryLimit and tmpSize", "--memory, --tmp-size"),
            (
                "The option persist needs Docker: backend \"docker\".",
                "--backend docker, --persist",
            ),
        ] {
            let expected = format!("{message}\nOn the command line: {flags}");
            assert_eq!(with_flags(message.to_owned()), expected);
        }
    }

    #[test]
    fn an_option_that_the_command_lacks_is_not_named() {
        let message = "Say where it is with DOCKER_HOST or the `docker` option.";
        let expected = "Say where it is with DOCKER_HOST.";
        assert_eq!(with_flags(message.to_owned()), expected);
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        for message in ["Unknown runtime", "Invalid cpuLimit (--cpu)"] {
            assert_eq!(with_flags(message.to_owned()), message);
        }
    }
}
