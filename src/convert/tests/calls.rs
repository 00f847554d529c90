//! Calls as the contract's tables have them: each scenario is a list of records, the answer a list of events.

use super::*;
use crate::event::{Established, Role, Voice, What};

/// Records `(seconds, "Name=value …")` of interaction 1001, as events in short: what, party, reason.
fn converted(records: &[(i64, &str)]) -> Vec<String> {
    let (output, _) = run(records, Settings::default());
    output.drafts.iter().map(|(_, draft)| short(draft)).collect()
}

fn short(draft: &Draft) -> String {
    let millis = draft.time.millis() - START;
    let What::Voice(voice) = &draft.what else {
        return format!("{millis} {}", draft.array());
    };
    let array = voice.array().as_str().trim_end_matches("Events");
    let rest = match voice {
        Voice::Established(party) => established(party),
        Voice::Hold { held, .. } => format!(" {held}"),
        Voice::Audio { can_speak, .. } => format!(" {can_speak}"),
        Voice::Ended { disconnect, .. } => format!(" {}", disconnect.as_str()),
        Voice::Disposition { code, .. } => format!(" {}", code.as_deref().unwrap_or("-")),
        _ => String::new(),
    };
    format!("{millis} {array}{rest}")
}

fn established(party: &Established) -> String {
    let name = party
        .user
        .as_ref()
        .or(party.ivr.as_ref())
        .or(party.queue.as_ref().filter(|_| party.role == Role::Routing));
    let name = name.map_or(String::new(), |name| format!(" {name}"));
    format!("{name}{}", if party.alerting { " alerting" } else { "" })
}

const NEW: &str = "type=Call call=E d=I key=k1 s=S line=L1";

#[test]
fn an_inbound_call_through_ivr_queue_and_agent() {
    let events = converted(&[
        (0, NEW),
        (5, "s=O w=Support"),
        (9, "u=anna"),
        (10, "s=A"),
        (15, "s=C"),
        (20, "s=H"),
        (30, "s=C"),
        (31, "m=1"),
        (32, "m=0"),
        (60, "s=E"),
    ]);
    assert_eq!(
        events,
        [
            "0 externalEstablished",
            "1 ivrEstablished L1",
            "5000 communicationEnded TransferACD",
            "5001 routingEstablished Support",
            "10000 userEstablished anna alerting",
            "15000 communicationAnswered",
            "15001 communicationEnded TransferUser",
            "20000 holdUpdated true",
            "30000 holdUpdated false",
            "31000 audioUpdated false",
            "32000 audioUpdated true",
            "60000 communicationEnded Self",
            "60001 communicationEnded Peer",
        ]
    );
}

#[test]
fn not_answered_goes_back_to_the_queue_and_on_to_another() {
    let events = converted(&[
        (0, "type=Call call=E d=I key=k1 s=O w=Support"),
        (1, "s=A u=anna"),
        (10, "s=O u="),
        (11, "s=A u=bert"),
        (12, "s=C"),
        (20, "s=I"),
    ]);
    assert_eq!(
        events[1..],
        [
            "1 routingEstablished Support",
            "1000 userEstablished anna alerting",
            "10000 communicationEnded Self",
            "11000 userEstablished bert alerting",
            "12000 communicationAnswered",
            "12001 communicationEnded TransferUser",
            "20000 communicationEnded Self",
            "20001 communicationEnded Peer",
        ]
    );
}

#[test]
fn queue_to_queue_and_abandoned() {
    let events = converted(&[
        (0, "type=Call call=E d=I key=k1 s=O w=Support"),
        (5, "w=Sales"),
        (9, "s=E"),
    ]);
    assert_eq!(
        events[2..],
        [
            "5000 communicationEnded TransferACD",
            "5001 routingEstablished Sales",
            "9000 communicationEnded Self",
            "9001 communicationEnded Peer",
        ]
    );
}

#[test]
fn outbound_of_a_user_answered_and_not() {
    let start = "type=Call call=E d=O key=k1 s=S u=anna";
    assert_eq!(
        converted(&[(0, start), (2, "s=R"), (8, "s=C"), (20, "s=I")]),
        [
            "0 userEstablished anna",
            "1 externalEstablished alerting",
            "8000 communicationAnswered",
            "20000 communicationEnded Self",
            "20001 communicationEnded Peer",
        ]
    );
    assert_eq!(
        converted(&[(0, start), (2, "s=R"), (8, "s=E")])[2..],
        ["8000 communicationEnded Self", "8001 communicationEnded Peer"]
    );
}

