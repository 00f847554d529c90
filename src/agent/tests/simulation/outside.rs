//! The broker and the endpoint of the simulation: what they have outlives every agent, and what they do takes time and
//! may fail, before it takes effect or after.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use super::SESSION;
use super::lies::{self, Lie};
use crate::agent::kept;
use crate::agent::metadata::Metadata;
use crate::agent::store::{Later, Make, Store};
use crate::agent::tests::restarts::is_refused;
use crate::event::Id;
use crate::genesys::{Answer, EventError, Inject, Reply, Request, Scope};
use crate::kafka::{Commit, Epoch, Fault, Letter, Pieces, Place, Pointer, Unfit, Unread};
use crate::time::Time;

/// What goes on beside the agent's lives, and what they have left behind.
pub(super) struct Outside {
    pub(super) random: fastrand::Rng,
    /// Whether anything may fail.
    pub(super) faults: bool,
    pub(super) steps: u64,
    /// What is under way, by window.
    pub(super) open: BTreeMap<&'static str, u32>,
    pub(super) committed: Option<(i64, String)>,
    pub(super) snapshots: BTreeMap<String, Vec<u8>>,
    /// Ticks that were kept.
    pub(super) ticks: BTreeMap<u64, (i64, Time)>,
    /// eventIds by first acceptance.
    pub(super) accepted: Vec<Id>,
    pub(super) known: BTreeSet<Id>,
    /// Keys in flight, and the time of each key's last accepted event.
    pub(super) flying: BTreeSet<String>,
    pub(super) times: BTreeMap<String, String>,
    pub(super) letters: BTreeSet<Id>,
    /// What is not done as it is said.
    pub(super) lie: Option<Lie>,
    /// The snapshot that was written last.
    pub(super) last: Option<String>,
    /// When the last commit was begun of which this life knows that it has arrived.
    pub(super) proven: Option<Instant>,
    /// How often the group was put together anew: who commits must know of it.
    pub(super) generation: u64,
    /// Nobody has the partition: its last owner has given it back, and lives on.
    pub(super) given_back: bool,
    /// A rule that was broken, by a task that nobody looks at.
    pub(super) broken: Option<String>,
}

impl Outside {
    /// The group is put together anew.
    pub(super) fn begin_anew(&mut self, given_back: bool) {
        self.generation += 1;
        self.given_back = given_back;
        self.proven = None;
    }
}

#[derive(Clone)]
pub(super) struct World(pub(super) Arc<Mutex<Outside>>);

/// Something is under way until this is dropped.
pub(super) struct Open(World, &'static str);

impl Drop for Open {
    fn drop(&mut self) {
        self.0
            .with(|outside| *outside.open.entry(self.1).or_default() -= 1);
    }
}

impl World {
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Outside) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn open(&self, window: &'static str) -> Open {
        self.with(|outside| {
            outside.steps += 1;
            *outside.open.entry(window).or_default() += 1;
        });
        Open(self.clone(), window)
    }

    /// Some time passes.
    pub(super) async fn pass(&self) {
        let millis = self.with(|outside| match outside.random.u8(..) {
            0..3 => outside.random.u64(500..3000),
            _ => outside.random.u64(0..40),
        });
        sleep(Duration::from_millis(millis)).await;
    }

    /// A request takes its time: longer than a drain waits for it, now and then.
    async fn travel(&self) {
        let millis = self.with(|outside| match outside.random.u8(..) {
            0..8 => outside.random.u64(1000..8000),
            _ => 0,
        });
        sleep(Duration::from_millis(millis)).await;
        self.pass().await;
    }

    /// Whether this is what is not done as it is said.
    fn lies(&self, lie: Lie) -> bool {
        self.with(|outside| outside.lie == Some(lie))
    }

    fn broken(&self, what: String) {
        self.with(|outside| _ = outside.broken.get_or_insert(what));
    }

    /// Whether something fails that does so once in so many times.
    pub(super) fn fails(&self, once_in: u8) -> bool {
        self.with(|outside| outside.faults && outside.random.u8(..once_in) == 0)
    }
}

fn fault() -> Fault {
    Fault::judge(None, "drawn")
}

