//! One communication of a conversation, and how often it has been told of.

use crate::convert::encoding::is_default;
use crate::event::{Id, Name, Role};
use crate::time::Time;

/// One communication. There are many: on the wire, names are short and what says nothing is left out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Party {
    #[serde(rename = "r")]
    pub(crate) role: Role,
    /// Written only where it does not follow from its place.
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub(crate) id: Id,
    /// The user, the workgroup, or the attendant.
    #[serde(rename = "n", default, skip_serializing_if = "is_default")]
    pub(crate) name: Option<Name>,
    #[serde(rename = "s")]
    pub(crate) standing: Standing,
    #[serde(rename = "h", default, skip_serializing_if = "is_default")]
    pub(crate) held: bool,
    #[serde(rename = "m", default, skip_serializing_if = "is_default")]
    pub(crate) muted: bool,
    /// When it was first connected: a wrap-up code belongs to who was connected by then.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub(crate) connected: Option<Time>,
    /// How many of each repeatable event it has had: part of their ids.
    #[serde(rename = "nh", default, skip_serializing_if = "is_default")]
    pub(crate) holds: u32,
    #[serde(rename = "na", default, skip_serializing_if = "is_default")]
    pub(crate) audios: u32,
    #[serde(rename = "nd", default, skip_serializing_if = "is_default")]
    pub(crate) dispositions: u32,
}

/// Where a communication is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Standing {
    Ringing,
    Connected,
    Ended,
}

impl Party {
    pub(crate) fn is_open(&self) -> bool {
        self.standing != Standing::Ended
    }

    /// Whether it is `role` and called `name`, without regard to case.
    pub(crate) fn is(&self, role: Role, name: &str) -> bool {
        self.role == role && self.name.as_deref().is_some_and(|own| same(own, name))
    }
}

/// CIC's names match without regard to case.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b
        || a.eq_ignore_ascii_case(b)
        || !(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase()
}
