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

/// A refused event that is replayed is no longer missed: what depends on it and comes after it waits for its end.
#[tokio::test(start_paused = true)]
async fn what_was_refused_may_come_again_with_what_depends_on_it() {
    let mut bench = start(|ids| but(ids.contains(&nth(1, 1)).then_some((Some(nth(1, 1)), false))));
    let events = || [makes(event(1, 1), 9), needs(event(1, 2), 9), event(1, 3)];
    bench.submit(events());
    bench.ends.wait(3).await;
    assert_eq!(bench.ends.refusals().len(), 2);
    bench.submit(events());
    bench.ends.wait(6).await;
    assert_eq!(
        bench.ends.refusals().len(),
        4,
        "it is refused again, and all goes with it"
    );
    bench.fake.now_say(|_| ok());
    bench.submit(events());
    bench.ends.wait(9).await;
    assert_eq!(bench.ends.refusals().len(), 4);
    let order: Vec<u64> = bench.fake.order().into_iter().map(number).collect();
    assert_eq!(order, [1_000_003, 1_000_001, 1_000_002]);
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

#[tokio::test(start_paused = true)]
async fn an_error_that_names_no_event_is_hunted_down_by_halves() {
    let bad = nth(5, 1);
    for (named, retryable) in [(None, false), (Some(id(77)), false)] {
        let mut bench = start(move |ids| but(ids.contains(&bad).then_some((named, retryable))));
        bench.submit((1..=8).map(|key| event(key, 1)));
        bench.ends.wait(8).await;
        let refusals = bench.ends.refusals();
        assert_eq!(refusals.len(), 1);
        assert_eq!((refusals[0].event.id, &*refusals[0].message), (bad, "no"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_name_that_may_pass_is_sent_again() {
    let mut bench = start(in_turn([but([(None, true)]), but([(None, true)]), ok()]));
    bench.submit([event(1, 1)]);
    bench.ends.wait(1).await;
    assert!(bench.ends.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn errors_that_name_events_count_though_another_names_none() {
    let mut first = true;
    let mut bench = start(move |_| match std::mem::take(&mut first) {
        true => but([(Some(nth(1, 1)), false), (None, false)]),
        false => ok(),
    });
    bench.submit((1..=3).map(|key| event(key, 1)));
    bench.ends.wait(3).await;
    let refused: Vec<_> = bench.ends.refusals().iter().map(|one| one.event.id).collect();
    assert_eq!(refused, [nth(1, 1)]);
    assert_eq!(
        sent(&bench.fake.requests())[&nth(2, 1)],
        2,
        "nobody knew whether it was taken"
    );
}

#[tokio::test(start_paused = true)]
async fn bad_requests_are_bisected_until_the_culprits_stand_alone() {
    for culprits in [
        vec![nth(40, 1)],
        vec![nth(1, 1), nth(2, 1), nth(90, 1)],
        vec![nth(100, 1)],
    ] {
        for bad in [400, 413] {
            let poison = culprits.clone();
            let mut bench = start(move |ids| {
                if ids.iter().any(|id| poison.contains(id)) {
                    status(bad)
                } else {
                    ok()
                }
            });
            bench.submit((1..=2).flat_map(|n| (1..=100).map(move |key| event(key, n))));
            bench.ends.wait(200).await;
            let mut refused: Vec<_> = bench.ends.refusals().iter().map(|one| one.event.id).collect();
            refused.sort_unstable();
            assert_eq!(refused, culprits);
            assert!(bench.ends.refusals().iter().all(|one| one.status == Some(bad)));
            assert_eq!(bench.state(Item::Conversations).0, State::Ok);
            assert!(bench.fake.requests().len() < 20 * (culprits.len() + 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_the_innocent_go_on_while_the_culprit_is_looked_for() {
    let poison = nth(1, 1);
    let mut bench = start(move |ids| if ids.contains(&poison) { status(400) } else { ok() });
    *bench.fake.delay.lock().unwrap() = Duration::from_secs(5);
    bench.submit((1..=8).map(|key| event(key, 1)));
    bench.submit([event(8, 2)]);
    bench.ends.wait(9).await;
    let requests = bench.fake.requests();
    let at = |id| requests.iter().position(|seen| seen.ids.contains(&id)).unwrap();
    let alone = requests.iter().position(|seen| seen.ids == [poison]).unwrap();
    assert!(at(nth(8, 2)) < alone);
}

#[tokio::test(start_paused = true)]
async fn if_all_parts_fail_alike_the_lane_stops_drops_nothing_and_goes_on_by_itself() {
    let mut bench = start(|_| status(400));
    bench.submit((1..=150).map(|key| event(key, 1)));
    tokio::time::sleep(MINUTE * 60).await;
    assert_eq!(bench.ends.now(), 0);
    let (state, what, todo) = bench.state(Item::Conversations);
    assert_eq!(state, State::Error);
    assert!(
        what.contains("stopped, nothing is dropped: status 400") && what.contains("c-1"),
        "{what}"
    );
    assert!(todo.contains("every request is refused"), "{todo}");
    let before = bench.fake.requests().len();
    assert!(before < 200, "{before}");
    bench.fake.now_say(|_| ok());
    tokio::time::sleep(MINUTE + Duration::from_secs(5)).await;
    bench.ends.wait(150).await;
    assert!(bench.ends.refusals().is_empty());
    assert_eq!(bench.state(Item::Conversations).0, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_culprits_only_is_refused_once_something_else_passes() {
    let poison = [nth(1, 1), nth(2, 1)];
    let mut bench = start(move |ids| {
        if ids.iter().any(|id| poison.contains(id)) {
            status(400)
        } else {
            ok()
        }
    });
    bench.submit([event(1, 1), event(2, 1)]);
    tokio::time::sleep(MINUTE * 5).await;
    assert_eq!(
        (bench.ends.now(), bench.state(Item::Conversations).0),
        (0, State::Error)
    );
    bench.submit([event(3, 1), event(1, 2)]);
    bench.ends.wait(4).await;
    let mut refused: Vec<_> = bench.ends.refusals().iter().map(|one| one.event.id).collect();
    refused.sort_unstable();
    assert_eq!(refused, poison);
}

#[tokio::test(start_paused = true)]
async fn single_events_that_are_all_bad_stop_the_lane_too() {
    let mut bench = start(|_| status(400));
    for key in 1..=20 {
        bench.submit([event(key, 1)]);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    bench.ends.now();
    assert_eq!(bench.ends.refusals().len(), 3);
    assert_eq!(bench.state(Item::Conversations).0, State::Error);
    bench.fake.now_say(|_| ok());
    bench.ends.wait(20).await;
    assert_eq!(bench.ends.refusals().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_and_permissions_and_odd_statuses_stop_the_lane_until_they_are_mended() {
    for (code, word) in [
        (401, "client_secret"),
        (403, "conversation:conversation:inject"),
        (404, "api_url"),
        (302, "api_url"),
        (409, "correlation id"),
    ] {
        let mut bench = start(move |_| status(code));
        bench.submit((1..=300).map(|key| event(key, 1)));
        tokio::time::sleep(MINUTE * 60).await;
        assert_eq!(bench.ends.now(), 0, "{code}: nothing is dropped");
        let (state, what, todo) = bench.state(Item::Conversations);
        assert_eq!(state, State::Error);
        assert!(
            what.contains(&format!("status {code}")) && todo.contains(word),
            "{what}; {todo}"
        );
        let requests = bench.fake.requests();
        let probes = &requests[4..];
        assert!(
            probes.iter().all(|seen| seen.ids.len() == 1),
            "a probe is one event"
        );
        assert!((60..130).contains(&probes.len()), "{}", probes.len());
        let last = &probes[probes.len() - 5..];
        let pauses = last.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs());
        assert!(pauses.into_iter().all(|pause| (29..=61).contains(&pause)));
        bench.fake.now_say(|_| ok());
        bench.ends.wait(300).await;
        assert!(bench.ends.refusals().is_empty());
        assert_eq!(bench.state(Item::Conversations).0, State::Ok);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_bad_data_lets_the_lane_go_on() {
    let poison = nth(1, 1);
    let mut n = 0;
    let mut bench = start(move |ids| {
        n += 1;
        match n {
            1..=2 => status(403),
            _ if ids.contains(&poison) => status(400),
            _ => ok(),
        }
    });
    bench.submit([event(1, 1), event(2, 1)]);
    bench.ends.wait(2).await;
    assert_eq!(bench.ends.refusals()[0].event.id, poison);
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_is_obeyed_and_is_an_error_on_the_board() {
    let mut limited = status(429);
    limited.answer = Answer::RateLimited {
        retry_after: Some(MINUTE * 60),
        scope: crate::genesys::Scope::Token,
    };
    let mut bench = start(in_turn([limited, ok()]));
    bench.submit([event(1, 1)]);
    tokio::time::sleep(MINUTE * 59).await;
    let (state, what, _) = bench.state(Item::Conversations);
    assert_eq!(state, State::Error);
    assert!(
        what.contains("asks to wait 59m 59s") || what.contains("asks to wait 1h"),
        "{what}"
    );
    assert_eq!(bench.fake.requests().len(), 1);
    bench.ends.wait(1).await;
    assert_eq!(bench.state(Item::Conversations).0, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_panics_is_an_unknown_outcome() {
    let mut first = true;
    let mut bench = start(move |_| {
        assert!(!std::mem::take(&mut first), "the first request breaks off");
        ok()
    });
    bench.submit([event(1, 1)]);
    bench.ends.wait(1).await;
}
