//! What a user handles, from interactions of every type.

use super::*;

/// The routing statuses of `anna`, who is available, by what she handles.
fn routing(records: &[(i64, &str, &str)]) -> Vec<String> {
    let mut all = vec![(0, DEFINITIONS.to_owned()), (0, takes("anna", "Available", 0))];
    for (at, id, text) in records {
        all.push((*at, interaction(id, text)));
    }
    told(&all, Settings::default()).split_off(2)
}

#[test]
fn every_type_with_a_workgroup_counts_and_of_the_others_calls_alone() {
    for (kind, of_queue, other) in [
        ("type=Call call=E", true, true),
        ("type=Call call=I", true, true),
        ("type=Chat", true, false),
        ("type=Email", true, false),
        ("type=Callback", true, false),
        ("type=WorkItem", true, false),
        ("type=Whatever", true, false),
    ] {
        let connected = |workgroup: &str| {
            let text = format!("{kind} d=I s=C u=anna {workgroup}");
            routing(&[(9, "1", &text)])
        };
        let interacting = ["9000 anna Interacting"];
        assert_eq!(
            connected("w=Support"),
            &interacting[..usize::from(of_queue)],
            "{kind}"
        );
        let communicating = ["9000 anna Communicating"];
        assert_eq!(connected(""), &communicating[..usize::from(other)], "{kind}");
    }
}

#[test]
fn a_call_of_a_queue_from_ringing_to_its_end() {
    let told = routing(&[
        (1, "1", "type=Call call=E d=I key=k1 s=O w=Support"),
        (2, "1", "u=Anna"),
        (3, "1", "s=A"),
        (5, "1", "s=C"),
        (6, "1", "s=H"),
        (7, "1", "s=C"),
        (9, "1", "s=E"),
        (60, "2", "type=Call call=E s=O"),
    ]);
    assert_eq!(told, ["3000 anna Interacting", "9000 anna Idle"]);
}

#[test]
fn not_answered_and_with_another() {
    let told = routing(&[
        (1, "1", "type=Call call=E d=I key=k1 s=A w=Support u=anna"),
        (9, "1", "s=O u="),
        (60, "1", "s=A u=bert"),
    ]);
    assert_eq!(told, ["1000 anna Interacting", "9000 anna Idle"]);
}

#[test]
fn dialing_is_communicating_until_it_is_answered_for_a_queue() {
    let told = routing(&[
        (1, "1", "type=Call call=E d=O key=k1 s=S u=anna w=Sales"),
        (3, "1", "s=C"),
        (9, "1", "s=I"),
        (60, "2", "type=Call call=E d=O key=k2 s=S u=anna"),
        (65, "2", "s=R"),
        (70, "2", "s=I"),
    ]);
    assert_eq!(
        told,
        [
            "1000 anna Communicating",
            "3000 anna Interacting",
            "9000 anna Idle",
            "60000 anna Communicating",
            "70000 anna Idle"
        ]
    );
}

#[test]
fn the_last_of_several_counts() {
    let told = routing(&[
        (1, "1", "type=Call call=E d=I s=C w=Support u=anna"),
        (2, "2", "type=Chat s=C w=Support u=anna"),
        (9, "1", "s=E"),
        (20, "2", "s=I"),
    ]);
    assert_eq!(told, ["1000 anna Interacting", "20000 anna Idle"]);
}

#[test]
fn several_interactions_of_one_record_are_judged_as_one() {
    let mut records = vec![
        (0, DEFINITIONS.to_owned()),
        (0, takes("anna", "Available", 0)),
        (1, interaction("1", "type=Chat s=C w=Support u=anna")),
    ];
    let both = r#"{"__type":"urn:inin.com:queues:queueContentsMessage","isDelta":true,"subscriptionId":"q",
        "interactionsChanged":[{"interactionId":"1","attributes":{"Eic_State":"I"}},{"interactionId":"2","attributes":
        {"Eic_State":"C","Eic_ObjectType":"Chat","Eic_UserName":"anna","Eic_WorkgroupName":"Support"}}]}"#;
    records.push((9, both.to_owned()));
    records.push((60, interaction("2", "s=I")));
    let told = told(&records, Settings::default());
    assert_eq!(told[2..], ["1000 anna Interacting", "60000 anna Idle"]);
}

#[test]
fn an_interaction_that_is_gone_keeps_nobody_busy() {
    let gone = r#"{"__type":"urn:inin.com:interactions:interactionDeallocatedMessage","interactionID":"1"}"#;
    let told = told(
        &[
            (0, DEFINITIONS.to_owned()),
            (0, takes("anna", "Available", 0)),
            (1, interaction("1", "type=Chat s=C w=Support u=anna")),
            (9, gone.to_owned()),
        ],
        Settings::default(),
    );
    assert_eq!(told[2..], ["1000 anna Interacting", "9000 anna Idle"]);
}

#[test]
fn silence_ends_it_at_its_deadline() {
    let told = told(
        &[
            (0, DEFINITIONS.to_owned()),
            (0, takes("anna", "Available", 0)),
            (1, interaction("1", "type=Chat s=C w=Support u=anna")),
            (100, takes("bert", "Available", 100)),
        ],
        settings(|settings| settings.max_silence = 50_000),
    );
    assert_eq!(told[3], "51000 anna Idle");
}
