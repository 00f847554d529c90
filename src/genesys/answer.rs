//! What an answer means: one enum that says what to do next.
//!
//! Accepted is only what is understood: 2xx with a JSON object whose `errors` is absent, null or a list. A page of
//! HTML with status 200 is an unknown outcome, like a timeout: the same events are sent again with the same ids.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::limits::{Limits, retry_after};
use crate::event::Id;
use crate::time::Time;

/// What to do after a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken, but for the events named.
    Accepted {
        /// The events that were not taken.
        errors: Vec<EventError>,
    },
    /// Nobody knows whether it was taken (timeout, reset, unreadable 2xx, 408, 5xx): send the same again, later.
    RetryLater,
    /// Not taken: the budget is used up.
    RateLimited {
        /// How long to wait, where the answer says.
        retry_after: Option<Duration>,
        /// What is closed until then.
        scope: Scope,
    },
    /// The credentials are refused, a fresh token too: stop until somebody mends it.
    Unauthorized,
    /// 400 or 413: something in the request is bad, or it is too large. Look for the culprit by halves.
    Bad,
    /// 403 and every status without a meaning of its own: stop until somebody mends it.
    Stop,
}

/// How far a 429 reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All endpoints: the limit names the token, or nothing.
    Token,
    /// The endpoint that was asked.
    Endpoint,
}

/// One entry of `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError {
    /// Which event; absent where the answer names none that can be read.
    pub event_id: Option<Id>,
    /// Why, in the platform's words.
    pub message: String,
    /// Whether sending it again may help; absent means no.
    pub retryable: bool,
}

/// An answer, or that there was none.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What to do.
    pub answer: Answer,
    /// The HTTP status; absent where no answer came.
    pub status: Option<u16>,
    /// Why, in words fit for a person; empty where all is well.
    pub message: String,
    /// `ININ-Correlation-Id`, which Genesys' support asks for.
    pub correlation_id: Option<String>,
    /// What the answer says about the budget.
    pub limits: Option<Limits>,
    /// Requests made for it: 2 where a 401 made a new token necessary.
    pub attempts: u32,
    /// The body of an accepted answer.
    pub body: Bytes,
}

impl Reply {
    /// That no answer came, or none that could be read whole.
    pub fn lost(message: impl Into<String>) -> Self {
        Self {
            answer: Answer::RetryLater,
            status: None,
            message: message.into(),
            correlation_id: None,
            limits: None,
            attempts: 1,
            body: Bytes::new(),
        }
    }

    /// Judges an answer that was read whole at `now`.
    pub fn judge(status: u16, headers: &HeaderMap, body: Bytes, now: Time) -> Self {
        let said = Said::read(&body);
        let mut message = said.text(status);
        let answer = match status {
            200..=299 => match accepted(&body) {
                Some(errors) => {
                    message.clear();
                    Answer::Accepted { errors }
                }
                None => {
                    message = format!("status {status} with a body that is no JSON object as expected");
                    Answer::RetryLater
                }
            },
            400 | 413 => Answer::Bad,
            401 => Answer::Unauthorized,
            408 | 500..=599 => Answer::RetryLater,
            429 => Answer::RateLimited {
                retry_after: retry_after(headers, now),
                scope: said.scope(),
            },
            _ => Answer::Stop,
        };
        let correlation_id = headers.get("inin-correlation-id").and_then(|id| id.to_str().ok());
        Self {
            answer,
            status: Some(status),
            message,
            correlation_id: correlation_id.map(str::to_owned),
            limits: Limits::read(headers),
            attempts: 1,
            body,
        }
    }
}

/// The list of errors of a 2xx body, or `None` where it is not one that we understand.
fn accepted(body: &[u8]) -> Option<Vec<EventError>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow, default)]
        errors: Option<Vec<&'a serde_json::value::RawValue>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        event_id: Option<String>,
        message: Option<String>,
        retryable: Option<bool>,
    }
    // Serde would read a struct from an array as well: only an object will do.
    let object = |text: &[u8]| text.trim_ascii_start().first() == Some(&b'{');
    if !object(body) {
        return None;
    }
    let Body { errors } = serde_json::from_slice(body).ok()?;
    let read = |raw: &serde_json::value::RawValue| {
        let entry: Entry = serde_json::from_str(raw.get())
            .ok()
            .filter(|_| object(raw.get().as_bytes()))?;
        Some(EventError {
            event_id: entry.event_id.as_deref().and_then(Id::parse),
            message: entry.message.unwrap_or_default(),
            retryable: entry.retryable.unwrap_or(false),
        })
    };
    errors.unwrap_or_default().into_iter().map(read).collect()
}

