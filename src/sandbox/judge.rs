//! Judges a whole text: the lines of `convert`, or a sandbox's journal. One line holds one event,
//! `{"lane","type","event"}`; a journal's lines hold `n`, `at` and `repeat` besides.
//!
//! In: NDJSON. Out: a [`Report`], and each problem as it is found, with its line and conversation. A problem
//! stops nothing: an event of the right shape counts although it breaks a rule.

use super::rules::{Book, Counts, Fact, Lane, Verdict};
use crate::schema;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line number, from 1.
    pub line: u64,
    /// The conversation or user that it is about; empty when the line does not say.
    pub about: String,
    /// The rule's name, or `shape`, and what is wrong.
    pub message: String,
}

/// What was read and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Events by type, repeats not counted.
    pub events: BTreeMap<String, u64>,
    /// Events seen again with the same content.
    pub repeats: u64,
    /// Conversations, and those of them still open.
    pub conversations: Counts,
    /// Problems by rule; `shape` for what a schema refuses.
    pub problems: BTreeMap<&'static str, u64>,
}

impl Report {
    /// How many problems there are.
    pub fn problem_count(&self) -> u64 {
        self.problems.values().sum()
    }
}

/// Judges lines one after another.
#[derive(Debug, Default)]
pub struct Judge {
    book: Book,
    report: Report,
}

/// Judges every line and tells `found` each problem; blank lines are skipped.
pub fn judge(mut text: impl BufRead, mut found: impl FnMut(Finding)) -> io::Result<Report> {
    let mut judge = Judge::default();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if text.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if !bytes.trim_ascii().is_empty() {
            judge.line(line, &bytes, &mut found);
        }
    }
    Ok(judge.report())
}

impl Judge {
    /// Judges one line and tells `found` each problem.
    pub fn line(&mut self, line: u64, bytes: &[u8], mut found: impl FnMut(Finding)) {
        let mut about = String::new();
        let mut problems = Vec::new();
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => {
                about = subject(&value["event"]).to_owned();
                self.value(&value, &mut problems);
            }
            Err(error) => problems.push(("shape", format!("the line is no JSON: {error}"))),
        }
        for (rule, message) in problems {
            *self.report.problems.entry(rule).or_default() += 1;
            found(Finding {
                line,
                about: about.clone(),
                message: format!("{rule}: {message}"),
            });
        }
    }

    /// What was found so far.
    pub fn report(&self) -> Report {
        Report {
            conversations: self.book.counts(),
            ..self.report.clone()
        }
    }

    fn value(&mut self, line: &Value, problems: &mut Vec<(&'static str, String)>) {
        let (Some(lane), Some(array), Some(event)) =
            (line["lane"].as_str(), line["type"].as_str(), line.get("event"))
        else {
            problems.push((
                "shape",
                "the line is no object with `lane`, `type` and `event`".into(),
            ));
            return;
        };
        let expected = Lane::of(array);
        if lane != expected.name() {
            problems.push((
                "shape",
                format!("{array} belong to lane {}, not {lane}", expected.name()),
            ));
        }
        if expected == Lane::OutOfOffice && line.get("n").is_some() {
            self.out_of_office(event, problems);
            return;
        }
        let shape = schema::validate_event(array, event).err().unwrap_or_default();
        let fits = shape.is_empty();
        problems.extend(
            shape
                .into_iter()
                .map(|problem| ("shape", format!("{array} {problem}"))),
        );
        match Fact::read(array, event) {
            Ok(fact) if fits => self.fact(&fact, event, problems),
            Err(field) if fits => problems.push(("shape", format!("{array} /{field}: is no UUID"))),
            _ => {}
        }
    }

    fn fact(&mut self, fact: &Fact<'_>, event: &Value, problems: &mut Vec<(&'static str, String)>) {
        match self.book.check(fact, event) {
            Verdict::Repeat => {
                self.report.repeats += 1;
                return;
            }
            Verdict::New => {}
            Verdict::Broken(broken) => problems.extend(broken.into_iter().map(|violation| {
                (
                    violation.rule.name(),
                    format!("{} {}", fact.array, violation.message),
                )
            })),
        }
        self.count(fact.array);
        self.book.apply(fact, event);
    }

    /// A journal shows the body of a PUT, which carries no eventId and no time: only its shape can be judged.
    fn out_of_office(&mut self, event: &Value, problems: &mut Vec<(&'static str, String)>) {
        let mut body = event.clone();
        body.as_object_mut().map(|fields| fields.remove("userId"));
        match schema::validate("out-of-office", &body) {
            Ok(shape) => problems.extend(
                shape
                    .into_iter()
                    .map(|problem| ("shape", format!("outOfOffice {problem}"))),
            ),
            Err(error) => problems.push(("shape", error.to_string())),
        }
        self.count("outOfOffice");
    }

    fn count(&mut self, array: &str) {
        match self.report.events.get_mut(array) {
            Some(count) => *count += 1,
            None => _ = self.report.events.insert(array.to_owned(), 1),
        }
    }
}

