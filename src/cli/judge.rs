//! `judge`: the lines of `convert` or a sandbox's journal, held against the schemas and the sandbox's rules.
//!
//! Reads NDJSON; prints a summary to stdout and each problem, with its line and conversation, to stderr.

use super::exit::BAD_DATA;
use super::schema::open;
use crate::sandbox::judge::{Finding, Report, judge};
use anyhow::Context;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// More problems than this are counted and not printed.
const SHOWN: u64 = 50;

/// `judge [FILE]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// NDJSON of `convert`, or a sandbox's journal; `-`: stdin
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Runs the command; 65 when there is any problem.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut err = io::stderr().lock();
    let mut problems = 0;
    let report = judge(open(&args.file)?, |Finding { line, about, message }| {
        problems += 1;
        if problems <= SHOWN {
            let about = if about.is_empty() {
                "no conversation"
            } else {
                &about
            };
            // A reader that has gone away is no reason to stop judging.
            let _ = writeln!(err, "line {line}: {about}: {message}");
        }
    });
    let report = report.with_context(|| format!("cannot read {}", args.file.display()))?;
    if problems > SHOWN {
        writeln!(err, "and {} more problems", problems - SHOWN)?;
    }
    if report.events.is_empty() && problems == 0 {
        writeln!(err, "warning: there was nothing to judge")?;
    }
    print(&report, &mut io::stdout().lock())?;
    Ok(if problems == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(BAD_DATA)
    })
}

fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let events: u64 = report.events.values().sum();
    writeln!(out, "events          {events:>10}")?;
    for (array, count) in &report.events {
        writeln!(out, "  {array:<44} {count:>10}")?;
    }
    let conversations = report.conversations;
    writeln!(out, "repeats         {:>10}", report.repeats)?;
    writeln!(out, "conversations   {:>10}", conversations.conversations)?;
    writeln!(
        out,
        "  complete      {:>10}",
        conversations.conversations - conversations.open
    )?;
    writeln!(out, "  open          {:>10}", conversations.open)?;
    writeln!(out, "problems        {:>10}", report.problem_count())?;
    for (rule, count) in &report.problems {
        writeln!(out, "  {rule:<44} {count:>10}")?;
    }
    Ok(())
}
