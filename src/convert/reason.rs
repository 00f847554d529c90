//! Why something makes no event: a closed set, for metrics and for `convert --summary`.

/// Why a record, or a part of it, makes no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Reason {
    /// It changes nothing.
    NoChange,
    /// Seen before, or older than what is known.
    Duplicate,
    /// An intercom call that belongs to no conversation.
    Intercom,
    /// Chat and the like, for which the API has no array.
    MediaNotInjectable,
    /// A monitor or recorder.
    NotAConversation,
    /// An interaction of a type that CIC's documents do not name.
    UnknownType,
    /// A message of a type that carries nothing for a conversation or user.
    UnknownMessage,
    /// First seen when it was over.
    AlreadyEnded,
    /// A letter after the end.
    AfterEnd,
    /// An interaction that is not known.
    UnknownInteraction,
    /// A wrap-up code of a user who was never connected.
    NoCommunication,
    /// A wrap-up code after the conversation was forgotten.
    TooLate,
    /// A letter that is empty or not documented.
    UnknownState,
    /// Something that this version does not convert.
    NotYetConverted,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::NoChange,
        Self::Duplicate,
        Self::Intercom,
        Self::MediaNotInjectable,
        Self::NotAConversation,
        Self::UnknownType,
        Self::UnknownMessage,
        Self::AlreadyEnded,
        Self::AfterEnd,
        Self::UnknownInteraction,
        Self::NoCommunication,
        Self::TooLate,
        Self::UnknownState,
        Self::NotYetConverted,
    ];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoChange => "no_change",
            Self::Duplicate => "duplicate",
            Self::Intercom => "intercom",
            Self::MediaNotInjectable => "media_not_injectable",
            Self::NotAConversation => "not_a_conversation",
            Self::UnknownType => "unknown_type",
            Self::UnknownMessage => "unknown_message",
            Self::AlreadyEnded => "already_ended",
            Self::AfterEnd => "after_end",
            Self::UnknownInteraction => "unknown_interaction",
            Self::NoCommunication => "no_communication",
            Self::TooLate => "too_late",
            Self::UnknownState => "unknown_state",
            Self::NotYetConverted => "not_yet_converted",
        }
    }
}
