//! `simulate`: CIC traffic into a topic, or as NDJSON into a file or stdout.
//!
//! Into a topic record times begin now and pass as the clock does; into a file they begin at a fixed time and the
//! whole is written as fast as it goes, so that the same flags give the same bytes.

use super::exit::{CONFIG, Failure, UNAVAILABLE, USAGE};
use crate::clock;
use crate::simulate::kafka::{Error, Pace, Target, Writer};
use crate::simulate::{DEFAULT_START, Form, Names, Said, Settings, Simulation};
use crate::time::Time;
use anyhow::Context;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the last records may take to be delivered.
const PATIENCE: Duration = Duration::from_secs(35);
/// Lines between two looks at the signals.
const LINES: u64 = 4096;

/// `simulate --brokers B --topic T` or `simulate --output FILE`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("where").required(true).multiple(true).args(["brokers", "output", "directory"])))]
pub struct Args {
    /// Write into Kafka: host:port, separated by commas
    #[arg(long, requires = "topic", conflicts_with = "output")]
    brokers: Option<String>,
    /// The topic to write into
    #[arg(long, requires = "brokers")]
    topic: Option<String>,
    /// Spread the sites over this many partitions by their number, not by their key's hash
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), requires = "brokers")]
    partitions: Option<i32>,
    /// An option of librdkafka for the producer, name=value
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = option, requires = "brokers")]
    options: Vec<(String, String)>,
    /// Write NDJSON into this file; `-`: stdout
    #[arg(long)]
    output: Option<PathBuf>,
    /// Records per second of record time, all sites together
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Agents, shared out over the sites
    #[arg(long, default_value_t = 50, value_parser = count)]
    agents: usize,
    /// CIC sites; a record's key is its site
    #[arg(long, default_value_t = 1, value_parser = count)]
    sites: usize,
    /// Another seed, other traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after so many records
    #[arg(long)]
    records: Option<u64>,
    /// End after so much record time, such as 10m
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    for_time: Option<Duration>,
    /// The first record's time (ISO 8601) [default: now into Kafka, 2026-03-02T08:00:00Z into a file]
    #[arg(long, value_parser = time)]
    start: Option<Time>,
    /// Write as fast as the broker takes it, not as the clock goes
    #[arg(long, requires = "brokers")]
    flat_out: bool,
    /// How a record carries a message
    #[arg(long, value_enum, default_value_t = Carrier::Structured)]
    form: Carrier,
    /// Give CloudEvents times in ms, not in whole seconds; CIC's own stamps are whole seconds in any case
    #[arg(long)]
    precise: bool,
    /// Records that only repeat what is known, in thousandths of all
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(0..=900))]
    noise: u32,
    /// Write the truth to this file: who spoke to whom and when (NDJSON)
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Write a directory file of all names to this file
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// `--form`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Carrier {
    /// CloudEvents, structured
    Structured,
    /// CloudEvents, binary: headers beside the message; into a file as `kcat -J` prints it
    Binary,
    /// The message alone
    Bare,
}

