//! The command line: one file per subcommand.
//!
//! In: the arguments. Out: an exit code of sysexits' kind, and on stderr what failed, where and what to do. A
//! reader of stdout that has gone away is no failure. No command is listed that does not work.

pub mod check;
pub mod convert;
pub mod demo;
pub mod dlq;
pub mod exit;
pub mod health;
pub mod judge;
mod lines;
pub mod log;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod simulate;
mod stop;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Carries a PureConnect contact centre's live events from Kafka into Genesys Cloud, in order and without loss.
#[derive(Debug, Parser)]
#[command(name = "cic-conduit", version, after_help = exit::HELP, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent
    Run(run::Args),
    /// Show everything at work on this machine, and tell the story of a call
    Demo(demo::Args),
    /// Say whether the agent would work here, and what to do where it would not
    Check(check::Args),
    /// Convert CIC messages into events, with no network
    Convert(convert::Args),
    /// List, print and apply the schemas of what Genesys Cloud accepts
    Schema(schema::Args),
    /// Hold events against the schemas and the rules beyond shapes
    Judge(judge::Args),
    /// List, show and replay the dead letters
    Dlq(dlq::Args),
    /// Show the integration health of a running agent
    Health(health::Args),
    /// Say what a simulated contact centre's CIC says, into Kafka or a file
    Simulate(simulate::Args),
    /// Stand in for Genesys Cloud on this machine
    Sandbox(sandbox::Args),
}

/// Parses the arguments, runs the command, and says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match Cli::try_parse_from(args) {
        Ok(parsed) => parsed,
        // `--help` and `--version` come this way too, and are no error.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(exit::USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let ended = match parsed.command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Check(args) => check::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Judge(args) => judge::run(args),
        Command::Dlq(args) => dlq::run(args),
        Command::Health(args) => health::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Sandbox(args) => sandbox::run(args),
    };
    ended.unwrap_or_else(|error| {
        let code = exit::code(&error);
        if code != exit::OK {
            let _ = writeln!(io::stderr(), "error: {error:#}");
        }
        ExitCode::from(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
