//! `cic-conduit` reads a PureConnect CIC server's events from Kafka and injects them into Genesys Cloud.
//!
//! The modules stand in the order in which data flows. The upper half is pure: no clock, no network, no
//! randomness. The lower half does I/O and is built by the cargo feature `agent`. Who may import whom is a
//! table in `tests/imports.rs`, which holds it against every `use crate::`.

pub mod config;
pub mod time;

pub mod cic;
pub mod event;

pub mod convert;
pub mod names;
pub mod schema;

#[cfg(feature = "agent")]
pub mod agent;
#[cfg(feature = "agent")]
pub mod cli;
#[cfg(feature = "agent")]
pub mod clock;
#[cfg(feature = "agent")]
pub mod deliver;
#[cfg(feature = "agent")]
pub mod directory;
#[cfg(feature = "agent")]
mod fail;
#[cfg(feature = "agent")]
pub mod genesys;
#[cfg(feature = "agent")]
pub mod health;
#[cfg(feature = "agent")]
pub mod http;
#[cfg(feature = "agent")]
pub mod kafka;
#[cfg(feature = "agent")]
pub mod metrics;
#[cfg(feature = "agent")]
pub mod sandbox;
#[cfg(feature = "agent")]
pub mod simulate;
