//! Rule 8: what an owner has handed over leaves only while its lease holds.
//!
//! The clock goes on by itself only while nobody has anything to do: a lane that looked again and again for what it may
//! not send would stop it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fake::{Bench, Ends, in_turn, items, leased, ok, sent, status};
use super::{event, id};
use crate::deliver::{Owner, Settings};
use crate::event::Id;
use crate::genesys::Reply;

const TERM: Duration = Duration::from_secs(4);
/// How long a request takes.
const ANSWER: Duration = Duration::from_millis(50);
const HOUR: Duration = Duration::from_secs(3600);

fn start(script: impl FnMut(&[Id]) -> Reply + Send + 'static) -> (Bench, Owner, Ends) {
    let (owner, ends) = leased(2, TERM);
    (Bench::new(Settings::default(), script), owner, ends)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_first_proof_and_all_at_once_after_it() {
    let (bench, owner, mut ends) = start(in_turn([ok()]));
    bench
        .delivery
        .submit(&owner, items((1..=250).map(|key| event(key, 1))));
    sleep(HOUR).await;
    assert_eq!(bench.fake.requests().len(), 0);
    let proven = Instant::now();
    bench.delivery.renew(&owner, proven);
    ends.wait(250).await;
    assert_eq!(bench.fake.sizes(), [100, 100, 50]);
    assert!(
        proven.elapsed() <= ANSWER * 2,
        "what waited for long waits for nothing else"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_has_ended_holds_the_heads_of_its_keys_and_nothing_else() {
    let (mut bench, owner, mut ends) = start(in_turn([ok()]));
    bench.delivery.renew(&owner, Instant::now());
    sleep(TERM).await;
    bench
        .delivery
        .submit(&owner, items((1..=2).flat_map(|n| [event(1, n), event(2, n)])));
    bench.submit((3..=4).flat_map(|key| (1..=3).map(move |n| event(key, n))));
    bench.ends.wait(6).await;
    sleep(HOUR).await;
    assert_eq!((bench.fake.order().len(), ends.now()), (6, 0));
    bench.delivery.renew(&owner, Instant::now());
    ends.wait(4).await;
    assert_eq!(bench.fake.order().len(), 10);
    let place = |n| bench.fake.order().iter().position(|one| *one == id(n));
    assert!(place(1_000_001) < place(1_000_002) && place(2_000_001) < place(2_000_002));
}

/// What a process finds that was stopped in the middle of its work.
#[tokio::test(start_paused = true)]
async fn what_was_in_flight_as_a_lease_ended_is_the_last() {
    let (mut bench, owner, mut ends) = start(in_turn([ok()]));
    // The first answer says that there may be more at once.
    bench.submit([event(1000, 1)]);
    bench.ends.wait(1).await;
    bench.delivery.renew(&owner, Instant::now());
    bench.delivery.submit(
        &owner,
        items((1..=400).flat_map(|key| [event(key, 1), event(key, 2)])),
    );
    sleep(Duration::from_millis(10)).await;
    assert_eq!(bench.fake.sizes()[1..], [100; 4]);
    *bench.fake.delay.lock().unwrap() = TERM * 2;
    sleep(ANSWER).await;
    assert_eq!(bench.fake.sizes().len(), 9, "the second of each key");
    bench
        .delivery
        .submit(&owner, items((1..=400).map(|key| event(key, 3))));
    sleep(HOUR).await;
    assert_eq!(
        (bench.fake.sizes().len(), ends.now()),
        (9, 800),
        "what was in flight has ended"
    );
    bench.delivery.renew(&owner, Instant::now());
    ends.wait(1200).await;
    assert_eq!(sent(&bench.fake.requests()).into_values().max(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_waits_for_the_lease_too() {
    let (mut bench, owner, mut ends) = start(in_turn([status(503)]));
    bench.delivery.renew(&owner, Instant::now());
    bench.delivery.submit(&owner, items([event(1, 1), event(2, 1)]));
    bench.submit([event(3, 1)]);
    sleep(TERM).await;
    let before = sent(&bench.fake.requests())[&id(1_000_001)];
    assert!(before > 0);
    sleep(HOUR).await;
    let requests = sent(&bench.fake.requests());
    assert_eq!(requests[&id(1_000_001)], before);
    assert!(
        requests[&id(3_000_001)] > before,
        "what it was sent with comes again"
    );
    bench.fake.now_say(|_| ok());
    bench.ends.wait(1).await;
    bench.delivery.renew(&owner, Instant::now());
    ends.wait(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_lane_is_not_probed_with_what_may_not_leave() {
    let (bench, owner, mut ends) = start(in_turn([status(403)]));
    bench.delivery.renew(&owner, Instant::now());
    bench.delivery.submit(&owner, items([event(1, 1)]));
    sleep(TERM).await;
    let probes = bench.fake.requests().len();
    sleep(HOUR).await;
    assert_eq!(bench.fake.requests().len(), probes);
    bench.fake.now_say(|_| ok());
    bench.delivery.renew(&owner, Instant::now());
    ends.wait(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_fence_drops_what_a_lease_holds() {
    let (mut bench, owner, mut ends) = start(in_turn([ok()]));
    bench.delivery.submit(&owner, items([event(1, 1)]));
    bench.submit([event(1, 2)]);
    sleep(HOUR).await;
    assert_eq!(bench.fake.requests().len(), 0, "the key is one of both");
    bench.delivery.fence(&owner).await;
    bench.ends.wait(1).await;
    bench.delivery.renew(&owner, Instant::now());
    sleep(HOUR).await;
    assert_eq!((bench.fake.order(), ends.now()), (vec![id(1_000_002)], 0));
}
