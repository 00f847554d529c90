//! CIC names become Genesys Cloud ids; drafts become events.
//!
//! A [`Directory`] says which id a name has. A [`Resolver`] takes a partition's drafts in their order and gives
//! [`Resolved`]: an event ready to be sent, the names that it waits for, or why it is left out. It may leave things
//! out, but never renumbers: ids are the drafts'. It does no I/O and knows no clock; whoever holds it says when a
//! name is given up.

mod directory;
mod encode;
mod reason;
mod remembered;
mod resolver;
mod roster;

pub use directory::{Directory, FileError, Kind};
pub use reason::Reason;
pub use remembered::Remembered;
pub use resolver::{Missing, Resolved, Resolver};
pub use roster::Settings;

#[cfg(test)]
mod tests;
