//! What a workgroup's configuration says of statuses: `configuration.people:workgroupsMessage`.
//!
//! The contracts name the settings, and no capture shows how they are written: a status is read as text or as an
//! object with an `id`. An item that names no workgroup says nothing.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A workgroup's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workgroup {
    /// Its id.
    pub id: Box<str>,
    /// The status that it gives to who does not answer; empty: none; absent: unchanged.
    pub no_answer: Option<Box<str>>,
    /// The status that it gives to who is on its calls; empty: none; absent: unchanged.
    pub on_call: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "configurationId")]
    id: Value,
    #[serde(default, rename = "noAnswerStatus")]
    no_answer: Option<Value>,
    #[serde(default, rename = "onCallStatus")]
    on_call: Option<Value>,
}

/// The workgroups of a list.
pub(super) fn workgroups(list: Option<&RawValue>) -> Vec<Workgroup> {
    let items: Vec<Value> = list
        .and_then(|list| serde_json::from_str(list.get()).ok())
        .unwrap_or_default();
    items
        .into_iter()
        .filter_map(|item| {
            let raw = Raw::deserialize(item).ok()?;
            Some(Workgroup {
                id: named(&raw.id).filter(|id| !id.is_empty())?.into(),
                no_answer: raw
                    .no_answer
                    .as_ref()
                    .map(|status| named(status).unwrap_or_default().into()),
                on_call: raw
                    .on_call
                    .as_ref()
                    .map(|status| named(status).unwrap_or_default().into()),
            })
        })
        .collect()
}

/// The ids of a list.
pub(super) fn ids(list: Option<&RawValue>) -> Vec<Box<str>> {
    let items: Vec<Value> = list
        .and_then(|list| serde_json::from_str(list.get()).ok())
        .unwrap_or_default();
    items.iter().filter_map(named).map(Box::from).collect()
}

/// What a value names: itself, or its `id`.
fn named(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id").and_then(Value::as_str))
}
