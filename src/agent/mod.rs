//! The parts joined: from an assigned partition to accepted events.
//!
//! The reader's thread says what it reads over one channel; `dispatch` passes it on to a task per `assignment`, whose
//! `worker` decodes, converts and resolves, and whose `books` know which records have ended. Delivery tells how each
//! event ended. What a partition must go on from is kept (`keeping`) and fetched (`restore`); [`Agent`] stops as rule 9
//! says.

mod assignment;
mod books;
mod checkpoints;
mod counts;
mod dispatch;
mod held;
mod keeping;
mod kept;
pub mod letter;
mod mail;
mod marks;
mod metadata;
mod news;
mod origin;
mod partition;
mod point;
mod proof;
pub mod quiet;
pub mod replays;
mod restore;
pub mod settings;
pub mod sites;
mod start;
mod states;
mod store;
mod ticks;
mod token;
mod worker;

pub use start::{Agent, Error};

#[cfg(test)]
mod tests;
