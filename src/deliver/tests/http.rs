//! Lanes through the real client to the sandbox, its faults switched on and off.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fake::{Ends, items, owner};
use super::id;
use crate::deliver::{Backoff, Delivery, Governor, Owner, Settings};
use crate::event::{Event, Key, Lane};
use crate::genesys::{self, Client};
use crate::health::board::Board;
use crate::sandbox::{self, Fault, Handle};
use crate::time::Time;

struct Site {
    sandbox: Handle,
    delivery: Delivery,
    owner: Owner,
    ends: Ends,
    _stop: DropGuard,
}

impl Site {
    async fn start(sandbox: sandbox::Settings) -> Self {
        let handle = Handle::open(sandbox).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(sandbox::serve(listener, handle.clone(), stop.clone()));
        let client = genesys::Settings::new(url.clone(), url, "client", SecretString::from("secret"));
        let settings = Settings {
            linger: Duration::from_millis(5),
            backoff: Backoff {
                min: Duration::from_millis(5),
                max: Duration::from_millis(50),
            },
            ..Settings::default()
        };
        let client = Arc::new(Client::new(&client).unwrap());
        let (owner, ends) = owner(1);
        Self {
            sandbox: handle,
            delivery: Delivery::start(settings, client, Governor::new(), Board::default()),
            owner,
            ends,
            _stop: stop.drop_guard(),
        }
    }

    fn faults(&self, faults: Value) {
        let faults: Vec<Fault> = serde_json::from_value(faults).unwrap();
        self.sandbox.set_faults(faults);
    }

    fn submit(&self, events: impl IntoIterator<Item = Event>) {
        self.delivery.submit(&self.owner, items(events));
    }

    async fn wait(&mut self, count: usize) {
        let patience = Duration::from_secs(120);
        tokio::time::timeout(patience, self.ends.wait(count))
            .await
            .expect("every event ends");
    }
}

fn unlimited() -> sandbox::Settings {
    sandbox::Settings {
        rate_limit: 0,
        ..sandbox::Settings::default()
    }
}

/// The `n`-th event of a call: established, held and retrieved, ended.
fn call(key: u64, n: u64) -> Event {
    let time = Time::from_millis(1_700_000_000_000 + i64::try_from(n).unwrap());
    let event_id = id(key * 1_000_000 + n);
    let mut json = json!({"eventId": event_id, "conversationId": id(key), "eventDateTime": time,
        "communicationId": id(key + 500_000)});
    let (array, more) = match n {
        1 => (
            "externalEstablishedEvents",
            json!({"initialConfiguration": {},
            "sourceConfiguration": {"sourceId": "cic", "interactionId": key.to_string()}}),
        ),
        6 => ("communicationEndedEvents", json!({"disconnectType": "Peer"})),
        n => ("holdUpdatedEvents", json!({"held": n.is_multiple_of(2)})),
    };
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Event {
        lane: Lane::Conversations,
        key: Key(id(key)),
        makes: (n == 1).then(|| id(key + 500_000)),
        needs: if n == 1 {
            [].into()
        } else {
            [id(key + 500_000)].into()
        },
        array,
        id: event_id,
        time,
        json: json.to_string().into(),
    }
}

fn calls(keys: std::ops::Range<u64>) -> Vec<Event> {
    (1..=6)
        .flat_map(|n| keys.clone().map(move |key| call(key, n)))
        .collect()
}

#[tokio::test]
async fn calls_arrive_whole_and_in_order_through_every_fault() {
    let mut site = Site::start(unlimited()).await;
    let faults = [
        json!({"kind": "status", "status": 503}),
        json!({"kind": "status", "status": 500, "applied": true}),
        json!({"kind": "status", "status": 502, "html": true}),
        json!({"kind": "status", "status": 429, "retryAfter": 1}),
        json!({"kind": "status", "status": 400}),
        json!({"kind": "partial", "retryable": true, "fraction": 0.5}),
        json!({"kind": "reset", "applied": true}),
        json!({"kind": "reset"}),
        json!({"kind": "halfAnswer"}),
        json!({"kind": "tokenExpired"}),
        json!({"kind": "tokenRevoked"}),
        json!({"kind": "forbidden"}),
    ];
    let mut key = 1;
    for effect in faults {
        // The first request has many events, so that one 400 finds no culprit.
        site.faults(json!([{"endpoint": "conversations", "requests": 2, "effect": effect}]));
        site.submit(calls(key..key + 20));
        key += 20;
        site.wait(usize::try_from((key - 1) * 6).unwrap()).await;
    }
    assert!(site.ends.refusals().is_empty(), "{:?}", site.ends.refusals());
    let summary = site.sandbox.summary();
    assert_eq!(summary.accepted_total, (key - 1) * 6);
    for key in [1, 50, 200] {
        let timeline = site.sandbox.timeline(&id(key).to_string()).unwrap();
        let ids: Vec<_> = timeline
            .iter()
            .map(|line| line["event"]["eventId"].clone())
            .collect();
        let want: Vec<_> = (1..=6).map(|n| json!(id(key * 1_000_000 + n))).collect();
        assert_eq!(ids, want, "{timeline:?}");
    }
}

#[tokio::test]
async fn what_the_sandbox_refuses_takes_with_it_what_depends_on_it() {
    let mut site = Site::start(unlimited()).await;
    site.faults(json!([{"endpoint": "conversations",
        "effect": {"kind": "partial", "retryable": false, "ids": [id(3_000_001)]}}]));
    site.submit(calls(1..6));
    site.wait(30).await;
    let refusals = site.ends.refusals();
    assert_eq!(refusals.len(), 6);
    assert!(
        refusals[1..]
            .iter()
            .all(|one| one.depends_on == Some(id(3_000_001)) && one.attempts == 0)
    );
    assert_eq!(site.sandbox.summary().accepted_total, 24);
}

#[tokio::test]
async fn a_small_budget_of_short_windows_is_kept() {
    let mut site = Site::start(sandbox::Settings {
        rate_limit: 4,
        rate_window: Duration::from_secs(2),
        ..sandbox::Settings::default()
    })
    .await;
    site.submit(calls(1..60));
    site.wait(59 * 6).await;
    assert!(site.ends.refusals().is_empty());
    assert_eq!(site.sandbox.summary().accepted_total, 59 * 6);
}

#[tokio::test]
async fn out_of_office_reaches_its_user() {
    let mut site = Site::start(unlimited()).await;
    let event_id = id(1);
    let json = json!({"userId": id(7), "eventId": event_id, "eventDateTime": Time::default(), "active": true,
        "indefinite": true});
    site.submit([Event {
        lane: Lane::OutOfOffice,
        key: Key(id(7)),
        makes: None,
        needs: [].into(),
        array: "outOfOffice",
        id: event_id,
        time: Time::default(),
        json: json.to_string().into(),
    }]);
    site.wait(1).await;
    assert!(site.ends.refusals().is_empty(), "{:?}", site.ends.refusals());
}
