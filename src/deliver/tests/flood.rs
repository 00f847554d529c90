//! When most events are refused it is us, and the lane stops.

use std::time::Duration;

use super::fake::{Bench, but, number, ok};
use super::{event, id};
use crate::deliver::Settings;
use crate::event::Id;
use crate::genesys::Reply;
use crate::health::board::{Item, State};

/// Refuses the events of these conversations.
fn refuses(bad: impl Fn(u64) -> bool + Send + 'static) -> impl FnMut(&[Id]) -> Reply + Send + 'static {
    move |ids| {
        let refused = ids.iter().filter(|id| bad(number(**id) / 1_000_000));
        but(refused.map(|id| (Some(*id), false)))
    }
}

fn start(bad: impl Fn(u64) -> bool + Send + 'static) -> Bench {
    Bench::new(Settings::default(), refuses(bad))
}

async fn hours(count: u64) {
    tokio::time::sleep(Duration::from_secs(count * 3600)).await;
}

/// Nothing becomes a dead letter; one event at a time finds out whether it is over, and then all is accepted.
#[tokio::test(start_paused = true)]
async fn a_lane_stops_when_everything_is_refused_and_goes_on_by_itself() {
    let mut bench = start(|_| true);
    bench.submit((1..=300).flat_map(|key| [event(key, 1), event(key, 2)]));
    hours(1).await;
    assert_eq!(bench.ends.now(), 0, "nothing is dropped");
    let (state, detail, todo) = bench.state(Item::Conversations);
    assert_eq!(state, State::Error);
    assert!(
        detail.contains("100 of the last 100 events were refused, the last one: no"),
        "{detail}"
    );
    assert!(todo.contains("goes on by itself"), "{todo}");
    let sizes = bench.fake.sizes();
    let probes = sizes.iter().filter(|size| **size == 1).count();
    assert!((55..140).contains(&probes), "about once a minute: {probes}");
    bench.fake.now_say(|_| ok());
    bench.ends.wait(600).await;
    assert!(bench.ends.refusals().is_empty());
    assert_eq!(bench.state(Item::Conversations).0, State::Ok);
    for key in 1..=300 {
        let order = bench.fake.order();
        let place = |n: u64| order.iter().position(|one| *one == id(key * 1_000_000 + n));
        assert!(place(1) < place(2), "in order");
    }
}

/// What is refused even when others pass is bad: it goes to the dead letters, and the lane is not stopped again for it.
#[tokio::test(start_paused = true)]
async fn what_is_refused_while_others_pass_goes_to_the_dead_letters() {
    let mut bench = start(|key| key <= 150);
    bench.submit((1..=150).map(|key| event(key, 1)));
    hours(1).await;
    assert_eq!(bench.ends.now(), 0);
    bench.submit((151..=160).map(|key| event(key, 1)));
    bench.ends.wait(160).await;
    assert_eq!(bench.ends.refusals().len(), 150);
    hours(1).await;
    assert_eq!(bench.state(Item::Conversations).0, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn up_to_half_of_the_events_may_be_refused() {
    let mut bench = start(|key| key % 2 == 0);
    for round in 0..5 {
        bench.submit((1..=100).map(|key| event(round * 100 + key, 1)));
        bench.ends.wait((round as usize + 1) * 100).await;
    }
    assert_eq!(bench.ends.refusals().len(), 250);
}

/// Each time it takes longer until the lane is believed: what is bad now and then fills no dead-letter topic.
#[tokio::test(start_paused = true)]
async fn a_lane_that_is_stopped_again_and_again_waits_longer_each_time() {
    let mut bench = start(|key| key % 4 != 0);
    let mut next = 0;
    for _ in 0..60 {
        bench.submit((next..next + 50).map(|key| event(key, 1)));
        next += 50;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    bench.ends.now();
    let refused = bench.ends.refusals().len();
    assert!(refused < 2000, "{refused} of 2250 in an hour");
    bench.fake.now_say(|_| ok());
    bench.ends.wait(3000).await;
}
