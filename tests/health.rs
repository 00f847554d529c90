//! `health` from outside: what it prints, and that its exit code is the state.

use std::net::SocketAddr;
use std::process::Output;

use cic_conduit::health::{Board, Item, Report, State};
use cic_conduit::http::Server;
use cic_conduit::metrics::Recorder;
use tokio_util::sync::CancellationToken;

async fn health(args: Vec<String>) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cic-conduit"));
    command.arg("health").args(args);
    let ended = tokio::task::spawn_blocking(move || command.output());
    ended.await.expect("no panic").expect("the program starts")
}

async fn serve(board: Board) -> String {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(free).await.expect("a free port");
    let recorder = Recorder::new().expect("a sound table");
    let url = format!("http://{}", server.address());
    tokio::spawn(server.serve(board, recorder, CancellationToken::new()));
    url
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_state() {
    let board = Board::default();
    let url = serve(board.clone()).await;
    let run = async || health(vec!["--url".into(), url.clone()]).await;
    assert_eq!(run().await.status.code(), Some(3), "nothing was attempted yet");
    for item in [Item::Kafka, Item::Partitions, Item::Token] {
        board.ok(item, "well");
    }
    assert_eq!(run().await.status.code(), Some(0));
    board.warning(Item::Memory, "the bound is reached", "raise [memory] bound");
    let warned = run().await;
    assert_eq!(warned.status.code(), Some(1));
    assert!(
        stdout(&warned).contains("to do: raise [memory] bound"),
        "{}",
        stdout(&warned)
    );
    board.error(Item::Kafka, "no broker answers", "start Kafka");
    assert_eq!(run().await.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_the_agents_own() {
    let board = Board::default();
    board.error(Item::Kafka, "no broker answers", "start Kafka");
    let url = serve(board).await;
    let output = health(vec!["--json".into(), "--url".into(), url]).await;
    assert_eq!(output.status.code(), Some(2));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.state, State::Error);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_not_there_is_unknown_and_says_what_to_look_at() {
    // Nobody listens there; a port that was free a moment ago may be another test's by now.
    let address = "127.0.0.1:1";
    let output = health(vec!["--url".into(), format!("http://{address}")]).await;
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.starts_with(&format!(
            "Unknown: no agent answers at http://{address}/health.json ("
        )),
        "{told}"
    );
    assert!(told.contains("[http] listen"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_is_wrong_usage() {
    let output = health(vec!["--url".into(), "127.0.0.1:9470".into()]).await;
    assert_eq!(output.status.code(), Some(64));
}