/// What `make` makes.
fn made(make: Make) -> Vec<u8> {
    let (sender, made) = std::sync::mpsc::channel();
    let mut pieces = Pieces::new(move |piece| sender.send(piece).map_err(io::Error::other));
    make(&mut pieces).and_then(|()| pieces.end()).unwrap();
    made.into_iter().flatten().collect()
}

impl Store for World {
    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> Later<'_, ()> {
        work();
        Box::pin(self.pass())
    }

    fn prepare<'a>(&'a self, _: &'a str) -> Later<'a, Result<(), Unfit>> {
        Box::pin(async {
            self.pass().await;
            Ok(())
        })
    }

    fn write<'a>(&'a self, place: &'a Place, make: Make) -> Later<'a, Result<Pointer, Fault>> {
        Box::pin(async move {
            let half = self.open("snapshot half written");
            self.pass().await;
            if self.fails(20) {
                return Err(fault());
            }
            drop(half);
            let _written = self.open("snapshot written");
            let bytes = made(make);
            let id = self.with(|outside| {
                let id = format!("{:016x}", outside.random.u64(..));
                lies::write(outside, id.clone(), bytes);
                outside.last = Some(id.clone());
                id
            });
            self.pass().await;
            Ok(Pointer {
                topic: "state".into(),
                partition: place.partition,
                id,
                first: 0,
                last: 0,
                chunks: 1,
                length: 0,
                checksum: 0,
            })
        })
    }

    fn read<'a>(&'a self, pointer: &'a Pointer) -> Later<'a, Result<Vec<u8>, Unread>> {
        Box::pin(async {
            let _half = self.open("restore half read");
            self.pass().await;
            if self.fails(10) {
                return Err(Unread::Fault(fault()));
            }
            let there = self.with(|outside| outside.snapshots.get(&pointer.id).cloned());
            there.ok_or_else(|| Unread::Missing("it is not there".into()))
        })
    }

    fn witness<'a>(&'a self, _: &'a Place, _: i64) -> Later<'a, Result<Option<u64>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn forget(&self, pointer: &Pointer) {
        self.with(|outside| outside.snapshots.remove(&pointer.id));
    }

    fn commit(&self, commit: Commit) -> Later<'_, Result<(), String>> {
        Box::pin(async move {
            let kept = Metadata::read(&commit.metadata).unwrap().kept.unwrap();
            let same = self.with(|outside| {
                let (_, metadata) = outside.committed.as_ref()?;
                let before = Metadata::read(metadata).ok()?.kept?;
                Some(before.snapshot == kept.snapshot && before.ticks != kept.ticks)
            });
            let _tick = same.unwrap_or(false).then(|| self.open("tick noted"));
            let (begun, generation) = (Instant::now(), self.with(|outside| outside.generation));
            let sent = self.open("commit sent");
            self.pass().await;
            if self.fails(20) {
                return Err("drawn before it arrived".into());
            }
            if self.with(|outside| outside.generation) != generation {
                return Err("it is another generation's".into());
            }
            drop(sent);
            let _answered = self.open("commit answered");
            if !(same.unwrap_or(false) && self.lies(Lie::TicksAreNotKept)) {
                self.arrives(commit);
            }
            self.pass().await;
            match self.fails(20) {
                true => Err("drawn after it had arrived".into()),
                false => {
                    self.with(|outside| {
                        if outside.generation == generation {
                            outside.proven = Some(begun);
                        }
                    });
                    Ok(())
                }
            }
        })
    }

    fn halt(&self, place: &Place, _: Epoch) {
        self.broken(format!("{place} is stopped"));
    }

    fn letters<'a>(&'a self, _: &'a str, letters: Vec<&'a Letter>) -> Later<'a, Vec<Result<(), Fault>>> {
        Box::pin(async move {
            let _sent = self.open("dead letter sent");
            let mut ended = Vec::new();
            for letter in letters {
                self.pass().await;
                if self.fails(10) {
                    ended.push(Err(fault()));
                    continue;
                }
                let header = |(name, value): &(_, Bytes)| {
                    let name: &std::borrow::Cow<'_, str> = name;
                    (name == "cic_conduit.event_id").then(|| String::from_utf8_lossy(value).into_owned())
                };
                if let Some(id) = letter.headers.iter().find_map(header)
                    && !self.lies(Lie::LettersAreNotWritten)
                {
                    self.with(|outside| outside.letters.insert(Id::parse(&id).unwrap()));
                }
                ended.push(Ok(()));
            }
            self.pass().await;
            ended
        })
    }
}

