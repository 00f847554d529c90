//! The simulation can fail: where the broker or the endpoint does not do what it says, or what is kept is not what it is
//! said to be, some seed shows it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::outside::Outside;
use super::run_with;
use crate::agent::kept::{self, Beside};
use crate::convert::State;

/// What is not as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// A snapshot's state is the one of the snapshot after it: that of the moment, not that of the commit point.
    StatesAreAhead,
    /// A snapshot's state is that of the one before it: records are missing in it.
    StatesAreBehind,
    /// Marks cover the event after the last one that has ended.
    MarksAreAhead,
    /// What refused events would have made is not kept.
    RefusalsAreForgotten,
    /// A tick takes effect before it is kept.
    TicksAreNotKept,
    /// A dead letter is acknowledged and not there.
    LettersAreNotWritten,
    /// An event is answered as accepted and was not taken.
    EventsAreNotTaken,
}

const ALL: [Lie; 7] = [
    Lie::StatesAreAhead,
    Lie::StatesAreBehind,
    Lie::MarksAreAhead,
    Lie::RefusalsAreForgotten,
    Lie::TicksAreNotKept,
    Lie::LettersAreNotWritten,
    Lie::EventsAreNotTaken,
];

/// Keeps a snapshot, as it is or not.
pub(super) fn write(outside: &mut Outside, id: String, bytes: Vec<u8>) {
    let (mut beside, mut state) = kept::read(&bytes).unwrap();
    let before = outside.last.clone();
    let before = before.and_then(|id| Some((id.clone(), outside.snapshots.get(&id)?.clone())));
    let before = before.map(|(id, bytes)| (id, kept::read(&bytes).unwrap()));
    match (outside.lie, before) {
        (Some(Lie::StatesAreAhead), Some((id, (beside, _)))) => {
            let ahead = bytes_of(&beside, &state);
            outside.snapshots.insert(id, ahead);
        }
        (Some(Lie::StatesAreBehind), Some((_, (_, behind)))) => state = behind,
        (Some(Lie::MarksAreAhead), _) => {
            for (_, mark) in &mut beside.marks {
                mark.time = mark.time.plus(1000);
            }
        }
        (Some(Lie::RefusalsAreForgotten), _) => beside.missing.clear(),
        _ => {}
    }
    outside.snapshots.insert(id, bytes_of(&beside, &state));
}

fn bytes_of(beside: &Beside, state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    kept::write(beside, state, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_lie_is_noticed() {
    for lie in ALL {
        let noticed =
            (1..200).any(|seed| catch_unwind(AssertUnwindSafe(|| run_with(seed, Some(lie)))).is_err());
        assert!(noticed, "{lie:?} is not noticed");
    }
}
