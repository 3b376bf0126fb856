//! The `isol8` program.

fn main() -> std::process::ExitCode {
    isol8_cli::main(std::env::args_os())
}
