//! The endpoints as faults, limits and counts tell them apart.

use serde::{Deserialize, Serialize};

/// A group of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    /// `POST /oauth/token`
    Token,
    /// `POST /api/v2/events/conversations`
    Conversations,
    /// `POST /api/v2/events/users/presence`
    Presence,
    /// `POST /api/v2/events/users/routingstatus`
    RoutingStatus,
    /// `/api/v2/users/{userId}/outofoffice`
    OutOfOffice,
    /// Everything else: tokens/me and the directory's look-ups.
    Lookups,
}

impl Endpoint {
    /// The endpoint of a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/oauth/token" => Self::Token,
            "/api/v2/events/conversations" => Self::Conversations,
            "/api/v2/events/users/presence" => Self::Presence,
            "/api/v2/events/users/routingstatus" => Self::RoutingStatus,
            path if path.ends_with("/outofoffice") => Self::OutOfOffice,
            _ => Self::Lookups,
        }
    }

    /// The permission that it demands of a client.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Conversations => "conversation:conversation:inject",
            Self::Presence => "presence:userPresence:inject",
            Self::RoutingStatus => "routing:routingstatus:inject",
            Self::Token | Self::OutOfOffice | Self::Lookups => "directory:user:view",
        }
    }
}
