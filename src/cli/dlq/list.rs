//! `dlq list`: a line per letter.

use std::io::{self, BufWriter, Write};

use super::filter::Filter;
use super::letter::Seen;
use super::redact;
use super::{Configured, Letters};

/// `dlq list --config FILE [--json] [filter]`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configured: Configured,
    #[command(flatten)]
    filter: Filter,
    /// Print each as JSON
    #[arg(long)]
    json: bool,
}

/// Prints them as they are read.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let letters = Letters::open(&args.configured)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut count = 0u64;
    letters.each(|seen, record| {
        if !args.filter.takes(&seen, record) {
            return Ok(());
        }
        count += 1;
        let message = redact::text(&seen.message);
        let seen = Seen { message, ..seen };
        match args.json {
            true => {
                serde_json::to_writer(&mut out, &seen)?;
                writeln!(out)?;
            }
            false => writeln!(out, "{}", line(&seen))?,
        }
        Ok(())
    })?;
    out.flush()?;
    if count == 0 {
        writeln!(io::stderr(), "no dead letter fits")?;
    }
    Ok(())
}

/// One line, whatever the message holds.
pub(super) fn line(seen: &Seen) -> String {
    let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let replayed = match seen.replayed {
        true => "  [replayed]",
        false => "",
    };
    let message: String = seen
        .message
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    format!(
        "{}  {}  {}  {}  {}  {}  {message}{replayed}",
        seen.position,
        seen.time,
        seen.stage,
        seen.class,
        or_dash(&seen.lane),
        or_dash(&seen.conversation),
    )
}
