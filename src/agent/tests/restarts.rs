//! Rules 1, 2 and 3 over crashes: whatever happens in whatever order, what was accepted first, and what became a dead
//! letter, is key by key what a worker that never died makes of the same records and ticks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::agent::checkpoints::Checkpoint;
use crate::agent::kept::{self, Kept};
use crate::agent::point::Point;
use crate::agent::worker::Keep;
use crate::event::Key;
use crate::names::Directory;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many records are read.
    Read(usize),
    /// The head of one of the keys is answered.
    Answer(prop::sample::Index),
    /// A dead letter is acknowledged.
    Letter,
    /// It is begun to keep what there is.
    Keep,
    /// What was begun arrives; whether the worker hears of it.
    Kept(bool),
    /// The partition is quiet, and stream time goes on where that ends something.
    Quiet,
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..5).prop_map(Step::Read),
        12 => any::<prop::sample::Index>().prop_map(Step::Answer),
        2 => Just(Step::Letter),
        2 => Just(Step::Keep),
        2 => prop::bool::weighted(0.8).prop_map(Step::Kept),
        2 => Just(Step::Quiet),
        1 => Just(Step::Crash),
    ]
}

/// One record: what it says and how much later.
fn any_record() -> impl Strategy<Value = (i64, String)> {
    let calls = (
        1u32..5,
        prop::sample::select(vec!["O", "A", "C", "H", "M", "E", "I", "P"]),
        prop::sample::select(vec!["", "anna", "bert"]),
        prop::option::of(prop::sample::select(vec!["Support", "Sales"])),
    );
    let calls = calls.prop_map(|(id, state, user, workgroup)| {
        let workgroup = workgroup.map_or(String::new(), |name| format!(r#","Eic_WorkgroupName":"{name}""#));
        call(
            id,
            &format!(r#""Eic_State":"{state}","Eic_UserName":"{user}"{workgroup}"#),
        )
    });
    let statuses = (
        prop::sample::select(vec!["anna", "bert"]),
        prop::sample::select(vec!["Available", "Away", "Do Not Disturb"]),
        any::<bool>(),
    );
    let statuses = statuses.prop_map(|(user, status, on)| {
        format!(
            r#"{{"__type":"urn:inin.com:status:userStatusMessage","isDelta":true,"userStatusList":[
                {{"userId":"{user}","statusId":"{status}","loggedIn":{on},"onPhone":false}}]}}"#
        )
    });
    (
        0i64..20,
        prop_oneof![4 => calls, 2 => statuses, 1 => Just("{\"no\":".to_owned())],
    )
}

pub(super) type Way = (Lane, Key);

/// How the events of a key ended first: accepted, in their order, and refused. What needs a refused one goes with it
/// at once, so the order among those says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Firsts {
    pub(super) accepted: Vec<Id>,
    pub(super) refused: BTreeSet<Id>,
}

/// The world around one worker after the other.
struct World {
    log: Vec<Record>,
    directory: Directory,
    settings: Arc<Settings>,
    worker: Worker,
    now: Moment,
    /// What Kafka has: a snapshot's bytes, and its point.
    kept: Option<(Vec<u8>, Point)>,
    /// What is being kept.
    keeping: Option<Keep>,
    /// Events that wait, per key.
    queues: BTreeMap<Way, VecDeque<Item>>,
    /// What refused events would have made.
    missing: BTreeSet<(Way, Id)>,
    letters: VecDeque<Stake>,
    firsts: BTreeMap<Way, Firsts>,
    seen: BTreeSet<(Way, Id)>,
    /// The log's end: nobody has read further.
    end: i64,
    /// Ticks that took effect: before which record.
    ticks: BTreeMap<u64, (i64, Time)>,
    sent: usize,
}

/// Genesys Cloud refuses some, and always the same.
pub(super) fn is_refused(id: Id) -> bool {
    matches!(id.0[15] % 16, 3 | 5)
}

