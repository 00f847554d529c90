//! An event as conversion makes it: ids fixed, names still CIC's.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Id, Key, Lane, Voice};
use crate::time::Time;

/// A name or text of CIC's.
pub type Name = Arc<str>;

/// In lower case; most names are already.
pub(crate) fn lower(name: &str) -> Cow<'_, str> {
    if !name.is_ascii() {
        Cow::Owned(name.to_lowercase())
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// An event whose names are still CIC's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it is ordered with, within its lane.
    pub key: Key,
    /// Its eventId.
    pub id: Id,
    /// Its eventDateTime.
    pub time: Time,
    /// What it says.
    pub what: What,
}

/// What a draft says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// About a call; `key` is its conversation.
    Voice(Voice),
    /// A user's presence.
    Presence(Presence),
    /// A user's routing status.
    Routing(Routing),
    /// A user's out-of-office setting.
    OutOfOffice(OutOfOffice),
}

impl Draft {
    /// Which endpoint takes it.
    pub fn lane(&self) -> Lane {
        match self.what {
            What::Voice(_) => Lane::Conversations,
            What::Presence(_) => Lane::Presence,
            What::Routing(_) => Lane::RoutingStatus,
            What::OutOfOffice(_) => Lane::OutOfOffice,
        }
    }

    /// The array it stands in, or `outOfOffice`.
    pub fn array(&self) -> &'static str {
        match &self.what {
            What::Voice(voice) => voice.array().as_str(),
            What::Presence(_) => Presence::ARRAY,
            What::Routing(_) => Routing::ARRAY,
            What::OutOfOffice(_) => OutOfOffice::ARRAY,
        }
    }
}

/// A system presence of Genesys Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum System {
    /// Available.
    Available,
    /// Away.
    Away,
    /// Break.
    Break,
    /// Busy.
    Busy,
    /// Meal.
    Meal,
    /// Meeting.
    Meeting,
    /// Offline.
    Offline,
    /// On Queue.
    OnQueue,
    /// Training.
    Training,
}

impl System {
    /// Every system presence.
    pub const ALL: [Self; 9] = [
        Self::Available,
        Self::Away,
        Self::Break,
        Self::Busy,
        Self::Meal,
        Self::Meeting,
        Self::Offline,
        Self::OnQueue,
        Self::Training,
    ];

    /// By the API's word or the definition's name, `On Queue`.
    pub fn parse(text: &str) -> Option<Self> {
        let word: String = text.split_whitespace().collect();
        let mut all = Self::ALL.into_iter();
        all.find(|system| system.as_str().eq_ignore_ascii_case(&word))
    }

    /// The API's word, as `systemPresence` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Away => "Away",
            Self::Break => "Break",
            Self::Busy => "Busy",
            Self::Meal => "Meal",
            Self::Meeting => "Meeting",
            Self::Offline => "Offline",
            Self::OnQueue => "OnQueue",
            Self::Training => "Training",
        }
    }

    /// The definition's id, the same in every organization.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Available => "6a3af858-942f-489d-9700-5f9bcdcdae9b",
            Self::Away => "5e5c5c66-ea97-4e7f-ac41-6424784829f2",
            Self::Break => "227b37e2-f1d0-4dd0-8f50-badd7cf6d158",
            Self::Busy => "31fe3bac-dea6-44b7-bed7-47f91660a1a0",
            Self::Meal => "3fd96123-badb-4f69-bc03-1b1ccc6d8014",
            Self::Meeting => "bbdff279-7ae1-48ea-bade-7831d7234c64",
            Self::Offline => "ccf3c10a-aa2c-4845-8e8d-f59fa48c58e5",
            Self::OnQueue => "e08eaf1b-ee47-4fa9-a231-1200e284798f",
            Self::Training => "d2390a99-8546-bad9-8f0a-219548e8aeb0",
        }
    }
}

/// A user's presence.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Presence {
    /// The CIC user.
    pub user: Name,
    /// The source that it is reported by.
    pub source_id: Name,
    /// The system presence.
    pub system: System,
    /// The status's label, by which a secondary presence is found.
    pub label: Option<Name>,
    /// The notes, where configured.
    pub message: Option<Name>,
    /// Where only the label differs from the presence before: that one's, empty for none. Where both labels come to
    /// the same presence, this one is no news.
    pub relabels: Option<Name>,
}

impl Presence {
    /// Its array in the request.
    pub const ARRAY: &str = "userPresenceEvents";
}

/// A routing status of Genesys Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum RoutingStatus {
    /// Not on queue.
    OffQueue,
    /// On queue, nothing to do.
    Idle,
    /// Handling a queue's interaction, or its after-call work.
    Interacting,
    /// On a call of no queue.
    Communicating,
    /// Did not answer.
    NotResponding,
}

impl RoutingStatus {
    /// Every routing status.
    pub const ALL: [Self; 5] = [
        Self::OffQueue,
        Self::Idle,
        Self::Interacting,
        Self::Communicating,
        Self::NotResponding,
    ];

    /// By the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str().eq_ignore_ascii_case(text.trim()))
    }

    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OffQueue => "OffQueue",
            Self::Idle => "Idle",
            Self::Interacting => "Interacting",
            Self::Communicating => "Communicating",
            Self::NotResponding => "NotResponding",
        }
    }
}

/// A user's routing status.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Routing {
    /// The CIC user.
    pub user: Name,
    /// The source that it is reported by.
    pub source_id: Name,
    /// The routing status.
    pub status: RoutingStatus,
}

impl Routing {
    /// Its array in the request.
    pub const ARRAY: &str = "userRoutingStatusEvents";
}

/// A user's out-of-office setting.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutOfOffice {
    /// The CIC user.
    pub user: Name,
    /// On, or off.
    pub active: bool,
    /// Until when; absent while on: indefinitely.
    pub until: Option<Time>,
}

impl OutOfOffice {
    /// What stands in the array's place.
    pub const ARRAY: &str = "outOfOffice";
}
