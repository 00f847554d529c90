//! What answers lead to: each sentence of the seventh rule.

use std::time::Duration;

use super::fake::{Bench, but, in_turn, number, ok, sent, status};
use super::{event, id};
use crate::deliver::Settings;
use crate::event::{Event, Id};
use crate::genesys::{Answer, Reply};
use crate::health::board::{Item, State};

const MINUTE: Duration = Duration::from_secs(60);

fn start(script: impl FnMut(&[Id]) -> Reply + Send + 'static) -> Bench {
    Bench::new(Settings::default(), script)
}

/// The id of the `n`-th event of a key.
fn nth(key: u64, n: u64) -> Id {
    id(key * 1_000_000 + n)
}

fn makes(mut event: Event, thing: u64) -> Event {
    event.makes = Some(id(thing));
    event
}

fn needs(mut event: Event, thing: u64) -> Event {
    event.needs = [id(thing)].into();
    event
}

#[tokio::test(start_paused = true)]
async fn retryable_goes_back_to_the_head_of_its_key_and_others_go_on() {
    let mut bench = start(in_turn([but([(Some(nth(1, 1)), true)]), ok()]));
    bench.submit([event(1, 1), event(1, 2), event(2, 1), event(2, 2)]);
    bench.ends.wait(4).await;
    let order = bench.fake.order();
    let of_first: Vec<_> = order.iter().filter(|id| number(**id) < 2_000_000).collect();
    assert_eq!(of_first, [&nth(1, 1), &nth(1, 2)]);
    assert_eq!(order[0], nth(2, 1));
    assert!(bench.ends.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_alone_is_refused_as_retryable_for_its_time_goes_to_the_dead_letters() {
    let mut bench = start(|ids| but(ids.contains(&nth(1, 1)).then_some((Some(nth(1, 1)), true))));
    bench.submit([event(1, 1), event(1, 2)]);
    let mut n = 0;
    while bench.ends.refusals().is_empty() {
        n += 1;
        bench.submit([event(2, n)]);
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.ends.now();
        assert!(n < 1000, "it is refused at last");
    }
    assert!((181..250).contains(&n), "after a quarter of an hour: {n}");
    let refusal = bench.ends.refusals()[0];
    assert_eq!((refusal.event.id, &*refusal.message), (nth(1, 1), "no"));
    assert_eq!((refusal.status, refusal.depends_on), (Some(200), None));
    assert!(refusal.attempts > 20);
    bench.ends.wait(usize::try_from(n).unwrap() + 2).await;
    assert!(
        bench.fake.order().contains(&nth(1, 2)),
        "what comes after it goes on"
    );
}

#[tokio::test(start_paused = true)]
async fn while_nothing_passes_a_retryable_event_is_kept() {
    let mut bench = start(|ids| but(ids.iter().map(|id| (Some(*id), true))));
    bench.submit([event(1, 1), event(2, 1)]);
    tokio::time::sleep(MINUTE * 120).await;
    assert_eq!(bench.ends.now(), 0);
    bench.fake.now_say(|_| ok());
    bench.ends.wait(2).await;
    assert!(bench.ends.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn not_retryable_is_refused_with_what_depends_on_it_whenever_it_comes() {
    let mut bench = start(|ids| but(ids.contains(&nth(1, 1)).then_some((Some(nth(1, 1)), false))));
    bench.submit([
        makes(event(1, 1), 9),
        needs(makes(event(1, 2), 8), 9),
        event(1, 3),
        needs(event(1, 4), 8),
        needs(event(2, 1), 9),
    ]);
    bench.ends.wait(5).await;
    bench.submit([needs(event(1, 5), 9), event(1, 6)]);
    bench.ends.wait(7).await;
    let refusals = bench.ends.refusals();
    let causes: Vec<_> = refusals
        .iter()
        .map(|one| (number(one.event.id), one.depends_on))
        .collect();
    assert_eq!(
        causes,
        [
            (1_000_001, None),
            (1_000_002, Some(nth(1, 1))),
            (1_000_004, Some(nth(1, 2))),
            (1_000_005, Some(nth(1, 1)))
        ]
    );
    assert_eq!(refusals[0].correlation_id.as_deref(), Some("c-1"));
    assert_eq!((refusals[1].attempts, refusals[1].status), (0, None));
    assert_eq!(bench.fake.order().len(), 3, "other keys do not depend on it");
}

#[tokio::test(start_paused = true)]
async fn unknown_outcomes_are_sent_again_with_the_same_ids_without_limit() {
    for lost in [
        status(500),
        status(503),
        status(408),
        Reply::lost("no answer in time"),
    ] {
        let mut bench = start(in_turn([lost]));
        bench.submit([event(1, 1), event(1, 2)]);
        tokio::time::sleep(MINUTE * 600).await;
        assert_eq!(bench.ends.now(), 0);
        let (board, ..) = bench.state(Item::Conversations);
        assert_eq!(board, State::Warning);
        let requests = bench.fake.requests();
        assert!(requests.len() > 1000 && requests.iter().all(|seen| seen.ids == [nth(1, 1)]));
        bench.fake.now_say(|_| ok());
        bench.ends.wait(2).await;
        assert_eq!(bench.state(Item::Conversations).0, State::Ok);
    }
}

#[tokio::test(start_paused = true)]
async fn while_nothing_is_answered_the_endpoint_is_not_hammered() {
    let mut bench = start(in_turn([status(503)]));
    bench.submit((1..=5000).map(|key| event(key, 1)));
    tokio::time::sleep(MINUTE * 60).await;
    let requests = bench.fake.requests();
    assert!((100..700).contains(&requests.len()), "{}", requests.len());
    let longest = requests.windows(2).map(|pair| pair[1].at - pair[0].at).max();
    assert!(longest < Some(Duration::from_secs(31)));
    bench.fake.now_say(|_| ok());
    bench.ends.wait(5000).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_outcome_stays_unknown_holds_back_its_own_key_only() {
    let poisoned = nth(7, 1);
    let mut bench = start(move |ids| {
        if ids.contains(&poisoned) {
            status(500)
        } else {
            ok()
        }
    });
    bench.submit((1..=2).flat_map(|n| (1..=100).map(move |key| event(key, n))));
    let mut n = 0;
    while bench.fake.order().len() < 198 {
        n += 1;
        assert!(n < 1000, "the other keys go on");
        bench.submit([event(200, n)]);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bench.ends.now();
    assert!(bench.ends.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_429_closes_the_endpoint_and_is_no_failure_of_the_events() {
    let mut limited = status(429);
    limited.answer = Answer::RateLimited {
        retry_after: Some(Duration::from_secs(40)),
        scope: crate::genesys::Scope::Endpoint,
    };
    let mut bench = start(in_turn([limited, ok()]));
    bench.submit([event(1, 1)]);
    bench.ends.wait(1).await;
    let requests = bench.fake.requests();
    let pause = requests[1].at - requests[0].at;
    assert!(
        pause >= Duration::from_secs(40) && pause < Duration::from_secs(41),
        "{pause:?}"
    );
    assert_eq!(sent(&requests)[&nth(1, 1)], 2);
}
