//! The compiled-in JSON Schemas of what Genesys Cloud accepts, for analysts and for the sandbox.
//!
//! In: JSON values, or NDJSON text. Out: whether they fit a schema, and every place where they do not. The
//! schemas stand in `schemas/genesys/` as the vendor publishes the shapes; rules that go beyond shapes are not
//! here but in the sandbox. This module never reads a file, asks the network, or changes what it is shown.

mod lines;
mod validators;

use serde_json::Value;
use std::fmt;

pub use lines::{Counts, LineProblem, validate_lines};

/// One compiled-in schema.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// What `schema show` and `schema validate` call it.
    pub name: &'static str,
    /// What it describes, in one line.
    pub about: &'static str,
    /// The whole JSON Schema text.
    pub text: &'static str,
}

/// One place where a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer to the place; empty for the value itself.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {}", self.message)
    }
}

/// Why nothing could be validated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No schema has this name.
    #[error("no schema is named `{0}`; `schema list` names them all")]
    UnknownSchema(String),
    /// The text could not be read to its end.
    #[error("cannot read line {line}")]
    Read {
        /// Line number, from 1.
        line: u64,
        /// What the reader said.
        source: std::io::Error,
    },
}

macro_rules! schema {
    ($name:literal, $about:literal) => {
        Schema {
            name: $name,
            about: $about,
            text: include_str!(concat!("../../schemas/genesys/", $name, ".schema.json")),
        }
    };
}

static SCHEMAS: [Schema; 7] = [
    schema!("conversation-events", "body of POST /api/v2/events/conversations"),
    schema!(
        "user-presence-events",
        "body of POST /api/v2/events/users/presence"
    ),
    schema!(
        "user-routing-status-events",
        "body of POST /api/v2/events/users/routingstatus"
    ),
    schema!("out-of-office", "body of PUT /api/v2/users/{userId}/outofoffice"),
    schema!("batch-event-response", "answer of the three inject endpoints"),
    schema!("error-body", "body of every answer that is no success"),
    schema!("convert-line", "one line of `cic-conduit convert`"),
];

/// Every schema, requests first.
pub fn list() -> &'static [Schema] {
    &SCHEMAS
}

/// The text of the schema of that name.
pub fn show(name: &str) -> Result<&'static str, Error> {
    let schema = SCHEMAS.iter().find(|schema| schema.name == name);
    schema
        .map(|schema| schema.text)
        .ok_or_else(|| Error::UnknownSchema(name.to_owned()))
}

/// The names of the arrays that a request may hold, `outOfOffice` among them.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    validators::event_types()
}

/// Whether the request of that schema has an array of that name.
pub fn is_array_of(request: &str, array: &str) -> bool {
    validators::request_of(array) == Some(request)
}

/// Holds a whole value against the schema of that name. An empty list means that it fits.
pub fn validate(name: &str, value: &Value) -> Result<Vec<Problem>, Error> {
    let validator = validators::whole(name).ok_or_else(|| Error::UnknownSchema(name.to_owned()))?;
    Ok(validators::problems(validator, value).err().unwrap_or_default())
}

/// Holds one event against the schema of its array (`userEstablishedEvents`, …, `outOfOffice`).
///
/// An array that no request has is a problem like any other.
pub fn validate_event(array: &str, event: &Value) -> Result<(), Vec<Problem>> {
    match validators::event(array) {
        Some(validator) => validators::problems(validator, event),
        None => Err(vec![Problem {
            path: String::new(),
            message: format!("no request has an array `{array}`"),
        }]),
    }
}

#[cfg(test)]
mod tests;