fn option(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("no whole number".to_owned()),
    }
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "no time such as 2026-03-02T08:00:00Z".to_owned())
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let settings = settings(&args)?;
    if let Some(file) = &args.directory {
        let text = Names::of(&settings).directory();
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let truth = args.truth.as_deref().map(create).transpose()?;
    let mut simulation = Simulation::new(&settings);
    let in_time = args.for_time.map(|time| settings.records_in(time));
    let pace = Pace {
        flat_out: args.flat_out,
        records: args.records.into_iter().chain(in_time).min(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let stop = runtime.block_on(async { stop_when_told() })?;
    let mut traffic = Traffic {
        simulation: &mut simulation,
        truth,
    };
    match (&args.brokers, &args.topic, &args.output) {
        (Some(brokers), Some(topic), _) => {
            let target = Target {
                brokers: brokers.clone(),
                topic: topic.clone(),
                spread: args.partitions,
                options: args.options,
            };
            runtime.block_on(into_kafka(&mut traffic, &target, pace, &stop))?;
        }
        (_, _, Some(file)) => into_file(&mut traffic, file, args.form, pace, &stop)?,
        _ => return Ok(ExitCode::SUCCESS),
    }
    if let Some(mut truth) = traffic.truth.take() {
        truth.write_all(&simulation.finish())?;
        truth.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    if args.form == Carrier::Bare && args.sites > 1 {
        let message = "--form bare says of no record which site it is of: use one site, or another form";
        return Err(Failure::new(USAGE, message).into());
    }
    if args.sites > args.agents {
        let message = format!("{} sites need as many --agents at least", args.sites);
        return Err(Failure::new(USAGE, message).into());
    }
    let default = if args.brokers.is_some() {
        clock::now()
    } else {
        Time::from_millis(DEFAULT_START)
    };
    Ok(Settings {
        agents: args.agents,
        sites: args.sites,
        seed: args.seed,
        rate: args.rate,
        start: args.start.unwrap_or(default).millis(),
        form: match args.form {
            Carrier::Structured => Form::Structured,
            Carrier::Binary => Form::Binary,
            Carrier::Bare => Form::Bare,
        },
        precise: args.precise,
        noise: args.noise,
        truth: args.truth.is_some(),
        ..Settings::default()
    })
}

/// A simulation that writes its truth down as it goes.
struct Traffic<'a> {
    simulation: &'a mut Simulation,
    truth: Option<BufWriter<File>>,
}

impl Traffic<'_> {
    fn keep_truth(&mut self) -> io::Result<()> {
        match &mut self.truth {
            Some(truth) => truth.write_all(&self.simulation.take_truth()),
            None => Ok(()),
        }
    }
}

fn create(file: &Path) -> anyhow::Result<BufWriter<File>> {
    let opened = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(BufWriter::new(opened))
}

fn stop_when_told() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        told.cancel();
    });
    Ok(stop)
}

async fn into_kafka(
    traffic: &mut Traffic<'_>,
    target: &Target,
    pace: Pace,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let failed = |error: Error| {
        let code = if matches!(error, Error::Refused(_)) {
            CONFIG
        } else {
            UNAVAILABLE
        };
        Failure::new(code, error.to_string())
    };
    let mut writer = Writer::open(target).map_err(failed)?;
    let mut kept = Ok(());
    let records = std::iter::from_fn(|| {
        kept = traffic.keep_truth();
        kept.is_ok().then(|| traffic.simulation.next()).flatten()
    });
    let written = writer.run(records, pace, stop).await;
    // What was handed over is waited for also when the rest failed.
    let finished = tokio::task::block_in_place(|| writer.finish(PATIENCE));
    kept.context("cannot write the truth")?;
    written.map_err(failed)?;
    let total = finished.map_err(failed)?;
    writeln!(
        io::stderr(),
        "{} records, {} bytes written to {}",
        total.delivered,
        total.bytes,
        target.topic
    )?;
    Ok(())
}

fn into_file(
    traffic: &mut Traffic<'_>,
    file: &Path,
    form: Carrier,
    pace: Pace,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let (mut out, name): (Box<dyn Write>, _) = if file == Path::new("-") {
        let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        (Box::new(out), "stdout".into())
    } else {
        (Box::new(create(file)?), file.display().to_string())
    };
    let cannot = || format!("cannot write {name}");
    let mut offsets = std::collections::HashMap::new();
    let mut count = 0;
    while pace.records.is_none_or(|most| count < most) {
        if count % LINES == 0 {
            traffic.keep_truth().context("cannot write the truth")?;
            if stop.is_cancelled() {
                break;
            }
        }
        let Some(said) = traffic.simulation.next() else {
            break;
        };
        count += 1;
        let mut line = match form {
            Carrier::Binary => {
                let offset = offsets.entry(said.site.clone()).or_insert(0u64);
                *offset += 1;
                kcat(&said, *offset - 1)?.into_bytes()
            }
            Carrier::Structured | Carrier::Bare => said.value,
        };
        line.push(b'\n');
        out.write_all(&line).with_context(cannot)?;
    }
    out.flush().with_context(cannot)
}

/// A line as `kcat -J` prints it; each site is a partition.
fn kcat(said: &Said, offset: u64) -> anyhow::Result<String> {
    let headers: Vec<&str> = said
        .headers
        .iter()
        .flat_map(|(name, value)| [*name, value])
        .collect();
    let partition = said.site_number;
    // By hand: readers know a line by how it begins.
    let line = format!(
        r#"{{"topic":"simulated","partition":{partition},"offset":{offset},"tstype":"create","ts":{},"broker":0,"headers":{},"key":{},"payload":{}}}"#,
        said.time,
        serde_json::to_string(&headers)?,
        serde_json::to_string(&*said.site)?,
        serde_json::to_string(std::str::from_utf8(&said.value)?)?,
    );
    Ok(line)
}
