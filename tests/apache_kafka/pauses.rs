//! What is paused stays so, whatever the group does meanwhile.

use cic_conduit::kafka::{Event, Input, Settings};
use tokio::runtime::Handle;

use crate::agent::{Agent, make_topic, settings, write};
use crate::support::apache_kafka::ApacheKafka;
use crate::support::relay::Relay;

/// The memory bound.
const BOUND: u64 = 2 << 20;
/// What a fetch may bring that was on its way when its partition was paused. A reader that is not paused reads so much in
/// a fraction of the time that is waited for.
const ON_ITS_WAY: u64 = 512 << 10;

fn paused(input: &Input) -> Option<bool> {
    match input {
        Input::Event(Event::Paused(paused)) => Some(*paused),
        _ => None,
    }
}

/// Rule 5: while the bound is reached a partition that stays is not read on after a rebalance, nor is one that comes.
async fn stays_paused(kafka: &ApacheKafka, relay: &Relay, name: &str, protocol: &str) {
    make_topic(kafka, name, 2).await;
    let value = "v".repeat(50_000);
    for partition in 0..2 {
        write(kafka, name, partition, &[&*value; 400]).await;
    }
    let settings = |group: &str| Settings {
        memory: BOUND,
        group: group.into(),
        passed_through: [("group.protocol".into(), protocol.into())].into(),
        ..settings(kafka, name)
    };
    let assigned = |input: &Input| match input {
        Input::Assigned { place, .. } => Some(place.partition),
        _ => None,
    };
    let mut other = Agent::start(settings(name));
    other.until(assigned);
    let mut agent = Agent::start(Settings {
        brokers: format!("127.0.0.1:{}", relay.port),
        ..settings(name)
    });
    agent.keep_bytes(true);
    other.until(|input| match input {
        Input::Revoked { done, .. } => {
            done.send(Vec::new()).unwrap();
            Some(())
        }
        _ => None,
    });
    let first = agent.until(assigned);
    assert!(agent.until(paused));
    let before = relay.answered();

    other.stop(Vec::new()).await;
    assert_eq!(agent.until(assigned), 1 - first, "what the other one had comes");
    // As long as it takes to read all of it.
    let mut reader = Agent::start(settings(&format!("{name}-reader")));
    reader.values(800);
    reader.stop(Vec::new()).await;
    let bytes = relay.answered() - before;
    assert!(bytes < ON_ITS_WAY, "{bytes} bytes were read");

    agent.keep_bytes(false);
    assert!(!agent.until(paused));
    agent.values(800);
    agent.stop(Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_paused_stay_so_across_a_rebalance() {
    let relay = Relay::start(&Handle::current());
    let Some(kafka) = ApacheKafka::start_behind("pauses", &[], &[relay.port]) else {
        return;
    };
    relay.pass_on_to(kafka.behind(relay.port));
    stays_paused(&kafka, &relay, "pauses", "classic").await;
    stays_paused(&kafka, &relay, "pauses-newer", "consumer").await;
}