/// The conversation or the user that an event is about.
fn subject(event: &Value) -> &str {
    let fields = ["conversationId", "userId", "agentId"];
    fields
        .iter()
        .find_map(|field| event[field].as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CALL: &str = "10000000-0000-4000-8000-000000000001";

    fn id(n: u32) -> String {
        format!("00000000-0000-4000-8000-{n:012}")
    }

    fn line(n: u32, array: &str, more: Value) -> Value {
        let mut event = json!({"eventId": id(n), "eventDateTime": format!("2026-03-01T10:00:{n:02}.000Z"),
            "conversationId": CALL, "communicationId": id(900)});
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"lane": "conversations", "type": array, "event": event})
    }

    fn established(n: u32) -> Value {
        let source = json!({"sourceId": "cic", "interactionId": "1"});
        line(
            n,
            "externalEstablishedEvents",
            json!({"initialConfiguration": {}, "sourceConfiguration": source}),
        )
    }

    fn ended(n: u32) -> Value {
        line(n, "communicationEndedEvents", json!({"disconnectType": "Self"}))
    }

    fn judged(lines: &[Value]) -> (Report, Vec<Finding>) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut found = Vec::new();
        let report = judge(text.as_bytes(), |finding| found.push(finding)).unwrap();
        (report, found)
    }

    #[test]
    fn a_good_call_has_no_problem_and_is_counted() {
        let (report, found) = judged(&[established(1), ended(2), ended(2)]);
        assert_eq!(found, []);
        assert_eq!(report.events.values().sum::<u64>(), 2);
        assert_eq!(
            (
                report.repeats,
                report.conversations.conversations,
                report.conversations.open
            ),
            (1, 1, 0)
        );
    }

    #[test]
    fn a_problem_says_line_conversation_and_rule_and_stops_nothing() {
        let (report, found) = judged(&[established(1), ended(2), ended(3), json!(7), ended(4)]);
        let told: Vec<_> = found
            .iter()
            .map(|f| (f.line, f.about.as_str(), f.message.split(':').next().unwrap()))
            .collect();
        assert_eq!(
            told,
            [(3, CALL, "ended-once"), (4, "", "shape"), (5, CALL, "ended-once")]
        );
        assert_eq!(report.problem_count(), 3);
        assert_eq!(report.problems["ended-once"], 2);
    }

    #[test]
    fn a_wrong_shape_or_lane_is_a_problem() {
        let mut wrong_lane = established(1);
        wrong_lane["lane"] = json!("presence");
        let mut wrong_shape = ended(2);
        wrong_shape["event"]["disconnectType"] = json!("Gone");
        let (_, found) = judged(&[wrong_lane, wrong_shape, json!({"lane": "conversations"})]);
        assert_eq!(
            found[0].message,
            "shape: externalEstablishedEvents belong to lane conversations, not presence"
        );
        assert!(
            found[1]
                .message
                .starts_with("shape: communicationEndedEvents /disconnectType: "),
            "{}",
            found[1].message
        );
        assert_eq!(
            found[2].message,
            "shape: the line is no object with `lane`, `type` and `event`"
        );
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn out_of_office_is_judged_as_converted_and_as_journalled() {
        let body = json!({"userId": id(5), "active": true, "indefinite": true});
        let journalled =
            json!({"n": 1, "lane": "outOfOffice", "type": "outOfOffice", "event": body, "repeat": false});
        let mut converted = body.clone();
        converted["eventId"] = json!(id(1));
        converted["eventDateTime"] = json!("2026-03-01T10:00:00.000Z");
        let line = json!({"lane": "outOfOffice", "type": "outOfOffice", "event": converted});
        let bare = json!({"lane": "outOfOffice", "type": "outOfOffice", "event": body});
        assert_eq!(judged(&[journalled, line]).1, []);
        assert_eq!(judged(&[bare]).1.len(), 2);
    }
}
