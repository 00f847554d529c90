//! Keeping names true: the task on a paused clock with an organization in memory, then against the sandbox.

mod sandbox;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::organization::{Ask, Entry};
use super::*;
use crate::event::{Id, System};
use crate::genesys::{Answer, Reply, Scope};
use crate::health::{Board, Item, State};
use crate::names::{Directory, Kind};

/// An organization in memory that keeps count of what it is asked.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entries: BTreeMap<Kind, Vec<Entry>>,
    /// How a kind fails.
    fails: BTreeMap<Kind, Reply>,
    asked: Vec<(Instant, String)>,
}

impl Fake {
    fn add(&self, kind: Kind, name: &str) -> Id {
        self.add_as(kind, name, Id::over(&[kind.as_str(), name]))
    }

    fn add_as(&self, kind: Kind, name: &str, id: Id) -> Id {
        let (name, system) = (name.to_owned(), Some(System::Busy));
        let mut inner = self.0.lock().unwrap();
        inner
            .entries
            .entry(kind)
            .or_default()
            .push(Entry { name, system, id });
        id
    }

    fn remove(&self, kind: Kind, name: &str) {
        let mut inner = self.0.lock().unwrap();
        inner
            .entries
            .entry(kind)
            .or_default()
            .retain(|entry| entry.name != name);
    }

    fn fail(&self, kind: Kind, reply: Reply) {
        self.0.lock().unwrap().fails.insert(kind, reply);
    }

    fn mend(&self) {
        self.0.lock().unwrap().fails.clear();
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut self.0.lock().unwrap().asked);
        asked.into_iter().map(|(_, what)| what).collect()
    }

    fn answer(&self, kind: Kind, what: String) -> Result<Vec<Entry>, Box<Reply>> {
        let mut inner = self.0.lock().unwrap();
        inner.asked.push((Instant::now(), what));
        match inner.fails.get(&kind) {
            Some(reply) => Err(Box::new(reply.clone())),
            None => Ok(inner.entries.get(&kind).cloned().unwrap_or_default()),
        }
    }
}

impl Ask for Fake {
    async fn list(&self, kind: Kind) -> Result<Vec<Entry>, Box<Reply>> {
        self.answer(kind, format!("list {}", kind.as_str()))
    }

    async fn find(&self, kind: Kind, names: &[Box<str>]) -> Result<Vec<Entry>, Box<Reply>> {
        let wanted: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
        let mut found = self.answer(kind, format!("find {} {}", kind.as_str(), names.join(" ")))?;
        found.retain(|entry| wanted.contains(&entry.name.to_lowercase()));
        Ok(found)
    }
}

fn reply(answer: Answer, status: u16, message: &str) -> Reply {
    let mut reply = Reply::lost(message);
    (reply.answer, reply.status) = (answer, Some(status));
    reply
}

fn by_email() -> Settings {
    let domain = "example.com".into();
    Settings {
        lists: vec![Kind::Queues, Kind::Stations],
        ..Settings::new(Users::Email { domain })
    }
}

fn start(settings: Settings, fake: &Fake, file: &str) -> (Names, Board) {
    let board = Board::default();
    let file = Directory::from_json(file).unwrap();
    let names = Names::start_with(settings, fake.clone(), Some(file), board.clone());
    (names, board)
}

/// Lets time pass in small steps, so that the task does each thing when it is due.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        advance(Duration::from_millis(50)).await;
        tokio::task::yield_now().await;
    }
}

/// What stands on the board.
fn said(board: &Board) -> (State, String) {
    let item = board.read().items.swap_remove(Item::Directory as usize);
    (item.state, item.detail)
}

