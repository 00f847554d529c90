//! The input forms of the design, and what is tolerated in them.

use super::*;
use crate::time::Time;

fn fallback() -> Fallback<'static> {
    Fallback {
        source: "cic/default",
        id: "topic/0/7",
        time: Time::parse("2026-03-02T08:00:00Z"),
    }
}

fn parse(json: &str) -> Record {
    read(json.as_bytes(), [], fallback(), &Wanted::new(["CRM_Ticket"])).expect("readable")
}

const QUEUE: &str = r#"{"__type":"urn:inin.com:queues:queueContentsMessage","isDelta":true,"subscriptionId":"q",
 "interactionsAdded":[{"interactionId":"1","attributes":{"eic_STATE":"A","crm_ticket":"T1","CallLog":"x\ny","Eic_Muted":1}}]}"#;

#[test]
fn structured_cloudevents() {
    let record = parse(&format!(
        r#"{{"specversion":"1.0","id":"e1","source":"cic/a","type":"t","time":"2026-03-02T09:00:00Z","cicserver":"s1","data":{QUEUE}}}"#
    ));
    assert_eq!(
        (&*record.source, &*record.id, record.server.as_deref()),
        ("cic/a", "e1", Some("s1"))
    );
    assert_eq!(record.time.to_string(), "2026-03-02T09:00:00.000Z");
    let [Message::Queue(queue)] = &record.messages[..] else {
        panic!("{record:?}")
    };
    let attributes = &queue.added[0].attributes;
    assert_eq!(
        attributes.get(Attribute::State),
        Some("A"),
        "names match without regard to case"
    );
    assert_eq!(
        attributes.get(Attribute::Muted),
        Some("1"),
        "numbers count as text"
    );
    assert_eq!(attributes.kept().collect::<Vec<_>>(), [("CRM_Ticket", "T1")]);
}

#[test]
fn binary_cloudevents() {
    let headers: [(&str, &[u8]); 4] = [
        ("ce_id", b"e2"),
        ("ce_source", b"cic/b"),
        ("ce_time", b"2026-03-02T10:00:00Z"),
        (
            "ce_type",
            b"urn:inin.com:interactions:interactionDeallocatedMessage",
        ),
    ];
    let record = read(
        br#"{"interactionID":"5"}"#,
        headers,
        fallback(),
        &Wanted::default(),
    )
    .expect("readable");
    assert_eq!((&*record.source, &*record.id), ("cic/b", "e2"));
    assert_eq!(record.messages, [Message::Deallocated { id: "5".into() }]);
}

#[test]
fn bare_messages_take_what_the_record_has() {
    for json in [
        QUEUE.to_owned(),
        format!("[{QUEUE}]"),
        format!("\0\0\0\0\u{1}{QUEUE}"),
    ] {
        let record = parse(&json);
        assert_eq!(
            (&*record.source, &*record.id, record.messages.len()),
            ("cic/default", "topic/0/7", 1)
        );
        assert!(!record.produced);
    }
}

#[test]
fn one_bad_part_spares_the_others() {
    let record = parse(
        r#"{"__type":"urn:inin.com:queues:queueContentsMessage","subscriptionId":"q","interactionsAdded":[
            {"interactionId":"1","attributes":{"Eic_State":"A"}}, {"attributes":7}, {"interactionId":"3","attributes":{}}]}"#,
    );
    let [Message::Queue(queue)] = &record.messages[..] else {
        panic!("{record:?}")
    };
    assert_eq!(
        queue.added.iter().map(|one| &*one.id).collect::<Vec<_>>(),
        ["1", "3"]
    );
    assert_eq!(record.unreadable.len(), 1);
    assert_eq!(record.unreadable[0].part, "interactionsAdded[1]");
}

