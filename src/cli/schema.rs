//! `schema`: the compiled-in schemas, for analysts: list them, print one, hold NDJSON against one.
//!
//! Reads files or stdin, writes the schemas to stdout and problems to stderr, one per line as
//! `file:line:path message`. It never changes what it reads.

use super::exit::{BAD_DATA, USAGE};
use crate::schema::{self, Counts, Error};
use anyhow::Context;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `schema list|show NAME|validate NAME [FILE…]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Name every schema, one per line, with what it describes
    List,
    /// Print the JSON Schema of that name
    Show {
        /// One of the names of `schema list`
        name: String,
    },
    /// Hold NDJSON against a schema; problems go to stderr as file:line:path message
    Validate {
        /// One of the names of `schema list`
        name: String,
        /// NDJSON files; `-` or none: stdin
        files: Vec<PathBuf>,
    },
}

/// Runs the command; 65 when something does not fit, 64 when no schema has that name.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.action {
        Action::List => {
            for schema in schema::list() {
                writeln!(out, "{:<28} {}", schema.name, schema.about)?;
            }
        }
        Action::Show { name } => match schema::show(&name) {
            Ok(text) => out.write_all(text.as_bytes())?,
            Err(error) => return usage(&error),
        },
        Action::Validate { name, files } => {
            if let Err(error) = schema::show(&name) {
                return usage(&error);
            }
            return validate(&name, files, &mut out);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn validate(name: &str, mut files: Vec<PathBuf>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if files.is_empty() {
        files.push("-".into());
    }
    let mut err = io::stderr().lock();
    let mut sum = Counts::default();
    for file in files {
        let shown = file.display();
        let counts = schema::validate_lines(name, open(&file)?, |at| {
            // A reader that has gone away is no reason to stop counting.
            let _ = writeln!(
                err,
                "{shown}:{}:{} {}",
                at.line, at.problem.path, at.problem.message
            );
        });
        let counts = counts.with_context(|| format!("{shown}"))?;
        sum.lines += counts.lines;
        sum.bad += counts.bad;
    }
    writeln!(out, "{} lines, {} do not fit {name}", sum.lines, sum.bad)?;
    Ok(if sum.bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(BAD_DATA)
    })
}

/// A file to read line by line; `-` is stdin.
pub(super) fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 18, opened)))
}

fn usage(error: &Error) -> anyhow::Result<ExitCode> {
    writeln!(io::stderr(), "error: {error}")?;
    Ok(ExitCode::from(USAGE))
}
