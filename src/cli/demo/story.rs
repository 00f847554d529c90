//! One call in words: what the sandbox accepted about a conversation, told to a person.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Gathers what is accepted until a call is complete that is worth telling.
#[derive(Debug, Default)]
pub(super) struct Listener {
    calls: HashMap<String, Call>,
}

#[derive(Debug, Default)]
struct Call {
    lines: Vec<Value>,
    open: usize,
    queued: bool,
    answered: bool,
}

impl Listener {
    /// Hears one line of the journal. Gives back a call that has ended by it, came in through a queue and was answered.
    pub(super) fn hear(&mut self, line: &Value) -> Option<Vec<Value>> {
        let event = &line["event"];
        let id = event["conversationId"].as_str()?;
        let call = self.calls.entry(id.to_owned()).or_default();
        call.lines.push(line.clone());
        match line["type"].as_str()? {
            "communicationEndedEvents" => call.open = call.open.saturating_sub(1),
            "communicationAnsweredEvents" => call.answered = true,
            array if array.ends_with("EstablishedEvents") => {
                call.open += 1;
                call.queued |= array == "routingEstablishedEvents";
            }
            _ => {}
        }
        if call.open > 0 {
            return None;
        }
        let ended = self.calls.remove(id)?;
        (ended.queued && ended.answered).then_some(ended.lines)
    }
}

/// Tells a call, one sentence per event.
pub(super) fn tell(lines: &[Value], names: &BTreeMap<String, String>) -> Vec<String> {
    let mut teller = Teller {
        names,
        parties: HashMap::new(),
    };
    lines
        .iter()
        .filter_map(|line| {
            let event = &line["event"];
            let sentence = teller.sentence(line["type"].as_str()?, event)?;
            let time = event["eventDateTime"].as_str()?.get(11..19)?;
            Some(format!("{time}  {sentence}"))
        })
        .collect()
}

struct Teller<'a> {
    names: &'a BTreeMap<String, String>,
    /// Communication → what it is called.
    parties: HashMap<String, String>,
}

impl Teller<'_> {
    fn sentence(&mut self, array: &str, event: &Value) -> Option<String> {
        if let Some(role) = array.strip_suffix("EstablishedEvents") {
            return Some(self.enters(role, event));
        }
        let id = event["communicationId"].as_str()?;
        let party = self.parties.get(id).map_or("somebody", String::as_str);
        Some(match array {
            "communicationAnsweredEvents" => format!("{party} answers"),
            "holdUpdatedEvents" if event["held"] == true => format!("{party} puts the call on hold"),
            "holdUpdatedEvents" => format!("{party} takes the call off hold"),
            "audioUpdatedEvents" if event["audioState"]["canSpeak"] == false => {
                format!("{party} mutes the microphone")
            }
            "audioUpdatedEvents" => format!("{party} can be heard again"),
            "communicationEndedEvents" => match event["disconnectType"].as_str()? {
                "Self" => format!("{party} hangs up"),
                "Peer" => format!("{party} is left, for the other side is gone"),
                "TransferACD" => format!("{party} gives the call to a queue"),
                "TransferUser" => format!("{party} gives the call to an agent"),
                "Transfer" => format!("{party} passes the call on"),
                _ => format!("{party} leaves"),
            },
            "communicationDispositionAppliedEvents" => match self.named(&event["code"]) {
                Some(code) => format!("{party} notes \"{code}\""),
                None => format!("{party} notes nothing"),
            },
            _ => return None,
        })
    }

    fn enters(&mut self, role: &str, event: &Value) -> String {
        let alerting = event["initialConfiguration"]["alerting"] == true;
        let text = |field: &str| {
            event[field]
                .as_str()
                .unwrap_or_default()
                .trim_start_matches("tel:")
        };
        let inbound = event["initialConfiguration"]["inbound"] == true;
        let (party, sentence) = match role {
            "external" => {
                let number = if inbound { text("ani") } else { text("dnis") };
                let party = match (text("aniName"), number) {
                    ("", "") => "the customer".to_owned(),
                    ("", number) => number.to_owned(),
                    (name, _) => name.to_owned(),
                };
                let sentence = match (inbound, alerting) {
                    (true, _) => format!("{party} calls {}", text("dnis")),
                    (false, true) => format!("the line to {party} rings"),
                    (false, false) => format!("{party} is on the line"),
                };
                (party, sentence)
            }
            "ivr" => {
                let name = match text("ivrName") {
                    "" => "the menu".to_owned(),
                    name => format!("the menu {name}"),
                };
                (name.clone(), format!("{name} answers"))
            }
            "routing" => {
                let queue = self.named(&event["queueId"]).unwrap_or("a queue");
                let party = format!("the queue {queue}");
                (party.clone(), format!("the call waits in {party}"))
            }
            _ => {
                let party = self.named(&event["userId"]).unwrap_or("an agent").to_owned();
                let sentence = match (inbound, alerting) {
                    (_, true) => format!("it rings at {party}"),
                    (true, false) => format!("{party} takes the call"),
                    (false, false) => format!("{party} dials"),
                };
                (party, sentence)
            }
        };
        if let Some(id) = event["communicationId"].as_str() {
            self.parties.insert(id.to_owned(), party);
        }
        sentence
    }

    fn named(&self, id: &Value) -> Option<&str> {
        self.names.get(id.as_str()?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(array: &str, time: &str, event: Value) -> Value {
        let mut event = event;
        event["conversationId"] = "c".into();
        event["eventDateTime"] = format!("2026-03-02T{time}.000Z").into();
        json!({"type": array, "event": event})
    }

    #[test]
    fn a_call_is_told_once_it_has_ended() {
        let inbound = json!({"inbound": true});
        let lines = [
            line(
                "externalEstablishedEvents",
                "08:00:00",
                json!({"communicationId": "1", "ani": "tel:+4930", "dnis": "tel:+49800", "initialConfiguration": inbound}),
            ),
            line(
                "routingEstablishedEvents",
                "08:00:01",
                json!({"communicationId": "2", "queueId": "q", "initialConfiguration": inbound}),
            ),
            line(
                "userEstablishedEvents",
                "08:00:05",
                json!({"communicationId": "3", "userId": "u", "initialConfiguration": {"inbound": true, "alerting": true}}),
            ),
            line(
                "communicationAnsweredEvents",
                "08:00:09",
                json!({"communicationId": "3"}),
            ),
            line(
                "communicationEndedEvents",
                "08:00:09",
                json!({"communicationId": "2", "disconnectType": "TransferUser"}),
            ),
            line(
                "communicationEndedEvents",
                "08:01:00",
                json!({"communicationId": "1", "disconnectType": "Self"}),
            ),
            line(
                "communicationEndedEvents",
                "08:01:00",
                json!({"communicationId": "3", "disconnectType": "Peer"}),
            ),
        ];
        let mut listener = Listener::default();
        let told: Vec<_> = lines.iter().filter_map(|line| listener.hear(line)).collect();
        assert_eq!(told.len(), 1);
        let names = BTreeMap::from([("q".into(), "Support".into()), ("u".into(), "anna".into())]);
        assert_eq!(
            tell(&told[0], &names),
            [
                "08:00:00  +4930 calls +49800",
                "08:00:01  the call waits in the queue Support",
                "08:00:05  it rings at anna",
                "08:00:09  anna answers",
                "08:00:09  the queue Support gives the call to an agent",
                "08:01:00  +4930 hangs up",
                "08:01:00  anna is left, for the other side is gone",
            ]
        );
    }
}
