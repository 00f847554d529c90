//! How agents end and go on: what one has done the next one does not do again, and nothing is left undone.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::broker::Broker;
use crate::stage::Stage;
use crate::support::programs::{Agent, wait_for};
use crate::traffic::{RECORDS, Traffic, USUAL};

/// Another day of the same sites: it needs nothing that was said before.
static NEXT_DAY: LazyLock<Traffic> = LazyLock::new(|| Traffic::new(8, RECORDS, "2026-03-03T08:00:00Z"));

/// Rule 9: what has ended before a clean stop is not done again after it.
#[test]
fn after_a_clean_stop_the_next_agent_goes_on_where_it_was() {
    let stage = Stage::new(Broker::mock(), "goes_on");
    stage.write(&USUAL.0.records);
    let mut first = stage.agent(&[]);
    first.ends(RECORDS);
    stage.is_whole(&[]);
    stage.rests(&mut first);
    stage.write(&NEXT_DAY.records);
    let mut second = stage.agent(&[]);
    second.ends(RECORDS);
    stage.is_sound();
    assert_eq!(stage.sandbox.figure("/repeats"), 0);
    let consumed = second.metric("records_consumed_total", "");
    assert_eq!(consumed, Some(RECORDS as f64), "nothing is read again");
    stage.rests(&mut second);
}

/// Rules 1, 2 and 3 over two agents: together they have said, key by key and in order, what one alone says.
fn goes_on(stage: &Stage, left: i64) -> u64 {
    stage.mend();
    let mut second = stage.agent(&[]);
    second.ends(left as usize);
    stage.is_whole(&[]);
    assert_eq!(second.metric("events_refused_total", ""), Some(0.0));
    assert_eq!(stage.letters().len(), 0, "no dead letters");
    stage.rests(&mut second);
    stage.sandbox.figure("/repeats")
}

/// Records that the group has not committed.
fn left(stage: &Stage) -> i64 {
    RECORDS as i64 - stage.committed().iter().sum::<i64>()
}

/// Rule 9 under load: what is read is delivered within the grace. What lies above the kept state is read again by the
/// next agent, and nothing of it is sent again.
fn stops_under_load(broker: Broker, name: &'static str) {
    let (stage, mut first) = Stage::running(broker, name, &["kafka.shutdown_grace = \"60s\""]);
    first.process.signal("TERM");
    assert!(stage.is_mid_stream(), "it is told on the way");
    assert_eq!(first.process.ended().code(), Some(0), "{}", first.logged());
    let left = left(&stage);
    assert!(
        left < RECORDS as i64 / 2,
        "what was read was delivered; {left} records are left"
    );
    assert_eq!(goes_on(&stage, left), 0, "rule 9: nothing is repeated");
}

#[test]
fn a_stop_under_load_leaves_nothing_half_done() {
    stops_under_load(Broker::mock(), "stops_under_load");
}

#[test]
fn a_stop_under_load_leaves_nothing_half_done_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    stops_under_load(broker, "stops_under_load");
}

/// A stop waits no longer than its grace, whatever Genesys Cloud does; what is not delivered is read again.
#[test]
fn a_stop_ends_within_its_grace_though_nothing_is_answered() {
    let (stage, mut first) = Stage::running(Broker::mock(), "grace", &["kafka.shutdown_grace = \"1s\""]);
    stage.faults(&[json!({"effect": {"kind": "delay", "ms": 3_600_000}})]);
    assert!(stage.is_mid_stream());
    first.stop();
    goes_on(&stage, left(&stage));
}

/// Rule 1 without rule 9: an agent that is killed has committed nothing that had not ended; the next one ends it all.
fn killed(broker: Broker, name: &'static str) {
    let (stage, mut first) = Stage::running(broker, name, &[]);
    stage.accepts(400);
    first.process.signal("KILL");
    assert!(stage.is_mid_stream(), "it is killed on the way");
    assert!(!first.process.ended().success());
    let accepted = stage.sandbox.figure("/acceptedTotal");
    let repeats = goes_on(&stage, left(&stage));
    // It keeps its state five times a second, and had at most that many events under way.
    assert!(repeats <= accepted, "{repeats} repeats of {accepted} events");
}

#[test]
fn a_killed_agent_loses_nothing() {
    killed(Broker::mock(), "killed");
}

#[test]
fn a_killed_agent_loses_nothing_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    killed(broker, "killed");
}

