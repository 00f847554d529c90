//! One request to Genesys Cloud at a time, and what its answer means.
//!
//! In comes a prepared body for a lane, or a question about names; out goes a [`Reply`] that says what to do
//! next. The client keeps its token fresh by itself. It never retries (but once after a 401 with a new token),
//! never waits for a budget and knows nothing of order: that is `deliver`'s.

pub mod answer;
pub mod client;
pub mod gate;
pub mod inject;
pub mod limits;
pub mod lookup;
pub mod settings;
mod token;

pub use answer::{Answer, EventError, Reply, Scope};
pub use client::Client;
pub use gate::{Free, Gate};
pub use inject::{Inject, Request};
pub use limits::Limits;
pub use lookup::Lookup;
pub use settings::{Error, Settings};

#[cfg(test)]
mod tests;
