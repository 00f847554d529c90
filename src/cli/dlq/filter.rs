//! Which letters a command takes.

use super::letter::Seen;
use crate::agent::letter;
use crate::clock;
use crate::kafka::Record;
use crate::time::Time;

/// Every condition that is given must hold.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Only letters of this class (Refused, DependsOnRefused, Unreadable, PartlyUnreadable), or whose message holds this
    #[arg(long)]
    reason: Option<String>,
    /// Only letters written since: a time (RFC 3339), or how long ago, such as `2h`
    #[arg(long, value_parser = moment)]
    since: Option<Time>,
    /// Only letters written before: as `--since`
    #[arg(long, value_parser = moment)]
    until: Option<Time>,
    /// Only events of this conversation of Genesys Cloud, and records that cannot be read and name this
    #[arg(long)]
    conversation: Option<String>,
}

impl Filter {
    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            reason,
            since,
            until,
            conversation,
        } = self;
        reason.is_none() && since.is_none() && until.is_none() && conversation.is_none()
    }

    /// Whether it takes this one.
    pub(super) fn takes(&self, seen: &Seen, record: &Record) -> bool {
        let says = |reason: &String| {
            let is_class = letter::CLASSES
                .iter()
                .any(|class| class.eq_ignore_ascii_case(reason));
            match is_class {
                true => seen.class.eq_ignore_ascii_case(reason),
                false => seen.message.to_lowercase().contains(&reason.to_lowercase()),
            }
        };
        self.reason.as_ref().is_none_or(says)
            && self.since.is_none_or(|since| seen.at >= since)
            && self.until.is_none_or(|until| seen.at < until)
            && self
                .conversation
                .as_ref()
                .is_none_or(|conversation| seen.is_about(conversation, record))
    }
}

/// Reads a time, or how long ago it was.
fn moment(text: &str) -> Result<Time, String> {
    let ago = |ago: std::time::Duration| {
        let millis = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        clock::now().plus(millis.saturating_neg())
    };
    Time::parse(text)
        .or_else(|| humantime::parse_duration(text).ok().map(ago))
        .ok_or_else(|| "give a time such as 2026-03-02T08:00:00Z, or how long ago, such as 2h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let time = moment("2026-03-02T08:00:00Z").unwrap();
        assert_eq!(time.to_string(), "2026-03-02T08:00:00.000Z");
        let before = clock::now();
        let ago = moment("2h").unwrap();
        assert!(ago.plus(7_200_000) >= before && ago.plus(7_190_000) <= clock::now());
        assert!(moment("yesterday").unwrap_err().contains("2h"));
    }
}
