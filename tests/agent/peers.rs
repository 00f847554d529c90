//! Three faults at which comparable agents lose events, repeat thousands, stand still or tear the order: 20,000 records on
//! Apache Kafka. What each took is printed.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::stage::{Stage, id};
use crate::support::programs::{Agent, wait_for};
use crate::traffic::Traffic;

const RECORDS: usize = 20_000;

static LARGE: LazyLock<(Traffic, Vec<Value>)> = LazyLock::new(|| {
    let traffic = Traffic::new(9, RECORDS, "2026-03-02T08:00:00Z");
    let converted = traffic.converted();
    (traffic, converted)
});

/// An agent on its way through the large traffic, a static member that keeps its state once a second.
fn running(broker: Broker, name: &'static str) -> (Stage, Agent) {
    let stage = Stage::with(broker, name, &LARGE.0.directory);
    stage.write(&LARGE.0.records);
    slow(&stage, &[]);
    let agent = start(&stage);
    stage.accepts(1000);
    (stage, agent)
}

/// Switches these faults on; the sandbox takes its time beside.
fn slow(stage: &Stage, faults: &[Value]) {
    stage.sandbox.slow_faults(400, faults);
}

/// Without being a static member it would have nothing to read for a session of half a minute.
fn start(stage: &Stage) -> Agent {
    let directory = format!("directory.file = {:?}", LARGE.0.directory);
    stage.agent(&[
        &directory,
        "kafka.group_instance_id = \"one\"",
        "kafka.librdkafka.\"session.timeout.ms\" = \"30000\"",
        "state.interval = \"1s\"",
    ])
}

fn accepted(stage: &Stage) -> u64 {
    stage.sandbox.figure("/acceptedTotal")
}

/// Waits until this process has had an event accepted; how long that took from `since` on.
fn first_of(agent: &Agent, since: Instant) -> Duration {
    wait_for("an event is accepted again", || {
        (agent.metric("events_accepted_total", "")? > 0.0).then(|| since.elapsed())
    })
}

/// Rules 1, 2 and 3: nothing lost, nothing out of order; only what was accepted since the last commit is repeated.
#[test]
fn a_kill_loses_nothing_and_is_soon_over() {
    let Some(broker) = Broker::apache() else { return };
    let (stage, mut first) = running(broker, "peers_kill");
    let kept = || first.metric("snapshots_total", "\"kept\"");
    let (begun, before) = wait_for("the state is kept", || Some((kept()?, accepted(&stage))));
    // Two of each partition's, so that one of them was begun after `before`.
    wait_for("the state is kept anew", || {
        (kept()? >= begun + 4.0).then_some(())
    });
    // In mid-interval.
    stage.accepts(accepted(&stage) + 500);
    let at = Instant::now();
    first.process.signal("KILL");
    first.process.ended();
    let killed = accepted(&stage);
    assert!(killed < LARGE.1.len() as u64, "it is killed on the way");
    let mut second = start(&stage);
    let again = first_of(&second, at);
    assert!(again < Duration::from_secs(20), "the first event after {again:?}");
    stage.mend();
    wait_for("all is accepted", || {
        (accepted(&stage) == LARGE.1.len() as u64).then_some(())
    });
    stage.is_whole_of(&LARGE.1, &[]);
    assert_eq!(stage.letters().len(), 0, "no dead letters");
    let (repeats, bound) = (stage.sandbox.figure("/repeats"), killed - before);
    println!(
        "kill -9 after {killed} events: 0 lost, {repeats} repeated of at most {bound}, the first again after {:.2} s; \
         all after {:.1} s",
        again.as_secs_f64(),
        at.elapsed().as_secs_f64()
    );
    assert!(repeats <= bound, "{repeats} repeats of at most {bound}");
    stage.rests(&mut second);
}

/// Rule 6: nothing is sent before `Retry-After` is over, and all is sent soon after.
#[test]
fn a_budget_that_is_used_up_is_waited_for() {
    let Some(broker) = Broker::apache() else { return };
    let (stage, mut agent) = running(broker, "peers_429");
    let limited = || agent.metric("rate_limited_total", "");
    slow(
        &stage,
        &[json!({"effect": {"kind": "status", "status": 429, "retryAfter": 5}})],
    );
    wait_for("the budget is used up", || (limited()? > 0.0).then_some(()));
    let since = Instant::now();
    wait_for("ten seconds are over", || {
        (since.elapsed() >= Duration::from_secs(10)).then_some(())
    });
    let asked = limited().unwrap();
    // What was in flight as it began, and one request each time that the five seconds were over.
    assert!(asked <= 16.0 + 3.0 * 3.0, "{asked} requests were answered 429");
    let (before, ended) = (accepted(&stage), Instant::now());
    stage.mend();
    let again = wait_for("an event is accepted again", || {
        (accepted(&stage) > before).then(|| ended.elapsed())
    });
    assert!(again < Duration::from_secs(12), "the first event after {again:?}");
    wait_for("all is accepted", || {
        (accepted(&stage) == LARGE.1.len() as u64).then_some(())
    });
    let (rest, took) = (LARGE.1.len() as u64 - before, ended.elapsed() - again);
    stage.is_whole_of(&LARGE.1, &[]);
    assert_eq!(stage.sandbox.figure("/repeats"), 0);
    println!(
        "429 with Retry-After: 5 for 10 s: {asked} requests met it; the first event {:.2} s after its end, of at most 5, \
         all {rest} that waited {:.2} s later",
        again.as_secs_f64(),
        took.as_secs_f64()
    );
    stage.rests(&mut agent);
}

/// Rule 7: the culprit alone is a dead letter; those beside it in the request are accepted.
#[test]
fn a_poisoned_event_is_one_dead_letter() {
    let Some(broker) = Broker::apache() else { return };
    let stage = Stage::with(broker, "peers_poison", &LARGE.0.directory);
    stage.write(&LARGE.0.records);
    let of_a_call = |line: &&Value| line["type"] == "communicationEndedEvents";
    let poisoned = id(&LARGE.1.iter().filter(of_a_call).nth(500).unwrap()["event"]);
    stage.sandbox.faults(&json!([
        {"effect": {"kind": "status", "status": 400, "ids": [poisoned]}},
    ]));
    let mut agent = start(&stage);
    let rest = LARGE.1.len() as u64 - 1;
    wait_for("the rest is accepted", || {
        (accepted(&stage) == rest).then_some(())
    });
    stage.is_whole_of(&LARGE.1, std::slice::from_ref(&poisoned));
    wait_for("it is a dead letter", || {
        let letters = stage.letters();
        assert!(letters.len() <= 1, "no other event is one");
        (letters.first()?.header("cic_conduit.event_id") == poisoned).then_some(())
    });
    let requests = agent.metric("requests_total", "\"400\"").unwrap();
    println!("one poisoned event: {rest} accepted, 1 dead letter, {requests} requests answered 400");
    stage.rests(&mut agent);
}