impl World {
    fn new(log: Vec<Record>) -> Self {
        let bench = Bench::new(Directory::everything());
        Self {
            log,
            directory: bench.directory,
            settings: settings(),
            worker: bench.worker,
            now: bench.now,
            kept: None,
            keeping: None,
            queues: BTreeMap::new(),
            missing: BTreeSet::new(),
            letters: VecDeque::new(),
            firsts: BTreeMap::new(),
            seen: BTreeSet::new(),
            end: 0,
            ticks: BTreeMap::new(),
            sent: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Read(count) => self.read(count),
            Step::Answer(index) => self.answer(|count| index.index(count)),
            Step::Letter => self.letter(),
            Step::Keep => self.keep(),
            Step::Kept(heard) => self.arrive(heard),
            Step::Quiet => self.quiet(),
            Step::Crash => self.crash(),
        }
    }

    fn read(&mut self, count: usize) {
        if self.worker.tick_planned() {
            return;
        }
        let next = usize::try_from(self.worker.next()).unwrap();
        let records: Vec<Record> = self.log.iter().skip(next).take(count).cloned().collect();
        let chunk = Chunk {
            place: Place::new("cic", 0),
            epoch: 0,
            size: records.len() * SIZE,
            records,
            backlog: crate::kafka::Backlog::default(),
        };
        let mut work = Work::default();
        self.now.instant += Duration::from_millis(300);
        self.worker
            .records(chunk, &self.directory, self.now, &mut work, |_| {});
        self.end = self.end.max(self.worker.next());
        self.take(work);
    }

    fn take(&mut self, work: Work) {
        self.letters
            .extend(work.letters.into_iter().map(|(stake, ..)| stake));
        let mut refused = Vec::new();
        for item in work.items {
            self.sent += 1;
            let way = (item.event.lane, item.event.key);
            let lacks = item
                .event
                .needs
                .iter()
                .any(|need| self.missing.contains(&(way, *need)));
            match lacks {
                true => refused.push(item),
                false => self.queues.entry(way).or_default().push_back(item),
            }
        }
        for item in refused {
            self.refuse(item, true);
        }
    }

    fn answer(&mut self, pick: impl Fn(usize) -> usize) {
        let ready: Vec<Way> = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.is_empty())
            .map(|(way, _)| *way)
            .collect();
        if ready.is_empty() {
            return;
        }
        let way = ready[pick(ready.len())];
        let item = self.queues.get_mut(&way).unwrap().pop_front().unwrap();
        if is_refused(item.event.id) {
            return self.refuse(item, false);
        }
        self.first(way, item.event.id, true);
        let mut work = Work::default();
        self.worker
            .ended(vec![end(&item, Outcome::Accepted)], self.now, &mut work);
        self.take(work);
    }

    /// An event is refused, and with it what waits and needs what it would have made.
    fn refuse(&mut self, item: Item, depends: bool) {
        let way = (item.event.lane, item.event.key);
        let made = item.event.makes;
        self.first(way, item.event.id, false);
        let mut refusal = refused(&item);
        if let (true, Outcome::Refused(refusal)) = (depends, &mut refusal.outcome) {
            refusal.depends_on = Some(item.event.id);
        }
        let mut work = Work::default();
        self.worker.ended(vec![refusal], self.now, &mut work);
        self.take(work);
        let Some(made) = made else { return };
        self.missing.insert((way, made));
        let queue = self.queues.remove(&way).unwrap_or_default();
        let (go, stay): (VecDeque<Item>, VecDeque<Item>) = queue
            .into_iter()
            .partition(|item| item.event.needs.contains(&made));
        self.queues.insert(way, stay);
        for item in go {
            self.refuse(item, true);
        }
    }

    fn first(&mut self, way: Way, id: Id, accepted: bool) {
        if !self.seen.insert((way, id)) {
            return;
        }
        let firsts = self.firsts.entry(way).or_default();
        match accepted {
            true => firsts.accepted.push(id),
            false => drop(firsts.refused.insert(id)),
        }
    }

    fn letter(&mut self) {
        if let Some(stake) = self.letters.pop_front() {
            self.worker.letter_written(stake);
        }
    }

    fn keep(&mut self) {
        if self.keeping.is_none() {
            self.keeping = Some(self.worker.keep(self.now.instant));
        }
    }

    fn arrive(&mut self, heard: bool) {
        let Some(keep) = self.keeping.take() else { return };
        let mut bytes = Vec::new();
        kept::write(&keep.beside, &keep.checkpoint.state, &mut bytes).unwrap();
        let point = keep.checkpoint.point;
        for (number, tick) in (point.ticks..).zip(&keep.beside.ticks) {
            self.ticks.insert(number, *tick);
        }
        self.kept = Some((bytes, point));
        if !heard {
            return;
        }
        let mut work = Work::default();
        self.worker.kept(&keep, &self.directory, self.now, &mut work);
        self.take(work);
    }

    fn quiet(&mut self) {
        let at_end = self.worker.next() == self.end;
        if !at_end || self.worker.tick_planned() || self.worker.repeats() {
            return;
        }
        let Some(deadline) = self.worker.next_deadline() else {
            return;
        };
        // Stream time goes with the clock, so what is written next is later.
        let next = usize::try_from(self.worker.next()).unwrap();
        let written = self.log.get(next).and_then(|record| record.timestamp);
        if written.is_none_or(|written| deadline.millis() < written) {
            self.worker.plan_tick(deadline.plus(1));
        }
    }

    fn crash(&mut self) {
        self.queues.clear();
        self.letters.clear();
        self.missing.clear();
        self.keeping = None;
        let place = Place::new("cic", 0);
        let Some((bytes, point)) = &self.kept else {
            self.worker = Worker::new(place, 0, self.settings.clone(), self.now.instant);
            // A tick that was never kept never was.
            return self.ticks.clear();
        };
        let (beside, state) = kept::read(bytes).unwrap();
        self.missing = beside
            .missing
            .iter()
            .map(|(one, _)| ((one.lane, one.key), one.made))
            .collect();
        let checkpoint = Checkpoint {
            point: *point,
            state,
            witness: None,
        };
        let kept = Kept { checkpoint, beside };
        self.worker = Worker::restore(place, point.offset, self.settings.clone(), kept, self.now.instant);
    }

    /// All is read, answered and kept.
    fn finish(&mut self) {
        for _ in 0..4 {
            self.keep();
            self.arrive(true);
            self.read(usize::MAX);
            while self.queues.values().any(|queue| !queue.is_empty()) {
                self.answer(|_| 0);
            }
            while !self.letters.is_empty() {
                self.letter();
            }
        }
        self.keep();
        self.arrive(true);
    }
}

