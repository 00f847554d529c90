//! `dlq`: the dead letters. Listed, shown, and replayed into the input partition that they came from.
//!
//! Reads the dead-letter topics of the configured input topics as they are now, without a group, in bounded memory.
//! That a letter was replayed stands in its topic too, as a marker after it.

mod filter;
mod letter;
mod list;
mod redact;
mod replay;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::agent::settings;
use crate::cli::check::kafka::code;
use crate::cli::exit::{BAD_DATA, CONFIG, Failure, UNAVAILABLE};
use crate::config::{Config, Part, Sources};
use crate::kafka::{Archive, Fault, Kind, Place, Record, Unreadable, probe};

/// How long Kafka may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// `dlq list | show | replay`.
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a line per dead letter
    List(list::Args),
    /// Print one dead letter whole
    Show(show::Args),
    /// Write dead letters to the input partition that they came from, for the agent to send again
    Replay(replay::Args),
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
struct Configured {
    /// The agent's configuration
    #[arg(long)]
    config: PathBuf,
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Replay(args) => replay::run(&args),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// The dead-letter topics, as they are now.
struct Letters {
    config: Config,
    archive: Archive,
    /// How many partitions each input topic has.
    inputs: BTreeMap<String, usize>,
    /// The letters that were replayed, by partition and offset.
    replayed: BTreeMap<Place, FxHashSet<i64>>,
}

impl Letters {
    /// Finds them, and which of them were replayed.
    fn open(configured: &Configured) -> anyhow::Result<Self> {
        let config = Config::load(&Sources::process(Some(configured.config.clone())))
            .and_then(|config| config.require(&[Part::Kafka]).map(|()| config))
            .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        let settings = settings::kafka(&config);
        let found = probe(&settings, PATIENCE).map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        if found.reached.is_none() {
            return Err(match found.faults.first() {
                Some(fault) => failed(fault),
                None => Failure::new(
                    UNAVAILABLE,
                    format!("Kafka cannot be reached: {} did not answer", settings.brokers),
                ),
            }
            .into());
        }
        if let Some(fault) = found.asked.iter().find_map(|asked| asked.fault.as_ref()) {
            return Err(failed(fault).into());
        }
        let topics = found.asked.iter().flat_map(|asked| &asked.topics);
        let inputs: BTreeMap<String, usize> = topics
            .map(|topic| (topic.name.clone(), topic.partitions))
            .collect();
        let names: BTreeSet<String> = inputs
            .keys()
            .map(|input| config.dead_letter_topic(input))
            .collect();
        let mut places = Vec::new();
        for name in &names {
            match found.topic(name) {
                Some(there) => {
                    let partitions = i32::try_from(there.partitions).unwrap_or(i32::MAX);
                    places.extend((0..partitions).map(|partition| Place::new(name.as_str(), partition)));
                }
                None => {
                    let _ = writeln!(
                        io::stderr(),
                        "warning: the topic {name} is not there, or may not be seen"
                    );
                }
            }
        }
        if places.is_empty() {
            let names: Vec<String> = names.into_iter().collect();
            let what = match names.is_empty() {
                true => {
                    "no input topic fits [kafka] topics, so it is not known where its dead letters are".into()
                }
                false => format!(
                    "there is no dead-letter topic ({}), or the user may not see it: nothing was refused yet, or \
                     [kafka] topics, group or dead_letter_topic are not the agent's",
                    names.join(", ")
                ),
            };
            return Err(Failure::new(CONFIG, what).into());
        }
        let archive = Archive::open(&settings, places, PATIENCE).map_err(unreadable)?;
        let mut letters = Self {
            config,
            archive,
            inputs,
            replayed: BTreeMap::new(),
        };
        letters.find_replayed()?;
        Ok(letters)
    }

    fn find_replayed(&mut self) -> anyhow::Result<()> {
        let replayed = &mut self.replayed;
        let read = self.archive.all(|_, record| {
            if let Some((place, offset)) = letter::replayed(&record) {
                replayed.entry(place).or_default().insert(offset);
            }
            true
        });
        read.map_err(unreadable)
    }

    fn was_replayed(&self, place: &Place, offset: i64) -> bool {
        self.replayed
            .get(place)
            .is_some_and(|offsets| offsets.contains(&offset))
    }

    /// Every letter, in its order, for as long as `take` says so.
    fn each(&self, mut take: impl FnMut(letter::Seen, &Record) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut failed = None;
        let read = self.archive.all(|place, record| {
            let Some(seen) = letter::see(place, &record, self.was_replayed(place, record.offset)) else {
                return true;
            };
            failed = take(seen, &record).err();
            failed.is_none()
        });
        failed.map_or(Ok(()), Err)?;
        read.map_err(unreadable)
    }

    /// The letter at a position.
    fn at(&self, position: &str) -> anyhow::Result<(letter::Seen, Record)> {
        let (place, offset) = letter::position(position)?;
        let stretches = self.archive.stretches();
        let none = || {
            let what =
                format!("{position}: there is no letter; `dlq list` prints the positions of those there are");
            anyhow::Error::from(Failure::new(BAD_DATA, what))
        };
        let there = stretches
            .iter()
            .any(|(one, offsets)| *one == place && offsets.contains(&offset));
        if !there {
            return Err(none());
        }
        let mut found = None;
        let read = self.archive.some(&place, offset..offset + 1, |_, record| {
            found = (record.offset == offset).then_some(record);
            false
        });
        read.map_err(unreadable)?;
        let record = found.ok_or_else(none)?;
        let seen = letter::see(&place, &record, self.was_replayed(&place, offset)).ok_or_else(none)?;
        Ok((seen, record))
    }
}

fn unreadable(error: Unreadable) -> anyhow::Error {
    match error {
        Unreadable::Refused(error) => Failure::new(CONFIG, error.to_string()),
        Unreadable::Fault(fault) => failed(&fault),
    }
    .into()
}

fn failed(fault: &Fault) -> Failure {
    let what = match fault.kind {
        Kind::Permission => format!(
            "{fault}: `dlq` needs READ on the dead-letter topic, `dlq replay` WRITE on it and on the input"
        ),
        _ => fault.to_string(),
    };
    Failure::new(code(fault.kind), what)
}
