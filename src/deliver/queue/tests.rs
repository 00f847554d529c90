//! The queue against a naive one that looks at every event each time.

use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use super::*;
use crate::deliver::tests::{event, id};
use crate::deliver::{Item, Outcome};
use crate::time::Time;

#[derive(Clone, Debug)]
enum Step {
    /// Owner, keys.
    Submit(usize, Vec<u64>),
    Take(usize),
    /// Which request, and what becomes of each event.
    Settle(usize, Vec<u8>),
    Fence(usize),
    /// The lease of an owner is renewed.
    Renew(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3usize, prop::collection::vec(1..8u64, 1..12)).prop_map(|(owner, keys)| Step::Submit(owner, keys)),
        4 => (1..6usize).prop_map(Step::Take),
        4 => (0..4usize, prop::collection::vec(0..5u8, 6)).prop_map(|(which, fates)| Step::Settle(which, fates)),
        1 => (0..3usize).prop_map(Step::Fence),
        2 => (0..3usize).prop_map(Step::Renew),
        2 => (1..40u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..80)
}

/// An event as the naive queue knows it.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: Id,
    key: u64,
    owner: usize,
    state: Naive,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Naive {
    Waits(Option<Instant>),
    InFlight,
}

proptest! {
    #[test]
    fn a_queue_does_what_a_naive_one_does(steps in steps()) {
        let (mut queue, mut now) = (Queue::new(Lane::Conversations), Instant::now());
        let (sender, _receiver) = unbounded_channel();
        let term = Duration::from_secs(60);
        let mut owners: Vec<Owner> = (0..3).map(|n| Owner::leased(n, sender.clone(), term)).collect();
        let mut known: Vec<Known> = Vec::new();
        let mut requests: Vec<Vec<Entry>> = Vec::new();
        let mut number = 0;
        for step in steps {
            match step {
                Step::Submit(owner, keys) => for key in keys {
                    number += 1;
                    let event = event(key, number);
                    known.push(Known { id: event.id, key, owner, state: Naive::Waits(None) });
                    let item = Item { record: number, event, timestamp: Time::default() };
                    queue.submit(&owners[owner], item, now, &mut Ends::default());
                },
                Step::Take(most) => {
                    let view = queue.view(now);
                    let heads: Vec<Id> = (1..8).filter_map(|key| {
                        let head = known.iter().find(|one| one.key == key)?;
                        let ready = matches!(head.state, Naive::Waits(due) if due.is_none_or(|due| due <= now));
                        (ready && owners[head.owner].may_send(now)).then_some(head.id)
                    }).collect();
                    prop_assert_eq!(view.ready, heads.len());
                    let (taken, _) = queue.take(most);
                    prop_assert_eq!(taken.len(), most.min(heads.len()), "a batch holds every ready key or is full");
                    for entry in &taken {
                        prop_assert!(heads.contains(&entry.item.event.id));
                        let one = known.iter_mut().find(|one| one.id == entry.item.event.id).unwrap();
                        prop_assert!(one.state != Naive::InFlight);
                        one.state = Naive::InFlight;
                    }
                    requests.push(taken);
                }
                Step::Settle(which, fates) => {
                    if requests.is_empty() { continue; }
                    let at = which % requests.len();
                    let entries = requests.swap_remove(at);
                    let mut ends = Ends::default();
                    let mut accepted = 0;
                    let fates: Vec<_> = entries.into_iter().zip(fates).map(|(entry, fate)| {
                        let at = known.iter().position(|one| one.id == entry.item.event.id).unwrap();
                        let fenced = entry.owner.fenced();
                        let fate = match fate {
                            0..=2 => { known.remove(at); accepted += 1; Fate::Accepted }
                            _ if fenced => { known.remove(at); Fate::Again }
                            3 => {
                                let due = now + Duration::from_secs(10);
                                known[at].state = Naive::Waits(Some(due));
                                Fate::Later(due)
                            }
                            _ => { known[at].state = Naive::Waits(None); Fate::Again }
                        };
                        (entry, fate)
                    }).collect();
                    let tally = queue.settle(fates, now, &mut ends);
                    prop_assert_eq!(tally.accepted, accepted);
                }
                Step::Fence(owner) => {
                    owners[owner].set_fenced();
                    queue.fence(&owners[owner], now);
                    known.retain(|one| one.owner != owner || one.state == Naive::InFlight);
                    // Events in flight stay those of the old owner.
                    known.iter_mut().filter(|one| one.owner == owner).for_each(|one| one.owner = usize::MAX);
                    owners[owner] = Owner::leased(9, sender.clone(), term);
                }
                Step::Renew(owner) => _ = owners[owner].renew(now, now),
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
            }
            prop_assert_eq!(queue.count(), known.len(), "nothing is lost");
            let bytes: usize = {
                let view = queue.view(now);
                if view.ready == 0 { prop_assert_eq!(view.bytes, 0); }
                view.bytes
            };
            prop_assert!(bytes <= 200 * known.len());
        }
    }
}

