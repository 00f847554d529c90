//! All of the integration's health at one time: what `/health.json` is, and what the page and the terminal show.
//!
//! The shape is a promise: fields are added, none goes away or changes its meaning.
//!
//! ```json
//! {"state": "warning", "version": "0.1.0", "time": "2026-07-06T08:00:00.000Z", "items": [
//!   {"name": "memory", "title": "Memory", "state": "warning", "since": "2026-07-06T07:59:00.000Z",
//!    "last_success": "2026-07-06T07:58:59.000Z", "last_report": "2026-07-06T08:00:00.000Z",
//!    "detail": "the bound is reached", "todo": "raise [memory] bound"}]}
//! ```
//!
//! `state` is `ok`, `warning`, `error` or `unknown`; a time that there is none of is `null`.

use super::item::{Item, State};
use super::judge::{Shown, overall};
use crate::time::Time;

/// The integration's health.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// How the whole is.
    pub state: State,
    /// The agent's version.
    pub version: String,
    /// When this was true.
    pub time: Time,
    /// Every item, in the order of [`Item::ALL`].
    pub items: Vec<Shown>,
}

impl Report {
    pub(super) fn new(items: Vec<Shown>, time: Time) -> Self {
        Self {
            state: overall(Item::ALL.into_iter().zip(&items)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time,
            items,
        }
    }

    /// Why the agent cannot work now; empty: it can.
    pub fn hindrances(&self) -> Vec<String> {
        let hinders = |(item, shown): &(Item, &Shown)| match item {
            Item::Kafka | Item::Token => matches!(shown.state, State::Error | State::Unknown),
            Item::Agent
            | Item::Partitions
            | Item::GenesysCloud
            | Item::Conversations
            | Item::Presence
            | Item::RoutingStatus
            | Item::OutOfOffice
            | Item::State => shown.state == State::Error,
            Item::Sites | Item::Memory | Item::Directory | Item::DeadLetters => false,
        };
        let items = Item::ALL.into_iter().zip(&self.items).filter(hinders);
        items
            .map(|(item, shown)| format!("{}: {}", item.as_str(), shown.detail))
            .collect()
    }
}
