//! The client against a real HTTP server on the loopback, which answers by a script.

mod way;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use secrecy::SecretString;

use super::*;
use crate::event::{Id, Lane};
use crate::genesys::lookup::List;

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    line: String,
    authorization: String,
    body: String,
}

type Script = VecDeque<(u16, &'static [(&'static str, &'static str)], String)>;

/// Answers token requests with `token-1`, `token-2`, …, everything else by its script, at last with `{}`.
#[derive(Default)]
struct Inner {
    seen: Vec<Seen>,
    tokens: u32,
    lifetime: u64,
    token_answer: Option<(u16, &'static str)>,
    script: Script,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Inner>>);

impl Fake {
    async fn start(self) -> Settings {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(self);
        tokio::spawn(async { axum::serve(listener, app).await });
        Settings::new(url.clone(), url, "me", SecretString::from("s3cret"))
    }

    fn then(&self, status: u16, headers: &'static [(&'static str, &'static str)], body: &str) -> &Self {
        self.0
            .lock()
            .unwrap()
            .script
            .push_back((status, headers, body.to_owned()));
        self
    }

    fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().seen.clone()
    }

    fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn answer(State(fake): State<Fake>, headers: HeaderMap, request: HttpRequest) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let body = axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap();
    let mut inner = fake.0.lock().unwrap();
    let token = line.contains("/oauth/token");
    inner.seen.push(Seen {
        line,
        authorization: headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let (status, headers, body) = if token {
        inner.tokens += 1;
        let granted = format!(
            r#"{{"access_token":"token-{}","expires_in":{}}}"#,
            inner.tokens,
            inner.lifetime.max(1)
        );
        inner
            .token_answer
            .map_or((200, &[][..], granted), |(status, body)| {
                (status, &[][..], body.to_owned())
            })
    } else {
        inner.script.pop_front().unwrap_or((200, &[], "{}".to_owned()))
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

fn fake(lifetime: u64) -> Fake {
    let fake = Fake::default();
    fake.0.lock().unwrap().lifetime = lifetime;
    fake
}

fn presence(body: &'static str) -> Request {
    Request {
        lane: Lane::Presence,
        body: Bytes::from_static(body.as_bytes()),
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_with_basic_and_a_form() {
    let fake = fake(3600);
    let client = Client::new(&fake.clone().start().await).unwrap();
    let asks: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let client = client.clone();
                async move { client.inject(presence("{\"a\":1}")).await }
            })
        })
        .collect();
    for ask in asks {
        assert_eq!(ask.await.unwrap().answer, Answer::Accepted { errors: Vec::new() });
    }
    let seen = fake.seen();
    assert_eq!(seen.len(), 9, "one token for eight requests at once");
    assert_eq!(seen[0].line, "POST /oauth/token");
    assert_eq!(seen[0].authorization, "Basic bWU6czNjcmV0");
    assert_eq!(seen[0].body, "grant_type=client_credentials");
    assert!(seen[1..].iter().all(|seen| {
        seen.line == "POST /api/v2/events/users/presence"
            && seen.authorization == "Bearer token-1"
            && seen.body == "{\"a\":1}"
    }));
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_the_request() {
    let fake = fake(0);
    fake.0.lock().unwrap().lifetime = 1;
    let client = Client::new(&fake.clone().start().await).unwrap();
    client.inject(presence("{}")).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(950)).await;
    tokio::time::resume();
    client.inject(presence("{}")).await;
    assert_eq!(fake.seen().last().unwrap().authorization, "Bearer token-2");
}

#[tokio::test]
async fn a_401_renews_the_token_once() {
    let fake = fake(3600);
    fake.then(401, &[], "{}");
    let client = Client::new(&fake.clone().start().await).unwrap();
    let reply = client.inject(presence("{}")).await;
    assert_eq!(reply.answer, Answer::Accepted { errors: Vec::new() });
    assert_eq!(reply.attempts, 2);
    assert_eq!(fake.seen().last().unwrap().authorization, "Bearer token-2");

    fake.then(401, &[], "{}")
        .then(401, &[], r#"{"code":"bad.credentials"}"#);
    let reply = client.inject(presence("{}")).await;
    assert_eq!(reply.answer, Answer::Unauthorized);
    assert_eq!(reply.message, "status 401: bad.credentials");
    assert_eq!(fake.0.lock().unwrap().tokens, 3);
}

#[tokio::test]
async fn refused_credentials_say_so_and_show_no_secret() {
    let fake = fake(3600);
    fake.0.lock().unwrap().token_answer = Some((
        400,
        r#"{"error":"invalid_client","description":"client not found"}"#,
    ));
    let settings = fake.clone().start().await;
    let client = Client::new(&settings).unwrap();
    let reply = client.inject(presence("{}")).await;
    assert_eq!(reply.answer, Answer::Unauthorized);
    assert_eq!(reply.message, "no access token: status 400: invalid_client");
    assert!(!format!("{settings:?} {client:?} {reply:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_failing_token_endpoint_is_not_refused_credentials() {
    for (status, body, want) in [
        (503, "{}", Answer::RetryLater),
        (200, "<html>", Answer::RetryLater),
        (200, "{}", Answer::RetryLater),
        (
            429,
            "{}",
            Answer::RateLimited {
                retry_after: None,
                scope: Scope::Token,
            },
        ),
    ] {
        let fake = fake(3600);
        fake.0.lock().unwrap().token_answer = Some((status, body));
        let client = Client::new(&fake.clone().start().await).unwrap();
        assert_eq!(
            client.inject(presence("{}")).await.answer,
            want,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn a_429_carries_its_wait_and_its_budget() {
    let fake = fake(3600);
    fake.then(
        429,
        &[
            ("retry-after", "7"),
            ("inin-ratelimit-count", "300"),
            ("inin-ratelimit-allowed", "300"),
            ("inin-ratelimit-reset", "7"),
            ("inin-correlation-id", "c-1"),
        ],
        r#"{"limit":{"key":"presence.inject.rate"}}"#,
    );
    let client = Client::new(&fake.clone().start().await).unwrap();
    let reply = client.inject(presence("{}")).await;
    let wait = Duration::from_secs(7);
    assert_eq!(
        reply.answer,
        Answer::RateLimited {
            retry_after: Some(wait),
            scope: Scope::Endpoint
        }
    );
    assert_eq!(
        reply.limits,
        Some(Limits {
            count: 300,
            allowed: 300,
            reset: wait
        })
    );
    assert_eq!(reply.correlation_id.as_deref(), Some("c-1"));
}

#[tokio::test]
async fn html_with_status_200_and_a_redirect_are_not_accepted() {
    let fake = fake(3600);
    fake.then(200, &[("content-type", "text/html")], "<html>welcome</html>");
    fake.then(302, &[("location", "/elsewhere")], "");
    let client = Client::new(&fake.clone().start().await).unwrap();
    assert_eq!(client.inject(presence("{}")).await.answer, Answer::RetryLater);
    assert_eq!(client.inject(presence("{}")).await.answer, Answer::Stop);
}

#[tokio::test]
async fn a_connection_that_closes_unanswered_is_an_unknown_outcome() {
    let fake = fake(3600);
    let mut settings = fake.start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.api_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let reply = Client::new(&settings).unwrap().inject(presence("{}")).await;
    assert_eq!((reply.answer, reply.status), (Answer::RetryLater, None));
}

#[tokio::test]
async fn out_of_office_goes_to_its_user_without_our_fields() {
    let fake = fake(3600);
    let client = Client::new(&fake.clone().start().await).unwrap();
    let user = Id::over(&["user"]);
    let body = format!(r#"{{"userId":"{user}","eventId":"{user}","eventDateTime":"x","active":true}}"#);
    client
        .inject(Request {
            lane: Lane::OutOfOffice,
            body: body.clone().into(),
        })
        .await;
    let last = fake.seen().pop().unwrap();
    assert_eq!(last.line, format!("PUT /api/v2/users/{user}/outofoffice"));
    assert_eq!(last.body, r#"{"active":true}"#);

    fake.then(404, &[], r#"{"code":"not.found"}"#)
        .then(404, &[], "<html>");
    let ask = || {
        client.inject(Request {
            lane: Lane::OutOfOffice,
            body: body.clone().into(),
        })
    };
    assert_eq!(ask().await.answer, Answer::Bad, "the user is gone");
    assert_eq!(ask().await.answer, Answer::Stop, "the address is wrong");
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let fake = fake(3600);
    fake.then(
        200,
        &[],
        r#"{"entities":[{"id":"1","name":"Sales"}],"pageCount":2}"#,
    );
    fake.then(
        200,
        &[],
        r#"{"entities":[{"id":"2","name":"Support"}],"pageCount":2}"#,
    );
    let lookup = Lookup::new(Client::new(&fake.clone().start().await).unwrap(), Arc::new(Free));
    let names: Vec<_> = lookup
        .all(List::Queues)
        .await
        .unwrap()
        .into_iter()
        .map(|queue| queue.name)
        .collect();
    assert_eq!(names, ["Sales", "Support"]);
    assert_eq!(
        fake.lines()[1..],
        [
            "GET /api/v2/routing/queues?pageSize=100&pageNumber=1",
            "GET /api/v2/routing/queues?pageSize=100&pageNumber=2"
        ]
    );
    fake.then(200, &[], r#"{"entities":[{"id":"1"}],"pageCount":2}"#)
        .then(503, &[], "{}");
    assert_eq!(
        lookup.all(List::Skills).await.unwrap_err().answer,
        Answer::RetryLater,
        "half a list is none"
    );
}

#[tokio::test]
async fn users_are_found_by_email_and_by_external_id() {
    let fake = fake(3600);
    fake.then(
        200,
        &[],
        r#"{"results":[{"id":"1","name":"J","email":"j@x.org"}],"total":1}"#,
    );
    fake.then(200, &[], r#"{"id":"1"}"#);
    fake.then(404, &[], r#"{"code":"not.found"}"#)
        .then(404, &[], "<html>");
    let lookup = Lookup::new(Client::new(&fake.clone().start().await).unwrap(), Arc::new(Free));
    assert_eq!(
        lookup.users_by_email(&["j@x.org".into()]).await.unwrap()[0].id,
        "1"
    );
    assert!(
        fake.seen()
            .pop()
            .unwrap()
            .body
            .contains(r#""values":["j@x.org"]"#)
    );
    assert!(
        lookup
            .user_by_external_id("cic", "a/b ä")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        fake.lines().pop().unwrap(),
        "GET /api/v2/users/externalid/cic/a%2Fb%20%C3%A4"
    );
    assert_eq!(lookup.user_by_external_id("cic", "x").await.unwrap(), None);
    assert_eq!(
        lookup.user_by_external_id("cic", "x").await.unwrap_err().answer,
        Answer::Stop
    );
}

#[test]
fn settings_that_cannot_work_are_refused_with_what_to_do() {
    let good = Settings::new(
        "https://api.example.com",
        "https://login.example.com",
        "me",
        SecretString::from("s"),
    );
    let message = |change: fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        Client::new(&settings).unwrap_err().to_string()
    };
    assert_eq!(
        message(|settings| settings.api_url = "mypurecloud.de".into()),
        "[genesys] api_url \"mypurecloud.de\" is no URL of http or https; write it like https://api.mypurecloud.de"
    );
    let proxy = message(|settings| settings.proxy = Some("http://u:secret@[bad".into()));
    assert!(
        proxy.starts_with("[genesys] proxy \"http://[bad\" is no proxy") && !proxy.contains("secret"),
        "{proxy}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut settings = good.clone();
    settings.ca_file = Some(file.path().to_owned());
    assert!(
        Client::new(&settings)
            .unwrap_err()
            .to_string()
            .contains("holds no certificate")
    );
    settings.ca_file = Some("/nowhere/ca.pem".into());
    assert!(
        Client::new(&settings)
            .unwrap_err()
            .to_string()
            .starts_with("cannot read [genesys] ca_file /nowhere/ca.pem")
    );
}
