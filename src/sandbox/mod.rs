//! A strict stand-in for Genesys Cloud. Judges raw JSON; shares no event type with the agent.
//!
//! In: requests as Genesys Cloud takes them, or the lines of `convert`. Out: what was accepted, in order, and
//! what was not, with the reason. Shapes are judged by the compiled-in schemas, everything beyond shapes by
//! [`rules`]. It never calls the agent's code: a mistake made there must not be excused here.
//!
//! A request goes through `server` (routes), `gate` (faults, token, rate limit, headers), then `inject`,
//! `out_of_office` or `lookups`; what is accepted is entered into the `ledger`, which keeps the `journal`.
//! `admin` switches faults on and off while it runs and shows what was accepted.

mod admin;
mod answer;
mod directory;
mod door;
mod endpoint;
mod faults;
mod gate;
mod inject;
mod journal;
pub mod judge;
mod ledger;
mod lookups;
mod out_of_office;
mod rate;
pub mod rules;
mod server;
mod settings;
mod tokens;

pub use directory::{Directory, Kind, id_of};
pub use endpoint::Endpoint;
pub use faults::{Effect, Fault};
pub use ledger::Summary;
pub use server::{Handle, serve};
pub use settings::{Error, Settings};

#[cfg(test)]
mod tests;
