//! `dlq show`: one letter whole.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::letter::Seen;
use super::redact;
use super::{Configured, Letters};
use crate::agent::letter;

/// `dlq show --config FILE [--full] POSITION`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configured: Configured,
    /// As `dlq list` prints it: topic/partition:offset
    position: String,
    /// Print numbers, addresses, names and all other text of people too
    #[arg(long)]
    full: bool,
}

/// Prints it as JSON.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let letters = Letters::open(&args.configured)?;
    let (seen, record) = letters.at(&args.position)?;
    let bytes = record.value.as_deref().unwrap_or_default();
    let is_event = seen.stage == letter::DELIVER;
    let value = match (serde_json::from_slice::<Value>(bytes), args.full) {
        (Ok(value), true) => value,
        (Ok(value), false) => redact::json(value),
        (Err(_), true) => String::from_utf8_lossy(bytes).into_owned().into(),
        (Err(_), false) => format!("{} bytes that are no JSON; --full prints them", bytes.len()).into(),
    };
    let message = match args.full {
        true => seen.message.clone(),
        false => redact::text(&seen.message),
    };
    let mut shown: Map<String, Value> = match json!(Seen { message, ..seen }) {
        Value::Object(shown) => shown,
        _ => Map::new(),
    };
    let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
    shown.insert("key".into(), key.into());
    if !is_event {
        // What came with the record; an event's letter has nothing that does not stand above.
        let own = |name: &str| name.starts_with("__connect.errors.") || name.starts_with("cic_conduit.");
        let headers = record.headers.iter().filter(|(name, _)| !own(name));
        let named = headers.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()));
        shown.insert("headers".into(), Value::Object(named.collect()));
    }
    shown.insert("value".into(), value);
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &shown)?;
    writeln!(out)?;
    Ok(())
}
