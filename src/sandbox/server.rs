//! The routes, and the state that they share.

use super::door::{Doors, Link};
use super::faults::{Fault, Faults};
use super::ledger::{Ledger, Summary};
use super::settings::{Error, Settings};
use super::tokens::{self, Tokens};
use super::{Directory, admin, answer, gate, inject, lookups, out_of_office};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post, put};
use serde_json::Value;
use std::collections::HashMap;
use std::future::IntoFuture;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long requests may take to end once the sandbox is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// One sandbox, as its routes and whoever started it hold it. Clones are the same sandbox.
#[derive(Debug, Clone)]
pub struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Settings,
    directory: Mutex<Directory>,
    tokens: Mutex<Tokens>,
    faults: Mutex<Faults>,
    out_of_office: Mutex<HashMap<String, Value>>,
    ledger: Mutex<Ledger>,
}

impl Handle {
    /// Sets a sandbox up; [`serve`] then opens it to the network.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let shared = Shared {
            ledger: Mutex::new(Ledger::open(&settings)?),
            directory: Mutex::new(settings.directory.clone()),
            tokens: Mutex::default(),
            faults: Mutex::default(),
            out_of_office: Mutex::default(),
            settings,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// What it has seen so far.
    pub fn summary(&self) -> Summary {
        self.ledger().summary()
    }

    /// The journal's lines about one conversation, in order of acceptance.
    pub fn timeline(&self, conversation: &str) -> io::Result<Vec<Value>> {
        let reader = self.ledger().journal();
        let lines = reader.lines(usize::MAX, |line| line.contains(conversation))?;
        lines
            .iter()
            .map(|line| serde_json::from_str(line).map_err(io::Error::from))
            .collect()
    }

    /// The whole journal as NDJSON lines: of a file all, else the last that are kept.
    pub fn journal(&self) -> io::Result<Vec<Box<str>>> {
        let reader = self.ledger().journal();
        reader.lines(usize::MAX, |_| true)
    }

    /// Replaces the faults that are switched on.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.faults().set(faults);
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(super) fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.0.directory)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.0.tokens)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.0.faults)
    }

    pub(super) fn out_of_office(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        lock(&self.0.out_of_office)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.0.ledger)
    }
}

/// A handler that panicked has left nothing half done that another could not live with.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until `stop`; then gives requests in flight two seconds to end.
pub async fn serve(listener: TcpListener, sandbox: Handle, stop: CancellationToken) -> io::Result<()> {
    let service = router(sandbox).into_make_service_with_connect_info::<Link>();
    let stopped = stop.clone();
    let server = axum::serve(Doors(listener), service).with_graceful_shutdown(stopped.cancelled_owned());
    let out_of_patience = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = out_of_patience => Ok(()),
    }
}

fn router(sandbox: Handle) -> Router {
    let api = Router::new()
        .route("/oauth/token", post(tokens::token))
        .route("/api/v2/events/conversations", post(inject::conversations))
        .route("/api/v2/events/users/presence", post(inject::presence))
        .route("/api/v2/events/users/routingstatus", post(inject::routing_status))
        .route(
            "/api/v2/users/{user}/outofoffice",
            put(out_of_office::put).get(out_of_office::get),
        )
        .route("/api/v2/tokens/me", get(lookups::tokens_me))
        .route("/api/v2/users", get(lookups::users))
        .route("/api/v2/users/search", post(lookups::search))
        .route(
            "/api/v2/users/externalid/{authority}/{key}",
            get(lookups::by_external_id),
        )
        .route("/api/v2/routing/queues", get(lookups::queues))
        .route("/api/v2/routing/wrapupcodes", get(lookups::wrap_up_codes))
        .route("/api/v2/routing/skills", get(lookups::skills))
        .route("/api/v2/routing/languages", get(lookups::languages))
        .route("/api/v2/stations", get(lookups::stations))
        .route("/api/v2/presence/definitions", get(lookups::presence_definitions))
        .route("/api/v2/presence/sources", get(lookups::presence_sources))
        .fallback(async || answer::error(404, "not.found", "the sandbox has no such endpoint"))
        .layer(middleware::from_fn_with_state(sandbox.clone(), gate::gate));
    let admin = Router::new()
        .route(
            "/admin/faults",
            get(admin::faults)
                .put(admin::set_faults)
                .delete(admin::clear_faults),
        )
        .route("/admin/directory", put(admin::add_names))
        .route("/admin/summary", get(admin::summary))
        .route("/admin/faulted", get(admin::faulted))
        .route("/admin/journal", get(admin::journal))
        .route("/admin/conversations/{id}", get(admin::conversation));
    // Inject requests are measured by their handler, which answers as the platform does.
    api.merge(admin)
        .layer(DefaultBodyLimit::disable())
        .with_state(sandbox)
}
