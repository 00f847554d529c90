//! What is reported on, and how it may be: two closed sets.

use std::fmt;

/// What is reported on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// The agent's own loops.
    Agent,
    /// The connection to the brokers.
    Kafka,
    /// The partitions of this agent, and that they are read.
    Partitions,
    /// That every site comes through one partition.
    Sites,
    /// The memory bound.
    Memory,
    /// That Genesys Cloud answers.
    GenesysCloud,
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
    /// The kept state of the partitions.
    State,
    /// The dead-letter topic.
    DeadLetters,
}

impl Item {
    /// Every item, in the order in which the page shows them.
    pub const ALL: [Self; 14] = [
        Self::Agent,
        Self::Kafka,
        Self::Partitions,
        Self::Sites,
        Self::Memory,
        Self::GenesysCloud,
        Self::Token,
        Self::Conversations,
        Self::Presence,
        Self::RoutingStatus,
        Self::OutOfOffice,
        Self::Directory,
        Self::State,
        Self::DeadLetters,
    ];

    /// Its name in `/health.json` and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Kafka => "kafka",
            Self::Partitions => "partitions",
            Self::Sites => "sites",
            Self::Memory => "memory",
            Self::GenesysCloud => "genesysCloud",
            Self::Token => "token",
            Self::Conversations => "conversations",
            Self::Presence => "presence",
            Self::RoutingStatus => "routingStatus",
            Self::OutOfOffice => "outOfOffice",
            Self::Directory => "directory",
            Self::State => "state",
            Self::DeadLetters => "deadLetters",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Kafka => "Kafka",
            Self::Partitions => "Partitions",
            Self::Sites => "Sites",
            Self::Memory => "Memory",
            Self::GenesysCloud => "Genesys Cloud",
            Self::Token => "Access token",
            Self::Conversations => "Conversations",
            Self::Presence => "Presence",
            Self::RoutingStatus => "Routing status",
            Self::OutOfOffice => "Out of office",
            Self::Directory => "Directory",
            Self::State => "Kept state",
            Self::DeadLetters => "Dead letters",
        }
    }

    /// Whether nothing flows without it.
    pub(super) fn needed(self) -> bool {
        matches!(self, Self::Kafka | Self::Partitions | Self::Token)
    }
}

/// How an item is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
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

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Warning => "Warning",
            Self::Error => "Error",
            Self::Unknown => "Unknown",
        })
    }
}

impl State {
    /// 0 OK, 1 Warning, 2 Error, 3 unknown: its number in metrics, and the exit code of `health`.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Error => 2,
            Self::Unknown => 3,
        }
    }
}
