//! `[presence]`: what the operator says.

use super::mapping::Status;
use crate::convert::conversation::party::same;
use crate::event::{RoutingStatus, System};

/// What presence can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether routing status is sent beside presence.
    pub routing_status: bool,
    /// How old a status may be stamped, in ms.
    pub max_age: i64,
    /// Further statuses that mean that the agent did not answer.
    pub not_answering: Vec<String>,
    /// Statuses that mean that the agent is on a call of a queue, while he is.
    pub on_call_statuses: Vec<String>,
    /// How long a status waits for its definition, in ms.
    pub definitions_wait: i64,
    /// How long after the connection to CIC was lost a logout in a full snapshot waits to count, in ms.
    pub switchover_grace: i64,
    /// Whether the notes become the presence message.
    pub message_from_notes: bool,
    /// Whether a user counts as active of whose activation nothing was ever heard.
    pub unknown_activation_is_active: bool,
    /// Whether a ringing interaction of a queue counts as handled.
    pub ringing_is_handling: bool,
    /// The operator's own mapping, before the table; the first that matches wins.
    pub rules: Vec<Rule>,
}

/// One rule of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which statuses it is about.
    pub matches: Matches,
    /// Their presence.
    pub system: System,
    /// Their routing status.
    pub routing: RoutingStatus,
}

/// Which statuses a rule is about, without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matches {
    /// The status of that id.
    Status(String),
    /// Every status of that group.
    Group(String),
    /// Every status with that flag.
    Flag(Flag),
}

/// A flag of a status definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Do not disturb.
    DoNotDisturb,
    /// After-call work.
    AfterCallWork,
    /// Takes calls from queues.
    Acd,
    /// Forwards calls.
    Forward,
    /// Outlives a logout.
    Persistent,
    /// Allows follow-up.
    FollowUp,
}

impl Flag {
    /// As the configuration spells it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "do_not_disturb" => Self::DoNotDisturb,
            "after_call_work" => Self::AfterCallWork,
            "acd" => Self::Acd,
            "forward" => Self::Forward,
            "persistent" => Self::Persistent,
            "follow_up" => Self::FollowUp,
            _ => return None,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            routing_status: true,
            max_age: 24 * 3_600_000,
            not_answering: Vec::new(),
            on_call_statuses: Vec::new(),
            definitions_wait: 30_000,
            switchover_grace: 180_000,
            message_from_notes: false,
            unknown_activation_is_active: true,
            ringing_is_handling: true,
            rules: Vec::new(),
        }
    }
}

impl Settings {
    /// No wait of a user's for a definition lasts longer than this, in ms.
    pub fn longest_wait_ms(&self) -> i64 {
        self.definitions_wait
    }

    /// What the operator says of a status.
    pub(super) fn rule(&self, status: Status<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| match &rule.matches {
            Matches::Status(name) => status.is(name),
            Matches::Group(name) => status.definition.is_some_and(|known| same(&known.group, name)),
            Matches::Flag(flag) => status.definition.is_some_and(|known| match flag {
                Flag::DoNotDisturb => known.do_not_disturb,
                Flag::AfterCallWork => known.after_call_work,
                Flag::Acd => known.acd,
                Flag::Forward => known.forward,
                Flag::Persistent => known.persistent,
                Flag::FollowUp => known.follow_up,
            }),
        })
    }
}
