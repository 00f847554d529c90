//! The broker goes and comes back.

use cic_conduit::kafka::{Event, Input};

use crate::agent::{Agent, make_topic, settings, write};
use crate::support::apache_kafka::ApacheKafka;

fn connected(input: &Input) -> Option<bool> {
    match input {
        Input::Event(Event::Connected(connected)) => Some(*connected),
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
