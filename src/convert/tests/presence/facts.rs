//! What is known of users: what is sent and when, what is older, what snapshots replace, and logouts after a lost
//! connection.

use super::*;
use crate::event::Id;
use std::collections::BTreeSet;

const LATER: i64 = 100_000;

fn plain(records: &[(i64, String)]) -> Vec<String> {
    let mut all = vec![(0, DEFINITIONS.to_owned())];
    all.extend_from_slice(records);
    told(&all, Settings::default())
}

fn changed_at(id: &str, second: i64, more: &str) -> String {
    let changed = Time::from_millis(START + second * 1000).basic();
    status(
        "anna",
        &format!(r#""statusId":"{id}","statusChanged":"{changed}"{more}"#),
    )
}

#[test]
fn each_is_sent_when_it_differs_and_never_again() {
    let told = plain(&[
        (1, takes("anna", "Available", 1)),
        (2, takes("anna", "Available", 2)),
        (3, takes("Anna", "AVAILABLE", 3)),
        (4, takes("anna", "ACW", 4)),
        (5, takes("anna", "At Play", 5)),
        (6, takes("anna", "Do Not disturb", 6)),
    ]);
    let want = [
        "1000 anna OnQueue",
        "1001 anna Idle",
        "4000 anna Interacting",
        "5000 anna Busy",
        "5001 anna OffQueue",
    ];
    assert_eq!(told, want);
}

#[test]
fn a_change_is_stamped_as_cic_says_within_bounds() {
    let day = 86_400;
    for (stamp, want) in [
        (LATER - 10, LATER - 10),
        (LATER + 10, LATER),
        (LATER - day - 10, LATER - day),
    ] {
        let told = plain(&[(LATER, changed_at("At Lunch", stamp, ""))]);
        assert_eq!(told[0], format!("{}000 anna Meal", want), "{stamp}");
    }
    // From the phone by its own stamp; from a login by the record's time.
    let told = plain(&[
        (1, takes("anna", "Available", 1)),
        (50, on_phone("anna", true, 48)),
        (90, changed_at("Available", 1, r#","loggedIn":false"#)),
    ]);
    assert_eq!(
        told[2..],
        [
            "48000 anna Communicating",
            "90000 anna Offline",
            "90001 anna OffQueue"
        ]
    );
}

#[test]
fn time_goes_forward_and_what_is_moved_far_is_counted() {
    let records = [
        (0, DEFINITIONS.to_owned()),
        (9, status("anna", r#""statusId":"Available""#)),
        (9, on_phone("anna", true, 9)),
        (9, on_phone("anna", false, 9)),
        (9, on_phone("anna", true, 9)),
        (20, takes("anna", "At Lunch", 5)),
    ];
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let (output, _) = run(&records, Settings::default());
    let want = [
        "9000 anna OnQueue",
        "9001 anna Idle",
        "9002 anna Communicating",
        "9003 anna Idle",
        "9004 anna Communicating",
        "9001 anna Meal",
        "9005 anna OffQueue",
    ];
    assert_eq!(lines(&output), want);
    assert_eq!(output.moved, 2, "lunch, by four seconds, in both lanes");
}

#[test]
fn an_older_status_is_no_news() {
    let records = [
        (0, DEFINITIONS.to_owned()),
        (9, takes("anna", "At Lunch", 9)),
        (10, takes("anna", "In a meeting", 8)),
        (11, on_phone("anna", true, 11)),
        (12, on_phone("anna", false, 10)),
        // Older by its status, new by its phone.
        (
            13,
            status(
                "anna",
                r#""statusId":"In a meeting","statusChanged":"20260302T080001Z","onPhone":false,"onPhoneChanged":"20260302T080013Z""#,
            ),
        ),
        (14, takes("anna", "At Lunch", 9)),
    ];
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let (output, _) = run(&records, Settings::default());
    assert_eq!(lines(&output), ["9000 anna Meal", "9001 anna OffQueue"]);
    let skipped: Vec<u64> = output
        .fates
        .iter()
        .filter(|(_, fate)| *fate == Fate::Skipped(Reason::Duplicate))
        .map(|(position, _)| *position)
        .collect();
    assert_eq!(skipped, [2, 4]);
}

#[test]
fn a_stamp_that_lay_ahead_holds_nothing_back() {
    let told = plain(&[
        (9, takes("anna", "At Lunch", 9_000_000)),
        (10, takes("anna", "In a meeting", 10)),
    ]);
    assert_eq!(told[2..], ["10000 anna Meeting"]);
}

#[test]
fn what_a_message_leaves_out_is_unchanged() {
    let told = plain(&[
        (
            1,
            changed_at("Available", 1, r#","loggedIn":true,"onPhone":true"#),
        ),
        (2, statuses(false, &[r#""userId":"bert","statusId":"At Lunch""#])),
        (3, statuses(false, &[r#""userId":"anna","statusId":"Available""#])),
    ]);
    assert_eq!(
        told,
        [
            "1000 anna OnQueue",
            "1001 anna Communicating",
            "2000 bert Meal",
            "2001 bert OffQueue"
        ]
    );
}

#[test]
fn a_definition_that_changes_judges_its_users_again() {
    let changes = |delta: bool, id: &str| {
        format!(
            r#"{{"__type":"urn:inin.com:status:statusMessagesMessage","isDelta":{delta},"statusMessagesChanged":[
            {{"statusId":"{id}","messageText":"Coaching","groupTag":"Break"}}]}}"#
        )
    };
    let told = plain(&[
        (1, takes("anna", "c3", 1)),
        (2, takes("bert", "At Lunch", 2)),
        (50, changes(true, "C3")),
        (60, changes(false, "c3")),
        // Gone for those who take it later, known for those who are in it.
        (70, status("bert", r#""onPhone":true"#)),
        (80, takes("carl", "Working at Home", 80)),
        (81, takes("dora", "c2", 81)),
    ]);
    assert_eq!(
        told[4..6],
        ["50000 anna Break [Coaching]", "80000 carl Available"]
    );
    assert_eq!(told[7..], ["81000 dora Busy [c2]", "81001 dora OffQueue"]);
}

#[test]
fn both_messages_feed_one_map_of_activations() {
    let told = plain(&[
        (1, takes("anna", "Available", 1)),
        (2, activation("anna", true, r#""Support":false,"Sales":true"#)),
        (3, workgroup("SALES", true, r#""Anna":false"#)),
        (4, workgroup("Support", false, r#""anna":true,"bert":true"#)),
        (5, workgroup("Support", false, r#""bert":true"#)),
        (6, activation("anna", false, r#""Sales":true"#)),
        (7, activation("anna", false, "")),
    ]);
    let presence: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|line| line.ends_with('e'))
        .collect();
    let want = [
        "1000 anna OnQueue",
        "1001 anna Idle",
        "3000 anna Available",
        "3001 anna OffQueue",
        "4000 anna OnQueue",
        "4001 anna Idle",
        "5000 anna Available",
        "5001 anna OffQueue",
        "6000 anna OnQueue",
        "6001 anna Idle",
        "7000 anna Available",
        "7001 anna OffQueue",
    ];
    assert_eq!(presence, want);
}

#[test]
fn a_logout_in_a_snapshot_after_a_lost_connection_counts_at_the_end_of_the_grace() {
    let out = |delta| statuses(delta, &[r#""userId":"anna","loggedIn":false"#]);
    let after = |at: i64, out: String, more: &[(i64, String)]| {
        let mut records = vec![
            (1, takes("anna", "Available", 1)),
            (10, connection(false)),
            (40, connection(true)),
        ];
        records.push((at, out));
        records.extend_from_slice(more);
        records.push((500, takes("bert", "At Lunch", 500)));
        let mut told = plain(&records).split_off(2);
        told.truncate(told.len() - 2);
        told
    };
    assert_eq!(
        after(100, out(false), &[]),
        ["190000 anna Offline", "190001 anna OffQueue"]
    );
    assert_eq!(
        after(190, out(false), &[]),
        ["190000 anna Offline", "190001 anna OffQueue"]
    );
    assert_eq!(
        after(191, out(false), &[]),
        ["191000 anna Offline", "191001 anna OffQueue"]
    );
    assert_eq!(
        after(100, out(true), &[]),
        ["100000 anna Offline", "100001 anna OffQueue"]
    );
    let back = status("anna", r#""loggedIn":true"#);
    assert_eq!(after(100, out(false), &[(190, back)]), [] as [&str; 0]);
    // Meanwhile he is what he was.
    let lunch = takes("anna", "At Lunch", 120);
    let want = ["120000 anna Meal", "120001 anna OffQueue", "190000 anna Offline"];
    assert_eq!(after(100, out(false), &[(120, lunch)]), want);
}

#[test]
fn a_lost_connection_and_a_missing_user_make_nobody_offline() {
    let told = plain(&[
        (1, takes("anna", "Available", 1)),
        (10, connection(false)),
        (20, statuses(false, &[])),
        (400, takes("bert", "At Lunch", 400)),
    ]);
    assert_eq!(told[2..], ["400000 bert Meal", "400001 bert OffQueue"]);
}

#[test]
fn of_a_user_first_heard_of_as_logged_out_nothing_is_made_within_the_grace() {
    let out = statuses(
        false,
        &[r#""userId":"anna","statusId":"Available","loggedIn":false"#],
    );
    let told = plain(&[
        (10, connection(false)),
        (20, out),
        (30, status("anna", r#""onPhone":true"#)),
        (400, takes("bert", "At Lunch", 400)),
    ]);
    assert_eq!(told[..2], ["190000 anna Offline", "190001 anna OffQueue"]);
}

#[test]
fn ids_are_those_of_the_identity_table_also_of_several_events_from_one_record() {
    // Two messages in one record, both about anna.
    let twice = format!(
        r#"[{},{}]"#,
        takes("anna", "Available", 1),
        takes("anna", "At Lunch", 1)
    );
    let records = [(0, DEFINITIONS.to_owned()), (1, twice)];
    let mut machine = Machine::new(Arc::default());
    let mut output = Output::default();
    for (position, (at, text)) in records.iter().enumerate() {
        let fallback = Fallback {
            source: "cic/a",
            id: &format!("t/0/{position}"),
            time: Some(Time::from_millis(START + at * 1000)),
        };
        let record = read(text.as_bytes(), [], fallback, &Wanted::default()).unwrap();
        machine.record(&record, position as u64, &mut output);
    }
    let source = Ids::source("cic/a");
    let id = |array: &str, n: &str| Id::over(&["event", &source, "cic/a", "anna", array, "t/0/1", n]);
    let ids: Vec<Id> = output.drafts.iter().map(|(_, draft)| draft.id).collect();
    let (presence, routing) = ("userPresenceEvents", "userRoutingStatusEvents");
    assert_eq!(
        ids,
        [
            id(presence, "1"),
            id(routing, "1"),
            id(presence, "2"),
            id(routing, "2")
        ]
    );
    let keys: BTreeSet<_> = output.drafts.iter().map(|(_, draft)| draft.key).collect();
    assert_eq!(keys.len(), 1);
}

#[test]
fn an_event_by_a_deadline_is_known_by_its_time() {
    let records = [
        (0, DEFINITIONS.to_owned()),
        (1, takes("anna", "Available", 1)),
        (10, connection(false)),
        (20, statuses(false, &[r#""userId":"anna","loggedIn":false"#])),
        (300, takes("bert", "At Lunch", 300)),
    ];
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let (output, _) = run(&records, Settings::default());
    let (cause, offline) = &output.drafts[2];
    let source = Ids::source("cic/a");
    let time = "2026-03-02T08:03:10.000Z";
    let fields = ["event", &source, "cic/a", "anna", "userPresenceEvents", time, "1"];
    assert_eq!((*cause, offline.id), (None, Id::over(&fields)));
}
