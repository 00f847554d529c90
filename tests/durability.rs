//! Rules 1, 2, 3, 8 and 9 with everything that ends or breaks at once: three agents on Apache Kafka are killed, frozen,
//! cut off, stopped and started again, the broker and Genesys Cloud fail, and a judge says what became of every event.
//!
//! The run leaves its log, journal, dead letters and agents' logs in Cargo's folder for integration tests:
//! `CONDUIT_JUDGE=FOLDER` judges such a folder again. `CONDUIT_SEED` draws other faults; `CONDUIT_SOAK=2h` goes on for so
//! long, run after run, each with the next seed.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]
#![allow(clippy::print_stdout, reason = "a run says what happens in it")]

#[allow(dead_code, reason = "the agent's tests use the rest")]
#[path = "agent/broker.rs"]
mod broker;
#[path = "durability/conductor.rs"]
mod conductor;
#[path = "durability/judge.rs"]
mod judge;
#[path = "durability/scene.rs"]
mod scene;
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor::{Conductor, Goal};
use judge::Run;
use scene::Scene;
use tokio::time::Instant;

/// Records of a run.
const RECORDS: usize = 60_000;
/// When the faults have stopped, all that is left is done within this.
const PATIENCE: Duration = Duration::from_secs(120);
/// No agent needs more.
const MEMORY: u64 = 512 << 20;

fn told<T>(name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(read(&value).unwrap_or_else(|| panic!("{name}: what is {value}?")))
}

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_out_of_order() {
    if let Some(folder) = told("CONDUIT_JUDGE", |folder| Some(PathBuf::from(folder))) {
        return judged(&folder);
    }
    let first = told("CONDUIT_SEED", |seed| seed.parse().ok()).unwrap_or(1);
    let soak = told("CONDUIT_SOAK", |time| humantime::parse_duration(time).ok());
    let began = Instant::now();
    for seed in first.. {
        if !run(seed) || began.elapsed() >= soak.unwrap_or_default() {
            return;
        }
    }
}

/// Whether it could be run: not where tests on Apache Kafka are left out by hand.
fn run(seed: u64) -> bool {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("durability");
    let Some(scene) = Scene::set(&folder, RECORDS, seed) else {
        return false;
    };
    let goal = Goal {
        kills: 30,
        zombies: 5,
    };
    let (_scene, report) = Conductor::new(scene, seed).run(goal, PATIENCE);
    println!(
        "seed {seed}: {:?}; {} kills: {:?}; {} rebalances; {} MiB at the most",
        report.happened,
        report.all_kills(),
        report.kills,
        report.rebalances,
        report.most_memory >> 20
    );
    assert_eq!(report.missed(), [""; 0], "every place was met");
    assert!(report.rebalances >= 10, "{} rebalances", report.rebalances);
    assert!(report.most_memory < MEMORY, "{} bytes", report.most_memory);
    judged(&folder);
    true
}

#[track_caller]
fn judged(folder: &Path) {
    match Run::read(folder).judge() {
        Ok(verdict) => println!(
            "{} events accepted, {} of them again, {} dead letters, {} calls as the truth has them",
            verdict.events, verdict.repeats, verdict.letters, verdict.calls
        ),
        Err(faults) => panic!(
            "{} faults:\n{}",
            faults.len(),
            faults[..faults.len().min(20)].join("\n")
        ),
    }
}
