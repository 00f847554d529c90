//! Order per key, batches, fences.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::fake::{Bench, Fake, but, in_turn, items, number, ok, owner, reply, status};
use super::{event, id};
use crate::deliver::{Delivery, Governor, Outcome, Settings};
use crate::event::{Event, Id, Lane};
use crate::genesys::{Answer, Reply, Scope};
use crate::health::board::Board;

fn start(script: impl FnMut(&[Id]) -> Reply + Send + 'static) -> Bench {
    Bench::new(Settings::default(), script)
}

#[tokio::test(start_paused = true)]
async fn keys_share_requests_and_each_has_one_event_in_flight() {
    let mut bench = start(in_turn([ok()]));
    bench.submit((1..=3).flat_map(|n| (1..=150).map(move |key| event(key, n))));
    bench.ends.wait(450).await;
    assert_eq!(bench.fake.sizes().iter().sum::<usize>(), 450);
    for key in 1..=150 {
        let mut of_key: Vec<_> = bench.fake.order();
        of_key.retain(|event| (1..=3).any(|n| *event == id(key * 1_000_000 + n)));
        assert_eq!(of_key, [1, 2, 3].map(|n| id(key * 1_000_000 + n)));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_lane_go_in_parallel_up_to_the_concurrency() {
    let mut bench = start(in_turn([ok()]));
    bench.submit([event(1000, 1)]);
    bench.ends.wait(1).await;
    bench.submit((1..=600).map(|key| event(key, 1)));
    bench.ends.wait(601).await;
    let at: Vec<Instant> = bench.fake.requests()[1..].iter().map(|seen| seen.at).collect();
    assert_eq!(at.len(), 6);
    assert!(at[3] - at[0] < Duration::from_millis(50), "four at once");
    assert!(
        at[4] - at[0] >= Duration::from_millis(50),
        "the fifth waits for a slot"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_when_full_at_linger_and_at_once_after_flush() {
    let mut bench = start(in_turn([ok()]));
    let begin = Instant::now();
    bench.submit([event(1, 1)]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    bench.submit([event(2, 1)]);
    bench.ends.wait(2).await;
    let first = &bench.fake.requests()[0];
    assert_eq!(
        (first.ids.len(), (first.at - begin).as_millis()),
        (2, 250),
        "since the oldest was ready"
    );

    let begin = Instant::now();
    bench.submit((1..=100).map(|key| event(key, 2)));
    bench.ends.wait(102).await;
    assert!(bench.fake.requests()[1].at - begin < Duration::from_millis(10));

    bench.delivery.flush();
    let begin = Instant::now();
    bench.submit([event(1, 3)]);
    bench.ends.wait(103).await;
    assert!(bench.fake.requests()[2].at - begin < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_flush_sends_what_lingers() {
    let settings = Settings {
        linger: Duration::from_secs(3600),
        ..Settings::default()
    };
    let mut bench = Bench::new(settings, in_turn([ok()]));
    let begin = Instant::now();
    bench.submit([event(1, 1)]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    bench.delivery.flush();
    bench.ends.wait(1).await;
    assert!(begin.elapsed() < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_batch_keeps_below_its_bytes_and_a_larger_event_goes_alone() {
    let sized = |key, bytes: usize| {
        let mut event = event(key, 1);
        let (id, rest) = (event.id, "x".repeat(bytes));
        event.json = format!(r#"{{"eventId":"{id}","notes":"{rest}"}}"#).into();
        event
    };
    let mut bench = start(|ids| {
        if number(ids[0]) == 9_000_001 {
            status(413)
        } else {
            ok()
        }
    });
    bench.submit([
        sized(1, 200_000),
        sized(2, 200_000),
        sized(3, 200_000),
        sized(9, 700_000),
        sized(4, 10),
    ]);
    bench.ends.wait(5).await;
    assert_eq!(bench.fake.sizes().iter().max(), Some(&2));
    assert!(
        bench
            .fake
            .requests()
            .iter()
            .any(|seen| seen.ids == [id(9_000_001)])
    );
    let refusals = bench.ends.refusals();
    assert_eq!((refusals.len(), refusals[0].status), (1, Some(413)));
}

#[tokio::test(start_paused = true)]
async fn out_of_office_is_one_event_per_request() {
    let mut bench = start(in_turn([ok()]));
    let lane = |mut event: Event| {
        event.lane = Lane::OutOfOffice;
        event
    };
    bench.submit((1..=5).map(|key| lane(event(key, 1))).chain([lane(event(1, 2))]));
    bench.ends.wait(6).await;
    assert_eq!(bench.fake.sizes(), [1; 6]);
    assert!(bench.ends.heard.iter().all(|end| end.lane == Lane::OutOfOffice));
}

#[tokio::test(start_paused = true)]
async fn a_fence_drops_what_waits_says_what_was_in_flight_and_keeps_its_keys_locked() {
    let mut bench = start(in_turn([ok()]));
    *bench.fake.delay.lock().unwrap() = Duration::from_secs(5);
    bench.submit([event(1, 1), event(1, 2), event(2, 1)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begin = Instant::now();
    let fenced = bench.delivery.fence(&bench.owner);
    let (next, mut ends) = owner(2);
    bench.delivery.submit(&next, items([event(1, 3), event(5, 1)]));
    bench.submit([event(8, 1)]);
    fenced.await;
    assert_eq!(begin.elapsed().as_secs(), 4);
    assert_eq!(bench.ends.now(), 2, "what was in flight is said");
    ends.wait(2).await;
    let order: Vec<u64> = bench.fake.order().into_iter().map(number).collect();
    assert_eq!(order, [1_000_001, 2_000_001, 5_000_001, 1_000_003]);
    let requests = bench.fake.requests();
    let locked = requests
        .iter()
        .find(|seen| seen.ids.contains(&id(1_000_003)))
        .unwrap();
    assert!(locked.at >= begin + Duration::from_secs(4), "its key was locked");
}

#[tokio::test(start_paused = true)]
async fn of_a_fenced_owner_nothing_is_said_once_nobody_waits() {
    let mut bench = start(in_turn([ok()]));
    *bench.fake.delay.lock().unwrap() = Duration::from_secs(20);
    bench.submit([event(1, 1)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fenced = bench.delivery.fence(&bench.owner);
    assert!(
        tokio::time::timeout(Duration::from_secs(10), fenced)
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((bench.fake.order().len(), bench.ends.now()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_sent_again_is_dropped_by_a_fence_too() {
    let mut lost = true;
    let mut script = move |_: &[Id]| {
        if std::mem::take(&mut lost) {
            status(503)
        } else {
            ok()
        }
    };
    let bench = start(move |ids| script(ids));
    bench.submit([event(1, 1), event(2, 1)]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.fake.requests().len(), 1);
    bench.delivery.fence(&bench.owner).await;
    let (next, mut ends) = owner(2);
    bench.delivery.submit(&next, items([event(1, 2)]));
    ends.wait(1).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let order: Vec<u64> = bench.fake.order().into_iter().map(number).collect();
    assert_eq!(order, [1_000_002]);
}

#[tokio::test(start_paused = true)]
async fn a_fence_leaves_a_stopped_lane_that_goes_on_with_others() {
    for code in [403, 400] {
        let bench = start(move |_| status(code));
        bench.submit((1..=20).flat_map(|key| [event(key, 1), event(key, 2)]));
        tokio::time::sleep(Duration::from_secs(120)).await;
        bench.delivery.fence(&bench.owner).await;
        bench.fake.now_say(|_| ok());
        let (next, mut ends) = owner(2);
        bench
            .delivery
            .submit(&next, items((1..=20).map(|key| event(key, 3))));
        ends.wait(20).await;
        assert_eq!(bench.fake.order().len(), 20);
    }
}

/// What the endpoint does to one request, by a number.
fn fate(ids: &[Id], dice: u64, poisoned: &[u64]) -> Reply {
    let is_poisoned = ids.iter().any(|id| poisoned.contains(&number(*id)));
    match dice % 12 {
        _ if is_poisoned => status(400),
        0 => status(500),
        1 => Reply::lost("reset"),
        2 => but(ids.iter().step_by(3).map(|id| (Some(*id), true))),
        3 => but(ids.iter().skip(1).step_by(4).map(|id| (Some(*id), false))),
        4 => but([(None, true)]),
        5 => status(403),
        6 => status(401),
        7 => reply(
            429,
            Answer::RateLimited {
                retry_after: Some(Duration::from_secs(dice % 5)),
                scope: if dice.is_multiple_of(2) {
                    Scope::Token
                } else {
                    Scope::Endpoint
                },
            },
        ),
        _ => ok(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn over_random_failures_keys_keep_their_order_and_every_event_ends(
        seed: u64,
        keys in prop::collection::vec(1..30u64, 1..300),
        poisoned in prop::collection::vec(1..300usize, 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut numbers = HashMap::<u64, u64>::new();
            let events: Vec<Event> = keys.iter().map(|key| {
                let n = numbers.entry(*key).or_default();
                *n += 1;
                event(*key, *n)
            }).collect();
            let poisoned: Vec<u64> = poisoned.iter().filter_map(|at| Some(number(events.get(*at)?.id))).collect();
            let mut random = fastrand::Rng::with_seed(seed);
            let mut left = 400;
            let bad = poisoned.clone();
            let fake = Fake::new(move |ids| {
                left -= i32::from(left > 0);
                fate(ids, if left > 0 { random.u64(..) } else { 11 }, &bad)
            });
            let delivery = Delivery::start(Settings::default(), fake.clone(), Governor::new(), Board::default());
            let (owner, mut ends) = owner(1);
            let mut pace = fastrand::Rng::with_seed(seed);
            for part in events.chunks(7) {
                delivery.submit(&owner, items(part.iter().cloned()));
                tokio::time::sleep(Duration::from_millis(pace.u64(..900))).await;
            }
            // Should nothing but culprits be left, something that passes tells them from us.
            let others = tokio::spawn({
                let (delivery, (other, _heard)) = (delivery.clone(), super::fake::owner(2));
                async move {
                    for n in 1.. {
                        tokio::time::sleep(Duration::from_secs(20)).await;
                        delivery.submit(&other, items([event(1000, n)]));
                    }
                }
            });
            ends.wait(events.len()).await;
            others.abort();
            assert_eq!(ends.now(), events.len(), "each ends once");
            let order = fake.order();
            let place: HashMap<u64, usize> = order.iter().enumerate().map(|(at, id)| (number(*id), at)).collect();
            for key in 1..30 {
                let of_key = events.iter().filter(|event| event.key.0 == id(key));
                let places: Vec<_> = of_key.filter_map(|event| place.get(&number(event.id))).collect();
                assert!(places.is_sorted(), "the order of first acceptance");
            }
            for end in &ends.heard {
                match &end.outcome {
                    Outcome::Accepted => assert!(place.contains_key(&end.record)),
                    Outcome::Refused(refusal) => assert_eq!(number(refusal.event.id), end.record),
                }
            }
            for bad in poisoned {
                assert!(!place.contains_key(&bad));
            }
        });
    }
}