#[test]
fn a_dialer_call_is_queued_once_answered() {
    let events = converted(&[
        (0, "type=Call call=E d=O key=k1 s=S"),
        (3, "s=C"),
        (4, "s=O w=Outreach"),
        (5, "s=A u=anna"),
        (6, "s=C"),
    ]);
    assert_eq!(
        events,
        [
            "0 externalEstablished alerting",
            "3000 communicationAnswered",
            "4000 routingEstablished Outreach",
            "5000 userEstablished anna alerting",
            "6000 communicationAnswered",
            "6001 communicationEnded TransferUser",
        ]
    );
}

#[test]
fn voicemail_takes_the_caller_out_of_the_queue() {
    let events = converted(&[
        (0, "type=Call call=E d=I key=k1 s=O w=Support"),
        (9, "s=M"),
        (20, "s=E"),
    ]);
    assert_eq!(
        events[2..4],
        [
            "9000 communicationEnded Transfer",
            "9001 ivrEstablished Voicemail"
        ]
    );
}

#[test]
fn of_several_who_ring_one_answers() {
    let events = converted(&[
        (0, "type=Call call=E d=I key=k1 s=A w=Support u=anna|bert"),
        (4, "s=C u=bert"),
    ]);
    assert_eq!(
        events[1..],
        [
            "1 userEstablished anna alerting",
            "2 userEstablished bert alerting",
            "4000 communicationEnded System",
            "4001 communicationAnswered",
        ]
    );
}

#[test]
fn deallocated_without_a_letter_ends_by_the_system() {
    let gone =
        r#"{"__type":"urn:inin.com:interactions:interactionDeallocatedMessage","interactionID":"1001"}"#;
    let events = converted(&[
        (0, "type=Call call=E d=I key=k1 s=O w=Support"),
        (9, gone),
        (10, "s=E"),
    ]);
    assert_eq!(
        events[2..],
        ["9000 communicationEnded System", "9001 communicationEnded System"]
    );
}

#[test]
fn a_call_seen_late_is_adopted_as_it_stands() {
    let (output, _) = run(
        &[
            (
                0,
                "type=Call call=E d=I key=k1 s=H w=Support u=anna at=20260302T070000Z",
            ),
            (9, "s=C"),
        ],
        Settings::default(),
    );
    let short: Vec<_> = output.drafts.iter().map(|(_, draft)| short(draft)).collect();
    assert_eq!(
        short[1..],
        [
            "0 userEstablished anna",
            "1 holdUpdated true",
            "9000 holdUpdated false"
        ]
    );
    assert_eq!(output.drafts[0].1.time.to_string(), "2026-03-02T07:00:00.000Z");
    let What::Voice(Voice::Established(external)) = &output.drafts[0].1.what else {
        panic!()
    };
    assert_eq!(external.additional_info, [("adopted".into(), "true".into())]);
}

#[test]
fn a_user_taken_away_waits_for_the_next_record() {
    let start = (0, "type=Call call=E d=I key=k1 s=C w=Support u=anna");
    let settled = converted(&[start, (10, "u="), (11, "s=A u=bert"), (12, "s=C")]);
    assert_eq!(
        settled[2..],
        [
            "10000 communicationEnded TransferUser",
            "10001 userEstablished bert alerting",
            "12000 communicationAnswered",
        ],
        "both are judged as one, at the first one's time"
    );
    let alone = converted(&[start, (10, "u="), (13, "s=O w=Sales")]);
    assert_eq!(
        alone[2..],
        ["10000 communicationEnded Self", "13000 routingEstablished Sales"],
        "after two seconds it stands alone"
    );
    let ended = converted(&[start, (10, "u="), (11, "s=I")]);
    assert_eq!(
        ended[2..],
        ["11000 communicationEnded Self", "11001 communicationEnded Peer"],
        "before an end its user is still there"
    );
}

