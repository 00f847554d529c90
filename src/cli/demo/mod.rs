//! `demo`: everything on this machine, and the story of a call.
//!
//! An embedded broker (librdkafka's mock), simulated traffic, the agent as it is, and the sandbox in Genesys Cloud's
//! place. At its end every record that was written must be accounted for; 70 when one is not, or an event was refused
//! or out of order.

mod figures;
mod story;
mod summary;

use crate::agent::Agent;
use crate::cli::exit::{Failure, INTERNAL, UNAVAILABLE};
use crate::cli::{log, run, stop};
use crate::clock;
use crate::config::Config;
use crate::health::Board;
use crate::http::Server;
use crate::metrics::{self, Recorder};
use crate::sandbox::{self, Handle};
use crate::simulate::kafka::{Pace, Target, Writer};
use crate::simulate::{self, Names, Simulation};
use anyhow::Context;
use figures::Figures;
use rdkafka::mocking::MockCluster;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;

const TOPIC: &str = "cic";
const GROUP: &str = "demo";
/// How long the last records may take after the traffic has ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two lines that say how it goes.
const NEWS: Duration = Duration::from_secs(10);

/// `demo [--for 60s]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End by itself after this time, such as 60s; without it Ctrl-C ends it
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Where the agent serves health and metrics
    #[arg(long, default_value = "127.0.0.1:9470")]
    listen: SocketAddr,
    /// Records per second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2000))]
    rate: u32,
    /// CIC agents
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=2000))]
    agents: u16,
    /// Repeats a run
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs until the time is over or it is told to stop; 0 only if all went well.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(demo(args));
    runtime.shutdown_background();
    ended
}

async fn demo(args: Args) -> anyhow::Result<ExitCode> {
    let told = stop::on_signal()?;
    let settings = simulate::Settings {
        agents: args.agents.into(),
        sites: 2,
        seed: args.seed,
        rate: args.rate,
        start: clock::now().millis(),
        // Its time runs faster than ours; in whole seconds a call would be over at once.
        precise: true,
        ..simulate::Settings::default()
    };
    let directory = Names::of(&settings).directory();
    let cluster = MockCluster::new(1).context("cannot start the embedded broker")?;
    cluster.create_topic(TOPIC, 2, 1)?;
    cluster.create_topic(&format!("{TOPIC}.{GROUP}.dead-letters"), 1, 1)?;
    cluster.create_topic(&format!("{TOPIC}.{GROUP}.state"), 2, 1)?;
    let brokers = cluster.bootstrap_servers();
    let stop = CancellationToken::new();
    let (sandbox, url) = open_sandbox(&directory, stop.clone()).await?;
    let config = configuration(&args, &brokers, &url)?;
    log::init(&config.log)?;
    let recorder = run::recorder()?;
    let board = Board::default();
    let server = Server::bind(args.listen).await.map_err(|error| {
        let text = format!("{error}; or give the demo another --listen");
        Failure::new(UNAVAILABLE, text)
    })?;
    let address = server.address();
    tokio::spawn(server.serve(board.clone(), recorder.clone(), stop.clone()));
    say(&format!(
        "CIC        {} simulated agents at 2 sites, {} records/s\n\
         Kafka      embedded, {brokers}, topic {TOPIC}\n\
         Genesys    sandbox, {url}/admin/summary\n\
         health     http://{address}/\n\
         metrics    http://{address}/metrics\n",
        args.agents, args.rate
    ))?;
    let agent = Agent::start(&config, board).await.map_err(run::failure)?;
    let agent = tokio::spawn(agent.run(stop.clone()));
    let quiet = CancellationToken::new();
    let writing = write(settings, &brokers, quiet.clone())?;
    let mut teller = Teller::new(&directory)?;
    watch(&args, &told, &recorder, &sandbox, &mut teller).await?;
    quiet.cancel();
    let written = writing.await??;
    let figures = settle(&recorder, written).await;
    teller.listen(&sandbox)?;
    stop.cancel();
    agent.await?;
    drop(cluster);
    let result = summary::Result {
        written,
        figures,
        sandbox: sandbox.summary(),
    };
    result.print(&mut io::stdout().lock())?;
    Ok(match result.complaints().is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(INTERNAL),
    })
}

