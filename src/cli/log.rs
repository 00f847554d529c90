//! What is logged, and how: by `[log] format` and `[log] level`, to stderr.
//!
//! A warning or an error that repeats is written once, then counted: one broken broker must not fill a disk. So is
//! what the board says of an item, good news included. Events with an `event_id` are always written.

mod repeats;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHasher;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::exit::{CONFIG, Failure, INTERNAL};
use crate::config::{Log, LogFormat};
use repeats::{Fault, Repeated, Repeats};

/// What these crates tell below a warning is of no use to an operator, unless the level names them.
const QUIET: &str = "h2=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn";
/// Fields that tell which one of several equals is meant; others vary from one repeat to the next.
const SUBJECTS: &[&str] = &["topic", "partition", "lane", "item", "site", "endpoint", "kind"];

/// Logs to stderr from now on, in the whole process.
pub fn init(log: &Log) -> Result<(), Failure> {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = subscriber(log, io::stderr, colours)?;
    let twice = |error| Failure::new(INTERNAL, format!("cannot log: {error}"));
    subscriber.try_init().map_err(twice)
}

fn subscriber<W>(
    log: &Log,
    writer: W,
    colours: bool,
) -> Result<impl Subscriber + Send + Sync + use<W>, Failure>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match log.format {
        LogFormat::Human => layer
            .with_ansi(colours)
            .event_format(Limited::new(format::format(), LogFormat::Human))
            .boxed(),
        LogFormat::Json => layer
            .with_ansi(false)
            .fmt_fields(JsonFields::new())
            .event_format(Limited::new(format::format().json(), LogFormat::Json))
            .boxed(),
    };
    Ok(tracing_subscriber::registry().with(layer.with_filter(filter(&log.level)?)))
}

fn filter(level: &str) -> Result<EnvFilter, Failure> {
    let wrong = |what: &str| {
        let text = format!(
            "[log] level: {what}; write a level (off, error, warn, info, debug, trace), or more of them such as \
             \"warn,cic_conduit::kafka=debug\""
        );
        Failure::new(CONFIG, text)
    };
    for part in level.split(',').map(str::trim) {
        // A lone word that is no level would be taken for a target, and all else would be silent.
        if !part.contains(['=', '[']) && part.parse::<tracing::level_filters::LevelFilter>().is_err() {
            return Err(wrong(&format!("\"{part}\" is no level")));
        }
    }
    let parsed = EnvFilter::builder().parse(format!("{QUIET},{level}"));
    parsed.map_err(|error| wrong(&format!("\"{level}\" is no filter: {error}")))
}

/// Writes events as `inner` does, repeating faults once.
struct Limited<F> {
    inner: F,
    format: LogFormat,
    repeats: Mutex<Repeats>,
}

impl<F> Limited<F> {
    fn new(inner: F, format: LogFormat) -> Self {
        Self {
            inner,
            format,
            repeats: Mutex::default(),
        }
    }

    fn count(&self, writer: &mut Writer<'_>, repeated: &Repeated) -> fmt::Result {
        let Repeated {
            level,
            target,
            message,
            count,
        } = repeated;
        match self.format {
            LogFormat::Human => {
                SystemTime.format_time(writer)?;
                writeln!(writer, " {level:>5} {target}: {count} times more: {message}")
            }
            LogFormat::Json => {
                let mut time = String::new();
                SystemTime.format_time(&mut Writer::new(&mut time))?;
                let line = serde_json::json!({
                    "timestamp": time,
                    "level": level.as_str(),
                    "fields": {"message": message, "repeated": count},
                    "target": target,
                });
                writeln!(writer, "{line}")
            }
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Limited<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = Instant::now();
        let fault = fault(event);
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let due = repeats.due(now);
        let written = fault.is_none_or(|fault| repeats.hear(fault, now));
        drop(repeats);
        for repeated in &due {
            self.count(&mut writer, repeated)?;
        }
        if written {
            self.inner.format_event(ctx, writer, event)?;
        }
        Ok(())
    }
}

/// What `event` says, if it is a fault that is limited.
fn fault(event: &Event<'_>) -> Option<Fault> {
    let metadata = event.metadata();
    let has = |field| metadata.fields().field(field).is_some();
    // Levels are ordered by how much they tell.
    let limited = *metadata.level() <= Level::WARN || has("item");
    if !limited || has("event_id") {
        return None;
    }
    let mut read = Reading::default();
    metadata.callsite().hash(&mut read.hasher);
    event.record(&mut read);
    Some(Fault {
        key: read.hasher.finish(),
        level: *metadata.level(),
        target: metadata.target(),
        message: read.message,
    })
}

#[derive(Default)]
struct Reading {
    hasher: FxHasher,
    message: String,
}

impl Reading {
    fn text(&mut self, field: &Field, text: &str) {
        let name = field.name();
        name.hash(&mut self.hasher);
        if SUBJECTS.contains(&name) {
            text.hash(&mut self.hasher);
        } else {
            repeats::without_numbers(text).hash(&mut self.hasher);
        }
        if name == "message" {
            let readable = |letter: char| if letter.is_control() { ' ' } else { letter };
            self.message = text.chars().take(300).map(readable).collect();
        }
    }
}

impl Visit for Reading {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}
