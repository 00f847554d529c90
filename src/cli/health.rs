//! `health`: the integration health of a running agent, in the terminal.
//!
//! Reads `/health.json`, writes a table (or the JSON as it came) to stdout. The exit code is the state: 0 OK,
//! 1 Warning, 2 Error, 3 unknown; an agent that cannot be reached is unknown.

use crate::clock;
use crate::health::{Report, Shown, State};
use crate::time::Time;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use super::exit::{Failure, USAGE};

/// How long the agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The page's path.
const PATH: &str = "/health.json";

/// `health [--url URL] [--json]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the agent's `[http] listen` is
    #[arg(long, default_value = "http://127.0.0.1:9470")]
    url: String,
    /// Print the agent's answer as it is
    #[arg(long)]
    json: bool,
}

/// Asks once. The exit code is the number of the state.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let url = address(&args.url)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let state = match runtime.block_on(ask(&url)) {
        Ok((text, report)) => {
            let mut out = io::stdout().lock();
            if args.json {
                writeln!(out, "{}", text.trim_end())?;
            } else {
                print(&report, clock::now(), &mut out)?;
            }
            report.state
        }
        Err(why) => {
            // Nobody may be there to read it; the exit code says it too.
            let _ = writeln!(io::stderr(), "Unknown: {why}");
            State::Unknown
        }
    };
    Ok(ExitCode::from(state.number()))
}

fn address(url: &str) -> Result<reqwest::Url, Failure> {
    let wrong = || {
        // The value is not repeated: a password could stand in it.
        let text = "--url takes an address without a user, such as http://127.0.0.1:9470";
        Failure::new(USAGE, text)
    };
    let mut address = reqwest::Url::parse(url).map_err(|_| wrong())?;
    if !matches!(address.scheme(), "http" | "https")
        || !address.has_host()
        || !address.username().is_empty()
        || address.password().is_some()
    {
        return Err(wrong());
    }
    if address.path() == "/" {
        address.set_path(PATH);
    }
    Ok(address)
}

/// The agent's answer, as text and read; or why there is none.
async fn ask(url: &reqwest::Url) -> Result<(String, Report), String> {
    let mut client = reqwest::Client::builder().timeout(PATIENCE);
    let local = url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    });
    if local {
        client = client.no_proxy();
    }
    let unreachable = |error: reqwest::Error| {
        let cause = cause(&error);
        format!("no agent answers at {url} ({cause}); is it running, and is its [http] listen this address?")
    };
    let client = client.build().map_err(unreachable)?;
    let answer = client.get(url.clone()).send().await.map_err(unreachable)?;
    let status = answer.status();
    let text = answer.text().await.map_err(unreachable)?;
    if !status.is_success() {
        return Err(format!(
            "{url} answers {status}; is this the agent's [http] listen?"
        ));
    }
    let report = serde_json::from_str(&text);
    let report = report.map_err(|error| format!("{url} answers what is no health report: {error}"))?;
    Ok((text, report))
}

/// The innermost cause, which is what an operator understands.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn print(report: &Report, now: Time, out: &mut impl Write) -> io::Result<()> {
    let Report {
        state,
        version,
        time,
        items,
    } = report;
    writeln!(
        out,
        "Integration Health: {state} (cic-conduit {}, as of {time})\n",
        plain(version)
    )?;
    let width = items.iter().map(|item| item.title.chars().count()).max();
    let width = width.unwrap_or_default().max(4);
    writeln!(
        out,
        "{:width$}  {:7}  {:>9}  {:>9}  DETAIL",
        "ITEM", "STATE", "SINCE", "LAST OK"
    )?;
    for item in items {
        let Shown {
            title,
            state,
            since,
            last_success,
            detail,
            todo,
            ..
        } = item;
        let (since, last_success) = (ago(*since, now), ago(*last_success, now));
        writeln!(
            out,
            "{:width$}  {state:7}  {since:>9}  {last_success:>9}  {}",
            plain(title),
            plain(detail)
        )?;
        if !todo.is_empty() {
            writeln!(out, "{:width$}  to do: {}", "", plain(todo))?;
        }
    }
    Ok(())
}

/// How long ago, in its two largest units.
fn ago(time: Option<Time>, now: Time) -> String {
    let Some(time) = time else {
        return "never".to_owned();
    };
    let seconds = (now.millis() - time.millis()).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Text that does nothing to a terminal.
fn plain(text: &str) -> String {
    let harmless = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Board, Item};

    fn printed(report: &Report, now: Time) -> String {
        let mut out = Vec::new();
        print(report, now, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_says_state_since_and_what_to_do() {
        let board = Board::default();
        board.ok(Item::Kafka, "3 brokers");
        board.error(
            Item::Token,
            "401: the secret is wrong\u{1b}[2J",
            "set another secret",
        );
        let report = board.read();
        let text = printed(&report, report.time.plus(3_725_000));
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].starts_with("Integration Health: Error (cic-conduit "),
            "{text}"
        );
        let row = |title: &str| {
            lines
                .iter()
                .position(|line| line.starts_with(title))
                .unwrap_or_else(|| panic!("{text}"))
        };
        let kafka = lines[row("Kafka")];
        assert!(
            kafka.ends_with("  OK           1h 2m      1h 2m  3 brokers"),
            "{kafka}"
        );
        let token = row("Access token");
        assert!(
            lines[token].contains("  Error        1h 2m      never  401: the secret is wrong [2J"),
            "{text}"
        );
        assert!(lines[token + 1].ends_with("to do: set another secret"), "{text}");
    }

    #[test]
    fn a_time_is_told_in_two_units() {
        let now = Time::from_millis(10 * 86_400_000);
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (7260, "2h 1m"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(ago(Some(now.plus(-seconds * 1000)), now), text);
        }
        assert_eq!(ago(None, now), "never");
        assert_eq!(ago(Some(now.plus(5000)), now), "0s", "a clock that runs behind");
    }

    #[test]
    fn an_address_is_completed_and_nonsense_refused() {
        assert_eq!(address("http://h:1").unwrap().as_str(), "http://h:1/health.json");
        assert_eq!(
            address("http://h:1/conduit/health.json").unwrap().path(),
            "/conduit/health.json"
        );
        for wrong in ["127.0.0.1:9470", "file:///etc/passwd", "http://u:p@h:1", ""] {
            assert_eq!(address(wrong).unwrap_err().code, USAGE, "{wrong}");
        }
    }
}
