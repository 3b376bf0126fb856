//! `build`: a custom image.

use isol8_engine::image::CustomImage;

use super::image_builds;
use crate::{
    args::BuildArgs,
    failure::{Exit, Failure},
    output::{Builds, Console, print},
    sandboxes::Sandboxes,
    settings::custom_image,
};

/// Builds the image.
pub(crate) async fn run(args: &BuildArgs, console: Console) -> Result<Exit, Failure> {
    let image = custom_image(args)?;
    let images = Sandboxes::on_docker()?.images();
    let builds = Builds::new(console);
    image_builds::base_images(&images, &[&image.runtime], false, &builds).await?;
    console.ok(&format!("Base image ready: {}", image.runtime));
    let outcome = |build: &isol8_engine::image::CustomBuild| {
        if build.built {
            format!("Built image: {}", build.tag)
        } else {
            format!("{} (already exists)", build.tag)
        }
    };
    let build = image_builds::custom_image(&images, &image, args.force, &builds, outcome).await?;
    let size = image_builds::sizes(&images, std::slice::from_ref(&build.tag)).await;
    print(&described(&image, size.join("").trim()))
}

/// The last lines: what was built.
fn described(image: &CustomImage, name_and_size: &str) -> String {
    let mut lines = vec![
        "[DONE] Custom image build complete!".to_owned(),
        format!("       Runtime:  {}", image.runtime),
    ];
    if !image.packages.is_empty() {
        lines.push(format!("       Packages: {}", image.packages.join(", ")));
    }
    if let Some(script) = &image.setup_script {
        lines.push(format!("       Setup:    {}", first_line(script)));
    }
    lines.push(format!("       Image:    {name_and_size}"));
    lines.join("\n")
}

/// The first line of a script, and whether there are more.
pub(super) fn first_line(script: &str) -> String {
    let mut lines = script.trim().lines();
    let first = lines.next().unwrap_or_default();
    match lines.next() {
        Some(_) => format!("{first} ..."),
        None => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_is_described() {
        let image = CustomImage {
            runtime: "python".to_owned(),
            packages: vec!["a".to_owned(), "b".to_owned()],
            setup_script: Some("echo 1\necho 2\n".to_owned()),
            tag: None,
        };
        assert_eq!(
            described(&image, "t  1 MB"),
            "[DONE] Custom image build complete!\n       Runtime:  python\n       Packages: a, b\n\
             \x20      Setup:    echo 1 ...\n       Image:    t  1 MB"
        );
    }
}
