//! Where parts report how they are. A leaf: anything may report, nothing here knows who does.
//!
//! In: what parts say, and every end of a request to Genesys Cloud. Out: a [`Report`], the gauges of health, and a
//! log line when an item's state changes. Reporting the same again is cheap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::metrics::{counter, gauge};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::alive::{Alive, Heart};
use super::connection::{Change, Connection};
use super::judge::{Facts, judge};
use super::report::Report;
use crate::{clock, metrics};

pub use super::item::{Item, State};

/// Where parts report. Clones share one board.
#[derive(Clone, Debug, Default)]
pub struct Board {
    shared: Arc<Mutex<Shared>>,
    alive: Alive,
}

#[derive(Debug, Default)]
struct Shared {
    facts: [Facts; Item::ALL.len()],
    connection: Connection,
}

impl Board {
    /// All is well with `item`; `detail` says what there is to know, in a few words.
    pub fn ok(&self, item: Item, detail: impl Into<String>) {
        self.report(item, State::Ok, detail.into(), String::new());
    }

    /// `item` wants attention: `what` is wrong, and `todo` mends it.
    pub fn warning(&self, item: Item, what: impl Into<String>, todo: impl Into<String>) {
        self.report(item, State::Warning, what.into(), todo.into());
    }

    /// `item` stands still: `what` is wrong, and `todo` mends it.
    pub fn error(&self, item: Item, what: impl Into<String>, todo: impl Into<String>) {
        self.report(item, State::Error, what.into(), todo.into());
    }

    /// From now on `item` is reported on at least every `within`; when it is not, it is shown as unknown.
    pub fn expect(&self, item: Item, within: Duration) {
        self.lock().facts[item as usize].within = Some(within);
    }

    /// A heart for the loop `name`, which beats it at least every `within`.
    pub fn heart(&self, name: &'static str, within: Duration) -> Heart {
        self.alive.heart(name, within)
    }

    /// A sentence for each loop that goes round no more.
    pub fn wedged(&self) -> Vec<String> {
        self.alive.wedged()
    }

    /// Genesys Cloud answered, whatever it said.
    pub fn answered(&self) {
        let (now, time) = (Instant::now(), clock::now());
        let mut shared = self.lock();
        let facts = &mut shared.facts[Item::GenesysCloud as usize];
        facts.last_report = Some(time);
        let was = shared.connection;
        let change = shared.connection.answered(now);
        if shared.connection.up() == Some(true) {
            let facts = &mut shared.facts[Item::GenesysCloud as usize];
            facts.last_success = Some(time);
            if was != Connection::Up {
                facts.become_ok(time);
            }
        }
        drop(shared);
        self.say(change, "");
    }

    /// Genesys Cloud did not answer, and why.
    pub fn unanswered(&self, reason: &str) {
        let (now, time) = (Instant::now(), clock::now());
        let mut shared = self.lock();
        let change = shared.connection.unanswered(now);
        let down = shared.connection.up() == Some(false);
        let facts = &mut shared.facts[Item::GenesysCloud as usize];
        facts.last_report = Some(time);
        facts.what = format!("no answer: {reason}");
        if down && facts.state != State::Error {
            facts.state = State::Error;
            facts.since = Some(time);
            facts.todo =
                "check the network, the proxy and the status of Genesys Cloud; events wait, none is lost"
                    .to_owned();
        }
        drop(shared);
        self.say(change, reason);
    }

    /// Time went by: to be called every second or so, as the HTTP server does.
    pub fn tick(&self) {
        let (now, time) = (Instant::now(), clock::now());
        let mut shared = self.lock();
        let change = shared.connection.passed(now);
        if change.is_some() {
            shared.facts[Item::GenesysCloud as usize].become_ok(time);
        }
        drop(shared);
        self.say(change, "");
    }

    /// Everything as it is now.
    pub fn read(&self) -> Report {
        let now = clock::now();
        self.judge_loops();
        let shared = self.lock();
        let items = Item::ALL.map(|item| judge(item, &shared.facts[item as usize], now));
        drop(shared);
        Report::new(items.into(), now)
    }

    /// Sets the gauges of health, as they are now.
    pub fn publish(&self) {
        for (item, shown) in Item::ALL.into_iter().zip(self.read().items) {
            gauge!(metrics::HEALTH_ITEM_STATE, "item" => item.as_str()).set(f64::from(shown.state.number()));
            let last_success = shown
                .last_success
                .map_or(0.0, |time| time.millis() as f64 / 1000.0);
            gauge!(metrics::HEALTH_ITEM_LAST_SUCCESS, "item" => item.as_str()).set(last_success);
        }
        let up = self.lock().connection.up() == Some(true);
        gauge!(metrics::CONNECTION_UP, "to" => "genesys_cloud").set(f64::from(u8::from(up)));
    }

    fn report(&self, item: Item, state: State, what: String, todo: String) {
        let time = clock::now();
        let mut shared = self.lock();
        let facts = &mut shared.facts[item as usize];
        let was = facts.last_report.map(|_| facts.state);
        facts.last_report = Some(time);
        if state == State::Ok {
            facts.last_success = Some(time);
        }
        if was == Some(state) {
            (facts.what, facts.todo) = (what, todo);
            return;
        }
        (facts.state, facts.since) = (state, Some(time));
        (facts.what, facts.todo) = (what.clone(), todo.clone());
        drop(shared);
        if item == Item::Directory {
            // It names people, who stand in no log; what else there is to say it logs by itself.
            return;
        }
        let item = item.as_str();
        match state {
            State::Error => error!(item, todo, "{what}"),
            State::Warning => warn!(item, todo, "{what}"),
            // The first good word is no news.
            State::Ok | State::Unknown if was.is_none() => {}
            State::Ok | State::Unknown => info!(item, "well again: {what}"),
        }
    }

    fn judge_loops(&self) {
        let wedged = self.alive.wedged();
        if !wedged.is_empty() {
            self.error(
                Item::Agent,
                wedged.join("; "),
                "restart the agent; keep its log for whoever looks into it",
            );
        } else if self.alive.any() {
            self.ok(Item::Agent, "all loops go round");
        }
    }

    fn say(&self, change: Option<Change>, reason: &str) {
        let (which, up) = match change {
            None => return,
            Some(Change::Lost(silent)) => {
                let seconds = silent.as_secs();
                error!(
                    event_id = 47_000,
                    name = "MSG_PURECLOUD_CONNECTION_LOST",
                    reason,
                    seconds,
                    "the connection to Genesys Cloud is lost; events wait"
                );
                ("lost", 0.0)
            }
            Some(Change::Restored(after)) => {
                let seconds = after.as_secs();
                info!(
                    event_id = 47_001,
                    name = "MSG_PURECLOUD_CONNECTION_RESTORED",
                    seconds,
                    "the connection to Genesys Cloud is restored"
                );
                ("restored", 1.0)
            }
        };
        counter!(metrics::CONNECTION_CHANGES, "to" => "genesys_cloud", "change" => which).increment(1);
        gauge!(metrics::CONNECTION_UP, "to" => "genesys_cloud").set(up);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    /// Genesys Cloud answers (again).
    fn become_ok(&mut self, time: crate::time::Time) {
        if self.state != State::Ok {
            self.since = Some(time);
        }
        self.state = State::Ok;
        self.last_success = Some(time);
        self.what = "answers".to_owned();
        self.todo.clear();
    }
}
