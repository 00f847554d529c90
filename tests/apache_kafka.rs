//! The agent's way to Kafka, on Apache Kafka itself. Without Java these tests fail and name the package;
//! `CONDUIT_TEST_WITHOUT=java` leaves them out.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

#[path = "apache_kafka/agent.rs"]
mod agent;
#[path = "apache_kafka/outage.rs"]
mod outage;
#[path = "apache_kafka/pauses.rs"]
mod pauses;
#[path = "apache_kafka/reading.rs"]
mod reading;
#[path = "apache_kafka/rights.rs"]
mod rights;
#[path = "apache_kafka/security.rs"]
mod security;
#[path = "apache_kafka/sharing.rs"]
mod sharing;
#[path = "apache_kafka/snapshots.rs"]
mod snapshots;
mod support;
#[path = "apache_kafka/tail.rs"]
mod tail;
