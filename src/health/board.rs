//! Where parts report how they are. A leaf: anything may report, nothing here knows who does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is reported on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// The connection to the brokers.
    Kafka,
    /// The partitions of this agent, and that they are read.
    Partitions,
    /// That every site comes through one partition.
    Sites,
    /// The memory bound.
    Memory,
    /// The access token.
    Token,
    /// Delivery of conversation events.
    Conversations,
    /// Delivery of presences.
    Presence,
    /// Delivery of routing statuses.
    RoutingStatus,
    /// Delivery of out-of-office settings.
    OutOfOffice,
    /// Names and their ids.
    Directory,
    /// The dead-letter topic.
    DeadLetters,
}

impl Item {
    /// Every item, in the order in which the page shows them.
    pub const ALL: [Self; 11] = [
        Self::Kafka,
        Self::Partitions,
        Self::Sites,
        Self::Memory,
        Self::Token,
        Self::Conversations,
        Self::Presence,
        Self::RoutingStatus,
        Self::OutOfOffice,
        Self::Directory,
        Self::DeadLetters,
    ];

    /// Its name in `/health.json` and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Partitions => "partitions",
            Self::Sites => "sites",
            Self::Memory => "memory",
            Self::Token => "token",
            Self::Conversations => "conversations",
            Self::Presence => "presence",
            Self::RoutingStatus => "routingStatus",
            Self::OutOfOffice => "outOfOffice",
            Self::Directory => "directory",
            Self::DeadLetters => "deadLetters",
        }
    }
}

/// How an item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// All is well.
    Ok,
    /// Something wants attention; work goes on.
    Warning,
    /// Work of this item stands still, or something was lost from sight.
    Error,
    /// Nothing was attempted yet.
    #[default]
    Unknown,
}

/// What was reported last on each item: how it is, what there is to know, what to do.
type Items = BTreeMap<Item, (State, String, String)>;

/// Where parts report. Clones share one board.
#[derive(Clone, Debug, Default)]
pub struct Board {
    items: Arc<Mutex<Items>>,
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

    /// Genesys Cloud answered, whatever it said.
    pub fn answered(&self) {}

    /// Genesys Cloud did not answer, and why.
    pub fn unanswered(&self, _reason: &str) {}

    fn report(&self, item: Item, state: State, what: String, todo: String) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.insert(item, (state, what, todo));
    }
}
