//! Against the sandbox, over HTTP.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use secrecy::SecretString;

use super::*;
use crate::genesys::{self, Client, Free, Gate, Lookup};
use crate::sandbox::{self, Effect, Endpoint, Fault, Handle};

/// A running sandbox, and how to ask it.
struct Running {
    handle: Handle,
    lookup: Lookup,
    url: String,
    _stop: DropGuard,
}

async fn running(directory: sandbox::Directory) -> Running {
    running_behind(directory, Arc::new(Free)).await
}

async fn running_behind(directory: sandbox::Directory, gate: Arc<dyn Gate>) -> Running {
    let settings = sandbox::Settings {
        directory,
        rate_limit: 0,
        ..sandbox::Settings::default()
    };
    let handle = Handle::open(settings).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(sandbox::serve(listener, handle.clone(), stop.clone()));
    let client = Client::new(&genesys::Settings::new(
        url.clone(),
        url.clone(),
        "me",
        SecretString::from("s"),
    ));
    Running {
        handle,
        lookup: Lookup::new(client.unwrap(), gate),
        url,
        _stop: stop.drop_guard(),
    }
}

impl Running {
    fn names(&self, users: Users, refresh: Duration) -> (Names, Board) {
        let settings = Settings {
            refresh,
            ..Settings::new(users)
        };
        let board = Board::default();
        let names = Names::start(settings, self.lookup.clone(), None, board.clone());
        (names, board)
    }

    async fn add(&self, names: &str) {
        let put = reqwest::Client::builder().no_proxy().build().unwrap();
        let put = put
            .put(format!("{}/admin/directory", self.url))
            .body(names.to_owned());
        assert_eq!(put.send().await.unwrap().status(), 204);
    }
}

/// Waits until the names are so; a minute is what only a failure takes.
async fn until(names: &Names, is: impl Fn(&Directory) -> bool) -> Arc<Directory> {
    let mut changed = names.changed();
    let wait = changed.wait_for(|directory| is(directory));
    let directory = tokio::time::timeout(seconds(60), wait).await;
    directory
        .expect("the names come within a minute")
        .unwrap()
        .clone()
}

/// Waits until it is so.
async fn so(is: impl Fn() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(seconds(60), wait)
        .await
        .expect("it is so within a minute");
}

