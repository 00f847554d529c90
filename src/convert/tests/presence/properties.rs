//! What holds for users whatever is said of them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::event::{Id, Key, Lane};

const USERS: [&str; 3] = ["anna", "bert", "Carl"];
const STATUSES: [&str; 8] = [
    "Available",
    "available",
    "ACW",
    "At Lunch",
    "c1",
    "c3",
    "Unheard of",
    "At Play",
];

/// Anything that may be said of users, with the seconds since what was said before it.
fn any_record() -> impl Strategy<Value = (i64, String)> {
    let user = || prop::sample::select(USERS.to_vec());
    let status = (
        user(),
        prop::sample::select(STATUSES.to_vec()),
        -3i64..2,
        prop::option::of(any::<bool>()),
        any::<bool>(),
    )
        .prop_map(|(user, id, ago, logged_in, delta)| {
            let login = logged_in.map_or(String::new(), |on| format!(r#","loggedIn":{on}"#));
            // The stamp goes with the record's place; see `timed`.
            statuses(
                delta,
                &[&format!(
                    r#""userId":"{user}","statusId":"{id}","statusChanged":"@{ago}@"{login}"#
                )],
            )
        });
    let phone = (user(), any::<bool>())
        .prop_map(|(user, on)| super::status(user, &format!(r#""onPhone":{on},"onPhoneChanged":"@0@""#)));
    let letters = prop::sample::select(vec!["", "s=A", "s=C", "s=H", "s=O", "s=S", "s=I"]);
    let named = prop::sample::select(vec!["", "u=", "u=anna", "u=bert", "u=Carl", "u=anna|bert"]);
    let workgroups = prop::sample::select(vec!["w=", "w=Support"]);
    let kinds = prop::sample::select(vec!["Call", "Chat"]);
    let interactions =
        (1i64..4, letters, named, workgroups, kinds).prop_map(|(id, letter, named, workgroup, kind)| {
            let text = format!("type={kind} call=E {letter} {named} {workgroup}");
            interaction(&id.to_string(), &text)
        });
    let active = (user(), any::<bool>(), any::<bool>())
        .prop_map(|(user, delta, on)| activation(user, delta, &format!(r#""Support":{on}"#)));
    let row = (any::<bool>(), any::<bool>())
        .prop_map(|(delta, on)| workgroup("Support", delta, &format!(r#""anna":{on}"#)));
    let definition = (prop::sample::select(STATUSES.to_vec()), any::<bool>(), any::<bool>()).prop_map(|(id, acd, delta)| {
        format!(
            r#"{{"__type":"urn:inin.com:status:statusMessagesMessage","isDelta":{delta},"statusMessagesAdded":[
            {{"statusId":"{id}","isAcdStatus":{acd}}}]}}"#
        )
    });
    let up = any::<bool>().prop_map(connection);
    let said = prop_oneof![
        5 => status,
        2 => phone,
        6 => interactions,
        1 => active,
        1 => row,
        1 => definition,
        1 => up,
    ];
    let wait = prop_oneof![8 => 0i64..3, 1 => -2i64..0, 1 => 3i64..50, 1 => 50i64..300];
    (wait, said)
}

fn any_records() -> impl Strategy<Value = Vec<(i64, String)>> {
    prop::collection::vec(any_record(), 1..40).prop_map(|records| {
        let mut at = 0;
        let mut all = vec![(0, DEFINITIONS.to_owned())];
        for (wait, text) in records {
            at = (at + wait).max(0);
            all.push((at, timed(&text, at)));
        }
        all
    })
}

/// `@n@` becomes the second `at + n` in CIC's words.
fn timed(text: &str, at: i64) -> String {
    let mut parts = text.split('@');
    let mut timed = parts.next().unwrap_or_default().to_owned();
    while let (Some(offset), Some(rest)) = (parts.next(), parts.next()) {
        let offset: i64 = offset.parse().unwrap();
        timed += &Time::from_millis(START + (at + offset) * 1000).basic();
        timed += rest;
    }
    timed
}

/// One go over the records, with a tick after some of them and the state written and read after one of them.
fn go(records: &[(i64, String)], ticks: &[bool], restored_at: Option<usize>) -> (Output, Machine) {
    let mut machine = Machine::new(Arc::default());
    let mut output = Output::default();
    for (position, (at, text)) in records.iter().enumerate() {
        machine.record(&record(position, *at, text), position as u64, &mut output);
        if restored_at == Some(position) {
            let mut bytes = Vec::new();
            machine.state().write(&mut bytes).unwrap();
            machine = Machine::restore(Arc::default(), State::read(&bytes[..]).unwrap());
        }
        let next = records.get(position + 1).map_or(*at, |(next, _)| *next);
        if ticks.get(position) == Some(&true) {
            machine.advance(Time::from_millis(START + (at + next) * 500), &mut output);
        }
    }
    machine.finish(&mut output);
    (output, machine)
}

/// Drafts with their causes, by user and lane.
type ByKey = BTreeMap<(Key, Lane), Vec<(Option<u64>, Draft)>>;

/// The drafts of each user and lane, in order.
fn by_key(output: &Output) -> ByKey {
    let mut all = ByKey::new();
    for (cause, draft) in &output.drafts {
        all.entry((draft.key, draft.lane()))
            .or_default()
            .push((*cause, draft.clone()));
    }
    all
}

fn content(draft: &Draft) -> String {
    match &draft.what {
        What::Presence(one) => format!("{:?} {:?} {:?}", one.system, one.label, one.message),
        What::Routing(one) => format!("{:?}", one.status),
        other => format!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn time_goes_forward_and_no_two_in_a_row_say_the_same(records in any_records()) {
        let (output, _) = go(&records, &[], None);
        let mut ids: BTreeSet<Id> = BTreeSet::new();
        for (_, draft) in &output.drafts {
            prop_assert!(ids.insert(draft.id), "an eventId made twice");
        }
        for ((_, lane), drafts) in by_key(&output) {
            for pair in drafts.windows(2) {
                prop_assert!(pair[0].1.time < pair[1].1.time, "rule 4");
                let again = lane != Lane::Conversations && content(&pair[0].1) == content(&pair[1].1);
                prop_assert!(!again, "{:?}", pair);
            }
        }
    }

    /// Rule 1: each record has one fate, and the events of all fates are all events that a record caused.
    #[test]
    fn every_record_has_one_fate(records in any_records()) {
        let (output, machine) = go(&records, &[], None);
        let positions: BTreeSet<u64> = output.fates.iter().map(|(position, _)| *position).collect();
        prop_assert_eq!(positions.len(), output.fates.len());
        prop_assert_eq!(positions.len(), records.len());
        let made: u32 = output.fates.iter().map(|(_, fate)| if let Fate::Made(n) = fate { *n } else { 0 }).sum();
        let caused = output.drafts.iter().filter(|(cause, _)| cause.is_some()).count();
        prop_assert_eq!(made as usize, caused);
        prop_assert_eq!(machine.next_wait(), None);
    }

    /// Rule 3: a state that was written and read again goes on as if nothing had happened.
    #[test]
    fn a_state_read_back_makes_the_same(records in any_records(), at in 0usize..40) {
        let (whole, _) = go(&records, &[], None);
        let (restored, _) = go(&records, &[], Some(at));
        prop_assert_eq!(restored.drafts, whole.drafts);
        prop_assert_eq!(restored.fates, whole.fates);
    }

    /// Ticks end waits sooner by the clock and change nothing else.
    #[test]
    fn ticks_change_nothing(records in any_records(), ticks in prop::collection::vec(any::<bool>(), 40)) {
        let (without, _) = go(&records, &[], None);
        let (with, _) = go(&records, &ticks, None);
        prop_assert_eq!(by_key(&with), by_key(&without));
    }

    /// Definitions, status and activation may come in any order: all end at the same.
    #[test]
    fn any_order_ends_at_the_same(
        id in prop::sample::select(STATUSES[..6].to_vec()),
        on in any::<bool>(),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        gaps in prop::collection::vec(0i64..60, 4),
    ) {
        let said = [
            DEFINITIONS.to_owned(),
            takes("anna", id, 0),
            activation("anna", true, &format!(r#""Support":{on}"#)),
            interaction("1", "type=Chat s=C u=anna w=Support"),
        ];
        let last = |order: &[usize]| {
            let mut at = 0;
            let mut records = Vec::new();
            for (n, gap) in order.iter().zip(&gaps) {
                at += gap;
                records.push((at, said[*n].clone()));
            }
            let (output, _) = go(&records, &[], None);
            let all = by_key(&output);
            let ends: Vec<String> = all.values().filter_map(|all| all.last()).map(|(_, draft)| content(draft)).collect();
            ends
        };
        prop_assert_eq!(last(&order), last(&[0, 1, 2, 3]));
    }
}
