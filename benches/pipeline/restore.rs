//! A restart over many open calls in one partition: `--restore 100000`.
//!
//! An agent reads their records, delivers what they make and stops cleanly; the next one restores the state, out of the
//! state topic, three times over. Printed are the snapshot's size and how long each restore took, from the assignment to
//! the moment when conversion goes on, as the agent logs it; the process fails where one took 3 s.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use serde_json::{Map, Value, json};

use super::calls::{USERS, call};
use super::{MIB, Stage, TOPIC};
use crate::support::apache_kafka::Way;
use crate::support::programs::{Agent, wait_for};

const PATIENCE: Duration = Duration::from_secs(120);
const BOUND: f64 = 3.0;
const STATIC: &str = "group_instance_id = \"restore\"";

/// Measures; whether all is as it should be.
pub(crate) async fn measure(calls: u64) -> bool {
    let Some(stage) = Stage::empty("50").await else {
        return true;
    };
    let names = |names: &mut dyn Iterator<Item = String>| -> Map<String, Value> {
        let id = |n: usize| json!(format!("00000000-0000-4000-8000-{n:012}"));
        names.enumerate().map(|(n, name)| (name, id(n))).collect()
    };
    let directory = json!({
        "users": names(&mut (0..USERS).map(|n| format!("user{n}"))),
        "queues": names(&mut (0..50).map(|n| format!("Support {n}"))),
    });
    std::fs::write(stage.folder.path().join("directory.json"), directory.to_string()).unwrap();
    let records = write(&stage, calls);
    let (_sandbox, endpoint) = super::sandbox("0");
    let mut agent = stage.agent("restore", &endpoint, STATIC);
    wait_for("every call is open, and kept", || {
        let kept = agent.metric("committed_offset", "partition=\"0\"")?;
        (kept as u64 == records).then_some(())
    });
    let open = super::sum(&agent, "open_conversations");
    let bytes = agent.metric("snapshot_bytes", "").unwrap_or_default();
    println!(
        "{open} open conversations, a snapshot of {:.1} MiB before compression",
        bytes / MIB
    );
    let mut good = open == calls;
    for _ in 0..3 {
        agent.process.signal("TERM");
        agent.process.ended();
        agent = stage.agent("restore", &endpoint, STATIC);
        let took = wait_for("the state is restored", || restored(&agent));
        println!("restored in {took:.2} s");
        good &= took < BOUND;
    }
    good
}

/// How long the restore of partition 0 took, in seconds.
fn restored(agent: &Agent) -> Option<f64> {
    let log = agent.logged();
    let line = log.lines().find(|line| line.contains("its state is restored"))?;
    let said: Value = serde_json::from_str(line).ok()?;
    let seconds = said
        .pointer("/seconds")
        .or_else(|| said.pointer("/fields/seconds"));
    seconds?.as_f64()
}

/// Writes the calls' records; how many.
fn write(stage: &Stage, calls: u64) -> u64 {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", stage.kafka.at(Way::Plain))
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .unwrap();
    let mut records = 0;
    for n in 0..calls {
        for value in call(usize::try_from(n).unwrap()) {
            let record = BaseRecord::to(TOPIC).partition(0).key("cic").payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            records += 1;
        }
    }
    producer.flush(PATIENCE).unwrap();
    records
}
