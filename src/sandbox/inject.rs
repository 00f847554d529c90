//! The three inject endpoints. A request of ours holds at most 100 events and 512,000 bytes; each event is judged
//! by its schema, then by the rules, in order of eventDateTime, for a request groups events by type.
//!
//! Too many bytes are 413, too many events and what is no request at all are 400; what is wrong with one event is
//! told in `errors[]` and concerns no other.

use super::answer;
use super::faults::{self, Effect};
use super::gate::Planned;
use super::ledger::Ledger;
use super::rules::Fact;
use super::server::Handle;
use crate::{clock, schema};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Bytes of a request body, as the vendor's limit `request.bytes.max`.
pub(super) const MAX_BYTES: usize = 512_000;
/// Events of a request, over all of its arrays.
const MAX_EVENTS: usize = 100;
/// A larger body is not even read to its end.
const READ_AT_MOST: usize = 8 << 20;

/// `POST /api/v2/events/conversations`
pub(super) async fn conversations(sandbox: State<Handle>, plan: Extension<Planned>, body: Body) -> Response {
    inject(sandbox.0, plan.0, "conversation-events", body).await
}

/// `POST /api/v2/events/users/presence`
pub(super) async fn presence(sandbox: State<Handle>, plan: Extension<Planned>, body: Body) -> Response {
    inject(sandbox.0, plan.0, "user-presence-events", body).await
}

/// `POST /api/v2/events/users/routingstatus`
pub(super) async fn routing_status(sandbox: State<Handle>, plan: Extension<Planned>, body: Body) -> Response {
    inject(sandbox.0, plan.0, "user-routing-status-events", body).await
}

async fn inject(sandbox: Handle, plan: Planned, request: &str, body: Body) -> Response {
    let bytes = match read(body).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    if sandbox.settings().count_only {
        return count(&sandbox, &bytes);
    }
    let value = match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => value,
        Err(error) => return answer::error(400, "bad.request", &format!("the body is no JSON: {error}")),
    };
    let events = match events(request, &value) {
        Ok(events) => events,
        Err(message) => return answer::error(400, "bad.request", &message),
    };
    let judged: Vec<_> = events
        .into_iter()
        .map(|(array, event)| Judged::shape(array, event))
        .collect();
    let errors = enter(&mut sandbox.ledger(), &plan.0, judged);
    Json(json!({"errors": errors})).into_response()
}

/// The body, or the answer that it is too large.
pub(super) async fn read(body: Body) -> Result<Bytes, Response> {
    let too_large = || {
        let message = format!("the request body is larger than {MAX_BYTES} bytes");
        answer::error(413, "request.entity.too.large", &message)
    };
    let bytes = axum::body::to_bytes(body, READ_AT_MOST)
        .await
        .map_err(|_| too_large())?;
    if bytes.len() > MAX_BYTES {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

/// Every event of a request with the name of its array, or why it is no request.
fn events<'v>(request: &str, value: &'v Value) -> Result<Vec<(&'v str, &'v Value)>, String> {
    let arrays = value.as_object().ok_or("the body is no JSON object")?;
    let mut events = Vec::new();
    for (array, list) in arrays {
        if !schema::is_array_of(request, array) {
            return Err(format!("the request has no array `{array}`"));
        }
        match list {
            Value::Array(list) => events.extend(list.iter().map(|event| (array.as_str(), event))),
            Value::Null => {}
            _ => return Err(format!("`{array}` is no array")),
        }
    }
    if events.len() > MAX_EVENTS {
        return Err(format!(
            "{} events in a request; {MAX_EVENTS} are allowed",
            events.len()
        ));
    }
    Ok(events)
}

/// An event whose shape has been judged.
struct Judged<'v> {
    event: &'v Value,
    fact: Result<Fact<'v>, String>,
}

impl<'v> Judged<'v> {
    fn shape(array: &'v str, event: &'v Value) -> Self {
        let shape = schema::validate_event(array, event).map_err(|problems| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            format!("shape: {}", problems.join("; "))
        });
        let read = || Fact::read(array, event).map_err(|field| format!("shape: /{field}: is no UUID"));
        Self {
            event,
            fact: shape.and_then(|()| read()),
        }
    }
}

/// Enters events in order of their time, and returns what `errors[]` says.
fn enter(ledger: &mut Ledger, effects: &[Effect], mut judged: Vec<Judged<'_>>) -> Vec<Value> {
    judged.sort_by_key(|one| one.fact.as_ref().ok().map(|fact| fact.stamp));
    let at = clock::now();
    let mut errors = Vec::new();
    ledger.summary.received += judged.len() as u64;
    for (place, Judged { event, fact }) in judged.into_iter().enumerate() {
        let refused = match (faults::hits(effects, place, event), fact) {
            (Some(retryable), _) => {
                ledger.faulted(event, retryable);
                Some(("a fault of the sandbox refuses this event".to_owned(), retryable))
            }
            (None, Ok(fact)) => ledger
                .enter(at, &fact, event)
                .err()
                .map(|message| (message, false)),
            (None, Err(message)) => {
                ledger.misshapen();
                Some((message, false))
            }
        };
        if let Some((message, retryable)) = refused {
            errors.push(json!({"eventId": event["eventId"], "message": message, "retryable": retryable}));
        }
    }
    ledger.flush();
    errors
}

fn count(sandbox: &Handle, bytes: &[u8]) -> Response {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let events = text.matches("\"eventId\"").count() as u64;
    let mut ledger = sandbox.ledger();
    ledger.summary.received += events;
    ledger.summary.accepted_total += events;
    Json(json!({"errors": []})).into_response()
}