#[test]
fn a_record_exactly_at_the_deadline_still_counts() {
    let start = (0, "type=Call call=E d=I key=k1 s=C w=Support u=anna");
    let events = converted(&[start, (10, "u="), (12, "s=O w=Sales")]);
    assert_eq!(
        events[2..],
        [
            "10000 communicationEnded TransferACD",
            "10001 routingEstablished Sales"
        ]
    );
}

#[test]
fn another_user_named_before_his_letter() {
    let events = converted(&[
        (0, "type=Call call=E d=I key=k1 s=C w=Support u=anna"),
        (10, "u=bert"),
        (10, "s=A"),
        (14, "s=C"),
    ]);
    assert_eq!(
        events[2..],
        [
            "10000 communicationEnded TransferUser",
            "10001 userEstablished bert alerting",
            "14000 communicationAnswered",
        ]
    );
}

#[test]
fn each_record_has_one_fate() {
    let records: &[(i64, &str)] = &[
        (0, NEW),
        (1, "CallLog=x"),
        (2, "s=C w=Support u=anna"),
        (3, "u="),
        (4, "s=O w=Sales"),
        (5, "s=E"),
        (6, "s=E"),
    ];
    let (output, _) = run(records, Settings::default());
    let mut fates = output.fates.clone();
    fates.sort_by_key(|(position, _)| *position);
    assert_eq!(
        fates,
        [
            (0, Fate::Made(2)),
            (1, Fate::Skipped(Reason::NoChange)),
            (2, Fate::Made(2)),
            (3, Fate::Made(2)),
            (4, Fate::Skipped(Reason::NoChange)),
            (5, Fate::Made(2)),
            (6, Fate::Skipped(Reason::AfterEnd)),
        ]
    );
    let made: u32 = fates
        .iter()
        .map(|(_, fate)| if let Fate::Made(n) = fate { *n } else { 0 })
        .sum();
    assert_eq!(made as usize, output.drafts.len());
}

#[test]
fn types_that_make_nothing_say_why() {
    for (text, reason) in [
        ("type=Call call=I s=C u=anna", Reason::Intercom),
        ("type=Chat s=C u=anna", Reason::MediaNotInjectable),
        ("type=Email s=C u=anna", Reason::NotYetConverted),
        ("type=Recorder s=C", Reason::NotAConversation),
        ("type=Hologram s=C", Reason::UnknownType),
        ("type=Call call=E s=E", Reason::AlreadyEnded),
    ] {
        let (output, _) = run(&[(0, text)], Settings::default());
        assert_eq!(output.fates, [(0, Fate::Skipped(reason))], "{text}");
        assert!(
            output
                .drafts
                .iter()
                .all(|(_, draft)| draft.lane() != crate::event::Lane::Conversations)
        );
    }
}

#[test]
fn a_wrap_up_code_belongs_to_who_gave_it() {
    let given = |user: &str, code: &str| {
        format!(
            r#"{{"__type":"urn:inin.com:interactions:wrapupAssignment","interactionId":"1001","segmentId":1,"user":"{user}","code":"{code}","time":"20260302T080021Z"}}"#
        )
    };
    let (yes, no, never) = (
        given("Anna", "Sold"),
        given("bert", "Sold"),
        given("Anna", "Sold"),
    );
    let (output, _) = run(
        &[
            (0, "type=Call call=E d=I key=k1 s=C w=Support u=anna"),
            (20, "s=I"),
            (25, &yes),
            (26, &no),
            (27, &never),
        ],
        Settings::default(),
    );
    let short: Vec<_> = output.drafts.iter().map(|(_, draft)| short(draft)).collect();
    assert_eq!(short[4..], ["21000 communicationDispositionApplied Sold"]);
    assert_eq!(output.fates[3], (3, Fate::Skipped(Reason::NoCommunication)));
    assert_eq!(output.fates[4], (4, Fate::Skipped(Reason::NoChange)));
}

