//! What is read, and how users are found.

use std::time::Duration;

use crate::names::Kind;

/// What keeping names true is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How CIC users are found.
    pub users: Users,
    /// The lists that are read whole. Leave out what no lane needs.
    pub lists: Vec<Kind>,
    /// How often they are read again.
    pub refresh: Duration,
}

/// How CIC users are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// The CIC user `jsmith` is `jsmith@DOMAIN`; one that holds an `@` is an address by itself.
    Email {
        /// What stands after the `@`.
        domain: String,
    },
    /// The part before the `@` of a user's email is the CIC user.
    BeforeAt,
    /// By external id, which matters with its case.
    ExternalId {
        /// Whose ids they are.
        authority: String,
    },
}

impl Settings {
    /// Everything, every 15 minutes.
    pub fn new(users: Users) -> Self {
        Self {
            users,
            lists: vec![
                Kind::Queues,
                Kind::WrapUpCodes,
                Kind::Skills,
                Kind::Languages,
                Kind::PresenceDefinitions,
                Kind::Stations,
            ],
            refresh: Duration::from_secs(900),
        }
    }
}
