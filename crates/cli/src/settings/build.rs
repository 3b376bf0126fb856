//! Settings of `build`.

use isol8_api::runtimes::RUNTIMES;
use isol8_engine::image::CustomImage;

use super::{debian::debian_name, script};
use crate::{args::BuildArgs, failure::Failure};

/// The image that these arguments describe.
pub(crate) fn custom_image(args: &BuildArgs) -> Result<CustomImage, Failure> {
    if !RUNTIMES.contains(&&*args.base) {
        return Err(Failure::Usage(format!(
            "Invalid runtime: {}. Expected one of: {}",
            args.base,
            RUNTIMES.join(", ")
        )));
    }
    let packages: Vec<String> = names(&args.base, &args.install);
    let scripts = args
        .setup
        .iter()
        .map(|given| script(given))
        .collect::<Result<Vec<_>, _>>()?;
    if packages.is_empty() && scripts.iter().all(|script| script.trim().is_empty()) {
        return Err(Failure::Usage(
            "No packages or setup script specified. Use --install <package> or --setup <command>."
                .to_owned(),
        ));
    }
    Ok(CustomImage {
        runtime: args.base.clone(),
        packages,
        setup_script: (!scripts.is_empty()).then(|| scripts.join("\n")),
        tag: args.tag.clone(),
    })
}

/// Packages as the installer of a runtime knows them, without blank ones.
pub(super) fn names(runtime: &str, given: &[String]) -> Vec<String> {
    let given = given.iter().map(|name| name.trim());
    given
        .filter(|name| !name.is_empty())
        .map(|name| match runtime {
            "bash" => debian_name(name),
            _ => name.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn build(words: &[&str]) -> Result<CustomImage, String> {
        let words = ["isol8", "build"].iter().chain(words);
        let Some(Command::Build(args)) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not build");
        };
        custom_image(&args).map_err(|failure| failure.to_string())
    }

    #[test]
    fn packages_are_named_in_every_way() {
        let words = [
            "--base",
            "python",
            "--install",
            "a",
            "b,c",
            "--install",
            "d",
            "--tag",
            "t",
        ];
        let image = build(&words).unwrap();
        assert_eq!(image.packages, ["a", "b", "c", "d"]);
        assert_eq!(
            (image.tag.as_deref(), image.setup_script),
            (Some("t"), None)
        );
        let image = build(&[
            "--base",
            "bash",
            "--install",
            "build-base,jq",
            "--setup",
            "x",
            "--setup",
            "y",
        ]);
        let image = image.unwrap();
        assert_eq!(image.packages, ["build-essential", "jq"]);
        assert_eq!(image.setup_script.as_deref(), Some("x\ny"));
    }

    #[test]
    fn an_image_of_nothing_and_one_of_nobody_are_refused() {
        assert_eq!(
            build(&["--base", "python"]).unwrap_err(),
            "No packages or setup script specified. Use --install <package> or --setup <command>."
        );
        assert_eq!(
            build(&["--base", "ruby", "--install", "a"]).unwrap_err(),
            "Invalid runtime: ruby. Expected one of: python, node, bun, deno, bash, agent"
        );
    }
}
