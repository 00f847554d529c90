//! `[[presence.rule]]`: what the operator says a CIC status means, before the agent's own table.

use super::nearest::nearest;
use toml::de::DeValue;

/// Which statuses a rule is about. Compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matches {
    /// The status of that id.
    Status(String),
    /// Every status of that group.
    Group(String),
    /// Every status with that flag: `do_not_disturb`, `after_call_work`, `acd`, `forward`, `persistent` or
    /// `follow_up`.
    Flag(String),
}

/// One rule; the first that matches wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which statuses it is about.
    pub matches: Matches,
    /// One of [`PRESENCES`].
    pub presence: String,
    /// One of [`ROUTING_STATUSES`].
    pub routing_status: String,
}

/// The system presences of Genesys Cloud.
pub const PRESENCES: &[&str] = &[
    "Available",
    "Busy",
    "Away",
    "Break",
    "Meal",
    "Meeting",
    "Training",
    "On Queue",
    "Offline",
];

/// The routing statuses of Genesys Cloud, as events spell them here.
pub const ROUTING_STATUSES: &[&str] = &[
    "OffQueue",
    "Idle",
    "Interacting",
    "Communicating",
    "NotResponding",
];

/// The flags of a status definition.
const FLAGS: &[&str] = &[
    "do_not_disturb",
    "after_call_work",
    "acd",
    "forward",
    "persistent",
    "follow_up",
];

const KEYS: &[&str] = &["status", "group", "flag", "presence", "routing_status"];

/// Reads one entry; the error says what is wrong and what to do.
pub(super) fn rule(value: &DeValue<'_>) -> Result<Rule, String> {
    let Some(table) = value.as_table() else {
        return Err("presence.rule is no table; write [[presence.rule]]".to_owned());
    };
    for (name, value) in table.iter() {
        let name = name.get_ref().as_ref();
        if !KEYS.contains(&name) {
            let hint = match nearest(name, KEYS.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("a rule takes {}", KEYS.join(", ")),
            };
            return Err(format!("unknown key presence.rule.{name}; {hint}"));
        }
        if value.get_ref().as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(format!("presence.rule.{name} is no text; write a string"));
        }
    }
    let text = |name: &str| {
        table
            .get(name)
            .and_then(|value| value.get_ref().as_str())
            .map(str::to_owned)
    };
    let matches = match (text("status"), text("group"), text("flag")) {
        (Some(id), None, None) => Matches::Status(id),
        (None, Some(group), None) => Matches::Group(group),
        (None, None, Some(flag)) => Matches::Flag(one_of("flag", &flag, FLAGS)?),
        _ => return Err("a presence.rule needs exactly one of status, group and flag".to_owned()),
    };
    let needed = |name: &str, choices| match text(name) {
        Some(text) => one_of(name, &text, choices),
        None => Err(format!(
            "presence.rule has no {name}; write one of {}",
            choices.join(", ")
        )),
    };
    Ok(Rule {
        matches,
        presence: needed("presence", PRESENCES)?,
        routing_status: needed("routing_status", ROUTING_STATUSES)?,
    })
}

fn one_of(name: &str, text: &str, choices: &[&str]) -> Result<String, String> {
    match choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(text.trim()))
    {
        Some(choice) => Ok((*choice).to_owned()),
        None => Err(format!(
            "presence.rule.{name}: {text:?} is not known; write one of {}",
            choices.join(", ")
        )),
    }
}
