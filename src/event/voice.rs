//! Events about calls, in CIC names. Shapes follow `POST /api/v2/events/conversations` of the public API.

use std::sync::Arc;

use super::{Id, Name};

/// What a communication is in its conversation; part of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// The customer.
    External,
    /// Somebody outside who was dialled by a transfer or consult.
    Phone,
    /// An attendant or voicemail.
    Ivr,
    /// A place in a queue.
    Routing,
    /// An agent.
    User,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::External, Self::Phone, Self::Ivr, Self::Routing, Self::User];

    /// The word that goes into ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Phone => "phone",
            Self::Ivr => "ivr",
            Self::Routing => "routing",
            Self::User => "user",
        }
    }
}

/// The arrays of a conversation request that voice uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Array {
    /// `externalEstablishedEvents`.
    ExternalEstablished,
    /// `phoneEstablishedEvents`.
    PhoneEstablished,
    /// `ivrEstablishedEvents`.
    IvrEstablished,
    /// `routingEstablishedEvents`.
    RoutingEstablished,
    /// `userEstablishedEvents`.
    UserEstablished,
    /// `communicationAnsweredEvents`.
    Answered,
    /// `holdUpdatedEvents`.
    HoldUpdated,
    /// `audioUpdatedEvents`.
    AudioUpdated,
    /// `communicationEndedEvents`.
    Ended,
    /// `communicationDispositionAppliedEvents`.
    Disposition,
    /// `userTransferEvents`.
    UserTransfer,
    /// `routingTransferEvents`.
    RoutingTransfer,
    /// `phoneTransferEvents`.
    PhoneTransfer,
    /// `progressTransferEvents`.
    ProgressTransfer,
    /// `endTransferEvents`.
    EndTransfer,
}

impl Array {
    /// Every array.
    pub const ALL: [Self; 15] = [
        Self::ExternalEstablished,
        Self::PhoneEstablished,
        Self::IvrEstablished,
        Self::RoutingEstablished,
        Self::UserEstablished,
        Self::Answered,
        Self::HoldUpdated,
        Self::AudioUpdated,
        Self::Ended,
        Self::Disposition,
        Self::UserTransfer,
        Self::RoutingTransfer,
        Self::PhoneTransfer,
        Self::ProgressTransfer,
        Self::EndTransfer,
    ];

    /// The array's name in the request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalEstablished => "externalEstablishedEvents",
            Self::PhoneEstablished => "phoneEstablishedEvents",
            Self::IvrEstablished => "ivrEstablishedEvents",
            Self::RoutingEstablished => "routingEstablishedEvents",
            Self::UserEstablished => "userEstablishedEvents",
            Self::Answered => "communicationAnsweredEvents",
            Self::HoldUpdated => "holdUpdatedEvents",
            Self::AudioUpdated => "audioUpdatedEvents",
            Self::Ended => "communicationEndedEvents",
            Self::Disposition => "communicationDispositionAppliedEvents",
            Self::UserTransfer => "userTransferEvents",
            Self::RoutingTransfer => "routingTransferEvents",
            Self::PhoneTransfer => "phoneTransferEvents",
            Self::ProgressTransfer => "progressTransferEvents",
            Self::EndTransfer => "endTransferEvents",
        }
    }
}

/// Why a communication ended; the words are the API's `disconnectType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disconnect {
    /// Its own end hung up.
    SelfEnded,
    /// The other end hung up.
    Peer,
    /// The platform ended it.
    System,
    /// Transferred outside, to an attendant, voicemail or an orbit.
    Transfer,
    /// Transferred to a queue.
    TransferAcd,
    /// Transferred to a user.
    TransferUser,
}

impl Disconnect {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SelfEnded => "Self",
            Self::Peer => "Peer",
            Self::System => "System",
            Self::Transfer => "Transfer",
            Self::TransferAcd => "TransferACD",
            Self::TransferUser => "TransferUser",
        }
    }
}

/// How a transfer ended; the words are the API's `finalState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalState {
    /// It was taken.
    Completed,
    /// Its initiator took it back.
    Canceled,
    /// Nobody took it.
    Failed,
}

impl FinalState {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Canceled => "Canceled",
            Self::Failed => "Failed",
        }
    }
}

/// Who invited a party. When that one is left out, the external stands in; when that is left out too, nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The communication at the other end.
    pub by: Id,
    /// The external of the conversation, unless it is the party itself.
    pub external: Option<Id>,
}

/// `sourceConfiguration`: the same on every communication of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The presence source's id.
    pub source_id: Arc<str>,
    /// The conversation's key in CIC.
    pub interaction_id: Arc<str>,
    /// From a configured attribute.
    pub tag_id: Option<Name>,
}

