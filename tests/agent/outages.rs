//! The broker goes and comes back; memory is short.

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use serde_json::json;

use crate::broker::{Broker, PARTITIONS, Record};
use crate::stage::Stage;
use crate::support::apache_kafka::ApacheKafka;
use crate::support::programs::wait_for;
use crate::traffic::{RECORDS, USUAL};

/// What was read is delivered while the broker is away; what comes later is read when it is back.
fn broker_goes(broker: Broker, name: &'static str, goes: impl Fn(&Broker), comes: impl Fn(&Broker)) {
    let stage = Stage::new(broker, name);
    let first = USUAL.0.of(0);
    stage.write(&first);
    stage.faults(&[]);
    // Longer than the broker is away, else the group gives the partitions to somebody else.
    let mut agent = stage.agent(&["kafka.librdkafka.\"session.timeout.ms\" = \"45000\""]);
    stage.accepts(100);
    let read = || agent.metric("records_consumed_total", "") == Some(first.len() as f64);
    wait_for("all of it is read", || read().then_some(()));
    goes(&stage.broker);
    let item = agent.item_is("kafka", "error");
    assert!(item.to_string().contains("[kafka] brokers"), "{item}");
    assert!(agent.is_ready().unwrap().is_err(), "/readyz is 503");
    assert!(agent.get("livez").unwrap().is_ok(), "and it is alive");
    stage.mend();
    wait_for("what was read is delivered", || {
        (agent.metric("events_waiting", "")? == 0.0).then_some(())
    });
    comes(&stage.broker);
    agent.item_is("kafka", "ok");
    // Nothing new is said meanwhile that would be committed in its stead.
    wait_for("it is committed after all", || {
        (stage.committed()[0] == first.len() as i64).then_some(())
    });
    stage.write(&USUAL.0.of(1));
    stage.passes(&mut agent);
    let changes = |change: &str| agent.logged().matches(change).count();
    assert!(
        changes("MSG_PURECLOUD_CONNECTION_LOST") == 0,
        "Genesys Cloud was there"
    );
}

#[test]
fn the_broker_goes_and_comes_back() {
    let mock = |broker: &Broker, up| {
        let Broker::Mock(cluster) = broker else {
            unreachable!("it is a mock")
        };
        if up {
            cluster.broker_up(1)
        } else {
            cluster.broker_down(1)
        }
        .unwrap();
    };
    broker_goes(
        Broker::mock(),
        "broker_goes",
        |broker| mock(broker, false),
        |broker| mock(broker, true),
    );
}

#[test]
fn the_broker_goes_and_comes_back_on_apache_kafka() {
    let Some(kafka) = ApacheKafka::start("agent-outage") else {
        return;
    };
    let kafka = std::sync::Arc::new(kafka);
    broker_goes(
        Broker::Own(kafka.clone()),
        "broker_goes",
        |_| kafka.stop(),
        |_| kafka.go_on(),
    );
}

/// What could not be committed is committed later, also when nothing more is said.
#[test]
fn a_commit_that_failed_is_made_again() {
    let stage = Stage::new(Broker::mock(), "commit_failed");
    let Broker::Mock(cluster) = &stage.broker else {
        unreachable!("it is a mock")
    };
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 1000];
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &refused);
    stage.write(&USUAL.0.records);
    let mut agent = stage.agent(&[]);
    wait_for("commits fail", || {
        (agent.metric("commit_failures_total", "")? > 0.0).then_some(())
    });
    cluster.clear_request_errors(RDKafkaApiKey::OffsetCommit);
    stage.commits_all();
    stage.passes(&mut agent);
}

/// Rule 9 without a broker: a stop does not wait for one for ever.
#[test]
fn a_stop_while_the_broker_is_away_ends() {
    let stage = Stage::new(Broker::mock(), "stop_without_broker");
    let Broker::Mock(cluster) = &stage.broker else {
        unreachable!("it is a mock")
    };
    stage.write(&USUAL.0.records);
    stage.faults(&[]);
    let mut agent = stage.agent(&["kafka.shutdown_grace = \"2s\""]);
    stage.accepts(100);
    // First nothing is answered, then nobody is there.
    let long = std::time::Duration::from_secs(300);
    cluster.broker_round_trip_time(1, long).unwrap();
    let lost = || {
        agent
            .metric("rebalances_total", "\"lost\"")
            .filter(|lost| *lost > 0.0)
    };
    wait_for("the partitions are lost", lost);
    cluster.broker_down(1).unwrap();
    agent.item_is("kafka", "error");
    agent.stop();
}

/// Puts so many bytes into a record that nobody looks at.
fn padded(record: &Record, bytes: usize) -> Record {
    let mut value = record.value.clone();
    let padding = format!("{{\"padding\":\"{}\",", "x".repeat(bytes));
    value.splice(0..1, padding.into_bytes());
    Record {
        value,
        ..record.clone()
    }
}

/// Rule 5: with far more to read than the bound and nothing accepted, reading stands still; then all passes.
#[test]
fn memory_stays_bounded_while_nothing_is_accepted_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    let stage = Stage::new(broker, "bounded");
    let records: Vec<Record> = USUAL
        .0
        .records
        .iter()
        .map(|record| padded(record, 30_000))
        .collect();
    stage.write(&records);
    stage
        .sandbox
        .faults(&json!([{"effect": {"kind": "status", "status": 503}}]));
    let mut agent = stage.agent(&["memory.bound = \"8MiB\""]);
    let before = agent.process.most_memory();
    agent.item_is("memory", "warning");
    wait_for("reading is paused", || {
        (agent.metric("partitions_paused", "")? > 0.0).then_some(())
    });
    let used = agent.metric("bytes_in_flight", "").unwrap();
    assert!(used <= 9.0 * 1024.0 * 1024.0, "{used} bytes");
    assert!(stage.sandbox.figure("/acceptedTotal") == 0);
    stage.mend();
    agent.ends(RECORDS);
    let cut = agent.metric("waits_cut_short_total", "").unwrap();
    if cut == 0.0 {
        stage.is_whole(&[]);
    }
    stage.is_sound();
    assert_eq!(stage.letters().len(), 0, "no dead letters");
    wait_for("reading goes on", || {
        (agent.metric("partitions_paused", "")? == 0.0).then_some(())
    });
    let more = (agent.process.most_memory() - before) / 1024 / 1024;
    assert!(
        more < 64,
        "{more} MiB more than at the start, for 72 MiB of records"
    );
    stage.rests(&mut agent);
}

/// Records of more than a quarter of the bound pass like any other.
fn large(broker: Broker, name: &'static str, size: usize) {
    let stage = Stage::new(broker, name);
    let mut records = USUAL.0.records.clone();
    for partition in 0..PARTITIONS {
        let mut of_it = records.iter_mut().filter(|record| record.partition == partition);
        let record = of_it.nth(300).unwrap();
        *record = padded(record, size);
    }
    stage.write(&records);
    let mut agent = stage.agent(&["memory.bound = \"8MiB\""]);
    stage.passes(&mut agent);
}

#[test]
fn large_records_pass() {
    // The mock keeps 5 MiB of a partition.
    large(Broker::mock(), "large", 2_200_000);
}

#[test]
fn large_records_pass_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    // It takes a million bytes, unless it is told otherwise.
    large(broker, "large", 1_000_000);
}
