//! What must hold beyond the vendor's shapes. **These rules are ours**: no vendor text states them; they are
//! what a timeline must satisfy to make sense. Each has a kebab-case name, and every message begins with it.
//!
//! In: events as raw JSON, in order of acceptance. Out: violations. A [`Book`] remembers what it has applied:
//! [`Book::check`] judges one event against it and changes nothing, [`Book::apply`] enters it. Applying an event
//! that breaks a rule is allowed and enters as much of it as makes sense, so that a reader of a whole file hears
//! of each mistake once. No clock, no I/O: time is what the events say.

mod communication;
mod consult;
mod fact;
mod repeat;
mod time;
mod transfer;

use communication::Communication;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

pub use fact::{Fact, Lane, Uuid};
pub use time::Stamp;

/// The rules, by name. The order is that of the list in the sandbox's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A communication is established once.
    EstablishedOnce,
    /// What an event names was established before, in the same conversation.
    NamedAfterEstablished,
    /// Only an alerting communication is answered.
    AnsweredWhenAlerting,
    /// Hold and retrieve alternate.
    HoldAlternates,
    /// A communication ends once.
    EndedOnce,
    /// After its end a communication hears dispositions only.
    NothingAfterEnd,
    /// `invitedBy` names an established communication.
    InvitedByEstablished,
    /// A transfer's initiating, target and object communications are open when it starts.
    TransferPartiesOpen,
    /// A commandId stands for one transfer.
    TransferStartedOnce,
    /// A transfer progresses and ends only after it has started, and not after it has ended.
    TransferUnderWay,
    /// A transfer's destination is established when it progresses.
    TransferDestinationEstablished,
    /// A transfer is completed only after it has progressed.
    TransferProgressedBeforeCompleted,
    /// A transfer ends once.
    TransferEndedOnce,
    /// A consult starts while none is open.
    OneConsult,
    /// A consult progresses and ends only while one is open.
    ConsultOpen,
    /// Nothing is established in a conversation whose communications have all ended.
    ConversationOver,
    /// Time moves strictly forward, per conversation and per user and lane.
    TimeForward,
    /// An eventId seen again has the same content.
    SameContent,
}

impl Rule {
    /// The name, as it stands in messages and summaries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EstablishedOnce => "established-once",
            Self::NamedAfterEstablished => "named-after-established",
            Self::AnsweredWhenAlerting => "answered-when-alerting",
            Self::HoldAlternates => "hold-alternates",
            Self::EndedOnce => "ended-once",
            Self::NothingAfterEnd => "nothing-after-end",
            Self::InvitedByEstablished => "invited-by-established",
            Self::TransferPartiesOpen => "transfer-parties-open",
            Self::TransferStartedOnce => "transfer-started-once",
            Self::TransferUnderWay => "transfer-under-way",
            Self::TransferDestinationEstablished => "transfer-destination-established",
            Self::TransferProgressedBeforeCompleted => "transfer-progressed-before-completed",
            Self::TransferEndedOnce => "transfer-ended-once",
            Self::OneConsult => "one-consult",
            Self::ConsultOpen => "consult-open",
            Self::ConversationOver => "conversation-over",
            Self::TimeForward => "time-forward",
            Self::SameContent => "same-content",
        }
    }
}

/// One rule broken by one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// How, naming what it is about.
    pub message: String,
}

impl Violation {
    fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.name(), self.message)
    }
}

/// What [`Book::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// New, and no rule is broken.
    New,
    /// An event already applied, with the same content: to be accepted, without effect.
    Repeat,
    /// Against these rules.
    Broken(Vec<Violation>),
}

/// What is known of one conversation.
#[derive(Debug, Default)]
struct Conversation {
    /// Communications established and not ended.
    open: u32,
    /// Communications ever established.
    established: u32,
    /// The time of its last event.
    last: Option<Stamp>,
    consult_open: bool,
    /// By commandId. Empty for most conversations.
    transfers: BTreeMap<Uuid, transfer::Transfer>,
}

/// Every event applied so far, as far as the rules need it.
///
/// Nothing is forgotten: about 100 bytes per communication and 50 per event, for as long as the book lives.
#[derive(Debug, Default)]
pub struct Book {
    conversations: HashMap<Uuid, Conversation>,
    communications: HashMap<Uuid, Communication>,
    users: HashMap<(Lane, Box<str>), Stamp>,
    events: repeat::Seen,
}

/// How many conversations a book knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Every conversation in which something was established.
    pub conversations: u64,
    /// Those of them that have an open communication.
    pub open: u64,
    /// Communications that have not ended.
    pub open_communications: u64,
}

impl Book {
    /// Judges an event of the right shape; changes nothing.
    pub fn check(&self, fact: &Fact<'_>, event: &Value) -> Verdict {
        match self.events.find(fact, event) {
            repeat::Found::Same => return Verdict::Repeat,
            repeat::Found::Different(violation) => return Verdict::Broken(vec![violation]),
            repeat::Found::Nothing => {}
        }
        let mut broken = Vec::new();
        time::check(self, fact, &mut broken);
        communication::check(self, fact, &mut broken);
        transfer::check(self, fact, &mut broken);
        consult::check(self, fact, &mut broken);
        if broken.is_empty() {
            Verdict::New
        } else {
            Verdict::Broken(broken)
        }
    }

    /// Enters an event, also one that breaks a rule; one already entered changes nothing.
    pub fn apply(&mut self, fact: &Fact<'_>, event: &Value) {
        if !self.events.insert(fact, event) {
            return;
        }
        time::apply(self, fact);
        communication::apply(self, fact);
        transfer::apply(self, fact);
        consult::apply(self, fact);
    }

    /// Conversations known and open. Counts by walking all of them.
    pub fn counts(&self) -> Counts {
        let known = self
            .conversations
            .values()
            .filter(|conversation| conversation.established > 0);
        known.fold(Counts::default(), |sum, conversation| Counts {
            conversations: sum.conversations + 1,
            open: sum.open + u64::from(conversation.open > 0),
            open_communications: sum.open_communications + u64::from(conversation.open),
        })
    }

    /// Whether this conversation is known and all of its communications have ended.
    pub fn is_over(&self, conversation: Uuid) -> bool {
        self.conversations
            .get(&conversation)
            .is_some_and(Conversation::is_over)
    }
}

impl Conversation {
    fn is_over(&self) -> bool {
        self.established > 0 && self.open == 0
    }
}

#[cfg(test)]
mod tests;
