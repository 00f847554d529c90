//! Takes people out of what is printed: what is not known to be harmless is not shown.

use serde_json::Value;

use crate::event::Id;
use crate::time::Time;

/// What stands for what is not shown.
const HIDDEN: &str = "…";
/// Fields whose text is of a closed set, or technical.
const HARMLESS: &[&str] = &[
    "__type",
    "cicserver",
    "disconnecttype",
    "eic_calldirection",
    "eic_callstate",
    "eic_calltype",
    "eic_objecttype",
    "eic_state",
    "finalstate",
    "interactionid",
    "lane",
    "source",
    "specversion",
    "status",
    "transfertype",
    "type",
];

/// Without what may be of people. Ids, times, switches and small numbers stay.
pub(super) fn json(value: Value) -> Value {
    within(None, value)
}

fn within(field: Option<&str>, value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let value = within(Some(&name), value);
                (name, value)
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(|item| within(field, item)).collect(),
        Value::String(said) => match field {
            Some("message") => text(&said).into(),
            field => match shows(field, &said) {
                true => said.into(),
                false => HIDDEN.into(),
            },
        },
        Value::Number(number) if number.as_f64().is_none_or(|number| number.abs() >= 1e6) => HIDDEN.into(),
        value => value,
    }
}

fn shows(field: Option<&str>, said: &str) -> bool {
    let harmless = field.is_some_and(|field| HARMLESS.contains(&&*field.to_lowercase()));
    said.is_empty() || harmless || Id::parse(said).is_some() || Time::parse(said).is_some()
}

/// A message without what looks like a number to dial or an address.
pub(super) fn text(message: &str) -> String {
    let words = message.split(' ').map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let dials = digits >= 7 && !word.chars().any(|char| char.is_alphabetic() && char != 'x');
        let hidden = word.contains('@') || dials || word.starts_with("tel:") || word.starts_with("sip:");
        if hidden { HIDDEN } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 10: what is not known to be harmless is not shown, wherever it stands.
    #[test]
    fn people_are_not_shown() {
        let value = serde_json::json!({
            "lane": "conversations", "type": "externalEstablishedEvents",
            "event": {
                "eventId": "6a3af858-942f-489d-9700-5f9bcdcdae9b", "eventDateTime": "2026-03-02T08:00:00.000Z",
                "ani": "+4989123456", "aniName": "Anna Muster", "held": true, "participants": ["Bert"], "n": 3,
                "number": 4_989_123_456_u64
            },
            "answer": {"message": "the number +49-89-123456 of anna@example.com is odd"}
        });
        let shown = json(value);
        let event = &shown["event"];
        assert_eq!(event["eventId"], "6a3af858-942f-489d-9700-5f9bcdcdae9b");
        assert_eq!(event["eventDateTime"], "2026-03-02T08:00:00.000Z");
        assert_eq!(
            (&shown["lane"], &event["held"]),
            (&"conversations".into(), &true.into())
        );
        for hidden in [
            &event["ani"],
            &event["aniName"],
            &event["participants"][0],
            &event["number"],
        ] {
            assert_eq!(hidden, HIDDEN);
        }
        assert_eq!(event["n"], 3);
        assert_eq!(shown["answer"]["message"], "the number … of … is odd");
    }
}