async fn open_sandbox(directory: &str, stop: CancellationToken) -> anyhow::Result<(Handle, String)> {
    let settings = sandbox::Settings {
        directory: sandbox::Directory::from_json(directory)?,
        ..sandbox::Settings::default()
    };
    let handle = Handle::open(settings)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(sandbox::serve(listener, handle.clone(), stop));
    Ok((handle, url))
}

fn configuration(args: &Args, brokers: &str, url: &str) -> anyhow::Result<Config> {
    let text = format!(
        "[kafka]\nbrokers = [\"{brokers}\"]\ntopics = [\"{TOPIC}\"]\ngroup = \"{GROUP}\"\n\
         [genesys]\napi_url = \"{url}\"\nlogin_url = \"{url}\"\nclient_id = \"demo\"\n\
         [http]\nlisten = \"{}\"\n[log]\nlevel = \"warn\"\n",
        args.listen
    );
    let mut config = Config::parse(&text)?;
    config.genesys.client_secret = Some("demo".into());
    Ok(config)
}

/// Writes traffic until `quiet`; gives how many records the broker has.
fn write(
    settings: simulate::Settings,
    brokers: &str,
    quiet: CancellationToken,
) -> anyhow::Result<JoinHandle<anyhow::Result<u64>>> {
    let mut writer = Writer::open(&Target {
        brokers: brokers.to_owned(),
        topic: TOPIC.to_owned(),
        spread: Some(2),
        options: Vec::new(),
    })?;
    Ok(tokio::spawn(async move {
        writer
            .run(Simulation::new(&settings), Pace::default(), &quiet)
            .await?;
        let finished = tokio::task::spawn_blocking(move || writer.finish(PATIENCE)).await?;
        Ok(finished?.delivered)
    }))
}

/// Tells the first call worth it, and every now and then how it goes, until the end.
async fn watch(
    args: &Args,
    told: &CancellationToken,
    recorder: &Recorder,
    sandbox: &Handle,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    let end = async {
        match args.time {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut ticks = interval(Duration::from_millis(500));
    let mut next_news = Instant::now() + NEWS;
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            () = told.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        teller.listen(sandbox)?;
        if Instant::now() >= next_news {
            next_news += NEWS;
            let figures = Figures::read(&recorder.render());
            say(&format!(
                "{:>8} records read, {:>8} ended, {:>8} events accepted, {:>4} conversations open",
                figures.sum(metrics::RECORDS_CONSUMED),
                figures.sum(metrics::RECORDS_ENDED),
                figures.sum(metrics::EVENTS_ACCEPTED),
                figures.sum(metrics::OPEN_CONVERSATIONS),
            ))?;
        }
    }
}

/// Waits until every record has ended, but not for ever.
async fn settle(recorder: &Recorder, written: u64) -> Figures {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let figures = Figures::read(&recorder.render());
        let done = figures.sum(metrics::RECORDS_ENDED) as u64 >= written;
        if done || Instant::now() > deadline {
            return figures;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Tells of one call, once.
struct Teller {
    names: BTreeMap<String, String>,
    listener: Option<story::Listener>,
    /// Lines of the journal that were looked at.
    heard: usize,
}

impl Teller {
    fn new(directory: &str) -> anyhow::Result<Self> {
        let tables: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(directory)?;
        let names = tables.into_values().flatten().map(|(name, id)| (id, name));
        Ok(Self {
            names: names.collect(),
            listener: Some(story::Listener::default()),
            heard: 0,
        })
    }

    /// Tells the first call worth it, if it has ended by now.
    fn listen(&mut self, sandbox: &Handle) -> anyhow::Result<()> {
        let Some(listener) = &mut self.listener else {
            return Ok(());
        };
        let lines = sandbox.journal()?;
        let call = lines[self.heard.min(lines.len())..]
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .find_map(|line: Value| listener.hear(&line));
        self.heard = lines.len();
        if let Some(call) = call {
            let told = story::tell(&call, &self.names).join("\n  ");
            say(&format!("One call, as Genesys Cloud heard of it:\n  {told}\n"))?;
            self.listener = None;
        }
        Ok(())
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
