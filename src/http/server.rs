//! The routes.
//!
//! | path | says | status |
//! |---|---|---|
//! | `/` | the Integration Health page, with its `page.js` | 200 |
//! | `/health.json` | the same for machines ([`Report`](crate::health::Report)) | 200 |
//! | `/metrics` | everything counted, as Prometheus reads it | 200 |
//! | `/livez` | whether the agent's loops go round; no dependency is checked | 200, 503 with what is wedged |
//! | `/readyz` | whether it can work now | 200, 503 with what hinders it |

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::page;
use crate::health::Board;
use crate::metrics::Recorder;

/// How long requests may take to end once the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How often the board is told that time goes by.
const TICK: Duration = Duration::from_secs(1);
/// The page runs its own script, which asks the agent; nothing else is loaded, and it stands in no frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Why there are no endpoints.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens there, often another agent.
    #[error("[http] listen: {address} is in use; stop what listens there or choose another port")]
    InUse {
        /// Where it should listen.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error(
        "[http] listen: cannot listen on {address}: {source}; choose an address of this machine and a free port"
    )]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Listens; [`Server::serve`] answers.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Shown {
    board: Board,
    recorder: Recorder,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::InUse { address },
            _ => Error::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`; then gives requests in flight two seconds to end. Meanwhile it tells the board that time
    /// goes by.
    pub async fn serve(self, board: Board, recorder: Recorder, stop: CancellationToken) -> io::Result<()> {
        let ticking = tick(board.clone());
        let service = router(Shown { board, recorder });
        let stopped = stop.clone();
        let server = axum::serve(self.listener, service).with_graceful_shutdown(stopped.cancelled_owned());
        let out_of_patience = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = server.into_future() => ended,
            () = out_of_patience => Ok(()),
            () = ticking => Ok(()),
        }
    }
}

async fn tick(board: Board) {
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        board.tick();
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/page.js", get(script))
        .route("/health.json", get(health))
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(async || {
            let paths = "there is /, /health.json, /metrics, /livez and /readyz\n";
            (StatusCode::NOT_FOUND, paths)
        })
        .with_state(shown)
}

async fn page(State(shown): State<Shown>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        NO_STORE,
    ];
    (headers, page::render(&shown.board.read())).into_response()
}

async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        NO_STORE,
    ];
    (headers, page::SCRIPT).into_response()
}

async fn health(State(shown): State<Shown>) -> Response {
    ([NO_STORE], Json(shown.board.read())).into_response()
}

async fn metrics(State(shown): State<Shown>) -> Response {
    shown.recorder.hear(|| shown.board.publish());
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        NO_STORE,
    ];
    (headers, shown.recorder.render()).into_response()
}

async fn livez(State(shown): State<Shown>) -> Response {
    verdict("alive", "wedged", &shown.board.wedged())
}

async fn readyz(State(shown): State<Shown>) -> Response {
    verdict("ready", "not ready", &shown.board.read().hindrances())
}

fn verdict(good: &str, bad: &str, faults: &[String]) -> Response {
    if faults.is_empty() {
        return ([NO_STORE], format!("{good}\n")).into_response();
    }
    let text = format!("{bad}\n{}\n", faults.join("\n"));
    (StatusCode::SERVICE_UNAVAILABLE, [NO_STORE], text).into_response()
}

/// What was true a second ago is no answer.
const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");
