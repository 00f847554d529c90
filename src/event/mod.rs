//! What goes out, as data: drafts as conversion makes them, events as they are sent, the lanes and keys that
//! order them, and their ids.
//!
//! A [`Draft`] is complete but for names: it says `jsmith` where Genesys Cloud wants an id. `names` turns it into
//! an [`Event`], which is JSON ready to be put into a request. Nothing here does I/O or knows the time.

mod draft;
mod id;
mod voice;

pub(crate) use draft::lower;
pub use draft::{Draft, Name, OutOfOffice, Presence, Routing, RoutingStatus, System, What};
pub use id::{Id, Ids};
pub use voice::{Array, Disconnect, Established, FinalState, Invite, Role, Source, Transfer, Voice};

use crate::time::Time;

/// One of the four ways into Genesys Cloud. Order is kept within a lane, per [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Lane {
    /// `POST /api/v2/events/conversations`, keyed by conversation.
    Conversations,
    /// `POST /api/v2/events/users/presence`, keyed by user of a site.
    Presence,
    /// `POST /api/v2/events/users/routingstatus`, keyed by user of a site.
    RoutingStatus,
    /// `PUT /api/v2/users/{userId}/outofoffice`, keyed by user of a site.
    OutOfOffice,
}

impl Lane {
    /// Every lane, in the order in which `convert` prints them.
    pub const ALL: [Self; 4] = [
        Self::Conversations,
        Self::Presence,
        Self::RoutingStatus,
        Self::OutOfOffice,
    ];

    /// The name in the output of `convert`, in metrics and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Presence => "presence",
            Self::RoutingStatus => "routingStatus",
            Self::OutOfOffice => "outOfOffice",
        }
    }
}

/// Within a lane, events of one key are accepted in the order in which they were made: the conversation's id, or
/// the id over site and user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Key(pub Id);

/// An event ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which endpoint takes it.
    pub lane: Lane,
    /// What it is ordered with.
    pub key: Key,
    /// The communication or transfer that it brings into being: without it, what needs it means nothing.
    pub makes: Option<Id>,
    /// The communications and transfers that it names and that other events brought into being. Where one of those
    /// was refused for good, this one goes with it.
    pub needs: Box<[Id]>,
    /// The array of the request it stands in, `userEstablishedEvents` for instance; `outOfOffice` for that lane.
    pub array: &'static str,
    /// Its eventId.
    pub id: Id,
    /// Its eventDateTime.
    pub time: Time,
    /// The event object, serialized; for out of office the body of the PUT with `userId`, `eventId` and
    /// `eventDateTime` beside it.
    pub json: bytes::Bytes,
}