fn items(events: impl IntoIterator<Item = crate::event::Event>) -> Vec<Item> {
    let item = |event| Item {
        record: 0,
        event,
        timestamp: Time::default(),
    };
    events.into_iter().map(item).collect()
}

#[test]
fn a_key_with_many_events_and_heads_that_come_again_starve_nobody() {
    let (mut queue, now) = (Queue::new(Lane::Conversations), Instant::now());
    let owner = Owner::new(1, unbounded_channel().0);
    let mut ends = Ends::default();
    for item in items(
        (1..=1000)
            .map(|n| event(1, n))
            .chain((2..=301).map(|key| event(key, 1))),
    ) {
        queue.submit(&owner, item, now, &mut ends);
    }
    let (refused, _) = queue.take(100);
    assert_eq!(refused.len(), 100);
    queue.settle(
        refused.into_iter().map(|entry| (entry, Fate::Again)),
        now,
        &mut ends,
    );
    let (batch, _) = queue.take(100);
    let again = batch
        .iter()
        .filter(|entry| entry.item.event.key.0 <= id(100))
        .count();
    assert_eq!(again, 50, "half of a batch is for those that come again");
    assert_eq!(queue.view(now).ready, 201);
    queue.settle(
        batch.into_iter().map(|entry| (entry, Fate::Accepted)),
        now,
        &mut ends,
    );
    for _ in 0..3 {
        let (batch, _) = queue.take(100);
        queue.settle(
            batch.into_iter().map(|entry| (entry, Fate::Accepted)),
            now,
            &mut ends,
        );
    }
    assert_eq!(
        (queue.view(now).ready, queue.lines.all().len()),
        (1, 301),
        "only the long one is left"
    );
}

#[test]
fn a_key_without_events_costs_nothing() {
    let (mut queue, now) = (Queue::new(Lane::Conversations), Instant::now());
    let (sender, mut ends) = unbounded_channel();
    let owner = Owner::new(1, sender);
    for round in 0..100 {
        let mut said = Ends::default();
        for item in items((0..100).map(|key| event(round * 100 + key, 1))) {
            queue.submit(&owner, item, now, &mut said);
        }
        let (batch, _) = queue.take(100);
        queue.settle(
            batch.into_iter().map(|entry| (entry, Fate::Accepted)),
            now,
            &mut said,
        );
        said.say();
    }
    assert_eq!((queue.count(), queue.lines.all().len()), (0, 100));
    let heard: Vec<_> = std::iter::from_fn(|| ends.try_recv().ok()).flatten().collect();
    assert_eq!(heard.len(), 10_000);
    assert!(
        heard
            .iter()
            .all(|end| matches!(end.outcome, Outcome::Accepted) && end.bytes > 50)
    );
}

#[test]
fn what_waited_behind_its_key_waits_for_its_request_to_fill_no_more() {
    let (mut queue, begun) = (Queue::new(Lane::Conversations), Instant::now());
    let owner = Owner::new(1, unbounded_channel().0);
    let mut said = Ends::default();
    for item in items([event(1, 1), event(1, 2)]) {
        queue.submit(&owner, item, begun, &mut said);
    }
    let (first, _) = queue.take(100);
    let answered = begun + Duration::from_millis(300);
    for item in items([event(2, 1)]) {
        queue.submit(&owner, item, answered, &mut said);
    }
    let fates = first.into_iter().map(|entry| (entry, Fate::Accepted));
    queue.settle(fates, answered, &mut said);
    let view = queue.view(answered);
    assert_eq!((view.ready, view.oldest), (2, Some(begun)));
}
