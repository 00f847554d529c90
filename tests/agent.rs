//! The agent from outside: a broker, the sandbox and agents as processes of their own, and what came through.
//!
//! Without Java the tests on Apache Kafka fail and name the package; `CONDUIT_TEST_WITHOUT=java` leaves them out. So it
//! is with the browser and with promtool.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

#[path = "agent/broker.rs"]
mod broker;
#[path = "agent/browser.rs"]
mod browser;
#[path = "agent/faults.rs"]
mod faults;
#[path = "agent/lanes.rs"]
mod lanes;
#[path = "agent/letters.rs"]
mod letters;
#[path = "agent/mismatches.rs"]
mod mismatches;
#[path = "agent/outages.rs"]
mod outages;
#[path = "agent/page.rs"]
mod page;
#[path = "agent/peers.rs"]
mod peers;
#[path = "agent/replays.rs"]
mod replays;
#[path = "agent/stage.rs"]
mod stage;
#[path = "agent/start.rs"]
mod start;
#[path = "agent/stops.rs"]
mod stops;
mod support;
#[path = "agent/traffic.rs"]
mod traffic;
