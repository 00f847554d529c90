//! A partition's work without I/O: rules 1, 2 and 5 as far as one worker keeps them.

mod leases;
mod replays;
mod restarts;
mod simulation;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::time::{Duration, Instant};

use crate::agent::origin::Origin;
use crate::agent::worker::{Moment, Settings, Stage, Stake, Work, Worker};
use crate::deliver::{End, Item, Outcome, Refusal};
use crate::event::{Id, Lane};
use crate::kafka::{Chunk, Place, Record};
use crate::names::{self, Directory, Kind};
use crate::time::Time;

/// 2026-03-02T08:00:00Z, in ms.
const START: i64 = 1_772_438_400_000;
/// What the reader counts for each record.
const SIZE: usize = 1000;

struct Bench {
    worker: Worker,
    directory: Directory,
    now: Moment,
    next: i64,
    /// Bytes that are out.
    out: usize,
    /// Whether the organization says of every name that it has none.
    denies: bool,
}

impl Bench {
    fn new(directory: Directory) -> Self {
        let settings = Settings {
            conversion: Arc::default(),
            names: names::Settings {
                wait: true,
                ..names::Settings::default()
            },
            default_source: "cic1".into(),
            max_skew: 60_000,
            resolve_timeout: Duration::from_secs(60),
        };
        Self {
            worker: Worker::new(Place::new("cic", 0), 0, Arc::new(settings), Instant::now()),
            directory,
            now: Moment {
                time: Time::from_millis(START),
                instant: Instant::now(),
            },
            next: 0,
            out: 0,
            denies: true,
        }
    }

    /// A record at `second` is read.
    fn read(&mut self, second: i64, value: &str) -> Work {
        let record = Record {
            offset: self.next,
            timestamp: Some(START + second * 1000),
            key: Some(Bytes::from_static(b"cic1")),
            headers: Vec::new(),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            size: SIZE,
        };
        self.read_record(record)
    }

    fn read_record(&mut self, record: Record) -> Work {
        self.next += 1;
        self.out += SIZE;
        let chunk = Chunk {
            place: Place::new("cic", 0),
            epoch: 0,
            records: vec![record],
            size: SIZE,
            backlog: crate::kafka::Backlog::default(),
        };
        let mut work = Work::default();
        self.worker
            .records(chunk, &self.directory, self.now, &mut work, |site| {
                assert_eq!(site, "cic1");
            });
        self.settle(work)
    }

    fn ended(&mut self, ends: Vec<End>) -> Work {
        let mut work = Work::default();
        self.worker.ended(ends, self.now, &mut work);
        self.settle(work)
    }

    fn names(&mut self) -> Work {
        let mut work = Work::default();
        let denied = |_: &names::Missing| self.denies;
        self.worker
            .names_changed(&self.directory, denied, self.now, &mut work);
        self.settle(work)
    }

    /// The offset to go on from after a crash.
    fn commit(&mut self) -> i64 {
        self.worker.keep(self.now.instant).checkpoint.point.offset
    }

    /// What is to be kept is.
    fn keep(&mut self) -> Work {
        let keep = self.worker.keep(self.now.instant);
        let mut work = Work::default();
        self.worker.kept(&keep, &self.directory, self.now, &mut work);
        self.settle(work)
    }

    fn settle(&mut self, work: Work) -> Work {
        self.out += work.taken;
        self.out -= self.worker.freed();
        assert_eq!(self.out, self.worker.held_bytes(), "rule 5: every byte is known");
        work
    }
}

fn end(item: &Item, outcome: Outcome) -> End {
    End::of(item, outcome)
}

/// The end of a letter for that record.
fn decoded(offset: i64) -> Stake {
    Stake {
        origin: Origin::Record(offset),
        event: None,
    }
}

fn refused(item: &Item) -> End {
    let refusal = Refusal {
        event: item.event.clone(),
        status: Some(200),
        message: "no such queue".into(),
        correlation_id: Some("c-1".into()),
        attempts: 1,
        depends_on: None,
    };
    end(item, Outcome::Refused(Box::new(refusal)))
}

fn call(id: u32, attributes: &str) -> String {
    format!(
        r#"{{"__type":"urn:inin.com:interactions:interactionChangedMessage","isDelta":true,"interactionID":"{id}",
            "attributes":{{"Eic_ObjectType":"Call","Eic_CallType":"E","Eic_CallDirection":"I","Eic_CallIdKey":"k{id}",{attributes}}}}}"#
    )
}

