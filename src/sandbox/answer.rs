//! Answers that are no success: the vendor's ErrorBody, and what a gateway in between would say.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An ErrorBody with that status.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    error_with(status, code, message, json!({}))
}

/// An ErrorBody with more fields.
pub(super) fn error_with(status: u16, code: &str, message: &str, more: Value) -> Response {
    let mut body = json!({"message": message, "code": code, "status": status,
        "contextId": random_uuid(), "details": [], "errors": []});
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    (status_code(status), Json(body)).into_response()
}

/// 429 with Retry-After; `limit_key` is what the limit is counted by, absent: the body names no limit.
pub(super) fn too_many(retry_after: u64, limit_key: Option<&str>, allowed: u32) -> Response {
    let message = format!("Rate limit exceeded the maximum. Retry the request in [{retry_after}] seconds");
    let limit = limit_key.map(|key| json!({"key": key, "namespace": "platform.api", "value": allowed}));
    let more = limit.map_or_else(|| json!({}), |limit| json!({"limit": limit}));
    let mut answer = error_with(429, "too.many.requests.retry.after", &message, more);
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    answer
}

/// What a gateway says that does not know the API: a page.
pub(super) fn page(status: u16) -> Response {
    let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    (status_code(status), [(header::CONTENT_TYPE, "text/html")], body).into_response()
}

pub(super) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A UUID for what must differ from request to request.
pub(super) fn random_uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
