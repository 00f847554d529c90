//! The broker goes and comes back.

use cic_conduit::kafka::{Event, Input, Place, Settings};
use tokio::runtime::Handle;

use crate::agent::{Agent, commit, make_topic, settings, write};
use crate::support::apache_kafka::ApacheKafka;
use crate::support::relay::{Mode, Relay};

fn connected(input: &Input) -> Option<bool> {
    match input {
        Input::Event(Event::Connected(connected)) => Some(*connected),
        _ => None,
    }
}

fn lost(input: &Input) -> Option<Vec<Place>> {
    match input {
        Input::Lost { places } => Some(places.clone()),
        _ => None,
    }
}

/// Where a partition begins, and what stands beside its commit.
fn begun(input: &Input) -> Option<(i64, String)> {
    match input {
        Input::Assigned { from, metadata, .. } => Some((*from, metadata.clone())),
        _ => None,
    }
}

#[tokio::test]
async fn an_outage_is_said_once_each_way_and_reading_goes_on() {
    let Some(kafka) = ApacheKafka::start("outage") else {
        return;
    };
    make_topic(&kafka, "outage", 1).await;
    write(&kafka, "outage", 0, &["before"]).await;
    let mut agent = Agent::start(settings(&kafka, "outage"));
    agent.values(1);
    while !agent.said.iter().any(|said| said == "Event(Connected(true))") {
        agent.next();
    }
    kafka.stop();
    assert!(!agent.until(connected));
    kafka.go_on();
    assert!(agent.until(connected));
    write(&kafka, "outage", 0, &["after"]).await;
    // From where it had come, or from the commit that was never made.
    while agent.read.last().is_none_or(|last| last.3 != "after") {
        let count = agent.read.len() + 1;
        agent.values(count);
    }
    agent.stop(Vec::new()).await;
}

/// Rule 8: Kafka is away for longer than the session. What was read is lost without a commit, and is read again from
/// the commit that was there before.
#[tokio::test]
async fn a_session_that_ends_in_an_outage_loses_its_partitions_and_begins_at_the_commit() {
    let Some(kafka) = ApacheKafka::start("session") else {
        return;
    };
    make_topic(&kafka, "session", 1).await;
    write(&kafka, "session", 0, &["a", "b", "c"]).await;
    let short = [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "500")];
    let mut agent = Agent::start(Settings {
        passed_through: short.map(|(name, value)| (name.into(), value.into())).into(),
        ..settings(&kafka, "session")
    });
    agent.values(3);
    agent.commit(commit("session", 0, 1, "pointer")).await.unwrap();
    kafka.stop();
    assert_eq!(agent.until(lost), [commit("session", 0, 3, "").place]);
    let late = agent.commit(commit("session", 0, 3, "")).await;
    assert!(late.is_err(), "a lost partition is not committed");
    kafka.go_on();
    assert_eq!(agent.until(begun), (1, "pointer".into()));
    let values = agent.values(5);
    assert_eq!(values[3..], ["b", "c"]);
    assert!(
        !agent.said.iter().any(|said| said.contains("Revoked")),
        "{:?}",
        agent.said
    );
    agent.stop(Vec::new()).await;
}

/// The same with the newer group protocol, in which a client learns from the broker alone that its session is over.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_newer_group_protocol_who_was_away_for_a_session_has_lost_its_partitions() {
    let relay = Relay::start(&Handle::current());
    let short = [
        "group.consumer.min.session.timeout.ms=6000",
        "group.consumer.session.timeout.ms=6000",
        "group.consumer.min.heartbeat.interval.ms=500",
        "group.consumer.heartbeat.interval.ms=500",
    ];
    let Some(kafka) = ApacheKafka::start_behind("session-newer", &short, &[relay.port]) else {
        return;
    };
    relay.pass_on_to(kafka.behind(relay.port));
    make_topic(&kafka, "session", 1).await;
    write(&kafka, "session", 0, &["a", "b", "c"]).await;
    let settings = || Settings {
        passed_through: [("group.protocol".into(), "consumer".into())].into(),
        ..settings(&kafka, "session")
    };
    let mut first = Agent::start(Settings {
        brokers: format!("127.0.0.1:{}", relay.port),
        ..settings()
    });
    first.values(3);
    first.commit(commit("session", 0, 1, "pointer")).await.unwrap();
    relay.set(Mode::Hold);
    let mut second = Agent::start(settings());
    assert_eq!(second.until(begun), (1, "pointer".into()));
    assert_eq!(second.values(2), ["b", "c"]);
    second.commit(commit("session", 0, 2, "later")).await.unwrap();
    relay.set(Mode::Pass);
    assert_eq!(first.until(lost), [commit("session", 0, 3, "").place]);
    let late = first.commit(commit("session", 0, 3, "")).await;
    assert!(late.is_err(), "a lost partition is not committed");
    second.stop(Vec::new()).await;
    assert_eq!(
        first.until(begun),
        (2, "later".into()),
        "what the zombie said changed nothing"
    );
    first.stop(Vec::new()).await;
}
