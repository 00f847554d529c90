//! What stands in the log, read from a captured writer.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::{error, info, warn};

use super::repeats::{WINDOW, without_numbers};
use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn json(&self) -> Vec<Value> {
        self.lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Logs on this thread into the returned lines until the guard is dropped.
fn log(format: LogFormat, level: &str) -> (Captured, tracing::subscriber::DefaultGuard) {
    let captured = Captured::default();
    let log = Log {
        format,
        level: level.to_owned(),
    };
    let writer = captured.clone();
    let subscriber = subscriber(&log, move || writer.clone(), false).unwrap();
    (captured, crate::health::heard::hear(subscriber))
}

#[test]
fn json_lines_carry_level_target_and_fields() {
    let (captured, _guard) = log(LogFormat::Json, "info");
    info!(topic = "calls", partition = 3, "assigned");
    let lines = captured.json();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["target"], "cic_conduit::cli::log::tests");
    assert_eq!(
        lines[0]["fields"],
        serde_json::json!({"message": "assigned", "topic": "calls", "partition": 3})
    );
}

#[test]
fn human_lines_say_the_same_in_one_line_each() {
    let (captured, _guard) = log(LogFormat::Human, "info");
    info!(topic = "calls", partition = 3, "assigned");
    let lines = captured.lines();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].ends_with("INFO cic_conduit::cli::log::tests: assigned topic=\"calls\" partition=3"),
        "{}",
        lines[0]
    );
}

#[test]
fn the_level_decides_and_noisy_crates_are_silent_unless_named() {
    let (captured, _guard) = log(LogFormat::Human, "debug");
    tracing::trace!("no");
    tracing::debug!("yes");
    tracing::debug!(target: "h2::frame", "no");
    assert_eq!(captured.lines().len(), 1);
    drop(_guard);
    let (captured, _guard) = log(LogFormat::Human, "warn,h2=debug");
    info!("no");
    tracing::debug!(target: "h2::frame", "yes");
    assert_eq!(captured.lines().len(), 1);
}

#[test]
fn a_wrong_level_names_the_key_and_what_to_write() {
    for (level, what) in [("loud", "\"loud\" is no level"), ("info,a=b=c", "is no filter")] {
        let failure = filter(level).map(drop).unwrap_err();
        assert_eq!(failure.code, CONFIG);
        assert!(
            failure.message.starts_with("[log] level: ") && failure.message.contains(what),
            "{}",
            failure.message
        );
    }
    for level in ["info", "off", "warn,cic_conduit::kafka=debug"] {
        assert!(filter(level).is_ok(), "{level}");
    }
}

fn broken_broker(milliseconds: u32) {
    error!(
        "librdkafka: 127.0.0.1:9092/bootstrap: Connection refused (after {milliseconds}ms in state CONNECT)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_broken_broker_is_written_once_and_then_counted() {
    let (captured, _guard) = log(LogFormat::Json, "info");
    for milliseconds in 0..1000 {
        broken_broker(milliseconds);
    }
    assert_eq!(captured.lines().len(), 1, "{:?}", captured.lines());
    tokio::time::advance(WINDOW).await;
    info!("anything");
    let lines = captured.json();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["level"], "ERROR");
    assert_eq!(lines[1]["fields"]["repeated"], 999);
    assert_eq!(lines[1]["fields"]["message"], lines[0]["fields"]["message"]);
    assert_eq!(lines[1]["target"], lines[0]["target"]);
    for milliseconds in 0..10 {
        broken_broker(milliseconds);
    }
    tokio::time::advance(WINDOW).await;
    broken_broker(0);
    let lines = captured.json();
    assert_eq!(lines.len(), 4, "it goes on, so only counts are written");
    assert_eq!(lines[3]["fields"]["repeated"], 10);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_comes_back_later_is_written_anew() {
    let (captured, _guard) = log(LogFormat::Human, "info");
    broken_broker(1);
    tokio::time::advance(WINDOW + Duration::from_secs(1)).await;
    broken_broker(1);
    let lines = captured.lines();
    assert_eq!(lines.len(), 2);
    assert!(
        lines.iter().all(|line| line.contains("Connection refused")),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn counts_are_readable_for_people() {
    let (captured, _guard) = log(LogFormat::Human, "info");
    broken_broker(1);
    broken_broker(2);
    tokio::time::advance(WINDOW).await;
    info!("anything");
    let count = &captured.lines()[1];
    assert!(
        count.contains(
            " ERROR cic_conduit::cli::log::tests: 1 times more: librdkafka: 127.0.0.1:9092/bootstrap: Connection refused"
        ),
        "{count}"
    );
}

#[test]
fn another_fault_another_subject_or_another_cause_is_written() {
    let (captured, _guard) = log(LogFormat::Human, "info");
    for partition in 0..3 {
        for reason in ["no answer in time", "no connection"] {
            for took_ms in 0..100 {
                warn!(partition, reason, took_ms, "cannot commit");
            }
        }
    }
    assert_eq!(captured.lines().len(), 6, "{:?}", captured.lines());
}

#[test]
fn an_event_with_an_id_and_good_news_are_always_written() {
    let (captured, _guard) = log(LogFormat::Json, "info");
    for _ in 0..3 {
        error!(event_id = 47_000, "the connection is lost");
        info!("the connection is restored");
    }
    assert_eq!(captured.lines().len(), 6);
}

#[test]
fn an_item_that_goes_to_and_fro_is_written_once_each_way() {
    let (captured, _guard) = log(LogFormat::Human, "info");
    let board = crate::health::Board::default();
    for percent in 0..100 {
        board.warning(crate::health::Item::Memory, format!("{percent} %"), "wait");
        board.ok(crate::health::Item::Memory, format!("{percent} %"));
    }
    assert_eq!(captured.lines().len(), 2, "{:?}", captured.lines());
}

#[tokio::test(start_paused = true)]
async fn ever_new_faults_take_no_more_memory_and_lose_no_count() {
    let mut repeats = Repeats::default();
    let fault = |key| Fault {
        key,
        level: Level::WARN,
        target: "test",
        message: format!("fault {key}"),
    };
    for key in 0..10_000 {
        assert!(repeats.hear(fault(key), Instant::now()));
        assert!(!repeats.hear(fault(key), Instant::now()));
    }
    tokio::time::advance(WINDOW).await;
    let counted: u64 = repeats
        .due(Instant::now())
        .iter()
        .map(|repeated| repeated.count)
        .sum();
    assert_eq!(counted, 10_000);
}

#[test]
fn words_with_a_digit_do_not_tell_faults_apart() {
    for (text, plain) in [
        ("", ""),
        ("after 12ms, 3 times", "after #, # times"),
        ("10.0.0.1:9092/bootstrap", "#.#.#.#:#/bootstrap"),
        ("ümlaut ok", "ümlaut ok"),
        ("!!a1!!", "!!#!!"),
    ] {
        assert_eq!(without_numbers(text), plain);
    }
}
