//! The sandbox from outside: a server on a free loopback port and an ordinary client.

mod faults;
mod injecting;
mod looking_up;

use super::*;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const CONVERSATIONS: &str = "/api/v2/events/conversations";

/// A running sandbox; it stops when this is dropped.
struct Running {
    handle: Handle,
    address: SocketAddr,
    client: Client,
    token: String,
    _stop: DropGuard,
}

impl Running {
    async fn start(settings: Settings) -> Self {
        let handle = Handle::open(settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, handle.clone(), stop.clone()));
        let client = Client::builder().no_proxy().build().unwrap();
        let mut running = Self {
            handle,
            address,
            client,
            token: String::new(),
            _stop: stop.drop_guard(),
        };
        running.token = running.new_token().await;
        running
    }

    async fn default() -> Self {
        Self::start(Settings::default()).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn ask_token(&self, id: &str, secret: &str) -> RequestBuilder {
        let form = [("grant_type", "client_credentials")];
        self.client
            .post(self.url("/oauth/token"))
            .basic_auth(id, Some(secret))
            .form(&form)
    }

    async fn new_token(&self) -> String {
        let answer = self.ask_token("client", "secret").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        json_of(answer).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Response {
        self.client
            .get(self.url(path))
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .bearer_auth(&self.token)
            .json(body)
    }

    /// Posts events, which are accepted or listed in `errors`.
    async fn inject(&self, body: Value) -> Vec<Value> {
        let answer = self.post(CONVERSATIONS, &body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        json_of(answer).await["errors"].as_array().unwrap().clone()
    }

    async fn status(&self, body: Value) -> u16 {
        self.post(CONVERSATIONS, &body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    async fn set_faults(&self, faults: Value) {
        let answer = self
            .client
            .put(self.url("/admin/faults"))
            .json(&faults)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

fn id(kind: u8, n: u32) -> String {
    format!("{kind:02}000000-0000-4000-8000-{n:012}")
}

/// An event of conversation `call` about its one communication; the second of its time is its number.
fn event(call: u32, n: u32, more: Value) -> Value {
    let mut event = json!({"eventId": id(9, call * 1000 + n), "conversationId": id(1, call),
        "communicationId": id(2, call), "eventDateTime": format!("2026-03-01T10:00:{n:02}.000Z")});
    event
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    event
}

fn established(call: u32, n: u32) -> Value {
    let source = json!({"sourceId": "cic", "interactionId": call.to_string()});
    event(
        call,
        n,
        json!({"initialConfiguration": {}, "sourceConfiguration": source}),
    )
}

fn ended(call: u32, n: u32) -> Value {
    event(call, n, json!({"disconnectType": "Self"}))
}

/// A request that establishes these conversations.
fn calls(calls: impl IntoIterator<Item = u32>) -> Value {
    json!({"externalEstablishedEvents": calls.into_iter().map(|call| established(call, 1)).collect::<Vec<_>>()})
}