#[test]
fn unknown_messages_and_fields_are_no_error() {
    let record = parse(r#"{"__type":"urn:inin.com:new:thing","what":{"ever":[1]}}"#);
    assert_eq!(
        record.messages,
        [Message::Other {
            kind: "urn:inin.com:new:thing".into()
        }]
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    for (bytes, want) in [
        (&b""[..], "the record has no value"),
        (b"\xff\xfe", "the record is not UTF-8 text from byte 0 on"),
        (
            b"{}",
            "the record is no JSON message: neither a CloudEvent with `data` nor an object with `__type`",
        ),
    ] {
        let error = read(bytes, [], fallback(), &Wanted::default()).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
    let bare = br#"{"__type":"x"}"#;
    let no_time = Fallback {
        time: None,
        ..fallback()
    };
    assert_eq!(read(bare, [], no_time, &Wanted::default()), Err(Error::NoTime));
    let no_source = Fallback {
        source: "",
        ..fallback()
    };
    assert_eq!(
        read(bare, [], no_source, &Wanted::default()),
        Err(Error::NoSource)
    );
}

#[test]
fn status_flags_in_either_spelling() {
    for spelling in ["isAcdStatus", "isACDStatus"] {
        let record = parse(&format!(
            r#"{{"__type":"urn:inin.com:status:statusMessagesMessage","isDelta":false,"statusMessagesAdded":[{{"statusId":"Available","{spelling}":true}}]}}"#
        ));
        let [
            Message::Definitions {
                delta: false, set, ..
            },
        ] = &record.messages[..]
        else {
            panic!("{record:?}")
        };
        assert!(set[0].acd, "{spelling}");
    }
}

#[test]
fn numbers_by_the_table() {
    for (address, code, want) in [
        ("sip:+15550123@host;user=phone", "", Some("tel:+15550123")),
        ("(555) 555-0123", "1", Some("tel:+15555550123")),
        ("(555) 555-0123", "", Some("5555550123")),
        ("0049 30 1234567", "49", Some("tel:+49301234567")),
        ("030 1234567", "49", Some("tel:+49301234567")),
        ("1234", "49", Some("1234")),
        ("PRIV", "49", None),
        ("anonymous", "", None),
    ] {
        assert_eq!(number(address, code, "tel:").as_deref(), want, "{address}");
    }
}

#[test]
fn names_lose_their_scope() {
    assert_eq!(unscoped("Workgroup Queue:Support"), "Support");
    assert_eq!(
        names("User Queue:anna| bert;").collect::<Vec<_>>(),
        ["anna", "bert"]
    );
}

#[test]
fn a_workgroup_says_what_its_statuses_are_as_text_or_by_id() {
    let record = parse(
        r#"{"__type":"urn:inin.com:configuration.people:workgroupsMessage","isDelta":true,"added":[
        {"configurationId":{"id":"Support","displayName":"S"},"noAnswerStatus":{"id":"Away"},"onCallStatus":"Busy"}],
        "changed":[{"configurationId":{"id":"Sales"},"onCallStatus":""},{"name":"nobody"},7],"removed":["Old",{"id":"Older"}]}"#,
    );
    let one = |id: &str, no_answer: Option<&str>, on_call: Option<&str>| Workgroup {
        id: id.into(),
        no_answer: no_answer.map(Box::from),
        on_call: on_call.map(Box::from),
    };
    let want = Message::Workgroups {
        delta: true,
        set: vec![
            one("Support", Some("Away"), Some("Busy")),
            one("Sales", None, Some("")),
        ],
        removed: vec!["Old".into(), "Older".into()],
    };
    assert_eq!(record.messages, [want]);
    assert!(record.unreadable.is_empty());
}

/// However long a value is, it is there again, beside others or alone.
#[test]
fn values_of_any_length_come_back() {
    let long = |length: usize| "x".repeat(length);
    for length in [0, 1, 63, 64, 4095, 4096, 300_000] {
        let mut attributes = Attributes::default();
        attributes.set(Attribute::Segments, &long(length));
        attributes.set(Attribute::CallIdKey, "Zo\u{eb}");
        let mut later = Attributes::default();
        later.set(Attribute::RemoteName, &long(length / 2));
        attributes.merge(&later);
        let bytes = rmp_serde::to_vec_named(&attributes).unwrap();
        for attributes in [attributes, rmp_serde::from_slice(&bytes).unwrap()] {
            assert_eq!(attributes.get(Attribute::CallIdKey), Some("Zo\u{eb}"));
            assert_eq!(attributes.get(Attribute::RemoteName), Some(&*long(length / 2)));
            assert_eq!(attributes.get(Attribute::Segments), Some(&*long(length)));
            assert_eq!(attributes.get(Attribute::User), None);
        }
    }
}

/// Attributes out of a state that was damaged: no values, and no panic.
#[test]
fn damaged_attributes_are_no_panic() {
    let all = u32::MAX;
    for text in ["", "\u{7f}", "abc", &"\u{7f}".repeat(200), "\u{eb}\u{eb}"] {
        for name in ["t", "v"] {
            let json = serde_json::json!({"p": all, name: text}).to_string();
            let mut attributes: Attributes = serde_json::from_str(&json).unwrap();
            for attribute in Attribute::ALL {
                attributes.get(*attribute);
            }
            attributes.set(Attribute::State, "C");
            assert_eq!(attributes.get(Attribute::State), Some("C"));
        }
    }
}
