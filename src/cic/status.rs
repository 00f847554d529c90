//! User statuses and their definitions. A status alone says nothing of ACD or after-call work: the flags stand on
//! the definition, joined by `statusId`.

use serde::{Deserialize, Deserializer, Serialize};

use super::attributes::Text;
use crate::time::Time;

/// One user in a `userStatusMessage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStatus {
    /// The CIC user name.
    #[serde(rename = "userId", deserialize_with = "text")]
    pub user: Box<str>,
    /// The status's id; without regard to case. Absent: unchanged.
    #[serde(default, rename = "statusId", deserialize_with = "optional_text")]
    pub status: Option<Box<str>>,
    /// When the status began.
    #[serde(default, rename = "statusChanged", deserialize_with = "time")]
    pub changed: Option<Time>,
    /// Whether the user is on the phone; absent: unchanged.
    #[serde(default, rename = "onPhone")]
    pub on_phone: Option<bool>,
    /// When that began.
    #[serde(default, rename = "onPhoneChanged", deserialize_with = "time")]
    pub on_phone_changed: Option<Time>,
    /// Whether the user is logged in; absent: unchanged.
    #[serde(default, rename = "loggedIn")]
    pub logged_in: Option<bool>,
    /// The user's own words; absent: unchanged.
    #[serde(default, deserialize_with = "optional_text")]
    pub notes: Option<Box<str>>,
    /// Until when, for statuses that may say so.
    #[serde(default)]
    pub until: Option<Until>,
}

/// The end that a user gave to a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// The moment.
    #[serde(default, rename = "untilDateTime", deserialize_with = "time")]
    pub time: Option<Time>,
    /// Whether its date was given.
    #[serde(default, rename = "hasDate")]
    pub has_date: bool,
    /// Whether its time of day was given.
    #[serde(default, rename = "hasTime")]
    pub has_time: bool,
}

/// A status's definition. What is missing is false or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id; without regard to case.
    #[serde(rename = "statusId", deserialize_with = "text")]
    pub id: Box<str>,
    /// The id of the system status that it stands for.
    #[serde(default, rename = "systemId", deserialize_with = "text")]
    pub system: Box<str>,
    /// Its text, which may be in any language.
    #[serde(default, rename = "messageText", deserialize_with = "text")]
    pub text: Box<str>,
    /// Its group.
    #[serde(default, rename = "groupTag", deserialize_with = "text")]
    pub group: Box<str>,
    /// Do not disturb.
    #[serde(default, rename = "isDoNotDisturbStatus")]
    pub do_not_disturb: bool,
    /// After-call work.
    #[serde(default, rename = "isAfterCallWorkStatus")]
    pub after_call_work: bool,
    /// Takes calls from queues.
    #[serde(default, rename = "isAcdStatus", alias = "isACDStatus")]
    pub acd: bool,
    /// Forwards calls.
    #[serde(default, rename = "isForwardStatus")]
    pub forward: bool,
    /// Outlives a logout.
    #[serde(default, rename = "isPersistentStatus")]
    pub persistent: bool,
    /// Allows follow-up.
    #[serde(default, rename = "isAllowFollowUpStatus")]
    pub follow_up: bool,
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    Text::deserialize(deserializer).map(|Text(text)| text.into())
}

fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<str>>, D::Error> {
    Option::<Text<'_>>::deserialize(deserializer).map(|text| text.map(|Text(text)| text.into()))
}

/// A time that cannot be read counts as not given: a status must not be lost over its stamp.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    if !deserializer.is_human_readable() {
        // Not CIC's: it was kept.
        return Option::deserialize(deserializer);
    }
    let text = Option::<Text<'_>>::deserialize(deserializer)?;
    Ok(text.and_then(|Text(text)| Time::parse(&text)))
}
