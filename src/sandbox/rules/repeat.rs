//! Rule `same-content`: an eventId seen again is the same event sent again, and must say the same. Which order
//! its fields stand in is no difference.

use super::{Fact, Rule, Uuid, Violation};
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Every eventId applied, with a hash of its content.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<Uuid, u64>);

pub(super) enum Found {
    Nothing,
    Same,
    Different(Violation),
}

impl Seen {
    pub(super) fn find(&self, fact: &Fact<'_>, event: &Value) -> Found {
        match self.0.get(&fact.id) {
            None => Found::Nothing,
            Some(content) if *content == content_of(fact.array, event) => Found::Same,
            Some(_) => {
                let message = format!("eventId {} was accepted before with other content", fact.id);
                Found::Different(Violation::new(Rule::SameContent, message))
            }
        }
    }

    /// Whether it is new.
    pub(super) fn insert(&mut self, fact: &Fact<'_>, event: &Value) -> bool {
        self.0.insert(fact.id, content_of(fact.array, event)).is_none()
    }
}

fn content_of(array: &str, event: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    array.hash(&mut hasher);
    hash(event).hash(&mut hasher);
    hasher.finish()
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0u8.hash(&mut hasher),
        Value::Bool(value) => (1u8, value).hash(&mut hasher),
        Value::Number(value) => (2u8, value).hash(&mut hasher),
        Value::String(value) => (3u8, value).hash(&mut hasher),
        Value::Array(items) => (4u8, items.iter().map(hash).collect::<Vec<_>>()).hash(&mut hasher),
        Value::Object(fields) => {
            let one = |(name, value): (&String, &Value)| {
                let mut field = DefaultHasher::new();
                (name, hash(value)).hash(&mut field);
                field.finish()
            };
            // A sum does not depend on the order of the fields.
            (5u8, fields.iter().map(one).fold(0, u64::wrapping_add)).hash(&mut hasher);
        }
    }
    hasher.finish()
}
