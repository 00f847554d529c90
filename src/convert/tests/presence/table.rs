//! The contract's table, a row at a time, and each key of `[presence]` that changes a row.

use super::*;
use crate::convert::presence::{Flag, Matches, Rule};
use crate::event::{RoutingStatus, System};

const ACD_CALL: &str = "type=Call call=E d=I key=k9 s=C u=anna w=Support";
const CALL: &str = "type=Call call=E d=O key=k9 s=C u=anna";

/// What `anna` is last told to be, `presence routing`, after what is said of her.
fn ends(said: &[&str], settings: Settings) -> String {
    let mut records = vec![(0, DEFINITIONS.to_owned())];
    let mut at = 1;
    for text in said {
        records.push((at, (*text).to_owned()));
        at += 60;
    }
    // Whatever waits is over.
    records.push((at + 600, status("other", r#""statusId":"Available""#)));
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let output = run(&records, settings).0;
    let mut last = (String::new(), String::new());
    for (_, draft) in &output.drafts {
        match &draft.what {
            What::Presence(presence) if &*presence.user == "anna" => {
                let label = presence.label.iter().map(|label| format!(" [{label}]"));
                last.0 = format!("{}{}", presence.system.as_str(), label.collect::<String>());
            }
            What::Routing(routing) if &*routing.user == "anna" => last.1 = routing.status.as_str().into(),
            _ => {}
        }
    }
    format!("{} {}", last.0, last.1).trim().to_owned()
}

/// Each row of the table, and what goes before or after it.
#[test]
fn the_table() {
    let in_status = |id: &str| status("anna", &format!(r#""statusId":"{id}""#));
    let logged_out = status("anna", r#""loggedIn":false"#);
    let active = activation("anna", true, r#""Support":true"#);
    let inactive = activation("anna", true, r#""Support":false"#);
    let phone = status("anna", r#""onPhone":true"#);
    for (id, more, want) in [
        ("Available", vec![&*logged_out], "Offline OffQueue"),
        ("ACW", vec![&*logged_out, ACD_CALL], "Offline OffQueue"),
        ("ACW", vec![], "OnQueue Interacting"),
        ("ACW", vec![&*inactive], "OnQueue Interacting"),
        ("AcdAgentNotAnswering", vec![], "OnQueue NotResponding"),
        ("acdagentnotanswering", vec![ACD_CALL], "OnQueue NotResponding"),
        ("At Lunch", vec![ACD_CALL], "Meal OffQueue"),
        ("c2", vec![], "Meal OffQueue"),
        ("At a training session", vec![], "Training OffQueue"),
        ("In a meeting", vec![], "Meeting OffQueue"),
        ("c1", vec![], "Break [Coffee] OffQueue"),
        ("Away from desk", vec![], "Away OffQueue"),
        ("Gone Home", vec![], "Away OffQueue"),
        ("Out of Town", vec![], "Away OffQueue"),
        ("On Vacation", vec![], "Away OffQueue"),
        ("Out of the Office", vec![], "Away OffQueue"),
        ("Follow Up", vec![&*inactive], "OnQueue Interacting"),
        ("Do not disturb", vec![ACD_CALL], "Busy OffQueue"),
        ("Available", vec![], "OnQueue Idle"),
        ("Available", vec![&*active], "OnQueue Idle"),
        ("Available", vec![&*active, ACD_CALL], "OnQueue Interacting"),
        ("Available", vec![&*phone], "OnQueue Communicating"),
        ("Available", vec![CALL], "OnQueue Communicating"),
        ("Available", vec![CALL, ACD_CALL], "OnQueue Interacting"),
        ("Available", vec![&*inactive], "Available OffQueue"),
        ("Available", vec![&*inactive, ACD_CALL], "Available OffQueue"),
        ("Available, No ACD", vec![ACD_CALL], "Available OffQueue"),
        ("Working at Home", vec![], "Available OffQueue"),
        ("c4", vec![], "Available [Chat desk] OffQueue"),
        ("At Play", vec![], "Busy OffQueue"),
        ("c3", vec![ACD_CALL], "Busy [Coaching] OffQueue"),
    ] {
        let status = in_status(id);
        let said: Vec<&str> = std::iter::once(&*status).chain(more.iter().copied()).collect();
        assert_eq!(ends(&said, Settings::default()), want, "{id} and {more:?}");
    }
}

#[test]
fn statuses_that_a_workgroup_gives() {
    let workgroups = |delta: bool, more: &str| {
        format!(
            r#"{{"__type":"urn:inin.com:configuration.people:workgroupsMessage","isDelta":{delta},"added":[
            {{"configurationId":{{"id":"Support"}}{more}}}]}}"#
        )
    };
    let gives = workgroups(true, r#","noAnswerStatus":{"id":"c3"},"onCallStatus":"AT PLAY""#);
    let in_status = |id: &str| status("anna", &format!(r#""statusId":"{id}""#));
    let (coaching, play) = (in_status("c3"), in_status("At Play"));
    let (unset, same) = (
        workgroups(true, r#","noAnswerStatus":null"#),
        workgroups(false, ""),
    );
    let none = workgroups(true, r#","noAnswerStatus":"","onCallStatus":"""#);
    let removed = r#"{"__type":"urn:inin.com:configuration.people:workgroupsMessage","removed":["SUPPORT"]}"#;
    for (said, want) in [
        (vec![&*gives, &*coaching, ACD_CALL], "OnQueue NotResponding"),
        (vec![&*coaching, &*gives], "OnQueue NotResponding"),
        (vec![&*gives, &*play], "Busy OffQueue"),
        (vec![&*gives, &*play, ACD_CALL], "OnQueue Interacting"),
        (
            vec![&*gives, &*coaching, &*unset, &*same],
            "OnQueue NotResponding",
        ),
        (vec![&*gives, &*coaching, &*none], "Busy [Coaching] OffQueue"),
        (vec![&*gives, &*coaching, removed], "Busy [Coaching] OffQueue"),
    ] {
        assert_eq!(ends(&said, Settings::default()), want, "{said:?}");
    }
    let available = workgroups(true, r#","noAnswerStatus":"Available""#);
    assert_eq!(
        ends(&[&available, &in_status("Available")], Settings::default()),
        "OnQueue Idle"
    );
}

#[test]
fn a_status_without_a_definition_counts_by_its_id_alone() {
    for (id, want) in [
        ("Gone to the moon", "Busy [Gone to the moon] OffQueue"),
        ("Available, Follow-Me", "Available OffQueue"),
        ("Availability", "Busy [Availability] OffQueue"),
    ] {
        let said = status("anna", &format!(r#""statusId":"{id}""#));
        assert_eq!(ends(&[&said], Settings::default()), want, "{id}");
    }
}

#[test]
fn nothing_is_made_of_a_user_whose_status_was_never_heard() {
    assert_eq!(ends(&[ACD_CALL], Settings::default()), "");
    assert_eq!(
        ends(&[&status("anna", r#""onPhone":true"#)], Settings::default()),
        ""
    );
    let logged_out = status("anna", r#""loggedIn":false"#);
    assert_eq!(ends(&[&logged_out], Settings::default()), "Offline OffQueue");
}

fn presence(change: impl FnOnce(&mut crate::convert::presence::Settings)) -> Settings {
    settings(|settings| change(&mut settings.presence))
}

/// A row per key: what it makes of a user, against what he is without it.
#[test]
fn the_keys() {
    let in_status = |id: &str| status("anna", &format!(r#""statusId":"{id}""#));
    let (coaching, available) = (in_status("c3"), in_status("Available"));
    let ringing = "type=Call call=E d=I key=k9 s=A u=anna w=Support";
    let noted = status("anna", r#""statusId":"c1","notes":"back at ten""#);
    let rule = |matches| {
        presence(|settings| {
            settings.rules = vec![Rule {
                matches,
                system: System::Training,
                routing: RoutingStatus::NotResponding,
            }];
        })
    };
    let flag = |flag| rule(Matches::Flag(flag));
    for (said, changed, want) in [
        (
            vec![&*coaching],
            presence(|s| s.not_answering = vec!["C3".into()]),
            "OnQueue NotResponding",
        ),
        (
            vec![&*coaching],
            presence(|s| s.on_call_statuses = vec!["C3".into()]),
            "Busy [Coaching] OffQueue",
        ),
        (
            vec![&*coaching, ACD_CALL],
            presence(|s| s.on_call_statuses = vec!["C3".into()]),
            "OnQueue Interacting",
        ),
        (
            vec![&*available],
            presence(|s| s.unknown_activation_is_active = false),
            "Available OffQueue",
        ),
        (
            vec![&*available, ringing],
            presence(|_| ()),
            "OnQueue Interacting",
        ),
        (
            vec![&*available, ringing],
            presence(|s| s.ringing_is_handling = false),
            "OnQueue Idle",
        ),
        (
            vec![&*available],
            presence(|s| s.routing_status = false),
            "OnQueue",
        ),
        (vec![&*noted], presence(|_| ()), "Break [Coffee] OffQueue"),
        (
            vec![&*coaching],
            rule(Matches::Status("c3".into())),
            "Training [Coaching] NotResponding",
        ),
        (
            vec![&*coaching],
            rule(Matches::Group("training".into())),
            "Training [Coaching] NotResponding",
        ),
        (
            vec![&*available],
            rule(Matches::Group("training".into())),
            "OnQueue Idle",
        ),
        (vec![&*available], flag(Flag::Acd), "Training NotResponding"),
        (
            vec![&*coaching],
            flag(Flag::Forward),
            "Training [Coaching] NotResponding",
        ),
        (
            vec![&*coaching],
            flag(Flag::FollowUp),
            "Training [Coaching] NotResponding",
        ),
        (
            vec![&*coaching],
            flag(Flag::Persistent),
            "Busy [Coaching] OffQueue",
        ),
    ] {
        assert_eq!(
            ends(&said, changed.clone()),
            want,
            "{said:?} {:?}",
            changed.presence
        );
    }
}

#[test]
fn the_notes_are_the_message_where_that_is_configured() {
    let settings = presence(|settings| settings.message_from_notes = true);
    let told = told(
        &[
            (0, DEFINITIONS.to_owned()),
            (
                1,
                status("anna", r#""statusId":"At Lunch","notes":"back at ten""#),
            ),
            (9, status("anna", r#""notes":"back at noon""#)),
            (10, status("anna", r#""statusId":"At Lunch""#)),
            (20, status("anna", r#""notes":"""#)),
        ],
        settings,
    );
    assert_eq!(
        told,
        [
            "1000 anna Meal [back at ten]",
            "1001 anna OffQueue",
            "9000 anna Meal [back at noon]",
            "20000 anna Meal"
        ]
    );
}
