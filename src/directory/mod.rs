//! Keeps names true: CIC name → Genesys Cloud id, as the directory file and the organization say.
//!
//! In: a file's names, and names that somebody asks for. Out: [`Names`], whose current directory is always at hand;
//! on the board and in the metrics what is known and what is not. A task reads the organization's lists at the start
//! and every `[directory] refresh`, and looks for a name that it does not know soon after it was asked for. What the
//! file says goes first. Nothing here waits for an answer but that task, and every question of it passes the
//! [`Lookup`](crate::genesys::Lookup)'s gate. A list that could not be read whole changes nothing.

mod book;
mod inbox;
mod names;
mod organization;
mod plan;
mod report;
mod settings;
mod sync;

pub use names::Names;
pub use settings::{Settings, Users};

#[cfg(test)]
mod tests;
