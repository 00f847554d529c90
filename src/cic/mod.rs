//! What comes in: CIC's messages, as they stand in a Kafka record.
//!
//! [`read`] takes a record's bytes and gives its [`Message`]s; it never says what they lead to. A part that cannot
//! be read is named beside the parts that can. Names of attributes match without regard to case, unknown ones are
//! passed over.

mod attributes;
mod envelope;
mod interaction;
mod message;
mod status;
mod workgroup;

pub use attributes::{Attribute, Attributes, Wanted};
pub use envelope::{Error, Fallback, Record, read};
pub use interaction::{Letter, names, number, unscoped};
pub use message::{Interaction, Message, Queue, Subject, Unreadable, WrapUp};
pub use status::{Definition, Until, UserStatus};
pub use workgroup::Workgroup;

#[cfg(test)]
mod tests;
