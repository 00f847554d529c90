//! What the rules read in one event: raw JSON in, the few fields that matter out. An event whose shape the
//! schemas accept always makes a fact, but for ids that the vendor types as plain text.

use super::Stamp;
use serde_json::Value;
use std::fmt;

/// A UUID as a number, so that upper and lower case are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(u128);

impl Uuid {
    /// Reads the hyphenated form.
    pub fn parse(text: &str) -> Option<Self> {
        let hyphens = [8, 13, 18, 23];
        let bytes = text.as_bytes();
        if bytes.len() != 36 || hyphens.iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let mut value = 0u128;
        for (_, byte) in bytes.iter().enumerate().filter(|(at, _)| !hyphens.contains(at)) {
            value = value << 4 | u128::from(char::from(*byte).to_digit(16)?);
        }
        Some(Self(value))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(
            f,
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// `POST /api/v2/events/conversations`
    Conversations,
    /// `POST /api/v2/events/users/presence`
    Presence,
    /// `POST /api/v2/events/users/routingstatus`
    RoutingStatus,
    /// `PUT /api/v2/users/{userId}/outofoffice`
    OutOfOffice,
}

impl Lane {
    /// The name in `convert`'s lines and in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Presence => "presence",
            Self::RoutingStatus => "routingStatus",
            Self::OutOfOffice => "outOfOffice",
        }
    }

    /// The lane of an array of a request.
    pub fn of(array: &str) -> Self {
        match array {
            "userPresenceEvents" => Self::Presence,
            "userRoutingStatusEvents" => Self::RoutingStatus,
            "outOfOffice" => Self::OutOfOffice,
            _ => Self::Conversations,
        }
    }
}

/// One event, as the rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact<'a> {
    /// Where it goes.
    pub lane: Lane,
    /// The name of its array in the request.
    pub array: &'a str,
    /// Its eventId.
    pub id: Uuid,
    /// Its eventDateTime.
    pub stamp: Stamp,
    /// The conversation, all zeros for the lanes of users.
    pub conversation: Uuid,
    /// The Genesys Cloud user of the lanes of users, else empty.
    pub user: &'a str,
    pub(super) kind: Kind<'a>,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Established {
        communication: Uuid,
        alerting: bool,
        held: bool,
        invited_by: Option<&'a str>,
    },
    Answered {
        communication: Uuid,
    },
    Held {
        communication: Uuid,
        held: bool,
    },
    /// Audio, transmission: an open communication is named, nothing about it changes here.
    Named {
        communication: Uuid,
    },
    Ended {
        communication: Uuid,
    },
    Disposition {
        communication: Uuid,
    },
    TransferStarted {
        command: Uuid,
        initiating: Uuid,
        target: Uuid,
        object: Uuid,
    },
    TransferProgressed {
        command: Uuid,
        object: Uuid,
        destination: Uuid,
    },
    TransferEnded {
        command: Uuid,
        object: Uuid,
        completed: bool,
    },
    ConsultStarted {
        initiating: Uuid,
        destination: Uuid,
        object: Uuid,
    },
    ConsultProgressed {
        initiating: Uuid,
        destination: Uuid,
        object: Uuid,
    },
    ConsultEnded,
    User,
}

impl<'a> Fact<'a> {
    /// Reads an event. The error names the field that the rules need and cannot read.
    pub fn read(array: &'a str, event: &'a Value) -> Result<Self, &'static str> {
        let lane = Lane::of(array);
        let (conversation, user) = match lane {
            Lane::Conversations => (id(event, "conversationId")?, ""),
            Lane::RoutingStatus => (Uuid(0), text(event, "agentId")?),
            Lane::Presence | Lane::OutOfOffice => (Uuid(0), text(event, "userId")?),
        };
        let stamp = Stamp::parse(text(event, "eventDateTime")?).ok_or("eventDateTime")?;
        let kind = if lane == Lane::Conversations {
            kind(array, event)?
        } else {
            Kind::User
        };
        Ok(Self {
            lane,
            array,
            id: id(event, "eventId")?,
            stamp,
            conversation,
            user,
            kind,
        })
    }
}

fn kind<'a>(array: &str, event: &'a Value) -> Result<Kind<'a>, &'static str> {
    let communication = || id(event, "communicationId");
    let initiating = || id(event, "initiatingCommunicationId");
    let object = || id(event, "objectCommunicationId");
    let destination = || id(event, "destinationCommunicationId");
    let command = || id(event, "commandId");
    // Voice and email differ in names and shapes, not in the rules.
    let name = array.strip_prefix("email").map(lower_first);
    let kind = match name.as_deref().unwrap_or(array) {
        "externalEstablishedEvents"
        | "ivrEstablishedEvents"
        | "flowEstablishedEvents"
        | "phoneEstablishedEvents"
        | "routingEstablishedEvents"
        | "userEstablishedEvents" => {
            let initial = &event["initialConfiguration"];
            Kind::Established {
                communication: communication()?,
                alerting: initial["alerting"] == true,
                held: initial["held"] == true,
                invited_by: initial["invitedBy"].as_str(),
            }
        }
        "communicationAnsweredEvents" => Kind::Answered {
            communication: communication()?,
        },
        "holdUpdatedEvents" => Kind::Held {
            communication: communication()?,
            held: event["held"] == true,
        },
        "audioUpdatedEvents" | "beginTransmittingEvents" | "communicationSentMessageEvents" => Kind::Named {
            communication: communication()?,
        },
        "communicationEndedEvents" => Kind::Ended {
            communication: communication()?,
        },
        "communicationDispositionAppliedEvents" => Kind::Disposition {
            communication: communication()?,
        },
        "phoneTransferEvents" | "routingTransferEvents" | "userTransferEvents" => Kind::TransferStarted {
            command: command()?,
            initiating: initiating()?,
            target: id(event, "targetCommunicationId")?,
            object: object()?,
        },
        "progressTransferEvents" => Kind::TransferProgressed {
            command: command()?,
            object: object()?,
            destination: destination()?,
        },
        "endTransferEvents" => Kind::TransferEnded {
            command: command()?,
            object: object()?,
            completed: event["finalState"] == "Completed",
        },
        "consultTransferEvents" => Kind::ConsultStarted {
            initiating: initiating()?,
            destination: destination()?,
            object: object()?,
        },
        "progressConsultTransferEvents" => Kind::ConsultProgressed {
            initiating: initiating()?,
            destination: destination()?,
            object: object()?,
        },
        "endConsultTransferEvents" => Kind::ConsultEnded,
        _ => return Err("type"),
    };
    Ok(kind)
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

fn text<'a>(event: &'a Value, field: &'static str) -> Result<&'a str, &'static str> {
    event[field].as_str().ok_or(field)
}

fn id(event: &Value, field: &'static str) -> Result<Uuid, &'static str> {
    Uuid::parse(text(event, field)?).ok_or(field)
}