fn many(kind: &str, count: u32) -> String {
    let entry = |n| format!(r#""Name {n}":"00000000-0000-4000-8000-{n:012}""#);
    let entries: Vec<_> = (0..count).map(entry).collect();
    format!(r#"{{"{kind}":{{{}}}}}"#, entries.join(","))
}

#[tokio::test]
async fn lists_of_several_pages_are_read_whole() {
    let sandbox = running(sandbox::Directory::from_json(&many("wrapUpCodes", 250)).unwrap()).await;
    sandbox.add(&many("presenceDefinitions", 3)).await;
    let (names, _) = sandbox.names(Users::BeforeAt, seconds(900));
    let known = until(&names, |known| {
        known.count(Kind::WrapUpCodes) == 250 && known.count(Kind::PresenceDefinitions) == 3
    });
    let known = known.await;
    assert!(known.find(Kind::WrapUpCodes, "name 249").is_some());
    assert!(known.secondary("name 2", System::Busy).is_some());
    assert_eq!(
        known.secondary("Available", System::Available),
        None,
        "the system's own"
    );
}

#[tokio::test]
async fn a_user_created_while_the_agent_runs_resolves_without_a_restart() {
    for users in [
        Users::Email {
            domain: "example.com".into(),
        },
        Users::ExternalId {
            authority: "cic".into(),
        },
        Users::BeforeAt,
    ] {
        let sandbox = running(sandbox::Directory::from_json("{}").unwrap()).await;
        let (names, board) = sandbox.names(users.clone(), Duration::from_millis(100));
        names.ask(Kind::Users, "JSmith");
        so(|| names.denied(Kind::Users, "jsmith")).await;
        shows(&board, State::Warning, "users without an id: jsmith");
        sandbox
            .add(r#"{"users":{"jsmith":"00000000-0000-4000-8000-00000000000a"}}"#)
            .await;
        let known = until(&names, |known| known.find(Kind::Users, "jsmith").is_some()).await;
        let id = known.find(Kind::Users, "jsmith").unwrap().to_string();
        assert_eq!(id, "00000000-0000-4000-8000-00000000000a", "{users:?}");
    }
}

#[tokio::test]
async fn names_that_no_list_shows_are_found_by_asking_and_kept() {
    let sandbox = running(sandbox::Directory::any()).await;
    let users = Users::Email {
        domain: "example.com".into(),
    };
    let (names, _) = sandbox.names(users, Duration::from_millis(50));
    let kinds = [
        Kind::Users,
        Kind::Queues,
        Kind::WrapUpCodes,
        Kind::Skills,
        Kind::Languages,
        Kind::Stations,
    ];
    kinds.into_iter().for_each(|kind| names.ask(kind, "Über & Co"));
    let all = |known: &Directory| kinds.iter().all(|kind| known.find(*kind, "über & co").is_some());
    until(&names, all).await;
    let requests = || sandbox.handle.summary().requests.values().sum::<u64>();
    let before = requests();
    so(|| {
        assert!(all(&names.current()), "a refresh loses nothing");
        requests() >= before + 30
    })
    .await;
}

#[tokio::test]
async fn two_users_who_share_what_stands_before_the_at_are_none() {
    let file = r#"{"users":{"ann@a.org":"00000000-0000-4000-8000-000000000001",
        "ann@b.org":"00000000-0000-4000-8000-000000000002","bob@b.org":"00000000-0000-4000-8000-000000000003"}}"#;
    let sandbox = running(sandbox::Directory::from_json(file).unwrap()).await;
    let (names, _) = sandbox.names(Users::BeforeAt, seconds(900));
    let known = until(&names, |known| known.count(Kind::Users) > 0).await;
    assert_eq!(known.count(Kind::Users), 1);
    assert!(known.find(Kind::Users, "Bob").is_some());

    let domain = "@b.org".into();
    let (names, _) = sandbox.names(Users::Email { domain }, seconds(900));
    names.ask(Kind::Users, "ann");
    let known = until(&names, |known| known.count(Kind::Users) > 0).await;
    let ann = known.find(Kind::Users, "ann").unwrap().to_string();
    assert_eq!(
        ann, "00000000-0000-4000-8000-000000000002",
        "the address says which"
    );
}

#[tokio::test]
async fn a_429_and_a_missing_permission_are_overcome_when_they_end() {
    let sandbox = running(sandbox::Directory::from_json(&many("queues", 3)).unwrap()).await;
    let limited = Effect::Status {
        status: 429,
        retry_after: Some(0),
        html: false,
        applied: false,
        limit_key: None,
        ids: Vec::new(),
    };
    let fault = |effect| Fault {
        endpoint: None,
        requests: Some(3),
        effect,
    };
    let forbidden = Effect::Forbidden {
        permission: Some("routing:queue:view".into()),
    };
    sandbox.handle.set_faults(vec![fault(limited), fault(forbidden)]);
    let (names, board) = sandbox.names(Users::BeforeAt, Duration::from_millis(100));
    until(&names, |known| known.count(Kind::Queues) == 3).await;
    so(|| said(&board).0 == State::Ok).await;
    assert!(sandbox.handle.summary().statuses[&429] > 0);
}

/// A gate that counts.
#[derive(Default)]
struct Counted {
    entered: AtomicU64,
    left: AtomicU64,
}

impl Gate for Counted {
    fn enter(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn left(&self, _: &genesys::Reply) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn every_page_and_every_look_passes_the_gate() {
    let gate = Arc::new(Counted::default());
    let directory = sandbox::Directory::from_json(&many("queues", 250)).unwrap();
    let sandbox = running_behind(directory, gate.clone()).await;
    let users = Users::Email {
        domain: "example.com".into(),
    };
    let (names, _) = sandbox.names(users, seconds(900));
    names.ask(Kind::Users, "nobody");
    so(|| names.denied(Kind::Users, "nobody") && names.current().count(Kind::Queues) == 250).await;
    let asked = sandbox.handle.summary().requests[&Endpoint::Lookups];
    let (entered, left) = (
        gate.entered.load(Ordering::SeqCst),
        gate.left.load(Ordering::SeqCst),
    );
    // Three pages of queues, four other lists, the presences and a look for the user.
    assert_eq!((asked, entered, left), (9, 9, 9));
}
