//! The access token: fetched by client credentials, one at a time, renewed before it ends.
//!
//! It stands in no log and in no `Debug`.

use std::time::Duration;

use ::metrics::{counter, gauge};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::exchange;
use super::{Answer, Reply, Settings};
use crate::{clock, metrics};

/// A token is renewed so long before its end, or at nine tenths of a shorter life.
const MARGIN: Duration = Duration::from_secs(120);
/// What the platform gives at least; taken where the answer names no lifetime.
const SHORTEST: Duration = Duration::from_secs(300);

/// A token in use.
#[derive(Clone)]
pub(super) struct Token {
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    generation: u64,
    renew: Instant,
    end: Instant,
}

/// Keeps the token of one OAuth client.
pub(super) struct Tokens {
    http: reqwest::Client,
    url: String,
    client_id: String,
    client_secret: SecretString,
    // Held while a token is fetched: whoever else needs one waits for that one.
    current: Mutex<(u64, Option<Token>)>,
}

impl Tokens {
    pub(super) fn new(http: reqwest::Client, settings: &Settings) -> Self {
        Self {
            http,
            url: format!("{}/oauth/token", settings.login_url.trim_end_matches('/')),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            current: Mutex::new((0, None)),
        }
    }

    /// The token, fetched or renewed where needed. While an old one still lives, a failed renewal is no failure.
    pub(super) async fn get(&self) -> Result<Token, Box<Reply>> {
        let mut current = self.current.lock().await;
        let now = Instant::now();
        if let Some(token) = current.1.as_ref().filter(|token| now < token.renew) {
            return Ok(token.clone());
        }
        let fetched = self.fetch().await;
        let result = if fetched.is_ok() { "renewed" } else { "failed" };
        counter!(metrics::TOKEN_REFRESHES, "result" => result).increment(1);
        match fetched {
            Ok((header, life)) => {
                let (now, generation) = (Instant::now(), current.0 + 1);
                let margin = MARGIN.min(life / 10);
                let token = Token {
                    header,
                    generation,
                    renew: now + life - margin,
                    end: now + life,
                };
                let end = clock::now().plus(i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
                gauge!(metrics::TOKEN_EXPIRY).set(end.millis() as f64 / 1000.0);
                *current = (generation, Some(token.clone()));
                Ok(token)
            }
            Err(reply) => match current.1.as_mut().filter(|token| Instant::now() < token.end) {
                Some(token) => {
                    // Not at every request: each try would hold up those that wait behind it.
                    token.renew = token.end.min(Instant::now() + Duration::from_secs(5));
                    Ok(token.clone())
                }
                None => Err(reply),
            },
        }
    }

    /// Says that `token` was answered by 401. Of many who say so of one token the first makes it be renewed.
    pub(super) async fn refused(&self, token: &Token) {
        let mut current = self.current.lock().await;
        if current.0 == token.generation {
            current.1 = None;
        }
    }

    async fn fetch(&self) -> Result<(HeaderValue, Duration), Box<Reply>> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
            expires_in: Option<u64>,
        }
        let request = self
            .http
            .post(&self.url)
            .basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let (status, headers, body) = exchange(request).await.map_err(|mut reply| {
            reply.message = format!("no access token: {}", reply.message);
            reply
        })?;
        let mut reply = Reply::judge(status, &headers, bytes::Bytes::new(), clock::now());
        let granted = (status == 200)
            .then(|| serde_json::from_slice::<Granted>(&body).ok())
            .flatten();
        if let Some(granted) = granted
            && let Ok(mut header) = HeaderValue::from_str(&format!("Bearer {}", granted.access_token))
        {
            header.set_sensitive(true);
            return Ok((header, granted.expires_in.map_or(SHORTEST, Duration::from_secs)));
        }
        // The body of a refusal is read for its reason; that of a 200 may hold a token and is not.
        if status != 200 {
            reply = Reply::judge(status, &headers, body, clock::now());
        }
        reply.body = bytes::Bytes::new();
        reply.limits = None;
        reply.answer = match reply.answer {
            Answer::Bad | Answer::Unauthorized => Answer::Unauthorized,
            Answer::RateLimited { retry_after, .. } => Answer::RateLimited {
                retry_after,
                scope: super::Scope::Token,
            },
            Answer::Accepted { .. } => Answer::RetryLater,
            other => other,
        };
        reply.message = format!("no access token: {}", reply.message);
        Err(Box::new(reply))
    }
}
