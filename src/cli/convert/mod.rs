//! `convert`: CIC messages in, events out, with no network. What the agent would make of a capture.
//!
//! Reads NDJSON, plain or gzip: structured CloudEvents, bare ICWS messages, or the lines of `kcat -J`. Prints one line
//! per event to stdout, `{"lane":…,"type":…,"event":{…}}`, by input record and within it by lane. A line that cannot
//! be read is named on stderr; the others are converted all the same, and the exit code is 65.

mod input;

use crate::cic;
use crate::cli::exit::{BAD_DATA, CONFIG, Failure};
use crate::cli::lines::{self, Converter, Made, Partition, Raw};
use crate::config::{Config, Sources};
use crate::time::Time;
use anyhow::Context;
use input::Line;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// More bad lines than this are counted and not printed.
const SHOWN: u64 = 50;

/// `convert [FILE]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// NDJSON, plain or gzip; `-`: stdin
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The agent's configuration; without it every key has its default
    #[arg(long)]
    config: Option<PathBuf>,
    /// The directory file (JSON, CIC name to Genesys Cloud id by kind); without one every name is given an id made
    /// of itself
    #[arg(long)]
    directory: Option<PathBuf>,
    /// The time of the first lines that carry none, such as 2026-03-29T08:00:00Z
    #[arg(long, value_parser = time)]
    time: Option<Time>,
    /// Print to stderr, at the end, how many records came to what
    #[arg(long)]
    summary: bool,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "no time; write it like 2026-03-29T08:00:00Z".into())
}

/// Runs the command; 65 when a line could not be read.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::load(&Sources::process(args.config))
        .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
    let directory = lines::directory(args.directory.as_deref(), &config)?;
    let (input, name) = input::open(&args.file)?;
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut work = Work::new(Converter::new(&config, directory), name, args.time, out);
    work.all(input)?;
    if args.summary {
        work.made.tally.print(&mut io::stderr().lock())?;
    }
    Ok(match work.made.tally.bad {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(BAD_DATA),
    })
}

/// One conversion from beginning to end.
struct Work<W: Write> {
    converter: Converter,
    /// What lines are known by that say nothing themselves.
    name: String,
    /// The last time that a line carried.
    time: Option<Time>,
    /// By topic and partition; lines that are no Kafka records have the empty topic.
    partitions: BTreeMap<(String, i32), Partition>,
    made: Made,
    out: W,
}

impl<W: Write> Work<W> {
    fn new(converter: Converter, name: String, time: Option<Time>, out: W) -> Self {
        Self {
            converter,
            name,
            time,
            partitions: BTreeMap::new(),
            made: Made::default(),
            out,
        }
    }

    fn all(&mut self, mut input: impl BufRead) -> anyhow::Result<()> {
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            number += 1;
            let read = input.read_until(b'\n', &mut line);
            if read.with_context(|| format!("{}: cannot read line {number}", self.name))? == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(error) = self.line(&line, number) {
                self.bad(number, &error)?;
            }
            self.made.order.write(&mut self.out)?;
        }
        for partition in self.partitions.values_mut() {
            self.converter.finish(partition, number, &mut self.made);
        }
        self.made.order.finish(&mut self.out)?;
        Ok(self.out.flush()?)
    }

    fn line(&mut self, line: &[u8], number: u64) -> anyhow::Result<()> {
        let line = Line::read(line).map_err(anyhow::Error::msg)?;
        let own = format!("{}:{number}", self.name);
        let id = line.place();
        let raw = Raw {
            value: line.value(),
            id: id.as_deref().unwrap_or(&own),
            timestamp: line.time(),
            time: self.time,
            position: number,
        };
        let replay = self.converter.replay(&raw, line.headers(), &mut self.made);
        if replay.map_err(anyhow::Error::msg)? {
            return Ok(());
        }
        let record = self.converter.read(&raw, line.headers());
        let record = record.map_err(|error| match error {
            cic::Error::NoTime => anyhow::anyhow!("{error}; give one by --time"),
            error => error.into(),
        })?;
        self.time = Some(record.time);
        let partition = self
            .partitions
            .entry(line.partition())
            .or_insert_with(|| self.converter.partition());
        self.converter.record(partition, &raw, &record, &mut self.made);
        match record.unreadable.first() {
            Some(part) => Err(anyhow::anyhow!("{part}")),
            None => Ok(()),
        }
    }

    fn bad(&mut self, line: u64, error: &anyhow::Error) -> io::Result<()> {
        self.made.tally.bad += 1;
        if self.made.tally.bad <= SHOWN {
            writeln!(io::stderr(), "{}:{line}: {error:#}", self.name)?;
        }
        Ok(())
    }
}
