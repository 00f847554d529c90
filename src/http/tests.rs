//! The endpoints as an operator's tools see them, over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Error, Server};
use crate::health::{Board, Item, Report, State};
use crate::metrics::Recorder;

struct Agent {
    board: Board,
    url: String,
    _stop: DropGuard,
}

async fn agent() -> Agent {
    let (board, stop) = (Board::default(), CancellationToken::new());
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", server.address());
    let recorder = Recorder::new().unwrap();
    tokio::spawn(server.serve(board.clone(), recorder, stop.clone()));
    Agent {
        board,
        url,
        _stop: stop.drop_guard(),
    }
}

impl Agent {
    async fn get(&self, path: &str) -> reqwest::Response {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    async fn read(&self, path: &str) -> (u16, String) {
        let answer = self.get(path).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    fn make_ready(&self) {
        self.board.ok(Item::Kafka, "3 brokers");
        self.board.ok(Item::Partitions, "2 of 2");
        self.board.ok(Item::Token, "until noon");
    }
}

#[tokio::test]
async fn metrics_are_the_whole_table_and_the_boards_gauges() {
    let agent = agent().await;
    agent.board.error(Item::Kafka, "no broker answers", "start Kafka");
    let answer = agent.get("/metrics").await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    for series in [
        "cic_conduit_events_made_total{lane=\"presence\"} 0",
        "cic_conduit_health_item_state{item=\"kafka\"} 2",
        "process_start_time_seconds ",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(series)),
            "{series} is not in\n{text}"
        );
    }
}

#[tokio::test]
async fn readiness_names_what_hinders_it() {
    let agent = agent().await;
    agent.make_ready();
    assert_eq!(agent.read("/readyz").await, (200, "ready\n".to_owned()));
    agent
        .board
        .error(Item::Token, "401: the secret is wrong", "set another");
    agent.board.error(Item::Presence, "403", "give the permission");
    let (status, text) = agent.read("/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(
        text,
        "not ready\ntoken: 401: the secret is wrong\npresence: 403\n"
    );
}

#[tokio::test]
async fn an_agent_without_partitions_is_ready_to_take_some() {
    let agent = agent().await;
    agent.board.ok(Item::Kafka, "3 brokers");
    agent.board.ok(Item::Token, "until noon");
    assert_eq!(agent.read("/readyz").await.0, 200);
}

#[tokio::test]
async fn liveness_asks_the_loops_and_no_dependency() {
    let agent = agent().await;
    agent.board.error(Item::Kafka, "no broker answers", "start Kafka");
    let heart = agent.board.heart("delivery", Duration::from_secs(3600));
    assert_eq!(agent.read("/livez").await, (200, "alive\n".to_owned()));
    let faulty = tokio::spawn(async move {
        heart.beat();
        panic!("this panic is part of the test");
    });
    assert!(faulty.await.is_err());
    assert_eq!(
        agent.read("/livez").await,
        (503, "wedged\ndelivery ended by a fault\n".to_owned())
    );
}

#[tokio::test]
async fn health_json_reads_back_as_a_report() {
    let agent = agent().await;
    agent.make_ready();
    agent
        .board
        .warning(Item::Memory, "the bound is reached", "raise [memory] bound");
    let answer = agent.get("/health.json").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let report: Report = answer.json().await.unwrap();
    assert_eq!(report.state, State::Warning);
    let memory = report.items.iter().find(|item| item.name == "memory").unwrap();
    assert_eq!(memory.todo, "raise [memory] bound");
}

#[tokio::test]
async fn the_page_escapes_what_parts_report_and_loads_nothing() {
    let agent = agent().await;
    agent.board.error(
        Item::Directory,
        "<script>alert('x')</script> & \"y\"",
        "<b>mend</b>",
    );
    let answer = agent.get("/").await;
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let page = answer.text().await.unwrap();
    let page = page.replace("<script src=\"page.js\" defer></script>", "");
    assert!(
        page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"),
        "{page}"
    );
    assert!(page.contains("&lt;b&gt;mend&lt;/b&gt;"), "{page}");
    for foreign in ["<script", "src=", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign} is in {page}");
    }
}

#[tokio::test]
async fn the_page_is_green_only_where_all_is_known_to_be_well() {
    let agent = agent().await;
    let green = "<h1>Integration Health <span class=\"state ok\">OK</span></h1>";
    let (_, page) = agent.read("/").await;
    assert!(
        page.contains("<span class=\"state unknown\">Unknown</span></h1>"),
        "{page}"
    );
    agent.make_ready();
    let (_, page) = agent.read("/").await;
    assert!(page.contains(green), "{page}");
    // A promise to report that is broken at once.
    agent.board.expect(Item::Token, Duration::ZERO);
    let unknown = async {
        loop {
            let (_, page) = agent.read("/").await;
            if !page.contains(green) {
                return page;
            }
        }
    };
    let page = tokio::time::timeout(Duration::from_secs(60), unknown)
        .await
        .unwrap();
    assert!(page.contains("the last one: OK, until noon"), "{page}");
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let agent = agent().await;
    let (status, text) = agent.read("/health").await;
    assert_eq!(status, 404);
    assert!(text.contains("/health.json"), "{text}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .post(format!("{}/metrics", agent.url))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 405);
}

#[tokio::test]
async fn an_address_in_use_names_the_key() {
    let agent = agent().await;
    let address: SocketAddr = agent.url.strip_prefix("http://").unwrap().parse().unwrap();
    let error = Server::bind(address).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }));
    assert_eq!(
        error.to_string(),
        format!("[http] listen: {address} is in use; stop what listens there or choose another port")
    );
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_ends_though_a_reader_stays() {
    let stop = CancellationToken::new();
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let mut idle = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let served = tokio::spawn(server.serve(Board::default(), Recorder::new().unwrap(), stop.clone()));
    tokio::io::AsyncWriteExt::write_all(&mut idle, b"GET / HTTP/1.1\r\n")
        .await
        .unwrap();
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(60), served)
        .await
        .unwrap();
    ended.unwrap().unwrap();
}
