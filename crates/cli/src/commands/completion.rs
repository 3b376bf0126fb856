//! `completion` and `man`: what shells and `man` read, from the definitions of the commands.

use clap::CommandFactory as _;

use crate::{
    args::{Cli, CompletionArgs, ManArgs},
    failure::{Exit, Failure},
    output::print,
};

/// Prints the script for a shell.
pub(crate) fn run(args: CompletionArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "isol8", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}

/// Prints the manual page, or writes all of them.
pub(crate) fn manual(args: &ManArgs) -> Result<Exit, Failure> {
    let failed = |cause| Failure::input_output("Cannot write the manual", cause);
    if let Some(folder) = &args.folder {
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
        return Ok(Exit::Success);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(failed)?;
    print(String::from_utf8_lossy(&page).trim_end())
}
