//! The agent's own HTTP endpoints: metrics, health, and the Integration Health page.
//!
//! In: the board and the recorder. Out: text. It changes nothing, asks for no login and shows no secret; it listens
//! on this machine only unless configured otherwise.

mod page;
mod server;
#[cfg(test)]
mod tests;

pub use server::{Error, Server};
