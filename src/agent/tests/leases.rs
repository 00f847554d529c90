//! Rule 8: what is committed so that events may leave, and that nothing is where that is not needed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::{sleep, sleep_until, timeout};

use super::*;
use crate::agent::keeping::{Keeper, Keeping, What};
use crate::agent::metadata::Metadata;
use crate::agent::states::States;
use crate::agent::store::{Later, Make, Store};
use crate::health::board::State;
use crate::health::{Board, Item as BoardItem};
use crate::kafka::{Commit, Epoch, Fault, Letter, Pointer, Unfit, Unread};

const SESSION: Duration = Duration::from_secs(6);
const SECOND: Duration = Duration::from_secs(1);

/// Takes everything, each in a moment.
#[derive(Default)]
struct Taker {
    commits: Mutex<Vec<(Instant, Commit)>>,
    snapshots: AtomicU64,
    refuses: AtomicBool,
}

impl Store for Taker {
    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> Later<'_, ()> {
        work();
        Box::pin(async {})
    }

    fn prepare<'a>(&'a self, _: &'a str) -> Later<'a, Result<(), Unfit>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a self, place: &'a Place, _: Make) -> Later<'a, Result<Pointer, Fault>> {
        let number = self.snapshots.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            sleep(Duration::from_millis(20)).await;
            Ok(Pointer {
                topic: "state".into(),
                partition: place.partition,
                id: number.to_string(),
                first: 0,
                last: 0,
                chunks: 1,
                length: 0,
                checksum: 0,
            })
        })
    }

    fn read<'a>(&'a self, _: &'a Pointer) -> Later<'a, Result<Vec<u8>, Unread>> {
        Box::pin(async { Err(Unread::Missing("it is not there".into())) })
    }

    fn witness<'a>(&'a self, _: &'a Place, _: i64) -> Later<'a, Result<Option<u64>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn forget(&self, _: &Pointer) {}

    fn commit(&self, commit: Commit) -> Later<'_, Result<(), String>> {
        Box::pin(async move {
            let begun = Instant::now();
            sleep(Duration::from_millis(5)).await;
            if self.refuses.load(Ordering::Relaxed) {
                return Err("the member is unknown".into());
            }
            self.commits.lock().unwrap().push((begun, commit));
            Ok(())
        })
    }

    fn halt(&self, _: &Place, _: Epoch) {}

    fn letters<'a>(&'a self, _: &'a str, _: Vec<&'a Letter>) -> Later<'a, Vec<Result<(), Fault>>> {
        Box::pin(async { Vec::new() })
    }
}

/// A worker and what keeps it, with the partition's loop between them.
struct Desk {
    bench: Bench,
    keeping: Keeping,
    store: Arc<Taker>,
    board: Board,
}

impl Desk {
    fn new() -> Self {
        let (store, board) = (Arc::<Taker>::default(), Board::default());
        let keeper = Keeper {
            place: Place::new("cic", 0),
            store: store.clone(),
        };
        let states = States::new(board.clone(), BoardItem::State);
        Self {
            bench: Bench::new(Directory::everything()),
            keeping: Keeping::new(keeper, states, SECOND, SESSION, None),
            store,
            board,
        }
    }

    /// Goes on for so long.
    async fn go_on(&mut self, time: Duration) {
        let worker = &mut self.bench.worker;
        let keeping = &mut self.keeping;
        let work = async {
            loop {
                let due = keeping.due(worker);
                tokio::select! {
                    done = keeping.done() => if let Some(What::Snapshot(keep)) = keeping.note(done) {
                        let (directory, now) = (Directory::everything(), self.bench.now);
                        worker.kept(&keep, &directory, now, &mut Work::default());
                    },
                    () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => keeping.begin(worker),
                }
            }
        };
        let _: Result<(), _> = timeout(time, work).await;
    }

    fn commits(&self) -> Vec<(Instant, Commit)> {
        self.store.commits.lock().unwrap().clone()
    }

    fn snapshots(&self) -> usize {
        self.store.snapshots.load(Ordering::Relaxed) as usize
    }