/// A party enters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Established {
    /// What it is.
    pub role: Role,
    /// Its communication.
    pub communication: Id,
    /// The agent, for a user.
    pub user: Option<Name>,
    /// The queue, for routing; for a user the queue called on behalf of.
    pub queue: Option<Name>,
    /// `Eic_AcdSkillSet`, for routing: skills and languages, which the directory tells apart.
    pub skills: Vec<Name>,
    /// `ivrName`.
    pub ivr: Option<Name>,
    /// The station, for a user.
    pub station: Option<Name>,
    /// Calling number.
    pub ani: Option<Name>,
    /// Name beside the calling number, for the external.
    pub ani_name: Option<Name>,
    /// Called number.
    pub dnis: Option<Name>,
    /// Whether after-call work is demanded; absent rather than false.
    pub after_call_work: bool,
    /// Rings rather than being connected.
    pub alerting: bool,
    /// Not muted.
    pub can_speak: bool,
    /// The interaction's direction.
    pub inbound: bool,
    /// Who invited it.
    pub invited_by: Option<Invite>,
    /// Configured attributes, on the external only.
    pub additional_info: Vec<(Name, Name)>,
    /// Where it comes from.
    pub source: Source,
}

/// What a transfer's three kinds share. Target and initiator are one: the user who transfers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its command.
    pub command: Id,
    /// Who transfers.
    pub initiating: Id,
    /// Who is transferred.
    pub object: Id,
}

/// One event about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voice {
    /// A party enters.
    Established(Box<Established>),
    /// A ringing party answers.
    Answered {
        /// Its communication.
        communication: Id,
    },
    /// A user holds or retrieves.
    Hold {
        /// Its communication.
        communication: Id,
        /// Held from now on.
        held: bool,
    },
    /// A user is muted or unmuted.
    Audio {
        /// Its communication.
        communication: Id,
        /// Not muted from now on.
        can_speak: bool,
    },
    /// A party leaves.
    Ended {
        /// Its communication.
        communication: Id,
        /// Why.
        disconnect: Disconnect,
    },
    /// A wrap-up code is given.
    Disposition {
        /// The user's communication.
        communication: Id,
        /// The code; absent: required and never given.
        code: Option<Name>,
    },
    /// A transfer to a user starts.
    UserTransfer {
        /// The command and its parties.
        transfer: Transfer,
        /// To whom.
        user: Name,
    },
    /// A transfer to a queue starts.
    RoutingTransfer {
        /// The command and its parties.
        transfer: Transfer,
        /// To which queue.
        queue: Name,
        /// `Eic_AcdSkillSet`.
        skills: Vec<Name>,
    },
    /// A transfer reaches its destination.
    Progress {
        /// Its command.
        command: Id,
        /// Who is transferred.
        object: Id,
        /// Where it goes.
        destination: Id,
    },
    /// A transfer ends.
    EndTransfer {
        /// Its command.
        command: Id,
        /// Who is transferred.
        object: Id,
        /// How it ended.
        state: FinalState,
    },
}

impl Voice {
    /// The array it stands in.
    pub fn array(&self) -> Array {
        match self {
            Self::Established(party) => match party.role {
                Role::External => Array::ExternalEstablished,
                Role::Phone => Array::PhoneEstablished,
                Role::Ivr => Array::IvrEstablished,
                Role::Routing => Array::RoutingEstablished,
                Role::User => Array::UserEstablished,
            },
            Self::Answered { .. } => Array::Answered,
            Self::Hold { .. } => Array::HoldUpdated,
            Self::Audio { .. } => Array::AudioUpdated,
            Self::Ended { .. } => Array::Ended,
            Self::Disposition { .. } => Array::Disposition,
            Self::UserTransfer { .. } => Array::UserTransfer,
            Self::RoutingTransfer { .. } => Array::RoutingTransfer,
            Self::Progress { .. } => Array::ProgressTransfer,
            Self::EndTransfer { .. } => Array::EndTransfer,
        }
    }

    /// The communication or command it is about: what its eventId is made of.
    pub fn about(&self) -> Id {
        match self {
            Self::Established(party) => party.communication,
            Self::Answered { communication }
            | Self::Hold { communication, .. }
            | Self::Audio { communication, .. }
            | Self::Ended { communication, .. }
            | Self::Disposition { communication, .. } => *communication,
            Self::UserTransfer { transfer, .. } | Self::RoutingTransfer { transfer, .. } => transfer.command,
            Self::Progress { command, .. } | Self::EndTransfer { command, .. } => *command,
        }
    }
}
