//! A backlog under a budget: `--budget 300` allows 300 requests a minute, and says by the vendor's headers what is left.
//!
//! The agent reads a log that lasts longer than the measurement. The endpoint counts in windows of a minute, each of which
//! begins with the first request after the last one's end. The first window, in which the agent learns, is left out; the
//! following `--minutes 5` are measured. Printed are
//!
//! - the share of the budget that was used, by the endpoint's count;
//! - the share of batches that were full or held every key that was ready, by the agent's reasons: `full` and `bytes`
//!   are full; one closed by `budget`, `linger` or `flush` takes every ready key; `again` and `probe` are neither;
//! - requests that were answered 429. Nobody else uses the budget, so they would be of our own making.
//!
//! It ends with 1 where less than 99 % of the budget was used, less than 99 % of the batches were full or whole, or a
//! request was answered 429.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Stage, number};
use crate::support::programs::Agent;

const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks at the endpoint's count.
const LOOK: Duration = Duration::from_millis(20);
/// A window may begin so much before we see it.
const SLACK: Duration = Duration::from_millis(100);
/// Records of a log per request: more than a full request takes, at 0.85 events per record.
const RECORDS: u64 = 140;

/// Measures; whether all is as it should be.
pub(crate) async fn measure(allowed: u64) -> bool {
    let minutes = number("--minutes", 5);
    let records = allowed * (minutes + 2) * RECORDS;
    println!("{records} records, {allowed} requests a minute, {minutes} minutes after the first one");
    let Some(stage) = Stage::new(records).await else {
        return true;
    };
    let (_sandbox, endpoint) = super::sandbox(&allowed.to_string());
    let agent = stage.agent("budget", &endpoint, "");
    let mut windows: Vec<(Instant, u64)> = Vec::new();
    let (mut seen, mut batches) = (0, BTreeMap::new());
    let whole = usize::try_from(minutes).unwrap();
    let patience = Instant::now() + MINUTE * u32::try_from(minutes + 4).unwrap();
    loop {
        assert!(Instant::now() < patience, "the agent sends");
        sleep(LOOK).await;
        let (now, count) = (Instant::now(), requests(&endpoint).await);
        if count == seen {
            continue;
        }
        if windows
            .last()
            .is_none_or(|(begun, _)| *begun + MINUTE <= now + SLACK)
        {
            windows.push((now, 0));
            match windows.len() {
                1 => {}
                2 => batches = self::batches(&agent),
                n => println!("minute {}: {} requests", n - 2, windows[n - 2].1),
            }
            if windows.len() == whole + 2 {
                break;
            }
        }
        windows.last_mut().unwrap().1 += count - seen;
        seen = count;
    }
    let waiting = super::sum(&agent, "events_waiting");
    assert!(
        waiting > 100,
        "the backlog lasts to the end: {waiting} events wait"
    );
    let sent: u64 = windows[1..=whole].iter().map(|(_, count)| count).sum();
    let span = windows[whole + 1].0 - windows[1].0;
    let used = sent as f64 / (allowed as f64 * span.div_duration_f64(MINUTE));
    let closed: BTreeMap<String, u64> = self::batches(&agent)
        .into_iter()
        .map(|(why, count)| (why.clone(), count - batches.get(&why).copied().unwrap_or(0)))
        .collect();
    let all: u64 = closed.values().sum();
    let of = |reasons: &[&str]| {
        let count: u64 = reasons.iter().filter_map(|why| closed.get(*why)).sum();
        count as f64 / all as f64
    };
    let (full, ready) = (of(&["full", "bytes"]), of(&["budget", "linger", "flush"]));
    let throttled = figure(&endpoint, "throttled").await;
    println!("budget used               {:>8.2} %", used * 100.0);
    println!("batches full              {:>8.2} %", full * 100.0);
    println!("  or with every ready key {:>8.2} %", (full + ready) * 100.0);
    println!("answers 429               {throttled:>8}");
    println!("batches                   {closed:?}");
    used >= 0.99 && full + ready >= 0.99 && throttled == 0
}

/// Batches by why they were closed.
fn batches(agent: &Agent) -> BTreeMap<String, u64> {
    let metrics = agent.get("metrics").and_then(Result::ok).unwrap_or_default();
    let mut batches = BTreeMap::new();
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("cic_conduit_batches_total{"))
    {
        let why = line
            .split("closed=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let count: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        *batches.entry(why.unwrap().to_owned()).or_default() += count;
    }
    batches
}

/// Requests that took from the budget so far.
async fn requests(endpoint: &str) -> u64 {
    let summary = summary(endpoint).await;
    let by_endpoint = summary["requests"].as_object().unwrap();
    let all = by_endpoint.iter().filter(|(name, _)| *name != "token");
    let all: u64 = all.filter_map(|(_, count)| count.as_u64()).sum();
    all - summary["throttled"].as_u64().unwrap()
}

async fn figure(endpoint: &str, name: &str) -> u64 {
    summary(endpoint).await[name].as_u64().unwrap()
}

async fn summary(endpoint: &str) -> Value {
    let answer = reqwest::get(format!("{endpoint}/admin/summary")).await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}
