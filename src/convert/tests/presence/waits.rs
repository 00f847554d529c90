//! Waits, on both sides of their deadlines, and what they do to fates.

use super::*;

fn call(at: i64) -> Vec<(i64, String)> {
    vec![
        (0, DEFINITIONS.to_owned()),
        (0, takes("anna", "Available", 0)),
        (1, interaction("1", "type=Chat s=C w=Support u=anna")),
        (at, interaction("1", "s=I")),
    ]
}

fn with(mut records: Vec<(i64, String)>, more: &[(i64, String)]) -> Vec<String> {
    records.extend_from_slice(more);
    told(&records, Settings::default()).split_off(3)
}

#[test]
fn a_fall_is_judged_by_the_status_that_follows_it() {
    // Exactly at the deadline still counts.
    for at in [10, 12] {
        let told = with(
            call(10),
            &[
                (at, takes("anna", "ACW", at)),
                (50, takes("anna", "Available", 50)),
            ],
        );
        assert_eq!(told, ["50000 anna Idle"], "{at}");
    }
    let told = with(call(10), &[(11, takes("anna", "At Lunch", 11))]);
    assert_eq!(told, ["11000 anna Meal", "11001 anna OffQueue"]);
    let told = with(call(10), &[(11, status("anna", r#""loggedIn":false"#))]);
    assert_eq!(told, ["11000 anna Offline", "11001 anna OffQueue"]);
}

#[test]
fn past_the_deadline_a_fall_counts_at_its_own_time() {
    let told = with(call(10), &[(13, takes("anna", "ACW", 13))]);
    assert_eq!(told, ["10000 anna Idle", "13000 anna Interacting"]);
    // The end of the input ends it too.
    assert_eq!(with(call(10), &[]), ["10000 anna Idle"]);
}

#[test]
fn the_phone_alone_is_no_status_and_is_judged_after_the_fall() {
    let mut records = call(10);
    records.insert(3, (2, on_phone("anna", true, 2)));
    let told = with(records, &[(11, on_phone("anna", false, 11))]);
    assert_eq!(told, ["10000 anna Communicating", "11000 anna Idle"]);
}

#[test]
fn what_follows_a_fall_is_kept_in_order() {
    let next = interaction("2", "type=Chat s=C w=Support u=anna");
    let told = with(call(10), &[(11, next.clone())]);
    assert_eq!(told, ["10000 anna Idle", "11000 anna Interacting"]);
    let told = with(
        call(10),
        &[
            (11, next),
            (12, takes("anna", "ACW", 12)),
            (30, takes("anna", "Available", 30)),
        ],
    );
    assert_eq!(
        told,
        [] as [&str; 0],
        "judged once, by the status: interacting all the time"
    );
}

#[test]
fn a_status_waits_for_its_definition() {
    let definition = r#"{"__type":"urn:inin.com:status:statusMessagesMessage","isDelta":true,"statusMessagesAdded":[
        {"statusId":"Kaffee","messageText":"Kaffee","groupTag":"Break"}]}"#;
    let told = |at| {
        told(
            &[
                (0, takes("anna", "KAFFEE", 0)),
                (5, status("anna", r#""onPhone":true"#)),
                (at, definition.to_owned()),
                (90, takes("bert", "kaffee", 90)),
            ],
            Settings::default(),
        )
    };
    let bert = ["90000 bert Break [Kaffee]", "90001 bert OffQueue"];
    // Exactly at the deadline still counts.
    assert_eq!(
        told(30),
        [&["0 anna Break [Kaffee]", "1 anna OffQueue"], &bert[..]].concat()
    );
    assert_eq!(
        told(31),
        [
            &[
                "0 anna Busy [KAFFEE]",
                "1 anna OffQueue",
                "31000 anna Break [Kaffee]"
            ],
            &bert[..]
        ]
        .concat(),
        "by its id alone, and judged again when the definition comes"
    );
}

#[test]
fn a_logout_waits_for_no_definition_and_a_login_does() {
    let told = |more: &[(i64, String)]| {
        let mut records = vec![(0, status("anna", r#""statusId":"New","loggedIn":false"#))];
        records.extend_from_slice(more);
        told(&records, Settings::default())
    };
    assert_eq!(told(&[]), ["0 anna Offline", "1 anna OffQueue"]);
    let login = (50, status("anna", r#""loggedIn":true"#));
    let definition = r#"{"__type":"urn:inin.com:status:statusMessagesMessage","isDelta":true,"statusMessagesAdded":[
        {"statusId":"new","isAcdStatus":true}]}"#;
    let told = told(&[login, (60, definition.to_owned())]);
    assert_eq!(told[2..], ["50000 anna OnQueue", "50001 anna Idle"]);
}

#[test]
fn what_follows_an_unknown_status_is_judged_after_it_each_at_its_own_time() {
    let told = told(
        &[
            (0, DEFINITIONS.to_owned()),
            (1, takes("anna", "Unheard of", 1)),
            (5, takes("anna", "Available", 5)),
            (7, interaction("1", "type=Chat s=C w=Support u=anna")),
            (9, interaction("1", "s=I")),
            (40, takes("bert", "At Play", 40)),
        ],
        Settings::default(),
    );
    assert_eq!(
        told[..6],
        [
            "1000 anna Busy [Unheard of]",
            "1001 anna OffQueue",
            "5000 anna OnQueue",
            "5001 anna Idle",
            "7000 anna Interacting",
            "9000 anna Idle"
        ]
    );
}

#[test]
fn a_record_that_waits_has_its_fate_when_it_is_judged() {
    let records = call(10);
    let mut machine = Machine::new(Arc::default());
    let mut output = Output::default();
    let say = |machine: &mut Machine, position: usize, at: i64, text: &str, output: &mut Output| {
        machine.record(&record(position, at, text), position as u64, output);
    };
    for (position, (at, text)) in records.iter().enumerate() {
        say(&mut machine, position, *at, text, &mut output);
    }
    let fates: Vec<u64> = output.fates.iter().map(|(position, _)| *position).collect();
    assert_eq!(fates, [0, 1, 2], "the fall waits");
    assert_eq!(machine.next_wait(), Some(Time::from_millis(START + 12_000)));
    say(&mut machine, 4, 11, &takes("anna", "At Lunch", 11), &mut output);
    assert_eq!(machine.next_wait(), None);
    assert_eq!(
        output.fates[3..],
        [(3, Fate::Skipped(Reason::MediaNotInjectable)), (4, Fate::Made(2)),]
    );
    assert!(
        output.drafts.iter().all(|(cause, _)| *cause != Some(3)),
        "caused by the status"
    );
}

#[test]
fn a_fall_that_is_over_makes_its_record_one_that_made_an_event() {
    let records = call(10);
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let (output, _) = run(&records, Settings::default());
    assert_eq!(output.fates.last(), Some(&(3, Fate::Made(1))));
    assert_eq!(output.drafts.last().map(|(cause, _)| *cause), Some(Some(3)));
}

#[test]
fn without_routing_status_nothing_falls() {
    let records = call(10);
    let records: Vec<(i64, &str)> = records.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let settings = settings(|settings| settings.presence.routing_status = false);
    let mut machine = Machine::new(Arc::new(settings));
    let mut output = Output::default();
    for (position, (at, text)) in records.iter().enumerate() {
        machine.record(&record(position, *at, text), position as u64, &mut output);
    }
    assert_eq!(machine.next_wait(), None);
    assert_eq!(lines(&output), ["0 anna OnQueue"]);
}
