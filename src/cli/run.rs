//! `run`: the agent, until it is told to stop.

mod dry;

use crate::agent::{self, Agent};
use crate::cli::exit::{CONFIG, CREDENTIALS, Failure, INTERNAL, UNAVAILABLE};
use crate::cli::{log, stop};
use crate::config::{Config, Part, Sources};
use crate::health::Board;
use crate::http::Server;
use crate::metrics::Recorder;
use crate::{convert, metrics, names};
use std::path::PathBuf;
use std::process::ExitCode;

/// `run --config FILE [--dry-run]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's configuration
    #[arg(long)]
    config: PathBuf,
    /// Convert and print events; join no group, send and commit nothing, ask Genesys Cloud for nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs until SIGINT or SIGTERM, then stops cleanly.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let parts: &[Part] = match args.dry_run {
        true => &[Part::Kafka],
        false => &[Part::Kafka, Part::Genesys],
    };
    let config = Config::load(&Sources::process(Some(args.config)))
        .and_then(|config| config.require(parts).map(|()| config))
        .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
    log::init(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = match args.dry_run {
        true => runtime.block_on(dry::until_told(config)),
        false => runtime.block_on(until_told(config)),
    };
    // A lookup or a probe may still be under way; nobody waits for it.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

async fn until_told(config: Config) -> anyhow::Result<()> {
    let stop = stop::on_signal()?;
    let recorder = recorder()?;
    let board = Board::default();
    let server = Server::bind(config.http.listen)
        .await
        .map_err(|error| Failure::new(UNAVAILABLE, error.to_string()))?;
    let address = server.address();
    let serving = tokio::spawn(server.serve(board.clone(), recorder, stop.child_token()));
    let agent = tokio::select! {
        agent = Agent::start(&config, board) => agent.map_err(failure)?,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), health = %format!("http://{address}/"), "running");
    agent.run(stop).await;
    serving.await??;
    Ok(())
}

/// The recorder of this process, with the series that only other modules know.
pub(super) fn recorder() -> anyhow::Result<Recorder> {
    let recorder = Recorder::install().map_err(|error| Failure::new(INTERNAL, error.to_string()))?;
    let reasons = convert::Reason::ALL.map(convert::Reason::as_str);
    recorder.present(metrics::PARTS_SKIPPED, "reason", reasons);
    recorder.present(metrics::RECORDS_SKIPPED, "reason", reasons);
    let reasons = names::Reason::ALL.map(names::Reason::as_str);
    recorder.present(metrics::EVENTS_LEFT_OUT, "reason", reasons);
    tokio::spawn(recorder.upkeep());
    Ok(recorder)
}

/// What a failed start means to whoever started us.
pub(super) fn failure(error: agent::Error) -> Failure {
    let code = match error {
        agent::Error::Credentials(_) => CREDENTIALS,
        agent::Error::Config(_)
        | agent::Error::Directory(_)
        | agent::Error::Genesys(_)
        | agent::Error::Kafka(_) => CONFIG,
    };
    Failure::new(code, error.to_string())
}
