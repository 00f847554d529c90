//! Lanes that stop, what is said of them meanwhile, and how they go on.

use serde_json::json;

use crate::broker::Broker;
use crate::stage::Stage;
use crate::support::programs::{Agent, wait_for};
use crate::traffic::USUAL;

/// How many events of the usual traffic are of this lane.
fn made(lane: &str) -> u64 {
    USUAL.1.iter().filter(|line| line["lane"] == lane).count() as u64
}

fn accepted(agent: &Agent, lane: &str) -> u64 {
    agent
        .metric("events_accepted_total", &format!("\"{lane}\""))
        .unwrap() as u64
}

/// A lane without its permission stops, says which, drops nothing and holds no other lane back.
fn lacks(broker: Broker, name: &'static str, lane: &str, permission: &str) {
    let (stage, mut agent) = Stage::running(broker, name, &[]);
    let fault = json!({"endpoint": lane, "effect": {"kind": "forbidden"}});
    stage.sandbox.faults(&json!([fault]));
    let item = agent.item_is(lane, "error");
    assert!(item.to_string().contains(permission), "{item}");
    let hindrances = agent.is_ready().unwrap().unwrap_err();
    assert!(
        hindrances.contains(lane),
        "/readyz is 503 and says why: {hindrances}"
    );
    assert_eq!(agent.metric("lane_stopped", &format!("\"{lane}\"")), Some(1.0));
    assert_eq!(agent.metric("lane_stopped", ""), Some(1.0), "no other lane");
    for other in ["conversations", "presence", "routingStatus"] {
        if other != lane {
            wait_for("other lanes go on", || {
                (accepted(&agent, other) == made(other)).then_some(())
            });
        }
    }
    assert!(accepted(&agent, lane) < made(lane), "it stopped on the way");
    stage.mend();
    stage.passes(&mut agent);
}

macro_rules! lanes {
    ($($name:ident: $lane:literal, $permission:literal;)*) => {
        mod mock {
            use super::*;
            $(#[test] fn $name() { lacks(Broker::mock(), stringify!($name), $lane, $permission); })*
        }
        mod apache_kafka {
            use super::*;
            $(#[test] fn $name() {
                let Some(broker) = Broker::apache() else { return };
                lacks(broker, stringify!($name), $lane, $permission);
            })*
        }
    };
}

lanes! {
    conversations_may_not_be_injected: "conversations", "conversation:conversation:inject";
    presence_may_not_be_injected: "presence", "presence:userPresence:inject";
    routing_status_may_not_be_injected: "routingStatus", "routing:routingstatus:inject";
}

/// Rule 7: the token is renewed once, then the lanes stop; they go on when it works again.
#[test]
fn a_client_that_is_withdrawn_and_given_back() {
    let (stage, mut agent) = Stage::running(Broker::mock(), "withdrawn", &[]);
    let gone = json!({"effect": {"kind": "tokenRevoked"}});
    let refused = json!({"endpoint": "token", "effect": {"kind": "status", "status": 401}});
    stage.sandbox.faults(&json!([gone, refused]));
    let item = agent.item_is("conversations", "error");
    assert!(
        item["todo"].as_str().unwrap().contains("[genesys] client_id"),
        "{item}"
    );
    assert!(agent.is_ready().unwrap().is_err(), "/readyz is 503");
    assert!(stage.is_mid_stream(), "it was withdrawn on the way");
    stage.mend();
    stage.passes(&mut agent);
}

/// Genesys Cloud answers nobody, then everybody: each way is said once, as the event that operators know.
#[test]
fn genesys_cloud_goes_and_comes_back() {
    let (stage, mut agent) = Stage::running(Broker::mock(), "genesys_goes", &[]);
    stage.sandbox.faults(&json!([{"effect": {"kind": "reset"}}]));
    let item = agent.item_is("genesysCloud", "error");
    assert!(
        item["detail"].as_str().unwrap().starts_with("no answer: "),
        "{item}"
    );
    assert!(item["todo"].as_str().unwrap().contains("none is lost"), "{item}");
    assert!(stage.is_mid_stream(), "it went on the way");
    stage.mend();
    agent.item_is("genesysCloud", "ok");
    stage.passes(&mut agent);
    let log = agent.logged();
    for (id, name) in [
        (47_000, "MSG_PURECLOUD_CONNECTION_LOST"),
        (47_001, "MSG_PURECLOUD_CONNECTION_RESTORED"),
    ] {
        let said: Vec<&str> = log.lines().filter(|line| line.contains(name)).collect();
        assert_eq!(said.len(), 1, "{name} once: {said:?}");
        assert!(said[0].contains(&format!("\"event_id\":{id}")), "{}", said[0]);
    }
}