/// That `board` shows `state` and these words.
#[track_caller]
fn shows(board: &Board, state: State, words: &str) {
    let said = said(board);
    assert!(
        said.0 == state && said.1.contains(words),
        "{words} is not in {said:?}"
    );
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn find(names: &Names, kind: Kind, name: &str) -> Option<Id> {
    names.current().find(kind, name)
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_at_the_start_and_every_refresh() {
    let fake = Fake::default();
    let sales = fake.add(Kind::Queues, "Sales");
    let (names, _) = start(by_email(), &fake, "{}");
    assert_eq!(find(&names, Kind::Queues, "sales"), None);
    pass(seconds(1)).await;
    assert_eq!(find(&names, Kind::Queues, "SALES"), Some(sales));
    assert_eq!(fake.asked(), ["list queues", "list stations"]);
    pass(seconds(898)).await;
    assert_eq!(fake.asked(), [""; 0]);
    fake.remove(Kind::Queues, "Sales");
    let support = fake.add(Kind::Queues, "Support");
    pass(seconds(2)).await;
    assert_eq!(fake.asked(), ["list queues", "list stations"]);
    assert_eq!(find(&names, Kind::Queues, "sales"), None, "it is gone");
    assert_eq!(find(&names, Kind::Queues, "support"), Some(support));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_changes_nothing_is_said_and_tried_again() {
    let fake = Fake::default();
    fake.fail(Kind::Queues, reply(Answer::RetryLater, 503, "status 503"));
    let (names, board) = start(by_email(), &fake, "{}");
    pass(seconds(1)).await;
    shows(&board, State::Error, "queues never read: status 503");
    assert_eq!(fake.asked(), ["list queues", "list stations"], "the rest is read");
    let sales = fake.add(Kind::Queues, "Sales");
    fake.mend();
    pass(seconds(3)).await;
    assert_eq!(find(&names, Kind::Queues, "sales"), Some(sales));
    shows(&board, State::Ok, "0 users, 1 queues");

    fake.asked();
    fake.fail(Kind::Queues, reply(Answer::RetryLater, 503, "status 503"));
    pass(seconds(3600)).await;
    assert_eq!(
        find(&names, Kind::Queues, "sales"),
        Some(sales),
        "half an answer is none"
    );
    shows(&board, State::Warning, "queues not read again");
    let tries = fake.asked().len();
    assert!((10..40).contains(&tries), "backoff: {tries} in 45 minutes");
}

#[tokio::test(start_paused = true)]
async fn stations_that_may_not_be_seen_are_done_without() {
    let fake = Fake::default();
    fake.fail(Kind::Stations, reply(Answer::Stop, 403, "missing telephony"));
    let (names, board) = start(by_email(), &fake, "{}");
    pass(seconds(60)).await;
    shows(&board, State::Ok, "; without stations (missing telephony)");
    assert_eq!(fake.asked(), ["list queues", "list stations"]);
    names.ask(Kind::Stations, "desk");
    pass(seconds(600)).await;
    let asked = fake.asked().len();
    assert!((2..10).contains(&asked), "{asked} looks in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_unknown_users_is_one_look_and_asking_again_is_none() {
    let fake = Fake::default();
    let (names, _) = start(by_email(), &fake, "{}");
    pass(seconds(1)).await;
    fake.asked();
    let ids: Vec<_> = ["ann", "bob"].map(|name| fake.add(Kind::Users, name)).into();
    for _ in 0..50 {
        names.ask(Kind::Users, "Ann");
        names.ask(Kind::Users, "bob");
        names.ask(Kind::Users, "BOB");
        names.ask(Kind::Users, "");
    }
    pass(seconds(1)).await;
    assert_eq!(fake.asked(), ["find users Ann bob"]);
    let found = ["ann", "bob"].map(|name| find(&names, Kind::Users, name).unwrap());
    assert_eq!(found[..], ids);
    names.ask(Kind::Users, "ann");
    pass(seconds(800)).await;
    assert_eq!(fake.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_name_added_later_resolves_and_until_then_stands_on_the_board() {
    let fake = Fake::default();
    let (names, board) = start(by_email(), &fake, "{}");
    names.ask(Kind::Users, "new");
    assert!(!names.denied(Kind::Users, "new"), "nobody has looked yet");
    pass(seconds(2)).await;
    assert!(names.denied(Kind::Users, "NEW"));
    shows(&board, State::Warning, "users without an id: new");
    let id = fake.add(Kind::Users, "new");
    pass(seconds(20)).await;
    assert_eq!(find(&names, Kind::Users, "new"), Some(id));
    assert!(!names.denied(Kind::Users, "new"));
    shows(&board, State::Ok, "1 users, 0 queues");
}

#[tokio::test(start_paused = true)]
async fn names_that_never_resolve_are_asked_for_ever_more_rarely() {
    let fake = Fake::default();
    let (names, board) = start(by_email(), &fake, "{}");
    pass(seconds(1)).await;
    fake.asked();
    for n in 0..30 {
        names.ask(Kind::Queues, &format!("nothing {n}"));
    }
    pass(seconds(10)).await;
    assert_eq!(fake.asked().len(), 30, "each by its name, once");
    pass(seconds(3600)).await;
    let asked = fake.asked();
    assert!(asked.iter().all(|what| what.starts_with("list ")), "{asked:?}");
    assert!(asked.len() < 25, "{} looks in an hour", asked.len());
    shows(&board, State::Warning, " and 10 more");
}

#[tokio::test(start_paused = true)]
async fn a_name_by_itself_outlives_a_list_that_does_not_show_it_until_it_is_gone() {
    let fake = Fake::default();
    let (names, _) = start(by_email(), &fake, "{}");
    pass(seconds(1)).await;
    let id = fake.add(Kind::Skills, "Deutsch");
    names.ask(Kind::Skills, "Deutsch");
    pass(seconds(1000)).await;
    assert_eq!(find(&names, Kind::Skills, "deutsch"), Some(id));
    fake.remove(Kind::Skills, "Deutsch");
    pass(seconds(1000)).await;
    assert_eq!(find(&names, Kind::Skills, "deutsch"), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_file_says_goes_first_and_stays() {
    let fake = Fake::default();
    fake.add(Kind::Queues, "Sales");
    fake.add_as(Kind::PresenceDefinitions, "Coaching", Id::over(&["theirs"]));
    let mine = "00000000-0000-4000-8000-000000000001";
    let file = format!(r#"{{"queues":{{"SALES":"{mine}"}}}}"#);
    let settings = Settings {
        lists: vec![Kind::Queues, Kind::PresenceDefinitions],
        ..by_email()
    };
    let (names, _) = start(settings, &fake, &file);
    for _ in 0..3 {
        assert_eq!(find(&names, Kind::Queues, "sales"), Id::parse(mine));
        pass(seconds(901)).await;
    }
    let coaching = names.current().secondary("COACHING", System::Busy);
    assert_eq!(coaching, Some(Id::over(&["theirs"])));
    assert_eq!(names.current().secondary("coaching", System::Away), None);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_is_waited_for() {
    let fake = Fake::default();
    let limited = Answer::RateLimited {
        retry_after: Some(seconds(120)),
        scope: Scope::Token,
    };
    fake.fail(Kind::Users, reply(limited, 429, "status 429"));
    let (names, board) = start(by_email(), &fake, "{}");
    pass(seconds(1)).await;
    fake.asked();
    names.ask(Kind::Users, "ann");
    pass(seconds(119)).await;
    assert_eq!(fake.asked(), ["find users ann"]);
    assert!(!names.denied(Kind::Users, "ann"), "a refusal is no answer");
    shows(&board, State::Warning, "users not looked for: status 429");
    let id = fake.add(Kind::Users, "ann");
    fake.mend();
    pass(seconds(5)).await;
    assert_eq!(find(&names, Kind::Users, "ann"), Some(id));
}

#[tokio::test(start_paused = true)]
async fn of_two_users_with_one_name_none_counts() {
    let fake = Fake::default();
    for n in ["1", "2"] {
        fake.add_as(Kind::Users, "ann", Id::over(&[n]));
    }
    let bob = fake.add(Kind::Users, "bob");
    let (names, board) = start(
        Settings {
            lists: Vec::new(),
            ..Settings::new(Users::BeforeAt)
        },
        &fake,
        "{}",
    );
    pass(seconds(1)).await;
    assert_eq!(fake.asked(), ["list users"]);
    assert_eq!(find(&names, Kind::Users, "bob"), Some(bob));
    assert_eq!(find(&names, Kind::Users, "ann"), None);
    names.ask(Kind::Users, "ann");
    names.ask(Kind::Users, "carl");
    pass(seconds(5)).await;
    assert_eq!(fake.asked(), [""; 0], "the list is fresh");
    pass(seconds(10)).await;
    assert_eq!(fake.asked(), ["list users"]);
    shows(
        &board,
        State::Warning,
        "users without an id: ann (fits 2 users), carl",
    );
    let carl = fake.add(Kind::Users, "carl");
    pass(seconds(20)).await;
    assert_eq!(find(&names, Kind::Users, "carl"), Some(carl));
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_when_nobody_holds_the_names() {
    let fake = Fake::default();
    let (names, _) = start(by_email(), &fake, "{}");
    pass(seconds(1)).await;
    fake.asked();
    drop(names);
    pass(seconds(2000)).await;
    assert_eq!(fake.asked(), [""; 0]);
}

#[test]
fn fixed_names_grow_by_nothing() {
    let names = Names::fixed(Directory::everything());
    names.ask(Kind::PresenceDefinitions, "x");
    assert!(find(&names, Kind::Users, "anybody").is_some());
    assert!(names.denied(Kind::PresenceDefinitions, "x"));
}

#[tokio::test(start_paused = true)]
async fn names_of_people_stand_in_no_log() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || Shared(writer.clone()));
    let _guard = crate::health::heard::hear(subscriber.finish());
    let fake = Fake::default();
    let (names, board) = start(by_email(), &fake, "{}");
    names.ask(Kind::Users, "jsmith");
    pass(seconds(2)).await;
    shows(&board, State::Warning, "jsmith");
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("names have no id") && !log.contains("jsmith"),
        "{log}"
    );
}

/// A log in memory.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_and_what_is_not_is_counted_by_kind() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fake = Fake::default();
    fake.add(Kind::Queues, "Sales");
    fake.fail(Kind::Stations, reply(Answer::RetryLater, 503, "status 503"));
    let (names, _) = start(by_email(), &fake, "{}");
    names.ask(Kind::Users, "ann");
    names.ask(Kind::Users, "bob");
    pass(seconds(1)).await;
    let text = recorder.handle().render();
    for line in [
        r#"cic_conduit_directory_names{kind="queues"} 1"#,
        r#"cic_conduit_directory_unresolved_names{kind="users"} 2"#,
        r#"cic_conduit_directory_unresolved_names{kind="queues"} 0"#,
        r#"cic_conduit_directory_refreshes_total{result="done"} 1"#,
        r#"cic_conduit_directory_refreshes_total{result="failed"} 1"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in:\n{text}");
    }
}
