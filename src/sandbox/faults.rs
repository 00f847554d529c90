//! Faults that are switched on and off while the sandbox runs: `/admin/faults` takes a list of them as JSON.
//!
//! ```json
//! [{"endpoint": "conversations", "requests": 3, "effect": {"kind": "status", "status": 503, "retryAfter": 2}}]
//! ```
//!
//! Every fault that fits a request takes part in it; of several that answer, the first in the list does.

use super::Endpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fault: where, how often, and what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Where; absent: everywhere but at `token`, which must be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// For how many more requests; absent: until it is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

/// What a fault does to a request. `applied`: the request takes effect all the same, only its answer is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Effect {
    /// Answers a status with an ErrorBody, or with an HTML page as a gateway does.
    Status {
        /// The HTTP status.
        status: u16,
        /// Seconds, as the header `Retry-After`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// An HTML page instead of an ErrorBody.
        #[serde(default)]
        html: bool,
        /// Whether the request takes effect.
        #[serde(default)]
        applied: bool,
        /// `limit.key` of a 429's ErrorBody; absent: no limit is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_key: Option<String>,
        /// Only requests that hold one of these anywhere, such as an event's eventId; none given: all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ids: Vec<String>,
    },
    /// Refuses some events of a request: those that fit `ids`, `count` or `fraction`; none given: all.
    Partial {
        /// What `errors[]` says of them.
        retryable: bool,
        /// Each event with this probability, 0 to 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fraction: Option<f64>,
        /// The first so many events of each request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<usize>,
        /// Events with one of these as eventId, conversationId, userId or agentId.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ids: Vec<String>,
    },
    /// Waits before it does anything.
    Delay {
        /// How long, in milliseconds.
        ms: u64,
    },
    /// Resets the connection without an answer.
    Reset {
        /// Whether the request takes effect.
        #[serde(default)]
        applied: bool,
    },
    /// The request takes effect; its answer breaks off half way.
    HalfAnswer,
    /// The token of the request has expired: a new one works.
    TokenExpired,
    /// No token works, however new, for as long as the fault stands.
    TokenRevoked,
    /// 403: the client lacks a permission.
    Forbidden {
        /// Which; absent: the one that the endpoint demands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permission: Option<String>,
    },
}

/// Whether `errors[]` names this event, `at` its place in the request.
pub(super) fn hits(effects: &[Effect], at: usize, event: &Value) -> Option<bool> {
    effects.iter().find_map(|effect| {
        let Effect::Partial {
            retryable,
            fraction,
            count,
            ids,
        } = effect
        else {
            return None;
        };
        let named = |field: &str| {
            event[field]
                .as_str()
                .is_some_and(|id| ids.iter().any(|one| one == id))
        };
        let all = fraction.is_none() && count.is_none() && ids.is_empty();
        let hit = all
            || fraction.is_some_and(|share| fastrand::f64() < share)
            || count.is_some_and(|count| at < count)
            || ["eventId", "conversationId", "userId", "agentId"]
                .into_iter()
                .any(named);
        hit.then_some(*retryable)
    })
}

/// The faults switched on.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// What happens to a request there; faults that were for so many requests are used up by it.
    pub(super) fn take(&mut self, endpoint: Endpoint) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.0.retain_mut(|fault| {
            let fits = fault
                .endpoint
                .map_or(endpoint != Endpoint::Token, |only| only == endpoint);
            if !fits {
                return true;
            }
            effects.push(fault.effect.clone());
            fault.requests = fault.requests.map(|left| left.saturating_sub(1));
            fault.requests != Some(0)
        });
        effects
    }

    /// Replaces all of them; one for no request at all is none.
    pub(super) fn set(&mut self, mut faults: Vec<Fault>) {
        faults.retain(|fault| fault.requests != Some(0));
        self.0 = faults;
    }

    /// Those still switched on, with the requests left.
    pub(super) fn list(&self) -> Vec<Fault> {
        self.0.clone()
    }
}