/// A log of records, each so many ms later than the one before.
pub(super) fn log<'a>(records: impl IntoIterator<Item = (i64, &'a str)>) -> Vec<Record> {
    let mut at = START;
    let record = |(offset, (later, value)): (usize, (i64, &str))| {
        at += later;
        Record {
            offset: offset as i64,
            timestamp: Some(at),
            key: Some(Bytes::from_static(b"cic1")),
            headers: Vec::new(),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            size: SIZE,
        }
    };
    records.into_iter().enumerate().map(record).collect()
}

pub(super) fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        conversion: Arc::default(),
        names: names::Settings {
            wait: true,
            ..names::Settings::default()
        },
        default_source: "cic1".into(),
        max_skew: 60_000,
        resolve_timeout: Duration::from_secs(60),
    })
}

/// What a worker that never dies makes of the same records and ticks.
pub(super) fn undisturbed(log: Vec<Record>, ticks: &BTreeMap<u64, (i64, Time)>) -> BTreeMap<Way, Firsts> {
    let mut world = World::new(log);
    for (at, to) in ticks.values() {
        world.read(usize::try_from(at - world.worker.next()).unwrap());
        world.worker.plan_tick(*to);
        world.keep();
        world.arrive(true);
    }
    world.finish();
    world.firsts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn crashes_change_nothing_but_repeats(
        records in prop::collection::vec(any_record(), 5..40),
        steps in prop::collection::vec(any_step(), 20..300),
    ) {
        let log = log(records.iter().map(|(later, value)| (later * 1000, value.as_str())));
        let mut world = World::new(log.clone());
        for step in steps {
            world.step(step);
        }
        world.finish();
        let expected = undisturbed(log, &world.ticks);
        for (way, firsts) in &expected {
            prop_assert_eq!(world.firsts.get(way), Some(firsts), "{:?}", way);
        }
        prop_assert_eq!(world.firsts.len(), expected.len());
        // All is kept: a crash now repeats nothing.
        let before = world.sent;
        world.crash();
        world.read(usize::MAX);
        prop_assert_eq!(world.sent, before);
        prop_assert_eq!((world.worker.in_delivery(), world.worker.next()), (0, records.len() as i64));
    }
}
