//! The parts joined: from an assigned partition to accepted events.
//!
//! The reader's thread says what it reads over one channel; `dispatch` passes it on to a task per partition, whose
//! `worker` decodes, converts and resolves, and whose `books` know which records have ended. Delivery tells how each
//! event ended; [`Agent`] commits what has, and stops as rule 9 says.

mod books;
mod counts;
mod dispatch;
mod held;
mod letter;
mod mail;
mod news;
mod partition;
pub mod quiet;
pub mod settings;
pub mod sites;
mod start;
mod token;
mod worker;

pub use start::{Agent, Error};

#[cfg(test)]
mod tests;
