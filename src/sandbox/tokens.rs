//! `POST /oauth/token` and the tokens given out: client credentials in, a bearer token out.

use super::answer;
use super::rate::{Budget, Window};
use super::server::Handle;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Every token that has not expired.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<String, Token>);

#[derive(Debug)]
struct Token {
    expires: Instant,
    window: Window,
}

impl Tokens {
    fn issue(&mut self, now: Instant, lifetime: Duration) -> String {
        self.0.retain(|_, token| token.expires > now);
        let name = format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
        self.0.insert(
            name.clone(),
            Token {
                expires: now + lifetime,
                window: Window::default(),
            },
        );
        name
    }

    /// Makes a token worthless, as if its time had come.
    pub(super) fn expire(&mut self, token: &str) {
        self.0.remove(token);
    }

    /// Takes a request from the token's budget; nothing for a token that is not known or has expired.
    pub(super) fn take(
        &mut self,
        token: &str,
        now: Instant,
        window: Duration,
        allowed: u32,
    ) -> Option<Budget> {
        let token = self.0.get_mut(token).filter(|token| token.expires > now)?;
        Some(token.window.take(now, window, allowed))
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

/// `POST /oauth/token`
pub(super) async fn token(State(sandbox): State<Handle>, headers: HeaderMap, form: String) -> Response {
    let refused = |error: &str, text: &str| {
        let body = json!({"error": error, "description": text, "error_description": text});
        (
            answer::status_code(if error == "invalid_client" { 401 } else { 400 }),
            Json(body),
        )
            .into_response()
    };
    if !form
        .split('&')
        .any(|field| field == "grant_type=client_credentials")
    {
        return refused(
            "unsupported_grant_type",
            "the form must say grant_type=client_credentials",
        );
    }
    let Some(client) = basic(&headers) else {
        return refused(
            "invalid_client",
            "no client id and secret in a Basic authorization header",
        );
    };
    if sandbox
        .settings()
        .client
        .as_ref()
        .is_some_and(|known| *known != client)
    {
        return refused("invalid_client", "client not found or invalid client secret");
    }
    let lifetime = sandbox.settings().token_lifetime;
    let token = sandbox.tokens().issue(Instant::now(), lifetime);
    let body = json!({"access_token": token, "token_type": "bearer", "expires_in": lifetime.as_secs()});
    Json(body).into_response()
}

/// Id and secret of a Basic authorization header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let plain = String::from_utf8(base64(text.trim())?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.trim_end_matches('=').bytes() {
        let value = digits.iter().position(|digit| *digit == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Some(bytes)
}
