//! `conduit.toml`, the environment and flags, read into one [`Config`].
//!
//! In: [`Sources`]. Out: a configuration in which nothing is wrong, or an [`Error`] that holds everything that is:
//! where, what, and what to do. It never asks the network and never looks whether what it names is there, apart
//! from the files that hold secrets. Secrets stand in no message and no `Debug`.

mod build;
mod error;
mod keys;
mod layers;
mod nearest;
mod region;
mod required;
mod rules;
mod types;
mod units;

pub use build::Sources;
pub use error::{Error, Origin, Problem};
pub use keys::{KEYS, Key, Kind, SECTIONS, markdown};
pub use region::{REGIONS, Region};
pub use required::Part;
pub use rules::{Matches, PRESENCES, ROUTING_STATUSES, Rule};
pub use types::{
    Cic, Config, Conversation, Directory, Genesys, Http, Kafka, Lanes, Log, LogFormat, Memory, OnGap,
    OnMismatch, Presence, SecurityProtocol, Start, State, UsersBy,
};

#[cfg(test)]
mod tests;
