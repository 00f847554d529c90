//! What a [`Resolver`](super::Resolver) must still know after a restart, as it is kept.

use serde::{Deserialize, Serialize};

use super::{Kind, Reason};
use crate::event::{Draft, Id, Key, OutOfOffice, Presence, Routing, What};
use crate::time::Time;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// What was left out of conversations.
    pub(super) left_out: Vec<(Key, Absent)>,
    /// The latest of each user that could not be sent for want of an id.
    pub(super) owed: Vec<Owed>,
    /// Names that are not waited for any more.
    pub(super) given_up: Vec<(Kind, String)>,
}

/// The communications and transfers of a conversation that were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Absent {
    pub(super) ids: Vec<(Id, Reason)>,
    pub(super) last: Time,
}

/// A draft about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owed {
    key: Key,
    id: Id,
    time: Time,
    about: About,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum About {
    Presence(Presence),
    Routing(Routing),
    OutOfOffice(OutOfOffice),
}

impl Owed {
    /// None for what is about a call.
    pub(super) fn of(draft: &Draft) -> Option<Self> {
        let about = match draft.what.clone() {
            What::Voice(_) => return None,
            What::Presence(presence) => About::Presence(presence),
            What::Routing(routing) => About::Routing(routing),
            What::OutOfOffice(setting) => About::OutOfOffice(setting),
        };
        let Draft { key, id, time, .. } = *draft;
        Some(Self { key, id, time, about })
    }

    pub(super) fn draft(self) -> Draft {
        let what = match self.about {
            About::Presence(presence) => What::Presence(presence),
            About::Routing(routing) => What::Routing(routing),
            About::OutOfOffice(setting) => What::OutOfOffice(setting),
        };
        let Self { key, id, time, .. } = self;
        Draft { key, id, time, what }
    }
}
