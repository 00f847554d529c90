//! The messages of ICWS that conversion reads, and how they are read from JSON.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{RawAttributes, Text};
use super::status::{Definition, UserStatus};
use super::workgroup::{self, Workgroup};
use super::{Attributes, Wanted};
use crate::time::Time;

/// One ICWS message. Source: the generated ICWS client contracts.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// `urn:inin.com:queues:queueContentsMessage`.
    Queue(Queue),
    /// `urn:inin.com:interactions:interactionChangedMessage`.
    Changed(Interaction),
    /// `urn:inin.com:interactions:interactionDeallocatedMessage`.
    Deallocated {
        /// The interaction.
        id: Box<str>,
    },
    /// `urn:inin.com:interactions:interactionMorphedMessage`.
    Morphed {
        /// What was replaced.
        from: Box<str>,
        /// By what.
        to: Box<str>,
    },
    /// `urn:inin.com:interactions:wrapupAssignment`.
    WrapUp(WrapUp),
    /// `urn:inin.com:status:userStatusMessage`.
    UserStatus {
        /// `false`: replaces what the subscription showed.
        delta: bool,
        /// The users.
        users: Vec<UserStatus>,
    },
    /// `urn:inin.com:status:statusMessagesMessage`.
    Definitions {
        /// `false`: replaces what the subscription showed.
        delta: bool,
        /// Added and changed ones, whole.
        set: Vec<Definition>,
        /// The ids of removed ones.
        removed: Vec<Box<str>>,
    },
    /// `urn:inin.com:configuration.people:workgroupsMessage`.
    Workgroups {
        /// `false`: replaces what the subscription showed.
        delta: bool,
        /// Added and changed ones.
        set: Vec<Workgroup>,
        /// The ids of removed ones.
        removed: Vec<Box<str>>,
    },
    /// `urn:inin.com:activations:userActivationMessage` and `…workgroupActivationMessage`, in pairs.
    Activations {
        /// `false`: replaces the subject's row.
        delta: bool,
        /// Whose row it is.
        subject: Subject,
        /// The other side of each pair, and whether it is active.
        changed: Vec<(Box<str>, bool)>,
    },
    /// `urn:inin.com:connection:connectionStateChangeMessage`.
    Connection {
        /// Whether the exporter's connection to CIC is up.
        up: bool,
    },
    /// Any other message.
    Other {
        /// Its `__type`.
        kind: Box<str>,
    },
}

/// Whose activations a message tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user's, by workgroup.
    User(Box<str>),
    /// A workgroup's, by user.
    Workgroup(Box<str>),
}

/// What a subscribed queue shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// `false`: replaces what the subscription showed.
    pub delta: bool,
    /// The subscription.
    pub subscription: Box<str>,
    /// Interactions that entered the queue.
    pub added: Vec<Interaction>,
    /// Interactions of which something changed.
    pub changed: Vec<Interaction>,
    /// Interactions that left the queue, which is no end.
    pub removed: Vec<Box<str>>,
}

/// What a message says of one interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// `interactionId`: ten digits, reused over time.
    pub id: Arc<str>,
    /// What changed, or all of it when added.
    pub attributes: Attributes,
    /// `conferenceParentId`, unless empty.
    pub conference_parent: Option<Box<str>>,
}

/// A wrap-up code given to a segment of an interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct WrapUp {
    /// The interaction.
    pub interaction: Box<str>,
    /// The code's name.
    pub code: Box<str>,
    /// The segment; a second code for one replaces the first.
    pub segment: i64,
    /// When it was given.
    pub time: Option<Time>,
    /// Who gave it.
    pub user: Box<str>,
}

/// A part of a record that cannot be read, beside parts that can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{part}: {problem}")]
pub struct Unreadable {
    /// Where in the message: `interactionsAdded[3]` for instance.
    pub part: String,
    /// What is wrong.
    pub problem: String,
}

