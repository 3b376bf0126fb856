//! Settings of `setup`.

use isol8_api::{config::Config, runtimes::RUNTIMES};
use isol8_engine::image::{CustomImage, configured_images, dependencies_tag};

use super::build::names;
use crate::{args::SetupArgs, failure::Failure};

/// What `setup` builds.
#[derive(Debug, PartialEq)]
pub(crate) struct SetupSettings {
    /// Runtimes whose base images are wanted.
    pub(crate) runtimes: Vec<&'static str>,
    /// The custom images, in their order.
    pub(crate) images: Vec<CustomImage>,
    /// Whether images that are current are built, too.
    pub(crate) force: bool,
}

impl SetupSettings {
    /// What these arguments and this configuration ask for.
    pub(crate) fn resolve(args: &SetupArgs, config: &Config) -> Result<Self, Failure> {
        let only: Vec<&str> = args
            .only
            .iter()
            .map(|name| name.trim())
            .filter(|name| !name.is_empty())
            .collect();
        let unknown: Vec<&str> = only
            .iter()
            .copied()
            .filter(|name| !RUNTIMES.contains(name))
            .collect();
        if !unknown.is_empty() {
            return Err(Failure::Usage(format!(
                "Unknown runtime(s): {}. Valid: {}",
                unknown.join(", "),
                RUNTIMES.join(", ")
            )));
        }
        let wanted = |name: &str| only.is_empty() || only.contains(&name);
        let mut images: Vec<_> = configured_images(config)
            .into_iter()
            .filter(|image| wanted(&image.runtime))
            .collect();
        for (runtime, given) in [
            ("python", &args.python),
            ("node", &args.node),
            ("bun", &args.bun),
            ("deno", &args.deno),
            ("bash", &args.bash),
        ] {
            add(&mut images, runtime, names(runtime, given));
        }
        Ok(Self {
            runtimes: RUNTIMES.into_iter().filter(|name| wanted(name)).collect(),
            images,
            force: args.force,
        })
    }
}

/// Adds packages of the command line to the image with the configuration's dependencies, or a new one.
fn add(images: &mut Vec<CustomImage>, runtime: &str, packages: Vec<String>) {
    if packages.is_empty() {
        return;
    }
    let tag = dependencies_tag(runtime);
    match images
        .iter_mut()
        .find(|image| image.tag.as_ref() == Some(&tag))
    {
        Some(image) => image.packages.extend(packages),
        None => images.push(CustomImage {
            runtime: runtime.to_owned(),
            packages,
            setup_script: None,
            tag: Some(tag),
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn setup(config: &str, words: &[&str]) -> Result<SetupSettings, String> {
        let words = ["isol8", "setup"].iter().chain(words);
        let Some(Command::Setup(args)) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not setup");
        };
        let config: Config = serde_json::from_str(config).unwrap();
        SetupSettings::resolve(&args, &config).map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_runtime_is_wanted_unless_some_are_named() {
        assert_eq!(setup("{}", &[]).unwrap().runtimes, RUNTIMES);
        for words in [&["--only", "node,bash"][..], &["--only", "node", "bash"]] {
            assert_eq!(setup("{}", words).unwrap().runtimes, ["node", "bash"]);
        }
        assert_eq!(
            setup("{}", &["--only", "node,ruby,perl"]).unwrap_err(),
            "Unknown runtime(s): ruby, perl. Valid: python, node, bun, deno, bash, agent"
        );
    }

    #[test]
    fn packages_of_flags_join_those_of_the_configuration() {
        let config = r#"{"dependencies": {"python": ["numpy"], "agent": ["tool"]},
            "prebuiltImages": [{"tag": "mine", "runtime": "bun", "installPackages": ["a"]}]}"#;
        let images = |words: &[&str]| -> Vec<_> {
            let settings = setup(config, words).unwrap();
            let images = settings.images.into_iter();
            images
                .map(|image| (image.tag.unwrap(), image.packages.join(" ")))
                .collect()
        };
        let image = |tag: &str, packages: &str| (tag.to_owned(), packages.to_owned());
        assert_eq!(
            images(&["--python", "pandas,scipy", "--bash", "github-cli"]),
            [
                image("mine", "a"),
                image("isol8:agent-custom", "tool"),
                image("isol8:python-custom", "numpy pandas scipy"),
                image("isol8:bash-custom", "gh"),
            ]
        );
        assert_eq!(images(&["--only", "bun"]), [image("mine", "a")]);
    }
}