impl World {
    /// A commit takes effect.
    pub(super) fn arrives(&self, commit: Commit) {
        let kept = Metadata::read(&commit.metadata).unwrap().kept.unwrap();
        assert_eq!(kept.point.offset, commit.offset);
        self.with(|outside| {
            let bytes = &outside.snapshots[&kept.snapshot.id];
            let (beside, _) = kept::read(bytes).unwrap();
            let ticks = beside.ticks.iter().copied().chain(kept.ticks());
            outside.ticks.extend((kept.point.ticks..).zip(ticks));
            outside.committed = Some((commit.offset, commit.metadata));
        });
    }
}

impl Inject for World {
    async fn inject(&self, request: Request) -> Reply {
        let events = events(&request);
        let keys: Vec<String> = events.iter().map(|event| key(&request, event)).collect();
        for key in &keys {
            if !self.with(|outside| outside.flying.insert(key.clone())) {
                self.broken(format!("rule 2: two of {key} in flight"));
            }
        }
        if self.with(|outside| outside.given_back) {
            self.broken(format!("rule 8: {keys:?} were given back"));
        }
        let proven = self.with(|outside| outside.proven);
        if proven.is_none_or(|proven| proven.elapsed() >= SESSION * 2 / 3) {
            self.broken("rule 8: it is not proven whose the partition is".into());
        }
        let reply = self.answer(&request, &events).await;
        self.with(|outside| outside.flying.retain(|flying| !keys.contains(flying)));
        reply
    }
}

impl World {
    async fn answer(&self, request: &Request, events: &[Value]) -> Reply {
        let sent = self.open("sent");
        self.travel().await;
        let ids: Vec<Id> = events.iter().map(id).collect();
        if self.fails(12) {
            return Reply::lost("drawn before it arrived");
        }
        if self.fails(12) {
            return said(
                429,
                Answer::RateLimited {
                    retry_after: Some(Duration::from_secs(1)),
                    scope: Scope::Token,
                },
            );
        }
        // Where nothing else came after it, a lane that it stopped would wait for that.
        if self.with(|outside| outside.faults) && ids.iter().any(|id| is_poison(*id)) {
            return said(400, Answer::Bad);
        }
        drop(sent);
        let _answered = self.open("answered");
        let mut errors = Vec::new();
        for (event, event_id) in events.iter().zip(ids) {
            if is_refused(event_id) {
                errors.push(EventError {
                    event_id: Some(event_id),
                    message: "drawn".into(),
                    retryable: false,
                });
                continue;
            }
            if self.lies(Lie::EventsAreNotTaken) && event_id.0[14] % 16 == 0 {
                continue;
            }
            if !self.with(|outside| outside.known.insert(event_id)) {
                continue;
            }
            let (key, time) = (key(request, event), text(event, "eventDateTime"));
            let before = self.with(|outside| {
                outside.accepted.push(event_id);
                outside.times.insert(key, time.clone())
            });
            if before.is_some_and(|before| before >= time) {
                self.broken(format!("rule 4: {event}"));
            }
        }
        self.pass().await;
        match self.fails(12) {
            true => Reply::lost("drawn after it had taken effect"),
            false => said(200, Answer::Accepted { errors }),
        }
    }
}

/// What makes the whole request bad that it stands in.
fn is_poison(id: Id) -> bool {
    id.0[15] % 16 == 5
}

fn said(status: u16, answer: Answer) -> Reply {
    Reply {
        status: Some(status),
        answer,
        ..Reply::lost("drawn")
    }
}

fn events(request: &Request) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let arrays = body.as_object().unwrap().values();
    arrays
        .flat_map(|array| array.as_array().unwrap().clone())
        .collect()
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_default().to_owned()
}

fn id(event: &Value) -> Id {
    Id::parse(&text(event, "eventId")).unwrap()
}

fn key(request: &Request, event: &Value) -> String {
    let fields = ["conversationId", "userId", "agentId"];
    let key = fields
        .iter()
        .map(|field| text(event, field))
        .find(|text| !text.is_empty());
    format!("{} {}", request.lane.as_str(), key.unwrap())
}