/// Every field of every message that we read. ICWS gives each name one meaning, so one shape holds them all.
#[derive(Deserialize)]
pub(super) struct Raw<'a> {
    #[serde(borrow, rename = "__type")]
    kind: Option<Text<'a>>,
    #[serde(rename = "isDelta")]
    delta: Option<bool>,
    #[serde(borrow, rename = "subscriptionId")]
    subscription: Option<Text<'a>>,
    #[serde(borrow, default, rename = "interactionsAdded")]
    added: Option<Vec<RawInteraction<'a>>>,
    #[serde(borrow, default, rename = "interactionsChanged")]
    changed: Option<Vec<RawInteraction<'a>>>,
    #[serde(borrow, default, rename = "interactionsRemoved")]
    removed: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "interactionID", alias = "interactionId")]
    interaction: Option<Text<'a>>,
    #[serde(borrow, rename = "newInteractionID", alias = "newInteractionId")]
    new_interaction: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<RawAttributes<'a>>,
    #[serde(default, rename = "userStatusList")]
    users: Option<Vec<UserStatus>>,
    #[serde(default, rename = "statusMessagesAdded", alias = "statusMessageList")]
    definitions_added: Option<Vec<Definition>>,
    #[serde(default, rename = "statusMessagesChanged")]
    definitions_changed: Option<Vec<Definition>>,
    #[serde(borrow, default, rename = "statusMessagesRemoved")]
    definitions_removed: Option<Vec<Text<'a>>>,
    #[serde(borrow, default, rename = "added")]
    items_added: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "changed")]
    items_changed: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "removed")]
    items_removed: Option<&'a RawValue>,
    #[serde(borrow, rename = "userId")]
    user_id: Option<Text<'a>>,
    #[serde(borrow, rename = "workgroupId")]
    workgroup_id: Option<Text<'a>>,
    #[serde(borrow, rename = "activationsChanged")]
    activations: Option<Activations<'a>>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(rename = "segmentId")]
    segment: Option<i64>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(borrow)]
    user: Option<Text<'a>>,
    #[serde(borrow, rename = "sourceInteractionId")]
    source_interaction: Option<Text<'a>>,
    #[serde(rename = "newConnectionState")]
    connection: Option<i64>,
}

#[derive(Deserialize)]
struct RawInteraction<'a> {
    #[serde(borrow, rename = "interactionId", alias = "interactionID")]
    id: Text<'a>,
    #[serde(borrow)]
    attributes: RawAttributes<'a>,
    #[serde(borrow, default, rename = "conferenceParentId")]
    parent: Option<Text<'a>>,
}

/// A dictionary of booleans.
struct Activations<'a>(Vec<(Text<'a>, bool)>);

impl<'de: 'a, 'a> Deserialize<'de> for Activations<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> serde::de::Visitor<'de> for Pairs {
            type Value = Activations<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of booleans")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Activations(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Reads one message: what can be read of it, and what cannot. `kind` stands in for an absent `__type`.
pub(super) fn read(
    json: &str,
    kind: Option<&str>,
    wanted: &Wanted,
    unreadable: &mut Vec<Unreadable>,
) -> Option<Message> {
    match serde_json::from_str(json) {
        Ok(raw) => finish(raw, kind, wanted)
            .map_err(|error| unreadable.push(error))
            .ok(),
        Err(error) => {
            let rest = without_bad_parts(json, unreadable);
            let Some(rest) = rest else {
                unreadable.push(Unreadable {
                    part: "message".into(),
                    problem: error.to_string(),
                });
                return None;
            };
            match serde_json::from_str(&rest) {
                Ok(raw) => finish(raw, kind, wanted)
                    .map_err(|error| unreadable.push(error))
                    .ok(),
                Err(error) => {
                    unreadable.push(Unreadable {
                        part: "message".into(),
                        problem: error.to_string(),
                    });
                    None
                }
            }
        }
    }
}

