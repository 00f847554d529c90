//! The state's bytes: what an older agent wrote goes on being read.

use super::*;

/// What the first agent that wrote each format kept of [`before`]. It is never written again: what cannot be read any
/// more has a higher format.
const FORMATS: [&[u8]; FORMAT as usize] = [
    include_bytes!("fixtures/state-1.msgpack"),
    include_bytes!("fixtures/state-2.msgpack"),
    include_bytes!("fixtures/state-3.msgpack"),
];

/// Of every kind of thing something: calls open, ended, waiting and left out of their queue, users, statuses with
/// definitions and without, ids seen.
fn before() -> Vec<(i64, String)> {
    let event = |id: u8, kind: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"cic/b","cicserver":"one","type":"urn:inin.com:{kind}","data":{data}}}"#
        )
    };
    let queue = |id: u8, delta: bool, parts: &str| {
        let data = format!(r#"{{"isDelta":{delta},"subscriptionId":"q1",{parts}}}"#);
        event(id, "queues:queueContentsMessage", &data)
    };
    let call = |id: u32, more: &str| {
        format!(
            r#"{{"interactionId":"{id}","attributes":{{"Eic_ObjectType":"Call","Eic_CallType":"E","Eic_CallDirection":"I","Eic_CallIdKey":"k{id}","Eic_RemoteTn":"+4930{id}","Eic_RemoteName":"Zoë",{more}}}}}"#
        )
    };
    let status = |id: u8, fields: &str| {
        let data = format!(r#"{{"isDelta":true,"userStatusList":[{{{fields}}}]}}"#);
        event(id, "status:userStatusMessage", &data)
    };
    vec![
        (
            0,
            event(
                1,
                "status:statusMessagesMessage",
                r#"{"isDelta":false,"statusMessagesAdded":[{"statusId":"Available","messageText":"Available","isAcdStatus":true}]}"#,
            ),
        ),
        (
            0,
            status(
                2,
                r#""userId":"Anna","statusId":"Available","statusChanged":"20260302T080000Z","loggedIn":true"#,
            ),
        ),
        (
            1,
            event(
                3,
                "activations:userActivationMessage",
                r#"{"isDelta":false,"userId":"anna","activationsChanged":{"Support":true}}"#,
            ),
        ),
        (
            2,
            queue(
                4,
                false,
                &format!(
                    r#""interactionsAdded":[{},{}]"#,
                    call(
                        1,
                        r#""Eic_State":"A","Eic_UserName":"anna|bert","Eic_WorkgroupName":"Support""#
                    ),
                    call(2, r#""Eic_State":"S","Eic_LineName":"main""#)
                ),
            ),
        ),
        (
            4,
            queue(
                5,
                true,
                r#""interactionsChanged":[{"interactionId":"1","attributes":{"Eic_State":"C","Eic_UserName":"anna"}},{"interactionId":"2","attributes":{"Eic_State":"C","Eic_UserName":"bert"}}]"#,
            ),
        ),
        (
            6,
            queue(
                6,
                true,
                r#""interactionsChanged":[{"interactionId":"2","attributes":{"Eic_State":"I"}}]"#,
            ),
        ),
        (
            7,
            queue(
                7,
                false,
                &format!(
                    r#""interactionsAdded":[{}]"#,
                    call(3, r#""Eic_State":"H","Eic_UserName":"carl","Eic_Muted":"1""#)
                ),
            ),
        ),
        (
            8,
            queue(
                8,
                true,
                r#""interactionsChanged":[{"interactionId":"3","attributes":{"Eic_UserName":""}}]"#,
            ),
        ),
        (
            8,
            status(
                9,
                r#""userId":"dora","statusId":"c7","statusChanged":"20260302T080008Z""#,
            ),
        ),
    ]
}

fn after() -> Vec<(i64, String)> {
    let changed = |id: u32, attributes: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"cic/b","cicserver":"one","type":"urn:inin.com:interactions:interactionChangedMessage","data":{{"interactionID":"{id}","attributes":{{{attributes}}}}}}}"#
        )
    };
    vec![
        (9, changed(1, r#""Eic_State":"I""#)),
        (9, changed(3, r#""Eic_State":"H""#)),
        (20, r#"{"specversion":"1.0","id":"w","source":"cic/b","type":"urn:inin.com:interactions:wrapupAssignment","data":{"interactionId":"2","code":"Sold","segmentId":1,"user":"bert"}}"#.into()),
        (90, changed(3, r#""Eic_State":"C""#)),
    ]
}

fn take(machine: &mut Machine, records: &[(i64, String)], first: usize) -> Output {
    let mut output = Output::default();
    for (n, (seconds, text)) in records.iter().enumerate() {
        let position = first + n;
        machine.record(&record(position, *seconds, text), position as u64, &mut output);
    }
    output
}

fn bytes(machine: &Machine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.state().write(&mut bytes).expect("to memory");
    bytes
}

/// Rule 3, across versions: what is made after an upgrade is what would have been made without.
#[test]
fn what_the_first_agent_of_each_format_wrote_is_read_and_goes_on() {
    for kept in FORMATS {
        let mut never_ended = Machine::new(Arc::default());
        let made = take(&mut never_ended, &before(), 0);
        assert!(made.drafts.len() > 15, "{:?}", made.drafts.len());
        let mut restored = Machine::restore(Arc::default(), State::read(kept).expect("an older format"));
        for machine in [&never_ended, &restored] {
            assert_eq!(
                (machine.open_conversations(), machine.stream_time().millis()),
                (2, START + 8000)
            );
        }
        assert_eq!(bytes(&never_ended), bytes(&restored));
        let (made, again) = (
            take(&mut never_ended, &after(), 9),
            take(&mut restored, &after(), 9),
        );
        assert!(made.drafts.len() > 5);
        assert_eq!(made.drafts, again.drafts);
        assert_eq!(made.fates, again.fates);
        assert_eq!(bytes(&never_ended), bytes(&restored));
    }
}

/// The same state is the same bytes, in whatever order it came about.
#[test]
fn the_bytes_do_not_depend_on_the_order_in_which_the_state_came_about() {
    let call = |id: u32| {
        (
            1,
            format!(
                r#"{{"__type":"urn:inin.com:interactions:interactionChangedMessage","interactionID":"{id}","attributes":{{"Eic_ObjectType":"Call","Eic_CallType":"E","Eic_State":"S"}}}}"#
            ),
        )
    };
    let mut forwards = Machine::new(Arc::default());
    let mut backwards = Machine::new(Arc::default());
    take(&mut forwards, &(0..300).map(call).collect::<Vec<_>>(), 0);
    take(&mut backwards, &(0..300).rev().map(call).collect::<Vec<_>>(), 0);
    assert_eq!(bytes(&forwards), bytes(&backwards));
}

/// Of what nothing is said for a while is put away, and comes back as it was: asleep or awake, the events are the same.
#[test]
fn what_slept_goes_on_as_if_it_had_been_awake() {
    let changed = |seconds: i64, n: u32, id: u32, attributes: &str| {
        (
            seconds,
            format!(
                r#"{{"specversion":"1.0","id":"later-{n}","source":"cic/b","type":"urn:inin.com:interactions:interactionChangedMessage","data":{{"interactionID":"{id}","attributes":{{{attributes}}}}}}}"#
            ),
        )
    };
    let (mut slept, mut awake) = (Machine::new(Arc::default()), Machine::new(Arc::default()));
    for machine in [&mut slept, &mut awake] {
        take(machine, &before(), 0);
    }
    // Both have as many records at the same times; nothing else is known of numbers 9 and 10, and of those from 100 on,
    // so many that not all stay awake.
    for t in (20..200).step_by(20) {
        let say = |ids: [u32; 2]| ids.map(|id| changed(t, t as u32 + id, id, r#""Eic_LocalTn":"1""#));
        let of_slept = if t == 20 { [1, 3] } else { [9, 10] };
        take(&mut slept, &say(of_slept), 10 * t as usize);
        take(&mut awake, &say([1, 3]), 10 * t as usize);
        if t == 20 {
            let many = (100..400).map(|id| changed(21, 1000 + id, id, r#""Eic_LocalTn":"1""#));
            let many: Vec<_> = many.collect();
            take(&mut slept, &many, 300);
            take(&mut awake, &many, 300);
        }
    }
    let later = [
        changed(200, 2000, 3, r#""Eic_State":"H""#),
        changed(201, 2001, 1, r#""Eic_UserName":"bert","Eic_State":"C""#),
        changed(202, 2002, 3, r#""Eic_State":"C""#),
        changed(203, 2003, 2, r#""Eic_State":"C""#),
        changed(204, 2004, 1, r#""Eic_State":"E""#),
        changed(205, 2005, 3, r#""Eic_State":"I""#),
    ];
    let slept = take(&mut slept, &later, 5000);
    let awake = take(&mut awake, &later, 5000);
    assert!(awake.drafts.len() > 5, "{:?}", awake.drafts);
    assert_eq!(awake.drafts, slept.drafts);
    assert_eq!(awake.fates, slept.fates);
}
