//! Presence and routing status through the public way in.

mod facts;
mod handling;
mod properties;
mod table;
mod waits;

use super::*;
use crate::event::What;

/// The definitions of most tests: the system's own, and two of the site's.
const DEFINITIONS: &str = r#"{"__type":"urn:inin.com:status:statusMessagesMessage","isDelta":false,"statusMessagesAdded":[
    {"statusId":"Available","messageText":"Available","groupTag":"Available","isAcdStatus":true},
    {"statusId":"Available, No ACD","messageText":"Available, No ACD","groupTag":"Available"},
    {"statusId":"Do Not disturb","messageText":"Do not disturb","groupTag":"Unavailable","isDoNotDisturbStatus":true},
    {"statusId":"At Lunch","messageText":"At Lunch","groupTag":"Break"},
    {"statusId":"At a training session","messageText":"At a training session"},
    {"statusId":"In a meeting","messageText":"In a meeting"},
    {"statusId":"Away from desk","messageText":"Away from desk"},
    {"statusId":"Gone Home","messageText":"Gone home","isPersistentStatus":true},
    {"statusId":"Out of Town","messageText":"Out of town"},
    {"statusId":"On Vacation","messageText":"On vacation"},
    {"statusId":"Out of the office","messageText":"Out of the office"},
    {"statusId":"Follow Up","messageText":"Follow up","groupTag":"Followup"},
    {"statusId":"Working at Home","messageText":"Working at home"},
    {"statusId":"At Play","messageText":"At play"},
    {"statusId":"AcdAgentNotAnswering","messageText":"ACD - Agent not answering"},
    {"statusId":"ACW","messageText":"After call","isAfterCallWorkStatus":true,"isAcdStatus":true},
    {"statusId":"c1","messageText":"Coffee","groupTag":"break"},
    {"statusId":"c2","systemId":"at lunch","messageText":"Mittagspause"},
    {"statusId":"c3","messageText":"Coaching","groupTag":"Training","isForwardStatus":true,"isAllowFollowUpStatus":true},
    {"statusId":"c4","messageText":"Chat desk","groupTag":"AVAILABLE"}]}"#;

/// A status message of one user: `{"statusId":…}` and so on, without the braces.
fn status(user: &str, fields: &str) -> String {
    statuses(true, &[&format!(r#""userId":"{user}",{fields}"#)])
}

fn statuses(delta: bool, users: &[&str]) -> String {
    let users: Vec<String> = users.iter().map(|fields| format!("{{{fields}}}")).collect();
    format!(
        r#"{{"__type":"urn:inin.com:status:userStatusMessage","isDelta":{delta},"userStatusList":[{}]}}"#,
        users.join(",")
    )
}

/// A user takes a status at a second after the start.
fn takes(user: &str, id: &str, second: i64) -> String {
    let changed = Time::from_millis(START + second * 1000).basic();
    status(user, &format!(r#""statusId":"{id}","statusChanged":"{changed}""#))
}

fn on_phone(user: &str, on: bool, second: i64) -> String {
    let changed = Time::from_millis(START + second * 1000).basic();
    status(user, &format!(r#""onPhone":{on},"onPhoneChanged":"{changed}""#))
}

fn activation(user: &str, delta: bool, changed: &str) -> String {
    format!(
        r#"{{"__type":"urn:inin.com:activations:userActivationMessage","isDelta":{delta},"subscriptionId":"s","userId":"{user}","activationsChanged":{{{changed}}}}}"#
    )
}

fn workgroup(name: &str, delta: bool, changed: &str) -> String {
    format!(
        r#"{{"__type":"urn:inin.com:activations:workgroupActivationMessage","isDelta":{delta},"subscriptionId":"s","workgroupId":"{name}","activationsChanged":{{{changed}}}}}"#
    )
}

fn connection(up: bool) -> String {
    let state = if up { 1 } else { 2 };
    format!(
        r#"{{"__type":"urn:inin.com:connection:connectionStateChangeMessage","newConnectionState":{state}}}"#
    )
}

/// An interaction of any number, by the short names of `changed`.
fn interaction(id: &str, text: &str) -> String {
    changed(text).replace("\"1001\"", &format!("\"{id}\""))
}

/// `milliseconds user presence` and `milliseconds user routing status` after the start.
fn told(records: &[(i64, String)], settings: Settings) -> Vec<String> {
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    lines(&run(&records, settings).0)
}

fn lines(output: &Output) -> Vec<String> {
    output
        .drafts
        .iter()
        .filter_map(|(_, draft)| line(draft))
        .collect()
}

fn line(draft: &Draft) -> Option<String> {
    let millis = draft.time.millis() - START;
    Some(match &draft.what {
        What::Presence(presence) => {
            let extra = [&presence.label, &presence.message];
            let extra: String = extra
                .into_iter()
                .flatten()
                .map(|text| format!(" [{text}]"))
                .collect();
            format!("{millis} {} {}{extra}", presence.user, presence.system.as_str())
        }
        What::Routing(routing) => format!("{millis} {} {}", routing.user, routing.status.as_str()),
        _ => return None,
    })
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}