/// The message without the list items that cannot be read; `None` when it is no object or no item is at fault.
fn without_bad_parts(json: &str, unreadable: &mut Vec<Unreadable>) -> Option<String> {
    fn check<'a, T: Deserialize<'a>>(item: &'a Value) -> Option<String> {
        T::deserialize(item).err().map(|error| error.to_string())
    }
    type Check = fn(&Value) -> Option<String>;
    const LISTS: [(&str, Check); 5] = [
        ("interactionsAdded", |item| check::<RawInteraction<'_>>(item)),
        ("interactionsChanged", |item| check::<RawInteraction<'_>>(item)),
        ("userStatusList", |item| check::<UserStatus>(item)),
        ("statusMessagesAdded", |item| check::<Definition>(item)),
        ("statusMessagesChanged", |item| check::<Definition>(item)),
    ];
    let mut message: Value = serde_json::from_str(json).ok()?;
    let before = unreadable.len();
    let fields = message.as_object_mut()?;
    for (name, check) in LISTS {
        if let Some(items) = fields.get_mut(name).and_then(Value::as_array_mut) {
            let mut at = 0;
            items.retain(|item| {
                let problem = check(item);
                let good = problem.is_none();
                if let Some(problem) = problem {
                    unreadable.push(Unreadable {
                        part: format!("{name}[{at}]"),
                        problem,
                    });
                }
                at += 1;
                good
            });
        }
    }
    (unreadable.len() > before).then(|| message.to_string())
}

/// Makes a message of what stands there, which is large. `kind` stands in for an absent `__type`.
pub(super) fn finish(
    mut raw: Box<Raw<'_>>,
    kind: Option<&str>,
    wanted: &Wanted,
) -> Result<Message, Unreadable> {
    let own = raw.kind.take();
    let Some(kind) = own.as_ref().map(|Text(kind)| &**kind).or(kind) else {
        return Err(Unreadable {
            part: "__type".into(),
            problem: "missing".into(),
        });
    };
    let name = kind.rsplit_once("inin.com:").map_or(kind, |(_, name)| name);
    let delta = raw.delta.unwrap_or(true);
    let interactions = |list: Option<Vec<RawInteraction<'_>>>| {
        list.unwrap_or_default()
            .into_iter()
            .map(|raw| raw.finish(wanted))
            .collect()
    };
    Ok(match name {
        "queues:queueContentsMessage" => Message::Queue(Queue {
            delta,
            subscription: boxed(raw.subscription),
            added: interactions(raw.added),
            changed: interactions(raw.changed),
            removed: texts(raw.removed),
        }),
        "interactions:interactionChangedMessage" => Message::Changed(Interaction {
            id: required(raw.interaction, "interactionID")?.into(),
            attributes: raw.attributes.map(|raw| raw.select(wanted)).unwrap_or_default(),
            conference_parent: None,
        }),
        "interactions:interactionDeallocatedMessage" => Message::Deallocated {
            id: required(raw.interaction, "interactionID")?,
        },
        "interactions:interactionMorphedMessage" => Message::Morphed {
            from: required(raw.interaction, "interactionID")?,
            to: required(raw.new_interaction, "newInteractionID")?,
        },
        "interactions:wrapupAssignment" => Message::WrapUp(WrapUp {
            interaction: required(raw.interaction.or(raw.source_interaction), "interactionId")?,
            code: required(raw.code, "code")?,
            segment: raw.segment.unwrap_or_default(),
            time: raw.time.and_then(|Text(time)| Time::parse(&time)),
            user: required(raw.user, "user")?,
        }),
        "status:userStatusMessage" => Message::UserStatus {
            delta,
            users: raw.users.unwrap_or_default(),
        },
        "status:statusMessagesMessage" => {
            let mut set = raw.definitions_added.unwrap_or_default();
            set.extend(raw.definitions_changed.unwrap_or_default());
            Message::Definitions {
                delta,
                set,
                removed: texts(raw.definitions_removed),
            }
        }
        "configuration.people:workgroupsMessage" => {
            let mut set = workgroup::workgroups(raw.items_added);
            set.extend(workgroup::workgroups(raw.items_changed));
            Message::Workgroups {
                delta,
                set,
                removed: workgroup::ids(raw.items_removed),
            }
        }
        "activations:userActivationMessage" => Message::Activations {
            delta,
            subject: Subject::User(required(raw.user_id, "userId")?),
            changed: pairs(raw.activations),
        },
        "activations:workgroupActivationMessage" => Message::Activations {
            delta,
            subject: Subject::Workgroup(required(raw.workgroup_id, "workgroupId")?),
            changed: pairs(raw.activations),
        },
        "connection:connectionStateChangeMessage" => Message::Connection {
            up: raw.connection == Some(1),
        },
        _ => Message::Other { kind: kind.into() },
    })
}

impl RawInteraction<'_> {
    fn finish(self, wanted: &Wanted) -> Interaction {
        Interaction {
            id: self.id.0.as_ref().into(),
            attributes: self.attributes.select(wanted),
            conference_parent: self
                .parent
                .filter(|Text(parent)| !parent.is_empty())
                .map(|Text(parent)| parent.into()),
        }
    }
}

fn boxed(text: Option<Text<'_>>) -> Box<str> {
    text.map_or_else(Box::default, |Text(text)| text.into())
}

fn texts(list: Option<Vec<Text<'_>>>) -> Vec<Box<str>> {
    list.unwrap_or_default()
        .into_iter()
        .map(|Text(text)| text.into())
        .collect()
}

fn pairs(activations: Option<Activations<'_>>) -> Vec<(Box<str>, bool)> {
    activations
        .map(|list| {
            list.0
                .into_iter()
                .map(|(Text(name), on)| (name.into(), on))
                .collect()
        })
        .unwrap_or_default()
}

fn required(text: Option<Text<'_>>, field: &str) -> Result<Box<str>, Unreadable> {
    let text = boxed(text);
    if text.is_empty() {
        return Err(Unreadable {
            part: field.to_owned(),
            problem: "missing".into(),
        });
    }
    Ok(text)
}
