//! Each fault of the sandbox, switched on and off in mid-stream: then every record is accounted for, and every
//! timeline is in order.

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::stage::Stage;
use crate::support::programs::{Agent, wait_for};

/// Runs the usual traffic with `fault` on in the middle of it, until it was met.
fn survives(broker: Broker, name: &'static str, fault: &Value, met: impl Fn(&Stage, &Agent) -> bool) {
    let (stage, mut agent) = Stage::running(broker, name, &["genesys.timeout = \"2s\""]);
    stage.faults(std::slice::from_ref(fault));
    wait_for("the fault is met", || met(&stage, &agent).then_some(()));
    assert!(stage.is_mid_stream(), "it was met on the way");
    stage.mend();
    stage.passes(&mut agent);
}

/// So many answers had this status.
fn answered(status: u16, count: u64) -> impl Fn(&Stage, &Agent) -> bool {
    move |stage, _| stage.sandbox.figure(&format!("/statuses/{status}")) >= count
}

/// Something was sent again so often.
fn resent(count: u32) -> impl Fn(&Stage, &Agent) -> bool {
    move |_, agent| agent.metric("events_resent_total", "").unwrap() >= f64::from(count)
}

macro_rules! faults {
    ($($name:ident: $fault:tt, $met:expr;)*) => {
        mod mock {
            use super::*;
            $(#[test] fn $name() {
                survives(Broker::mock(), stringify!($name), &json!($fault), $met);
            })*
        }
        mod apache_kafka {
            use super::*;
            $(#[test] fn $name() {
                let Some(broker) = Broker::apache() else { return };
                survives(broker, stringify!($name), &json!($fault), $met);
            })*
        }
    };
}

faults! {
    gateways_say_503: {"effect": {"kind": "status", "status": 503, "html": true}}, answered(503, 5);
    requests_fail_with_500: {"effect": {"kind": "status", "status": 500}}, answered(500, 5);
    a_500_although_it_took_effect: {"effect": {"kind": "status", "status": 500, "applied": true}}, answered(500, 5);
    requests_are_answered_408: {"effect": {"kind": "status", "status": 408, "applied": true}}, answered(408, 5);
    a_2xx_with_a_page_of_html: {"effect": {"kind": "status", "status": 200, "html": true}}, resent(50);
    a_2xx_with_a_page_although_it_took_effect:
        {"effect": {"kind": "status", "status": 200, "html": true, "applied": true}}, resent(20);
    a_429_of_one_endpoint_with_retry_after: {"endpoint": "conversations", "requests": 4,
        "effect": {"kind": "status", "status": 429, "retryAfter": 1, "limitKey": "conversations.rate"}}, answered(429, 1);
    a_429_that_names_nothing: {"requests": 3, "effect": {"kind": "status", "status": 429, "retryAfter": 1}},
        answered(429, 1);
    events_are_refused_as_retryable: {"effect": {"kind": "partial", "retryable": true, "fraction": 0.3}}, resent(50);
    all_events_are_refused_as_retryable: {"effect": {"kind": "partial", "retryable": true}}, resent(50);
    answers_come_too_late: {"effect": {"kind": "delay", "ms": 6000}}, resent(1);
    connections_are_reset: {"effect": {"kind": "reset"}}, resent(20);
    connections_are_reset_after_it_took_effect: {"effect": {"kind": "reset", "applied": true}}, resent(20);
    answers_break_off: {"effect": {"kind": "halfAnswer"}}, resent(20);
    tokens_expire_with_every_request: {"requests": 5, "effect": {"kind": "tokenExpired"}}, answered(401, 2);
    every_request_is_answered_400: {"endpoint": "conversations", "effect": {"kind": "status", "status": 400}},
        answered(400, 10);
    every_request_is_answered_413: {"endpoint": "conversations", "effect": {"kind": "status", "status": 413}},
        answered(413, 10);
    an_unheard_of_status: {"effect": {"kind": "status", "status": 418}}, answered(418, 3);
}