fn queued(id: u32) -> String {
    call(id, r#""Eic_State":"O","Eic_WorkgroupName":"Support""#)
}

fn header(letter: &crate::kafka::Letter, name: &str) -> String {
    let found = letter.headers.iter().find(|(header, _)| header == name);
    String::from_utf8_lossy(&found.expect(name).1).into_owned()
}

/// Rule 1: the commit point stays below a record until the last of its events has ended.
#[test]
fn a_record_ends_with_the_last_of_its_events() {
    let mut bench = Bench::new(Directory::everything());
    let work = bench.read(0, &queued(1));
    assert_eq!(
        work.items.len(),
        2,
        "the caller and the queue, not a record waits for names"
    );
    bench.read(1, &queued(1));
    assert_eq!(bench.commit(), 0);
    bench.ended(vec![end(&work.items[1], Outcome::Accepted)]);
    assert_eq!(bench.commit(), 0);
    bench.ended(vec![end(&work.items[0], Outcome::Accepted)]);
    assert_eq!(bench.commit(), 2, "the second record made nothing and had ended");
    let passed = bench.worker.passed();
    assert_eq!(
        (passed.delivered, passed.skipped, passed.dead_lettered),
        (1, 1, 0)
    );
    assert_eq!(passed.reasons["no_change"], 1);
    assert_eq!(bench.out, 0, "rule 5: all bytes are given back");
}

/// A2: a record of which one event was refused for good is dead-lettered, once Kafka has the letter.
#[test]
fn a_refused_event_holds_its_record_until_its_letter_is_acknowledged() {
    let mut bench = Bench::new(Directory::everything());
    let items = bench.read(0, &queued(1)).items;
    let ends = vec![end(&items[0], Outcome::Accepted), refused(&items[1])];
    let letters = bench.ended(ends).letters;
    let (stake, stage, letter) = &letters[0];
    assert_eq!((stake.origin, *stage), (Origin::Record(0), Stage::Deliver));
    assert_eq!(header(letter, "__connect.errors.topic"), "cic");
    assert_eq!(header(letter, "__connect.errors.offset"), "0");
    assert_eq!(header(letter, "cic_conduit.correlation_id"), "c-1");
    assert_eq!(letter.key.as_deref(), Some(&b"cic1"[..]));
    let body: serde_json::Value = serde_json::from_slice(&letter.value).unwrap();
    assert_eq!(body["event"]["eventId"], items[1].event.id.to_string());
    assert_eq!(bench.commit(), 0);
    bench.worker.letter_written(*stake);
    assert_eq!(bench.commit(), 1);
    assert_eq!(bench.worker.passed().dead_lettered, 1);
}

#[test]
fn what_cannot_be_read_is_a_letter_with_its_own_bytes() {
    let mut bench = Bench::new(Directory::everything());
    let work = bench.read(0, "{\"no\":");
    let (stake, stage, letter) = &work.letters[0];
    assert_eq!((*stake, *stage), (decoded(0), Stage::Decode));
    assert_eq!(&*letter.value, b"{\"no\":");
    assert!(header(letter, "__connect.errors.exception.message").contains("JSON"));
    assert_eq!(bench.commit(), 0);
    bench.worker.letter_written(*stake);
    assert_eq!(bench.commit(), 1);
    bench.settle(Work::default());
    assert_eq!(bench.out, 0);
}

/// Rule 2: what follows an event that waits for a name waits behind it; other conversations go on.
#[test]
fn a_missing_name_holds_its_conversation_and_no_other() {
    let known = r#"{"queues":{"Sales":"00000000-0000-4000-8000-000000000001"}}"#;
    let mut bench = Bench::new(Directory::from_json(known).unwrap());
    let first = bench.read(0, &queued(1));
    assert_eq!(
        first.items.len(),
        1,
        "the caller goes first: nothing of his is missing"
    );
    assert_eq!(first.missed, [(Kind::Queues, "Support".into())]);
    let end_of_call = call(1, r#""Eic_State":"E""#);
    let last = bench.read(5, &end_of_call);
    assert!(last.items.is_empty() && last.missed.is_empty());
    let other = call(2, r#""Eic_State":"O","Eic_WorkgroupName":"Sales""#);
    assert_eq!(bench.read(6, &other).items.len(), 2);
    bench.directory.insert(
        Kind::Queues,
        "support",
        Id::parse("00000000-0000-4000-8000-000000000002").unwrap(),
    );
    let freed: Vec<&str> = bench.names().items.iter().map(|item| item.event.array).collect();
    let ended = "communicationEndedEvents";
    assert_eq!(freed, ["routingEstablishedEvents", ended, ended]);
    assert_eq!(bench.worker.next_give_up(), None);
}

/// A name is given up for all at once, and what it stood for is left out; the record has ended by that alone.
#[test]
fn a_name_given_up_lets_its_record_end() {
    let mut bench = Bench::new(Directory::default());
    let items = bench.read(0, &queued(1)).items;
    bench.ended(vec![end(&items[0], Outcome::Accepted)]);
    let deadline = bench.worker.next_give_up().unwrap();
    assert_eq!(deadline - bench.now.instant, Duration::from_secs(60));
    assert_eq!(bench.commit(), 0);
    bench.now.instant = deadline;
    bench.denies = false;
    bench.names();
    assert_eq!(bench.commit(), 0, "nobody could be asked: it waits on");
    bench.denies = true;
    bench.now.instant = bench.worker.next_give_up().unwrap();
    bench.names();
    assert!(bench.worker.gives_up(), "rule 3: not before it is kept");
    let work = bench.keep();
    assert!(work.items.is_empty() && !bench.worker.gives_up());
    assert_eq!(work.counts.left_out[names::Reason::UnresolvedQueue as usize], 1);
    assert_eq!(bench.commit(), 1);
    assert_eq!(bench.worker.passed().delivered, 1);
    bench.settle(Work::default());
    assert_eq!(bench.out, 0);
}

/// What a deadline makes belongs to no record, and is delivered all the same.
#[test]
fn a_tick_makes_events_without_a_record() {
    let mut bench = Bench::new(Directory::everything());
    bench.read(0, &queued(1));
    let silence = Time::from_millis(START + 13 * 3600 * 1000);
    bench.worker.plan_tick(silence);
    assert!(bench.worker.tick_planned(), "rule 3: not before it is kept");
    let work = bench.keep();
    assert_eq!(work.items.len(), 2, "the silent call has ended");
    let by = |item: &Item| Origin::of(item.record) == Origin::Tick(0);
    assert!(work.items.iter().all(by));
    assert_eq!(bench.worker.in_delivery(), 4);
}

proptest! {
    /// Rules 1 and 5: whatever ends when and how, in the end every record has ended and every byte is given back.
    #[test]
    fn everything_ends_in_any_order(
        steps in prop::collection::vec((0u32..5, 0usize..6, any::<prop::sample::Index>(), any::<bool>()), 1..80)
    ) {
        let mut bench = Bench::new(Directory::everything());
        let mut waiting: Vec<Item> = Vec::new();
        let mut letters = Vec::new();
        let mut second = 0;
        for (call_number, letter, index, good) in steps {
            second += 1;
            let state = ["O", "A", "C", "H", "E", "?"][letter];
            let value = call(call_number, &format!(
                r#""Eic_State":"{state}","Eic_WorkgroupName":"Support","Eic_UserName":"{}""#,
                if letter == 0 { "" } else { "anna" },
            ));
            waiting.extend(bench.read(second, &value).items);
            if !waiting.is_empty() && index.index(3) > 0 {
                let item = waiting.remove(index.index(waiting.len()));
                let outcome = if good { end(&item, Outcome::Accepted) } else { refused(&item) };
                letters.extend(bench.ended(vec![outcome]).letters);
            }
            prop_assert!(bench.commit() <= bench.next);
        }
        bench.worker.plan_tick(Time::from_millis(START + 3_600_000));
        waiting.extend(bench.keep().items);
        prop_assert_eq!(bench.worker.in_delivery(), waiting.len());
        for item in &waiting {
            let of_a_record = Origin::of(item.record).offset().is_some_and(|offset| offset < bench.next);
            prop_assert!(item.event.lane == Lane::Conversations || of_a_record);
        }
        bench.ended(waiting.iter().map(|item| end(item, Outcome::Accepted)).collect());
        for (stake, _, _) in letters {
            bench.worker.letter_written(stake);
        }
        bench.settle(Work::default());
        let commit = bench.commit();
        prop_assert_eq!(commit, bench.next);
        prop_assert_eq!((bench.out, bench.worker.open_records(), bench.worker.in_delivery()), (0, 0, 0));
    }
}
