//! `/admin/…`: no part of the vendor's API. Switches faults, adds names, shows what was accepted. It asks for no
//! token: listen on the loopback address.

use super::answer;
use super::faults::Fault;
use super::server::Handle;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Lines of a journal that are shown when the query does not say how many.
const LINES: usize = 100_000;

/// The query of a journal.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Part {
    /// Only lines with a greater `n`.
    #[serde(default)]
    after: u64,
    /// So many lines at most.
    limit: Option<usize>,
}

/// `GET /admin/faults`
pub(super) async fn faults(State(sandbox): State<Handle>) -> Json<Vec<Fault>> {
    Json(sandbox.faults().list())
}

/// `PUT /admin/faults`: one fault or a list, which replace all that were switched on.
pub(super) async fn set_faults(State(sandbox): State<Handle>, body: String) -> Response {
    // Read as text, so that curl needs no Content-Type.
    let list = serde_json::from_str::<Value>(&body).and_then(|value| match value {
        Value::Array(_) => serde_json::from_value(value),
        one => serde_json::from_value(one).map(|fault| vec![fault]),
    });
    match list {
        Ok(faults) => {
            sandbox.set_faults(faults);
            Json(sandbox.faults().list()).into_response()
        }
        Err(error) => answer::error(400, "bad.request", &format!("this is no fault: {error}")),
    }
}

/// `DELETE /admin/faults`
pub(super) async fn clear_faults(State(sandbox): State<Handle>) -> StatusCode {
    sandbox.set_faults(Vec::new());
    StatusCode::NO_CONTENT
}

/// `PUT /admin/directory`: adds the names of a directory file.
pub(super) async fn add_names(State(sandbox): State<Handle>, body: String) -> Response {
    match sandbox.directory().extend(&body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => answer::error(400, "bad.request", &format!("this is no directory file: {error}")),
    }
}

/// `GET /admin/summary`
pub(super) async fn summary(State(sandbox): State<Handle>) -> Response {
    Json(sandbox.summary()).into_response()
}

/// `GET /admin/faulted`: the eventIds that faults have refused for good. An event that is sent again may be accepted all
/// the same, or be refused for what came after it.
pub(super) async fn faulted(State(sandbox): State<Handle>) -> Response {
    Json(sandbox.ledger().refused_by_faults()).into_response()
}

/// `GET /admin/journal?after=N&limit=M`: NDJSON in order of acceptance.
pub(super) async fn journal(State(sandbox): State<Handle>, Query(part): Query<Part>) -> Response {
    let wanted = move |line: &str| number(line).is_some_and(|n| n > part.after);
    lines(sandbox, part.limit.unwrap_or(LINES), wanted).await
}

/// `GET /admin/conversations/{id}`: the journal's lines of one conversation.
pub(super) async fn conversation(State(sandbox): State<Handle>, Path(id): Path<String>) -> Response {
    lines(sandbox, usize::MAX, move |line| line.contains(&id)).await
}

async fn lines(sandbox: Handle, limit: usize, wanted: impl Fn(&str) -> bool + Send + 'static) -> Response {
    let reader = sandbox.ledger().journal();
    let read = tokio::task::spawn_blocking(move || reader.lines(limit, wanted)).await;
    match read {
        Ok(Ok(lines)) => {
            let text: String = lines.iter().flat_map(|line| [&**line, "\n"]).collect();
            ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
        }
        Ok(Err(error)) => answer::error(500, "journal", &format!("cannot read the journal: {error}")),
        Err(error) => answer::error(500, "journal", &format!("reading the journal broke off: {error}")),
    }
}

/// The `n` of a journal's line, which stands first in it.
fn number(line: &str) -> Option<u64> {
    line.strip_prefix("{\"n\":")?.split(',').next()?.parse().ok()
}
