//! Settings of `run`.

use std::path::{Path, PathBuf};

use isol8_api::{config::Config, options::RawPoolSize, request::ExecutionRequest};
use isol8_engine::{options::Options, runtime::Registry};
use url::Url;

use super::{
    remote::{RemoteRun, chosen},
    sandbox::{environment, options, packages},
};
use crate::{
    args::{OutputPath, RunArgs},
    failure::Failure,
    output::Console,
};

mod source;

pub(crate) use source::ProgramSource;

/// The folder of a sandbox that programs work in.
pub(crate) const SANDBOX: &str = "/sandbox";

/// Everything that `run` does, decided.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct RunSettings {
    /// Where the program comes from.
    pub(crate) source: ProgramSource,
    /// Options of an engine of this process.
    pub(crate) options: Options,
    /// The server that runs the program in place of such an engine.
    pub(crate) remote: Option<RemoteRun>,
    /// The request, but for what is read from files and standard input.
    pub(crate) request: ExecutionRequest,
    /// Scripts to run first, or files with them.
    pub(crate) setup: Vec<String>,
    /// What the program reads.
    pub(crate) input: Input,
    /// A folder to put into the sandbox.
    pub(crate) files: Option<PathBuf>,
    /// A file that gets the program's output, too.
    pub(crate) out: Option<PathBuf>,
    /// What to copy out of the sandbox.
    pub(crate) outputs: Vec<Output>,
    /// Whether that may replace files.
    pub(crate) force: bool,
    /// Whether output is shown as it comes.
    pub(crate) stream: bool,
    /// Whether events and result are printed as JSON.
    pub(crate) json: bool,
    /// Whether to run again when the file changes.
    pub(crate) watch: bool,
}

/// What a program reads from its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing: the input is at its end.
    None,
    /// This text.
    Text(String),
    /// This command's own standard input, read to its end before the program starts.
    Own,
    /// This command's own standard input, while the program runs.
    Live,
}

/// A file to copy out of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// Its path in the sandbox.
    pub(crate) source: String,
    /// Its path on this machine.
    pub(crate) destination: PathBuf,
}

impl RunSettings {
    /// The settings for these arguments under this configuration.
    pub(crate) fn resolve(
        args: RunArgs,
        config: &Config,
        debug: bool,
        console: Console,
    ) -> Result<Self, Failure> {
        let source = ProgramSource::of(&args)?;
        let registry = Registry::default();
        let runtime = source.runtime(args.runtime.as_deref(), &registry)?;
        let packages = packages(&args.sandbox, runtime);
        let remote = RemoteRun::resolve(
            &args.remote,
            args.persistent,
            || Ok(options(&args.sandbox, chosen(config)?, runtime, debug)),
            console,
        )?;
        let mut options = options(&args.sandbox, config.raw_options(), runtime, debug);
        // One program needs one sandbox. The runs of a watched file find the next one ready.
        if !args.watch {
            options.pool_size = Some(RawPoolSize::Both(0.0));
        }
        if args.persistent {
            options.mode = Some("persistent".to_owned());
        }
        let options = Options::try_from(options)?;
        let input = match args.stdin.as_deref() {
            None if args.interactive => Input::Live,
            None => Input::None,
            Some("-") => Input::Own,
            Some(text) => Input::Text(text.to_owned()),
        };
        if matches!(source, ProgramSource::Stdin) && matches!(input, Input::Own | Input::Live) {
            let flag = if args.interactive {
                "--interactive"
            } else {
                "--stdin -"
            };
            return Err(Failure::Usage(format!(
                "{flag} needs the program from elsewhere: standard input cannot be both."
            )));
        }
        if args.interactive && (args.no_stream || args.watch) {
            return Err(Failure::Usage(
                "--interactive cannot be combined with --no-stream or --watch.".to_owned(),
            ));
        }
        if args.watch && !matches!(source, ProgramSource::File(_)) {
            return Err(Failure::Usage("--watch needs a file to run.".into()));
        }
        let outputs = args
            .output_path
            .iter()
            .map(output)
            .collect::<Result<Vec<_>, _>>()?;
        let request = ExecutionRequest {
            runtime: runtime.name.to_owned(),
            code_url: source.url().map(str::to_owned),
            code_hash: args.hash,
            allow_insecure_code_url: args.allow_insecure_code_url,
            file_extension: source.extension(),
            env: environment(args.sandbox.env),
            output_paths: (!outputs.is_empty())
                .then(|| outputs.iter().map(|output| output.source.clone()).collect()),
            install_packages: packages,
            workdir: args.workdir,
            agent_flags: args.agent_flags,
            ..ExecutionRequest::default()
        };
        Ok(Self {
            source,
            options,
            remote,
            request,
            setup: args.setup,
            input,
            files: args.files,
            out: args.out,
            outputs,
            force: args.force,
            stream: !args.no_stream,
            json: args.json,
            watch: args.watch,
        })
    }
}

/// Where an output goes: into a folder, to a file, or to its own name in the working directory.
fn output(path: &OutputPath) -> Result<Output, Failure> {
    let OutputPath {
        source,
        destination,
    } = path;
    let name = Path::new(source)
        .file_name()
        .ok_or_else(|| Failure::Usage(format!("--output-path {source}: it must name a file.")))?;
    let destination = match destination {
        None => PathBuf::from(name),
        Some(folder) if folder.is_dir() => folder.join(name),
        Some(file) => file.clone(),
    };
    // A folder may be written with its slash.
    let source = match source.trim_end_matches('/') {
        "" => source.clone(),
        trimmed => trimmed.to_owned(),
    };
    // Where a program works is the caller's choice. Its files are named from one place.
    let source = if source.starts_with('/') {
        source
    } else {
        format!("{SANDBOX}/{source}")
    };
    Ok(Output {
        source,
        destination,
    })
}

/// A URL of a web address; `flag` is named in the error.
fn web_address(flag: &str, text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|error| {
        let reason = match error {
            url::ParseError::RelativeUrlWithoutBase => {
                "it must be an address such as https://example.com/script.py".to_owned()
            }
            error => error.to_string(),
        };
        Failure::Usage(format!("Invalid {flag}: \"{text}\": {reason}"))
    })
}

#[cfg(test)]
mod tests;
