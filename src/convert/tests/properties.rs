//! What holds for any records, sensible or not.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::event::{Id, Lane, Role, Voice, What};

/// Any record of the one interaction: letters, names and workgroups in any order, present or not.
fn any_record() -> impl Strategy<Value = (i64, String)> {
    let letter = prop::option::weighted(
        0.8,
        prop::sample::select(vec![
            "A", "C", "H", "M", "O", "P", "R", "S", "X", "I", "E", "", "Z",
        ]),
    );
    let users = prop::option::weighted(
        0.5,
        prop::sample::select(vec!["", "anna", "bert", "anna|bert", "carl"]),
    );
    let workgroup = prop::option::weighted(0.4, prop::sample::select(vec!["", "Support", "Sales"]));
    let muted = prop::option::weighted(0.1, prop::sample::select(vec!["0", "1"]));
    (0i64..4, letter, users, workgroup, muted).prop_map(|(wait, letter, users, workgroup, muted)| {
        let mut text = String::new();
        for (name, value) in [("s", letter), ("u", users), ("w", workgroup), ("m", muted)] {
            if let Some(value) = value {
                text.push_str(&format!(" {name}={value}"));
            }
        }
        (wait, text)
    })
}

fn any_call() -> impl Strategy<Value = Vec<(i64, String)>> {
    let direction = prop::sample::select(vec!["I", "O"]);
    (direction, prop::collection::vec(any_record(), 1..25)).prop_map(|(direction, records)| {
        let mut at = 0;
        let mut call = Vec::new();
        for (n, (wait, text)) in records.into_iter().enumerate() {
            at += wait;
            let first = if n == 0 {
                format!("type=Call call=E key=k1 d={direction}")
            } else {
                String::new()
            };
            call.push((at, format!("{first}{text}")));
        }
        call
    })
}

/// What a communication has been told of.
#[derive(Default)]
struct Told {
    ringing: bool,
    held: bool,
    ended: bool,
}

fn check(output: &Output) -> Result<(), TestCaseError> {
    let mut told: BTreeMap<Id, Told> = BTreeMap::new();
    let mut last: BTreeMap<Id, Time> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (_, draft) in &output.drafts {
        let What::Voice(voice) = &draft.what else { continue };
        prop_assert!(ids.insert(draft.id), "an eventId made twice: {voice:?}");
        let before = last.insert(draft.key.0, draft.time);
        prop_assert!(
            before.is_none_or(|before| before < draft.time),
            "rule 4: time moves forward: {voice:?}"
        );
        match voice {
            Voice::Established(party) => {
                let all_over = !told.is_empty() && told.values().all(|told| told.ended);
                prop_assert!(!all_over, "established where all have ended: {party:?}");
                if let Some(invite) = party.invited_by {
                    prop_assert!(told.contains_key(&invite.by), "invited by nobody: {party:?}");
                }
                let new = Told {
                    ringing: party.alerting,
                    ..Told::default()
                };
                prop_assert!(
                    told.insert(party.communication, new).is_none(),
                    "established twice: {party:?}"
                );
                prop_assert!(party.role != Role::User || party.user.is_some());
            }
            Voice::Answered { communication } => {
                let told = open(&mut told, communication)?;
                prop_assert!(told.ringing, "answered without ringing");
                told.ringing = false;
            }
            Voice::Hold { communication, held } => {
                let told = open(&mut told, communication)?;
                prop_assert!(
                    told.held != *held && !told.ringing,
                    "held alternately, and only when connected"
                );
                told.held = *held;
            }
            Voice::Audio { communication, .. } => {
                open(&mut told, communication)?;
            }
            Voice::Ended { communication, .. } => open(&mut told, communication)?.ended = true,
            _ => {}
        }
    }
    Ok(())
}

fn open<'a>(told: &'a mut BTreeMap<Id, Told>, id: &Id) -> Result<&'a mut Told, TestCaseError> {
    let told = told.get_mut(id);
    prop_assert!(told.is_some(), "named before it is established");
    let told = told.expect("just seen");
    prop_assert!(!told.ended, "named after its end");
    Ok(told)
}

fn borrowed(call: &[(i64, String)]) -> Vec<(i64, &str)> {
    call.iter().map(|(at, text)| (*at, text.as_str())).collect()
}

proptest! {
    /// The rules beyond shapes that the judge holds us to, whatever CIC says.
    #[test]
    fn any_records_make_a_timeline_that_holds(call in any_call()) {
        let (output, _) = run(&borrowed(&call), Settings::default());
        check(&output)?;
    }

    /// Rule 1: each record has one fate, and the events of all fates are all events.
    #[test]
    fn every_record_has_one_fate(call in any_call()) {
        let (output, _) = run(&borrowed(&call), Settings::default());
        let positions: BTreeSet<u64> = output.fates.iter().map(|(position, _)| *position).collect();
        prop_assert_eq!(positions.len(), output.fates.len(), "a fate comes once");
        prop_assert_eq!(positions.len(), call.len(), "and for every record");
        let made: u32 = output.fates.iter().map(|(_, fate)| if let Fate::Made(n) = fate { *n } else { 0 }).sum();
        let caused = output.drafts.iter().filter(|(cause, _)| cause.is_some()).count();
        prop_assert_eq!(made as usize, caused);
    }

    /// Every call that ends leaves nothing open.
    #[test]
    fn an_end_ends_everything(call in any_call(), letter in prop::sample::select(vec!["I", "E"])) {
        let mut call = call;
        let last = call.last().map_or(0, |(at, _)| *at);
        call.push((last + 1, format!("s={letter}")));
        let (output, machine) = run(&borrowed(&call), Settings::default());
        prop_assert_eq!(machine.state().open_conversations(), 0);
        let voice = |draft: &Draft| draft.lane() == Lane::Conversations;
        let (mut established, mut ended) = (0, 0);
        for (_, draft) in output.drafts.iter().filter(|(_, draft)| voice(draft)) {
            match &draft.what {
                What::Voice(Voice::Established(_)) => established += 1,
                What::Voice(Voice::Ended { .. }) => ended += 1,
                _ => {}
            }
        }
        prop_assert_eq!(established, ended);
    }

    /// Rule 3: a state that was written and read again makes, event by event, what one that never was would make.
    #[test]
    fn a_state_read_back_goes_on_as_if_nothing_had_happened(call in any_call(), at in 0usize..25) {
        let records = borrowed(&call);
        let (whole, never_ended) = run(&records, Settings::default());
        let mut output = Output::default();
        let mut machine = Machine::new(Arc::default());
        for (position, (seconds, text)) in records.iter().enumerate() {
            if position == at {
                let mut bytes = Vec::new();
                machine.state().write(&mut bytes).unwrap();
                machine = Machine::restore(Arc::default(), State::read(&bytes[..]).unwrap());
            }
            machine.record(&record(position, *seconds, text), position as u64, &mut output);
        }
        machine.finish(&mut output);
        prop_assert_eq!(output.drafts, whole.drafts);
        prop_assert_eq!(output.fates, whole.fates);
        let bytes = [machine, never_ended].map(|machine| {
            let mut bytes = Vec::new();
            machine.state().write(&mut bytes).unwrap();
            bytes
        });
        prop_assert_eq!(&bytes[0], &bytes[1]);
    }
}