/// Agents of one group share the partitions; when one ends, `by` that signal, the other takes over.
fn takes_over(broker: Broker, name: &'static str, by: &str) {
    let stage = Stage::new(broker, name);
    let mut stays = stage.agent(&[]);
    let mut goes = stage.agent(&[]);
    let partitions = |agent: &Agent| agent.metric("partitions_assigned", "");
    wait_for("they share the partitions", || {
        (partitions(&stays) == Some(1.0) && partitions(&goes) == Some(1.0)).then_some(())
    });
    stage.write(&USUAL.0.records);
    let ended = |agent: &Agent| agent.metric("records_ended_total", "");
    wait_for("every record has ended", || {
        (ended(&stays)? + ended(&goes)? == RECORDS as f64).then_some(())
    });
    assert!(
        ended(&stays) > Some(0.0) && ended(&goes) > Some(0.0),
        "both have worked"
    );
    stage.commits_all();
    stage.is_whole(&[]);
    goes.process.signal(by);
    goes.process.ended();
    wait_for("the other one takes over", || {
        (partitions(&stays) == Some(2.0)).then_some(())
    });
    stage.write(&NEXT_DAY.records);
    stage.commits_all();
    assert_eq!(stage.sandbox.figure("/repeats"), 0);
    stage.is_sound();
    assert_eq!(stage.letters().len(), 0, "no dead letters");
    stage.rests(&mut stays);
}

#[test]
fn an_agent_takes_over_from_one_that_stops() {
    takes_over(Broker::mock(), "takes_over", "TERM");
}

#[test]
fn an_agent_takes_over_from_one_that_stops_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    takes_over(broker, "takes_over", "TERM");
}

#[test]
fn an_agent_takes_over_from_one_that_is_killed_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    takes_over(broker, "takes_over_from_killed", "KILL");
}

/// Rule 8: an agent that is stopped for longer than its session, with events to send, sends nothing when it wakes but
/// what was in flight: by then its partition is another one's.
#[test]
fn an_agent_that_slept_through_its_session_sends_nothing_more_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    let stage = Stage::new(broker, "sleeps");
    // It finds the answers when it wakes, and might go on at once.
    let more = ["genesys.timeout = \"10min\""];
    let (mut sleeps, mut wakes) = (stage.agent(&more), stage.agent(&more));
    let is = |agent: &Agent, name: &str, value: f64| (agent.metric(name, "") == Some(value)).then_some(());
    wait_for("they share the partitions", || {
        is(&sleeps, "partitions_assigned", 1.0).and(is(&wakes, "partitions_assigned", 1.0))
    });
    stage
        .sandbox
        .faults(&json!([{"effect": {"kind": "delay", "ms": 4000}}]));
    stage.write(&USUAL.0.records);
    let requests = |agent: &Agent| agent.metric("requests_total", "").unwrap_or(0.0);
    let mut last = ((0.0, 0.0), Instant::now());
    let (answered, in_flight) = wait_for("requests are in flight and events wait", || {
        let now = (requests(&sleeps), sleeps.metric("requests_in_flight", "")?);
        if now != last.0 {
            last = (now, Instant::now());
        }
        let waits = sleeps.metric("events_waiting", "\"conversations\"")? > 300.0;
        // The next answer is not just coming.
        let rests = last.1.elapsed() > Duration::from_millis(300);
        (waits && rests && now.0 > 0.0 && now.1 > 0.0).then_some(now)
    });
    sleeps.process.signal("STOP");
    stage.mend();
    wait_for("the other one takes over", || {
        is(&wakes, "partitions_assigned", 2.0)
    });
    stage.commits_all();
    sleeps.process.signal("CONT");
    wait_for("it learns of it", || {
        (sleeps.metric("rebalances_total", "\"lost\"")? > 0.0).then_some(())
    });
    wait_for("they share the partitions again", || {
        is(&sleeps, "partitions_assigned", 1.0).and(is(&wakes, "partitions_assigned", 1.0))
    });
    wait_for("nothing is in flight", || is(&sleeps, "requests_in_flight", 0.0));
    assert_eq!(
        requests(&sleeps) - answered,
        in_flight,
        "what was in flight, and no more"
    );
    stage.is_whole(&[]);
    assert_eq!(stage.letters().len(), 0, "no dead letters");
    stage.rests(&mut wakes);
    stage.rests(&mut sleeps);
}

/// Rule 8: a partition moves in mid-stream; the one who had it ends what is in flight, the other goes on.
#[test]
fn a_partition_moves_in_mid_stream_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    let (stage, mut first) = Stage::running(broker, "moves", &[]);
    let mut second = stage.agent(&[]);
    wait_for("the second one has a partition", || {
        (second.metric("partitions_assigned", "") == Some(1.0)).then_some(())
    });
    stage.mend();
    stage.commits_all();
    stage.rests(&mut second);
    stage.rests(&mut first);
}