/// What has ended lies packed after a while: that changes nothing of what is said of it.
#[test]
fn an_ended_call_is_heard_of_until_its_grace_is_over() {
    let given = |code: &str, segment: u8| {
        format!(
            r#"{{"__type":"urn:inin.com:interactions:wrapupAssignment","interactionId":"1001","segmentId":{segment},"user":"anna","code":"{code}"}}"#
        )
    };
    let other = r#"{"__type":"urn:inin.com:interactions:interactionChangedMessage","interactionID":"1002","attributes":{"Eic_ObjectType":"Chat"}}"#;
    let (early, late, too_late) = (given("Sold", 1), given("Lost", 2), given("Gone", 3));
    let (output, _) = run(
        &[
            (0, "type=Call call=E d=I key=k1 s=C w=Support u=anna"),
            (20, "s=I"),
            (1000, other),
            (1001, &early),
            (1002, "s=C"),
            (7219, &late),
            (7221, other),
            (7221, &too_late),
        ],
        Settings::default(),
    );
    let short: Vec<_> = output.drafts.iter().map(|(_, draft)| short(draft)).collect();
    assert_eq!(
        short[4..],
        [
            "1001000 communicationDispositionApplied Sold",
            "7219000 communicationDispositionApplied Lost"
        ]
    );
    assert_eq!(output.fates[4], (4, Fate::Skipped(Reason::AfterEnd)));
    assert_eq!(output.fates[7], (7, Fate::Skipped(Reason::TooLate)));
}

#[test]
fn an_orphan_ends_a_minute_after_the_snapshot() {
    let snapshot = |ids: &[&str]| {
        let items: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"interactionId":"{id}","attributes":{{"Eic_ObjectType":"Call","Eic_CallType":"E","Eic_State":"O","Eic_WorkgroupName":"Support","Eic_CallIdKey":"k{id}"}}}}"#))
            .collect();
        format!(
            r#"{{"__type":"urn:inin.com:queues:queueContentsMessage","isDelta":false,"subscriptionId":"q","interactionsAdded":[{}]}}"#,
            items.join(",")
        )
    };
    let (both, one) = (snapshot(&["1", "2"]), snapshot(&["2"]));
    let events = converted(&[(0, &both), (10, &one), (80, "CallLog=x")]);
    assert_eq!(
        events[4..],
        [
            "70000 communicationEnded System",
            "70001 communicationEnded System"
        ]
    );
}

/// Rule 1: a record that waits is judged when its interaction is given up, and not after its end.
#[test]
fn a_record_that_waits_does_not_outlive_its_interaction() {
    let settings = Settings {
        orphan_after: 1000,
        settle: 5000,
        ..Settings::default()
    };
    let shown = r#"{"__type":"urn:inin.com:queues:queueContentsMessage","isDelta":false,"subscriptionId":"q","interactionsAdded":[{"interactionId":"1001","attributes":{"Eic_ObjectType":"Call","Eic_CallType":"E","Eic_State":"C","Eic_UserName":"anna","Eic_CallIdKey":"k1"}}]}"#;
    let gone =
        r#"{"__type":"urn:inin.com:queues:queueContentsMessage","isDelta":false,"subscriptionId":"q"}"#;
    for (waits, told) in [("u=", 0), ("u=bert", 1)] {
        let records = [(0, shown), (1, waits), (2, gone), (4, gone)];
        let (output, machine) = run(&records, settings.clone());
        let mut judged: Vec<u64> = output.fates.iter().map(|(position, _)| *position).collect();
        judged.sort_unstable();
        assert_eq!(judged, [0, 1, 2, 3], "{waits}");
        let events: Vec<_> = output.drafts.iter().map(|(_, draft)| short(draft)).collect();
        let of_bert = events
            .iter()
            .filter(|event| event.contains("userEstablished bert"));
        assert_eq!(of_bert.count(), told, "{events:?}");
        assert_eq!(machine.open_conversations(), 0, "{waits}");
    }
}

#[test]
fn the_same_input_makes_the_same_ids_and_a_clone_goes_on_alike() {
    let records: Vec<(i64, &str)> = vec![
        (0, NEW),
        (5, "s=O w=Support"),
        (10, "s=A u=anna"),
        (15, "s=C"),
        (60, "s=E"),
    ];
    let (first, _) = run(&records, Settings::default());
    let (second, _) = run(&records, Settings::default());
    assert_eq!(first.drafts, second.drafts);
    let ids: std::collections::BTreeSet<_> = first.drafts.iter().map(|(_, draft)| draft.id).collect();
    assert_eq!(ids.len(), first.drafts.len(), "every eventId once");
}
