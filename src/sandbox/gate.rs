//! What every request to the API passes: faults, the token, the rate limit; and what every answer gets:
//! `ININ-Correlation-Id`, and `inin-ratelimit-*` wherever the token is known.

use super::door::Link;
use super::faults::Effect;
use super::rate::Budget;
use super::server::Handle;
use super::{Endpoint, answer, inject, tokens};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The limit that `--rate-limit` stands for.
const LIMIT_KEY: &str = "client.credentials.token.rate.per.minute";
/// What a sandbox without a limit says is allowed.
const NO_LIMIT: u32 = 1_000_000_000;

/// The faults that take part in a request, for the handler of events.
#[derive(Debug, Clone)]
pub(super) struct Planned(pub(super) Arc<[Effect]>);

/// The layer before every route of the API.
pub(super) async fn gate(
    State(sandbox): State<Handle>,
    ConnectInfo(link): ConnectInfo<Link>,
    mut request: Request,
    next: Next,
) -> Response {
    let endpoint = Endpoint::of(request.uri().path());
    *sandbox.ledger().summary.requests.entry(endpoint).or_default() += 1;
    let effects = sandbox.faults().take(endpoint);
    let effects: Arc<[Effect]> = concerning(effects, &mut request).await.into();
    for effect in effects.iter() {
        if let Effect::Delay { ms } = effect {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
        }
    }

    let Admission { budget, refusal } = admit(&sandbox, endpoint, request.headers(), &effects);
    let mut response = match refusal {
        Some(refusal) => refusal,
        None => act(&effects, endpoint, &link, &mut request, next).await,
    };
    headers(response.headers_mut(), budget);
    *sandbox
        .ledger()
        .summary
        .statuses
        .entry(response.status().as_u16())
        .or_default() += 1;
    response
}

/// Leaves out statuses that are for requests with other events.
async fn concerning(mut effects: Vec<Effect>, request: &mut Request) -> Vec<Effect> {
    let only = |effect: &Effect| match effect {
        Effect::Status { ids, .. } => ids.clone(),
        _ => Vec::new(),
    };
    if effects.iter().all(|effect| only(effect).is_empty()) {
        return effects;
    }
    let body = std::mem::take(request.body_mut());
    let bytes = match inject::read(body).await {
        Ok(bytes) => bytes,
        // It is answered 413 in any case.
        Err(_) => vec![b' '; inject::MAX_BYTES + 1].into(),
    };
    let text = String::from_utf8_lossy(&bytes);
    effects.retain(|effect| {
        let ids = only(effect);
        ids.is_empty() || ids.iter().any(|id| text.contains(id))
    });
    *request.body_mut() = bytes.into();
    effects
}

/// What token and rate limit say to a request.
#[derive(Default)]
struct Admission {
    /// What is left of the token's budget, when the token is known.
    budget: Option<Budget>,
    /// The answer, when it is not let in.
    refusal: Option<Response>,
}

fn admit(sandbox: &Handle, endpoint: Endpoint, headers: &HeaderMap, effects: &[Effect]) -> Admission {
    if endpoint == Endpoint::Token {
        return Admission::default();
    }
    let Some(token) = tokens::bearer(headers) else {
        let text = "No authentication bearer token specified in authorization header.";
        return Admission {
            budget: None,
            refusal: Some(answer::error(401, "authentication.required", text)),
        };
    };
    if effects.contains(&Effect::TokenExpired) {
        sandbox.tokens().expire(token);
    }
    let settings = sandbox.settings();
    let allowed = if settings.rate_limit == 0 {
        NO_LIMIT
    } else {
        settings.rate_limit
    };
    let budget = sandbox
        .tokens()
        .take(token, Instant::now(), settings.rate_window, allowed);
    let revoked = effects.contains(&Effect::TokenRevoked);
    let Some(budget) = budget.filter(|_| !revoked) else {
        let refusal = answer::error(401, "bad.credentials", "Invalid login credentials.");
        return Admission {
            budget: None,
            refusal: Some(refusal),
        };
    };
    let mut refusal = None;
    if !budget.passed {
        sandbox.ledger().summary.throttled += 1;
        refusal = Some(answer::too_many(budget.reset, Some(LIMIT_KEY), allowed));
    }
    Admission {
        budget: Some(budget),
        refusal,
    }
}

/// Does what the request asks for, unless a fault answers first; `applied` faults spoil the answer afterwards.
async fn act(
    effects: &[Effect],
    endpoint: Endpoint,
    link: &Link,
    request: &mut Request,
    next: Next,
) -> Response {
    for effect in effects {
        match effect {
            Effect::Reset { applied: false } => {
                link.reset();
                return ().into_response();
            }
            Effect::Forbidden { permission } => {
                return forbidden(permission.as_deref().unwrap_or(endpoint.permission()));
            }
            Effect::Status { applied: false, .. } => return status(effect),
            _ => {}
        }
    }
    request.extensions_mut().insert(Planned(effects.into()));
    let response = next.run(std::mem::take(request)).await;
    for effect in effects {
        match effect {
            Effect::Reset { .. } => link.reset(),
            Effect::HalfAnswer => link.halve(),
            Effect::Status { .. } => return status(effect),
            _ => continue,
        }
        break;
    }
    response
}

fn status(effect: &Effect) -> Response {
    let Effect::Status {
        status,
        retry_after,
        html,
        limit_key,
        ..
    } = effect
    else {
        return ().into_response();
    };
    let mut response = match (html, status) {
        (true, _) => answer::page(*status),
        (false, 429) => answer::too_many(retry_after.unwrap_or(1), limit_key.as_deref(), 0),
        (false, _) => answer::error(*status, "fault", "a fault of the sandbox answers this request"),
    };
    match retry_after {
        Some(seconds) => {
            _ = response
                .headers_mut()
                .insert("retry-after", HeaderValue::from(*seconds))
        }
        None => _ = response.headers_mut().remove("retry-after"),
    }
    response
}

fn forbidden(permission: &str) -> Response {
    let text = "Unable to perform the requested action. You are missing the following permission(s): ";
    let more = json!({"messageWithParams": format!("{text}{{permissions}}"),
        "messageParams": {"permissions": permission}});
    answer::error_with(403, "missing.permissions", &format!("{text}{permission}"), more)
}

fn headers(headers: &mut HeaderMap, budget: Option<Budget>) {
    if let Ok(id) = HeaderValue::from_str(&answer::random_uuid()) {
        headers.insert("inin-correlation-id", id);
    }
    if let Some(budget) = budget {
        headers.insert("inin-ratelimit-count", HeaderValue::from(budget.count));
        headers.insert("inin-ratelimit-allowed", HeaderValue::from(budget.allowed));
        headers.insert("inin-ratelimit-reset", HeaderValue::from(budget.reset));
    }
}
