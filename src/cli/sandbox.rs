//! `sandbox`: the stand-in for Genesys Cloud, until it is told to stop.
//!
//! Prints where it listens to stdout, and what it has seen at the end. The agent is pointed at it by `[genesys]
//! api_url` and `login_url`.

use crate::cli::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::cli::stop;
use crate::sandbox::{Directory, Handle, Settings, Summary, serve};
use anyhow::Context;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;

/// `sandbox --listen ADDR`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; anyone who reaches it may use its admin endpoints
    #[arg(long, default_value = "127.0.0.1:9480")]
    listen: SocketAddr,
    /// Write what is accepted to this file, in order of acceptance (NDJSON); it is emptied first
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Resolve only the names of this file (JSON, name to id by kind) instead of any name
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Requests per minute and token; 0: no limit
    #[arg(long, default_value_t = 300)]
    rate_limit: u32,
    /// How long a token lives, such as 30s or 24h
    #[arg(long, default_value = "24h", value_parser = humantime::parse_duration)]
    token_lifetime: Duration,
    /// Accept events that break a rule, and count them
    #[arg(long)]
    lenient: bool,
    /// Judge nothing and keep nothing, count events only: for measurements
    #[arg(long, conflicts_with_all = ["journal", "lenient"])]
    count_only: bool,
}

/// Serves until SIGINT or SIGTERM.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve_until_told(args))
}

async fn serve_until_told(args: Args) -> anyhow::Result<ExitCode> {
    let listen = args.listen;
    let cannot_open = |error| Failure::new(CONFIG, format!("{:#}", anyhow::Error::new(error)));
    let sandbox = Handle::open(settings(args)?).map_err(cannot_open)?;
    let listener = TcpListener::bind(listen).await;
    let cannot_listen = |error| {
        Failure::new(
            UNAVAILABLE,
            format!("cannot listen on {listen}: {error}; choose another --listen"),
        )
    };
    let listener = listener.map_err(cannot_listen)?;
    let stop = stop::on_signal()?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut out = io::stdout();
    writeln!(
        out,
        "sandbox listens on {url}; api_url and login_url are both this; any client id and secret will do"
    )?;
    writeln!(
        out,
        "{url}/admin/summary  {url}/admin/journal  {url}/admin/faults"
    )?;
    out.flush()?;
    serve(listener, sandbox.clone(), stop).await?;
    print(&sandbox.summary(), &mut out)?;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: Args) -> anyhow::Result<Settings> {
    let directory = match &args.directory {
        None => Directory::any(),
        Some(file) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let wrong = |error| {
                Failure::new(
                    CONFIG,
                    format!("{} is no directory file: {error}", file.display()),
                )
            };
            Directory::from_json(&text).map_err(wrong)?
        }
    };
    Ok(Settings {
        journal: args.journal,
        directory,
        rate_limit: args.rate_limit,
        token_lifetime: args.token_lifetime,
        lenient: args.lenient,
        count_only: args.count_only,
        ..Settings::default()
    })
}

fn print(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let requests: u64 = summary.requests.values().sum();
    let Summary {
        accepted_total,
        repeats,
        refused,
        faulted,
        throttled,
        conversations,
        ..
    } = summary;
    writeln!(out, "{requests} requests, {throttled} over the rate limit")?;
    writeln!(
        out,
        "{accepted_total} events accepted, {repeats} repeats, {refused} refused, {faulted} by faults"
    )?;
    writeln!(
        out,
        "{} conversations, {} open",
        conversations.conversations, conversations.open
    )?;
    for (rule, count) in &summary.violations {
        writeln!(out, "  {rule}: {count}")?;
    }
    Ok(())
}
