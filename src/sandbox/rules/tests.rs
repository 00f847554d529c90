//! Each rule has a sequence that it passes and one that breaks it and nothing else.

use super::*;
use serde_json::json;

/// An array name and an event; ids are small numbers, times are the place in the sequence.
type Step = (&'static str, Value);

fn uuid(kind: u8, n: u32) -> String {
    format!("{kind:02}000000-0000-4000-8000-{n:012}")
}

fn communication(n: u32) -> String {
    uuid(2, n)
}

fn in_conversation(conversation: u32, array: &'static str, fields: Value) -> Step {
    let mut event = json!({"conversationId": uuid(1, conversation)});
    event
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    (array, event)
}

fn step(array: &'static str, fields: Value) -> Step {
    in_conversation(1, array, fields)
}

fn external(n: u32) -> Step {
    step(
        "externalEstablishedEvents",
        json!({"communicationId": communication(n), "initialConfiguration": {}}),
    )
}

fn user(n: u32, initial: Value) -> Step {
    step(
        "userEstablishedEvents",
        json!({"communicationId": communication(n), "initialConfiguration": initial}),
    )
}

fn about(array: &'static str, n: u32) -> Step {
    step(array, json!({"communicationId": communication(n)}))
}

fn answered(n: u32) -> Step {
    about("communicationAnsweredEvents", n)
}

fn ended(n: u32) -> Step {
    about("communicationEndedEvents", n)
}

fn held(n: u32, held: bool) -> Step {
    step(
        "holdUpdatedEvents",
        json!({"communicationId": communication(n), "held": held}),
    )
}

fn transfer(command: u32, initiating: u32, target: u32, object: u32) -> Step {
    let fields = json!({"commandId": uuid(3, command), "initiatingCommunicationId": communication(initiating),
        "targetCommunicationId": communication(target), "objectCommunicationId": communication(object)});
    step("userTransferEvents", fields)
}

fn progress(command: u32, object: u32, destination: u32) -> Step {
    let fields = json!({"commandId": uuid(3, command), "objectCommunicationId": communication(object),
        "destinationCommunicationId": communication(destination)});
    step("progressTransferEvents", fields)
}

fn end_transfer(command: u32, object: u32, state: &str) -> Step {
    let fields = json!({"commandId": uuid(3, command), "objectCommunicationId": communication(object),
        "finalState": state});
    step("endTransferEvents", fields)
}

fn consult(array: &'static str, initiating: u32, destination: u32, object: u32) -> Step {
    let fields = json!({"initiatingCommunicationId": communication(initiating),
        "destinationCommunicationId": communication(destination), "objectCommunicationId": communication(object)});
    step(array, fields)
}

fn start_consult() -> Step {
    consult("consultTransferEvents", 2, 3, 1)
}

fn end_consult() -> Step {
    step("endConsultTransferEvents", json!({}))
}

fn email(array: &'static str, n: u32, fields: Value) -> Step {
    let (_, mut event) = step(array, fields);
    event["communicationId"] = json!(communication(n));
    (array, event)
}

/// The external party 1 and the connected users 2 and 3.
fn call(more: Vec<Step>) -> Vec<Step> {
    let mut steps = vec![
        external(1),
        user(2, json!({"invitedBy": communication(1)})),
        user(3, json!({})),
    ];
    steps.extend(more);
    steps
}

fn at(mut step: Step, id: u32, second: u32) -> Step {
    step.1["eventId"] = json!(uuid(9, id));
    step.1["eventDateTime"] = json!(format!("2026-03-01T10:00:{second:02}.000Z"));
    step
}

/// Gives each event without one the place in the sequence as its id and its second.
fn placed(steps: Vec<Step>) -> Vec<Step> {
    let steps = steps.into_iter().zip(1..);
    steps
        .map(|(step, n)| {
            if step.1.get("eventId").is_some() {
                step
            } else {
                at(step, n, n)
            }
        })
        .collect()
}

/// What is broken, and how many were repeats.
fn judged(steps: Vec<Step>) -> (Vec<Rule>, u32) {
    let mut book = Book::default();
    let (mut rules, mut repeats) = (Vec::new(), 0);
    for (array, event) in placed(steps) {
        let fact = Fact::read(array, &event).unwrap_or_else(|field| panic!("{array}: {field}"));
        match book.check(&fact, &event) {
            Verdict::New => {}
            Verdict::Repeat => repeats += 1,
            Verdict::Broken(broken) => rules.extend(broken.into_iter().map(|violation| violation.rule)),
        }
        book.apply(&fact, &event);
    }
    (rules, repeats)
}

fn presence(user: &str) -> Step {
    ("userPresenceEvents", json!({"userId": user}))
}

fn routing_status(user: &str) -> Step {
    ("userRoutingStatusEvents", json!({"agentId": user}))
}

#[test]
fn every_rule_passes_and_fails() {
    use Rule::*;
    let ringing = || user(4, json!({"alerting": true}));
    let over = || call(vec![ended(1), ended(2), ended(3)]);
    let with = |mut steps: Vec<Step>, last: Step| {
        steps.push(last);
        steps
    };
    let moved = || call(vec![transfer(1, 2, 2, 1), ended(2), ringing(), progress(1, 1, 4)]);
    let elsewhere = |n| {
        let fields = json!({"communicationId": communication(n), "initialConfiguration": {}});
        in_conversation(2, "externalEstablishedEvents", fields)
    };
    let table: Vec<(Rule, Vec<Step>, Vec<Step>)> = vec![
        (EstablishedOnce, call(vec![]), call(vec![user(2, json!({}))])),
        (
            EstablishedOnce,
            call(vec![elsewhere(5)]),
            call(vec![elsewhere(3)]),
        ),
        (
            EstablishedOnce,
            call(vec![ended(3), user(4, json!({}))]),
            call(vec![ended(3), user(3, json!({}))]),
        ),
        (
            NamedAfterEstablished,
            call(vec![about("audioUpdatedEvents", 2)]),
            call(vec![about("audioUpdatedEvents", 9)]),
        ),
        (NamedAfterEstablished, call(vec![ended(2)]), call(vec![ended(9)])),
        (
            NamedAfterEstablished,
            call(vec![held(2, true)]),
            call(vec![elsewhere(5), held(5, true)]),
        ),
        (
            AnsweredWhenAlerting,
            call(vec![ringing(), answered(4)]),
            call(vec![answered(2)]),
        ),
        (
            AnsweredWhenAlerting,
            call(vec![ringing(), answered(4)]),
            call(vec![ringing(), answered(4), answered(4)]),
        ),
        (
            HoldAlternates,
            call(vec![held(2, true), held(2, false)]),
            call(vec![held(2, true), held(2, true)]),
        ),
        (
            HoldAlternates,
            call(vec![held(2, true), held(3, true)]),
            call(vec![held(2, false)]),
        ),
        (
            HoldAlternates,
            call(vec![
                email(
                    "emailUserEstablishedEvents",
                    4,
                    json!({"initialConfiguration": {"held": true}}),
                ),
                email("emailHoldUpdatedEvents", 4, json!({"held": false})),
            ]),
            call(vec![
                email(
                    "emailUserEstablishedEvents",
                    4,
                    json!({"initialConfiguration": {"held": true}}),
                ),
                email("emailHoldUpdatedEvents", 4, json!({"held": true})),
            ]),
        ),
        (
            EndedOnce,
            call(vec![ended(2), ended(3)]),
            call(vec![ended(2), ended(2)]),
        ),
        (
            NothingAfterEnd,
            call(vec![ended(2), about("communicationDispositionAppliedEvents", 2)]),
            call(vec![ended(2), about("audioUpdatedEvents", 2)]),
        ),
        (
            NothingAfterEnd,
            call(vec![ringing(), answered(4), ended(4)]),
            call(vec![ringing(), ended(4), answered(4)]),
        ),
        (
            NothingAfterEnd,
            call(vec![held(2, true), ended(2)]),
            call(vec![ended(2), held(2, true)]),
        ),
        (
            NothingAfterEnd,
            call(vec![about("emailBeginTransmittingEvents", 2)]),
            call(vec![ended(2), about("emailCommunicationSentMessageEvents", 2)]),
        ),
        (
            InvitedByEstablished,
            call(vec![user(
                4,
                json!({"invitedBy": communication(2).to_uppercase()}),
            )]),
            call(vec![user(4, json!({"invitedBy": communication(9)}))]),
        ),
        (
            InvitedByEstablished,
            call(vec![user(4, json!({}))]),
            call(vec![user(4, json!({"invitedBy": ""}))]),
        ),
        (
            TransferPartiesOpen,
            call(vec![transfer(1, 2, 2, 1)]),
            call(vec![ended(2), transfer(1, 3, 2, 1)]),
        ),
        (
            TransferPartiesOpen,
            call(vec![transfer(1, 3, 2, 1)]),
            call(vec![transfer(1, 2, 2, 9)]),
        ),
        (
            TransferStartedOnce,
            call(vec![transfer(1, 2, 2, 1), transfer(2, 3, 3, 1)]),
            call(vec![transfer(1, 2, 2, 1), transfer(1, 3, 3, 1)]),
        ),
        (TransferUnderWay, moved(), call(vec![progress(1, 1, 3)])),
        (
            TransferUnderWay,
            moved(),
            call(vec![
                transfer(1, 2, 2, 1),
                end_transfer(1, 1, "Failed"),
                progress(1, 1, 3),
            ]),
        ),
        (
            TransferUnderWay,
            with(moved(), end_transfer(1, 1, "Failed")),
            call(vec![progress(2, 1, 3)]),
        ),
        (
            TransferDestinationEstablished,
            moved(),
            call(vec![transfer(1, 2, 2, 1), progress(1, 1, 4)]),
        ),
        (
            TransferProgressedBeforeCompleted,
            with(moved(), end_transfer(1, 1, "Completed")),
            call(vec![transfer(1, 2, 2, 1), end_transfer(1, 1, "Completed")]),
        ),
        (
            TransferEndedOnce,
            call(vec![transfer(1, 2, 2, 1), end_transfer(1, 1, "Failed")]),
            call(vec![
                transfer(1, 2, 2, 1),
                end_transfer(1, 1, "Failed"),
                end_transfer(1, 1, "Canceled"),
            ]),
        ),
        (
            OneConsult,
            call(vec![start_consult(), end_consult(), start_consult()]),
            call(vec![start_consult(), start_consult()]),
        ),
        (
            ConsultOpen,
            call(vec![start_consult(), end_consult()]),
            call(vec![end_consult()]),
        ),
        (
            ConsultOpen,
            call(vec![
                start_consult(),
                consult("progressConsultTransferEvents", 2, 3, 1),
                ended(2),
                end_consult(),
            ]),
            call(vec![consult("progressConsultTransferEvents", 2, 3, 1)]),
        ),
        (
            ConsultOpen,
            call(vec![
                start_consult(),
                end_consult(),
                start_consult(),
                end_consult(),
            ]),
            call(vec![start_consult(), end_consult(), end_consult()]),
        ),
        (
            ConversationOver,
            with(call(vec![ended(1), ended(2)]), external(4)),
            with(over(), external(4)),
        ),
        (
            ConversationOver,
            with(over(), about("communicationDispositionAppliedEvents", 2)),
            over().into_iter().chain([external(4)]).collect(),
        ),
        (
            TimeForward,
            call(vec![at(ended(2), 50, 50)]),
            call(vec![at(ended(2), 50, 3)]),
        ),
        (
            TimeForward,
            call(vec![at(elsewhere(5), 50, 1)]),
            call(vec![at(ended(2), 50, 2)]),
        ),
        (
            TimeForward,
            vec![
                at(presence("u1"), 1, 5),
                at(presence("u2"), 2, 5),
                at(routing_status("u1"), 3, 5),
            ],
            vec![at(presence("u1"), 1, 5), at(presence("u1"), 2, 5)],
        ),
        (
            TimeForward,
            vec![at(routing_status("u1"), 1, 5), at(routing_status("u1"), 2, 6)],
            vec![at(routing_status("u1"), 1, 5), at(routing_status("u1"), 2, 4)],
        ),
        (
            SameContent,
            call(vec![at(ended(2), 50, 50), at(ended(2), 50, 50)]),
            call(vec![at(ended(2), 50, 50), at(ended(2), 50, 51)]),
        ),
        (
            SameContent,
            call(vec![at(held(2, true), 50, 50), at(held(2, true), 50, 50)]),
            call(vec![
                at(about("audioUpdatedEvents", 2), 50, 50),
                at(ended(2), 50, 50),
            ]),
        ),
    ];
    let mut proved: Vec<_> = table.iter().map(|(rule, ..)| *rule).collect();
    for (n, (rule, good, bad)) in table.into_iter().enumerate() {
        assert_eq!(judged(good).0, [], "row {n} must pass {}", rule.name());
        assert_eq!(judged(bad).0, [rule], "row {n} must break {} alone", rule.name());
    }
    proved.sort();
    proved.dedup();
    assert_eq!(proved.len(), 18, "a rule has no row");
}

#[test]
fn a_repeat_has_no_effect_however_its_fields_are_ordered() {
    let last = at(held(2, true), 50, 50);
    let reordered = serde_json::from_str::<Value>(&format!(
        r#"{{"held":true,"eventDateTime":{},"eventId":{},"communicationId":{},"conversationId":{}}}"#,
        last.1["eventDateTime"], last.1["eventId"], last.1["communicationId"], last.1["conversationId"]
    ));
    let steps = call(vec![
        last,
        (("holdUpdatedEvents"), reordered.unwrap()),
        at(held(2, false), 51, 51),
    ]);
    assert_eq!(judged(steps), (vec![], 1));
}

#[test]
fn a_mistake_is_told_once_and_not_again_in_what_follows() {
    let steps = call(vec![
        held(2, true),
        held(2, true),
        held(2, false),
        ended(2),
        ended(2),
        ended(1),
        ended(3),
    ]);
    assert_eq!(judged(steps).0, [Rule::HoldAlternates, Rule::EndedOnce]);
}

#[test]
fn conversations_are_counted_open_until_their_last_communication_ends() {
    let mut book = Book::default();
    let mut counts = Vec::new();
    for (array, event) in placed(call(vec![ended(1), ended(2), ended(3)])) {
        book.apply(&Fact::read(array, &event).unwrap(), &event);
        counts.push(book.counts().open);
    }
    assert_eq!(counts, [1, 1, 1, 1, 1, 0]);
    assert_eq!(
        book.counts(),
        Counts {
            conversations: 1,
            open: 0,
            open_communications: 0
        }
    );
}

#[test]
fn a_stamp_prints_as_it_was_read_and_compares_as_time() {
    let stamp = |text| Stamp::parse(text).unwrap();
    assert_eq!(
        stamp("2026-03-01T10:09:08.007Z").to_string(),
        "2026-03-01T10:09:08.007Z"
    );
    assert_eq!(stamp("2026-03-01T10:09:08Z"), stamp("2026-03-01T10:09:08.000Z"));
    assert!(stamp("2025-12-31T23:59:59.999Z") < stamp("2026-01-01T00:00:00Z"));
    assert_eq!(Stamp::parse("soon"), None);
}
