//! `GET` and `PUT /api/v2/users/{userId}/outofoffice`: the last body put, held against its schema.

use super::answer;
use super::inject;
use super::rules::Lane;
use super::server::Handle;
use crate::{clock, schema};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// `PUT`: accepted and journalled as `outOfOffice`, with the userId of the path beside the body.
pub(super) async fn put(State(sandbox): State<Handle>, Path(user): Path<String>, body: Body) -> Response {
    let bytes = match inject::read(body).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    if !sandbox.directory().has_user(&user) {
        return answer::error(404, "not.found", "no user has this id");
    }
    let problem = match serde_json::from_slice::<Value>(&bytes) {
        Ok(body) => match schema::validate("out-of-office", &body) {
            Ok(problems) if problems.is_empty() => return accept(&sandbox, user, body),
            Ok(problems) => problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
            Err(error) => error.to_string(),
        },
        Err(error) => format!("the body is no JSON: {error}"),
    };
    sandbox.ledger().misshapen();
    answer::error(400, "bad.request", &problem)
}

fn accept(sandbox: &Handle, user: String, body: Value) -> Response {
    let mut event = body.clone();
    event["userId"] = json!(user);
    let mut ledger = sandbox.ledger();
    ledger.summary.received += 1;
    ledger.accepted(clock::now(), Lane::OutOfOffice, "outOfOffice", &event, false);
    ledger.flush();
    drop(ledger);
    let answer = shown(&user, &body);
    sandbox.out_of_office().insert(user, body);
    Json(answer).into_response()
}

/// `GET`: what was put last, else that the user is in the office.
pub(super) async fn get(State(sandbox): State<Handle>, Path(user): Path<String>) -> Response {
    if !sandbox.directory().has_user(&user) {
        return answer::error(404, "not.found", "no user has this id");
    }
    let known = sandbox.out_of_office().get(&user).cloned();
    Json(shown(
        &user,
        &known.unwrap_or_else(|| json!({"active": false, "indefinite": false})),
    ))
    .into_response()
}

fn shown(user: &str, body: &Value) -> Value {
    let mut answer = body.clone();
    answer["user"] = json!({"id": user});
    answer["selfUri"] = json!(format!("/api/v2/users/{user}/outofoffice"));
    answer
}