/// The parts of an ErrorBody, or of an OAuth error, that we read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    message: Option<String>,
    code: Option<String>,
    limit: Option<Limit>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Limit {
    key: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn scope(&self) -> Scope {
        match self.limit.as_ref().and_then(|limit| limit.key.as_deref()) {
            Some(key) if !key.contains("token") => Scope::Endpoint,
            _ => Scope::Token,
        }
    }

    fn text(self: &Said, status: u16) -> String {
        let code = self.code.as_deref().or(self.error.as_deref());
        let words = self.message.as_deref().or(self.error_description.as_deref());
        match (code, words) {
            (Some(code), Some(words)) => format!("status {status}, {code}: {words}"),
            (Some(one), None) | (None, Some(one)) => format!("status {status}: {one}"),
            (None, None) => format!("status {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn judge(status: u16, body: &str) -> Answer {
        Reply::judge(
            status,
            &HeaderMap::new(),
            Bytes::copy_from_slice(body.as_bytes()),
            Time::default(),
        )
        .answer
    }

    #[test]
    fn accepted_is_only_what_is_understood() {
        let none = Answer::Accepted { errors: Vec::new() };
        for body in ["{}", " {\"errors\":null}", "{\"errors\":[]}", "{\"other\":1}"] {
            assert_eq!(judge(200, body), none, "{body}");
            assert_eq!(judge(202, body), none, "{body}");
        }
        for body in [
            "",
            "<html></html>",
            "[]",
            "null",
            "{\"errors\":{}}",
            "{\"errors\":[1]}",
            "{\"errors\":[[]]}",
            "{\"err",
        ] {
            assert_eq!(judge(200, body), Answer::RetryLater, "{body}");
        }
    }

    #[test]
    fn errors_are_read_per_event() {
        let id = "00000000-0000-4000-8000-000000000001";
        let body = format!(
            r#"{{"errors":[{{"eventId":"{id}","message":"no","retryable":true}},{{"eventId":"x"}},{{}}]}}"#
        );
        let Answer::Accepted { errors } = judge(200, &body) else {
            panic!("not accepted")
        };
        assert_eq!(errors[0].event_id, Id::parse(id));
        assert!(errors[0].retryable && errors[0].message == "no");
        assert_eq!(
            errors[1..],
            vec![
                EventError {
                    event_id: None,
                    message: String::new(),
                    retryable: false
                };
                2
            ]
        );
    }

    #[test]
    fn every_status_says_what_to_do() {
        for (status, want) in [
            (400, Answer::Bad),
            (413, Answer::Bad),
            (401, Answer::Unauthorized),
            (408, Answer::RetryLater),
            (500, Answer::RetryLater),
            (503, Answer::RetryLater),
            (301, Answer::Stop),
            (403, Answer::Stop),
            (404, Answer::Stop),
            (409, Answer::Stop),
            (418, Answer::Stop),
        ] {
            assert_eq!(judge(status, "{}"), want, "{status}");
        }
    }

    #[test]
    fn a_429_closes_what_its_limit_names() {
        for (body, want) in [
            ("{}", Scope::Token),
            ("<html>", Scope::Token),
            (
                r#"{"limit":{"key":"client.credentials.token.rate.per.minute"}}"#,
                Scope::Token,
            ),
            (
                r#"{"limit":{"key":"conversation.inject.rate.per.minute"}}"#,
                Scope::Endpoint,
            ),
        ] {
            assert_eq!(
                judge(429, body),
                Answer::RateLimited {
                    retry_after: None,
                    scope: want
                },
                "{body}"
            );
        }
    }

    #[test]
    fn what_was_said_is_kept_for_people() {
        let headers = [(
            "inin-correlation-id".parse().unwrap(),
            HeaderValue::from_static("abc"),
        )];
        let body = Bytes::from_static(br#"{"code":"bad.request","message":"no such queue"}"#);
        let reply = Reply::judge(400, &headers.into_iter().collect(), body, Time::default());
        assert_eq!(reply.message, "status 400, bad.request: no such queue");
        assert_eq!(reply.correlation_id.as_deref(), Some("abc"));
    }
}
