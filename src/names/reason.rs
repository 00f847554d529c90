//! Why something is left out for the sake of a name: a closed set, for metrics.

/// Why an event, or a part of it, is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Reason {
    /// `[lanes]` switches its lane off.
    LaneOff,
    /// The agent stands outside the configured list.
    UserNotAllowed,
    /// Its presence is the one before it: no secondary presence has either label.
    SamePresence,
    /// No user of that name.
    UnresolvedUser,
    /// No queue of that name.
    UnresolvedQueue,
    /// A workgroup that is configured to be no queue.
    IgnoredWorkgroup,
    /// No wrap-up code of that name.
    UnresolvedWrapUpCode,
    /// Neither a language nor a skill of that name.
    UnresolvedSkill,
    /// No station of that name.
    UnresolvedStation,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::LaneOff,
        Self::UserNotAllowed,
        Self::SamePresence,
        Self::UnresolvedUser,
        Self::UnresolvedQueue,
        Self::IgnoredWorkgroup,
        Self::UnresolvedWrapUpCode,
        Self::UnresolvedSkill,
        Self::UnresolvedStation,
    ];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LaneOff => "lane_off",
            Self::UserNotAllowed => "user_not_allowed",
            Self::SamePresence => "same_presence",
            Self::UnresolvedUser => "unresolved_user",
            Self::UnresolvedQueue => "unresolved_queue",
            Self::IgnoredWorkgroup => "ignored_workgroup",
            Self::UnresolvedWrapUpCode => "unresolved_wrapup_code",
            Self::UnresolvedSkill => "unresolved_skill",
            Self::UnresolvedStation => "unresolved_station",
        }
    }
}
