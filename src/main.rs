//! Parse, run, and turn an error into an exit code.

/// The agent makes and drops small pieces of text on several threads: this allocator does it in less time and gives
/// memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cic_conduit::cli::main(std::env::args_os())
}
