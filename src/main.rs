//! Parse, run, and turn an error into an exit code.

fn main() -> std::process::ExitCode {
    cic_conduit::cli::main(std::env::args_os())
}