    /// What the health page says of kept states.
    fn said(&self) -> (State, String) {
        let mut items = self.board.read().items.into_iter();
        let item = items.find(|item| item.name == BoardItem::State.as_str()).unwrap();
        (item.state, item.detail)
    }
}

/// A partition of which nothing is kept has nothing to say again: its first snapshot does not wait for its time.
#[tokio::test(start_paused = true)]
async fn the_first_events_bring_the_first_commit_at_once() {
    let (mut desk, began) = (Desk::new(), Instant::now());
    desk.bench.read(0, &queued(1));
    desk.go_on(Duration::from_millis(100)).await;
    let (begun, commit) = desk.commits().remove(0);
    assert_eq!((begun - began).as_millis(), 20, "once the snapshot was written");
    assert_eq!((commit.offset, desk.snapshots()), (0, 1));
    assert_eq!(
        desk.keeping.proven(),
        Some(begun),
        "the proof is as old as the commit's beginning"
    );
}

#[tokio::test(start_paused = true)]
async fn while_events_wait_the_last_commit_is_said_again_in_time() {
    let mut desk = Desk::new();
    desk.bench.read(0, &queued(1));
    desk.go_on(SECOND * 20).await;
    let commits = desk.commits();
    assert_eq!(desk.snapshots(), 1, "there was nothing new to keep");
    assert_eq!(commits.len(), 10, "every third of the session");
    for pair in commits.windows(2) {
        let [(before, last), (begun, again)] = pair else {
            unreachable!()
        };
        assert_eq!(*begun - *before, SESSION / 3);
        let pointed = |commit: &Commit| Metadata::read(&commit.metadata).unwrap().kept;
        assert_eq!((last.offset, pointed(last)), (again.offset, pointed(again)));
        assert_ne!(last.metadata, again.metadata, "it is known by itself");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_more_is_committed_while_snapshots_are_and_nothing_in_quiet() {
    let mut desk = Desk::new();
    for second in 0..30 {
        desk.bench
            .read(second, &call(second as u32, r#""Eic_State":"O""#));
        desk.go_on(SECOND).await;
    }
    assert_eq!(desk.commits().len(), desk.snapshots(), "each commit has its own");
    assert!(desk.snapshots() >= 28, "one a second");
    let mut quiet = Desk::new();
    quiet.go_on(SECOND * 60).await;
    assert!(quiet.commits().is_empty());
}

/// After a quiet hour the proof comes before the snapshot.
#[tokio::test(start_paused = true)]
async fn what_was_proven_long_ago_is_proven_at_once() {
    let mut desk = Desk::new();
    let first = desk.bench.read(0, &queued(1)).items;
    desk.go_on(SECOND).await;
    let accepted = first.iter().map(|item| end(item, Outcome::Accepted)).collect();
    desk.bench.ended(accepted);
    desk.go_on(SECOND * 3600).await;
    let (before, snapshots) = (desk.commits().len(), desk.snapshots());
    let woken = Instant::now();
    desk.bench.read(3600, &queued(2));
    desk.go_on(Duration::from_millis(10)).await;
    assert_eq!((desk.commits().len(), desk.snapshots()), (before + 1, snapshots));
    assert_eq!(desk.commits()[before].0, woken);
    desk.go_on(SECOND * 3 / 2).await;
    assert_eq!(
        (desk.commits().len(), desk.snapshots()),
        (before + 2, snapshots + 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_fails_is_tried_again_and_stands_on_the_health_page() {
    let mut desk = Desk::new();
    desk.bench.read(0, &queued(1));
    desk.go_on(SECOND).await;
    desk.store.refuses.store(true, Ordering::Relaxed);
    desk.go_on(SECOND * 4).await;
    let (state, said) = desk.said();
    assert_eq!(state, State::Error);
    assert!(said.contains("the member is unknown"), "{said}");
    let before = desk.commits().len();
    desk.store.refuses.store(false, Ordering::Relaxed);
    let mended = Instant::now();
    desk.go_on(SECOND).await;
    assert_eq!(desk.commits().len(), before + 1);
    assert!(desk.commits()[before].0 - mended <= SECOND / 2);
    assert_eq!(desk.said().0, State::Ok);
}
