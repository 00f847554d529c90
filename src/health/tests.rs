//! What is reported, as it is shown, logged and counted.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::{Board, Item, Report, State};
use crate::metrics::Recorder;

/// What was logged, a JSON object per line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Captures what this thread logs until the guard is dropped.
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(self.clone())
            .finish();
        super::heard::hear(subscriber)
    }

    fn fields(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].clone())
            .collect()
    }

    fn events(&self) -> Vec<(u64, String)> {
        let event =
            |fields: &Value| Some((fields["event_id"].as_u64()?, fields["name"].as_str()?.to_owned()));
        self.fields().iter().filter_map(event).collect()
    }
}

fn shown(report: &Report, item: Item) -> &super::Shown {
    report
        .items
        .iter()
        .find(|shown| shown.name == item.as_str())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn losing_genesys_cloud_is_event_47000_and_its_return_47001_once_each() {
    let (log, board) = (Log::default(), Board::default());
    let _capture = log.capture();
    board.answered();
    for _ in 0..60 {
        board.unanswered("no connection: refused");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let report = board.read();
    let lost = shown(&report, Item::GenesysCloud);
    assert_eq!(
        (lost.state, lost.detail.as_str()),
        (State::Error, "no answer: no connection: refused")
    );
    assert!(lost.last_success.is_some() && !lost.todo.is_empty());
    for _ in 0..60 {
        board.answered();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let expected = [
        (47_000, "MSG_PURECLOUD_CONNECTION_LOST".to_owned()),
        (47_001, "MSG_PURECLOUD_CONNECTION_RESTORED".to_owned()),
    ];
    assert_eq!(log.events(), expected);
    let report = board.read();
    assert_eq!(shown(&report, Item::GenesysCloud).state, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_return_is_said_though_nothing_more_is_sent() {
    let (log, board) = (Log::default(), Board::default());
    let _capture = log.capture();
    for _ in 0..4 {
        board.unanswered("no answer in time");
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    board.answered();
    tokio::time::advance(Duration::from_secs(30)).await;
    board.tick();
    board.tick();
    assert_eq!(log.events().last().unwrap().0, 47_001);
    assert_eq!(log.events().len(), 2);
    assert_eq!(shown(&board.read(), Item::GenesysCloud).state, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn the_gauges_say_what_the_page_says() {
    let (recorder, board) = (Recorder::new().unwrap(), Board::default());
    recorder.hear(|| {
        board.answered();
        board.error(Item::Token, "401", "renew the client's secret");
        board.ok(Item::Kafka, "3 brokers");
        board.publish();
    });
    let text = recorder.render();
    for series in [
        "cic_conduit_health_item_state{item=\"kafka\"} 0",
        "cic_conduit_health_item_state{item=\"token\"} 2",
        "cic_conduit_health_item_state{item=\"deadLetters\"} 3",
        "cic_conduit_health_item_last_success_timestamp_seconds{item=\"token\"} 0",
        "cic_conduit_connection_up{to=\"genesys_cloud\"} 1",
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} is not in\n{text}"
        );
    }
}

#[test]
fn a_change_of_state_is_logged_once_and_says_what_to_do() {
    let (log, board) = (Log::default(), Board::default());
    let _capture = log.capture();
    board.ok(Item::Memory, "plenty");
    board.warning(Item::Memory, "91 % of the bound", "raise [memory] bound");
    board.warning(Item::Memory, "92 % of the bound", "raise [memory] bound");
    board.ok(Item::Memory, "plenty");
    let fields = log.fields();
    let said: Vec<_> = fields
        .iter()
        .map(|fields| fields["message"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["91 % of the bound", "well again: plenty"]);
    assert_eq!(fields[0]["todo"], "raise [memory] bound");
}

#[test]
fn an_item_keeps_since_when_and_what_was_good_last() {
    let board = Board::default();
    board.ok(Item::Directory, "200 names");
    board.error(Item::Directory, "403", "give the role its permission");
    let first = board.read();
    board.error(Item::Directory, "403 once more", "give the role its permission");
    let second = board.read();
    let (first, second) = (shown(&first, Item::Directory), shown(&second, Item::Directory));
    assert_eq!(first.since, second.since);
    assert_eq!(first.last_success, second.last_success);
    assert_eq!(second.detail, "403 once more");
    assert!(second.last_success.is_some() && second.last_report >= second.since);
}

#[tokio::test(start_paused = true)]
async fn a_wedged_loop_is_an_error_of_the_agent() {
    let board = Board::default();
    assert_eq!(shown(&board.read(), Item::Agent).state, State::Unknown);
    let heart = board.heart("delivery", Duration::from_secs(30));
    assert_eq!(shown(&board.read(), Item::Agent).state, State::Ok);
    tokio::time::advance(Duration::from_secs(31)).await;
    let report = board.read();
    assert_eq!(shown(&report, Item::Agent).state, State::Error);
    assert_eq!(report.state, State::Error);
    assert_eq!(board.wedged(), ["delivery has not moved for 31 s"]);
    heart.beat();
    assert_eq!(shown(&board.read(), Item::Agent).state, State::Ok);
}

#[test]
fn what_the_agent_needs_hinders_it_and_the_rest_does_not() {
    let board = Board::default();
    let hinders = |board: &Board| board.read().hindrances();
    assert_eq!(
        hinders(&board),
        [
            "kafka: nothing was attempted yet",
            "token: nothing was attempted yet"
        ]
    );
    board.ok(Item::Kafka, "3 brokers");
    board.ok(Item::Token, "until noon");
    assert_eq!(hinders(&board), Vec::<String>::new(), "it waits for partitions");
    board.error(Item::Sites, "berlin comes through two partitions", "mend the key");
    board.warning(Item::Presence, "429", "");
    assert_eq!(hinders(&board), Vec::<String>::new());
    board.error(
        Item::Presence,
        "403: the source is not known",
        "set [genesys] source_id",
    );
    assert_eq!(hinders(&board), ["presence: 403: the source is not known"]);
}

#[test]
fn the_shape_of_the_report_is_a_promise() {
    let board = Board::default();
    board.warning(Item::Memory, "the bound is reached", "raise [memory] bound");
    let json = serde_json::to_value(board.read()).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut outer = keys(&json);
    outer.sort();
    assert_eq!(outer, ["items", "state", "time", "version"]);
    let memory = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["name"] == "memory")
        .unwrap();
    let mut inner = keys(memory);
    inner.sort();
    assert_eq!(
        inner,
        [
            "detail",
            "last_report",
            "last_success",
            "name",
            "since",
            "state",
            "title",
            "todo"
        ]
    );
    assert_eq!(memory["state"], "warning");
    assert_eq!(memory["last_success"], Value::Null);
    let names: Vec<_> = Item::ALL.map(Item::as_str).into();
    let told: Vec<_> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(told, names);
}

#[test]
fn every_item_stands_where_its_number_says() {
    for (index, item) in Item::ALL.into_iter().enumerate() {
        assert_eq!(item as usize, index);
    }
}
