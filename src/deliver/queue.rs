//! Events of one lane that wait, in order per key. Pure: time is an argument.
//!
//! A key has a line of events. Only its head may leave, and the line is locked until [`Queue::settle`] says how it
//! ended. Lines that are ready stand in two rows, each first come, first served: heads that come again (`again`)
//! and all others (`ready`). A batch takes from `again` first, up to half of it, so that neither starves. Events
//! lie in a slab and are linked by number: one costs no allocation, and a key without events is not there at all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::batch::{Size, most};
use super::memory::Memory;
use super::owner::{End, Ends, Item, Outcome, Owner, Refusal};
use crate::event::{Id, Key, Lane};

/// No slot.
const NONE: u32 = u32::MAX;

/// An event and what happened to it so far.
pub(super) struct Entry {
    pub(super) item: Item,
    pub(super) owner: Owner,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// How it was refused so far, where it may come again.
    pub(super) patience: Patience,
    line: u32,
}

/// How long an event has been refused as retryable, counting only while others passed.
#[derive(Clone, Copy, Default)]
pub(super) struct Patience {
    /// Refusals so far.
    pub(super) refusals: u32,
    /// Time so far.
    pub(super) alone: std::time::Duration,
    /// The last refusal.
    pub(super) last: Option<Instant>,
}

/// What becomes of an event that was in a request.
pub(super) enum Fate {
    /// It has ended.
    Accepted,
    /// It has ended, and takes with it what depends on it.
    Refused(Why),
    /// To the head of its key, until then.
    Later(Instant),
    /// To the head of its key, at once.
    Again,
}

/// Why an event is refused.
#[derive(Clone)]
pub(super) struct Why {
    pub(super) status: Option<u16>,
    pub(super) message: String,
    pub(super) correlation_id: Option<String>,
}

/// What could leave now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// Heads that are ready.
    pub(super) ready: usize,
    /// Their bytes.
    pub(super) bytes: usize,
    /// Since when the oldest of them is ready.
    pub(super) oldest: Option<Instant>,
    /// When the next head becomes ready by itself.
    pub(super) due: Option<Instant>,
    /// Partial batches go at once.
    pub(super) flush: bool,
    /// How often an owner was fenced.
    pub(super) fences: u64,
}

/// What [`Queue::settle`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    /// Those that depend on a refused one included.
    pub(super) refused: u64,
}

struct Slot {
    entry: Option<Entry>,
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In `ready` or `again`, since then.
    Ready(Instant),
    /// Its head comes again then; in `later`.
    Later(Instant),
    /// Its head was taken.
    Locked,
}

struct Line {
    key: Key,
    head: u32,
    tail: u32,
    state: State,
}

/// The queue of one lane.
pub(super) struct Queue {
    lane: Lane,
    slots: Vec<Slot>,
    free_slot: u32,
    lines: Vec<Line>,
    free_lines: Vec<u32>,
    keys: FxHashMap<Key, u32>,
    again: VecDeque<u32>,
    ready: VecDeque<u32>,
    later: BinaryHeap<Reverse<(Instant, u32)>>,
    bytes: usize,
    /// Events that have not ended, those in requests included.
    count: usize,
    memory: Memory,
    flush: bool,
    fences: u64,
}

impl Queue {
    pub(super) fn new(lane: Lane) -> Self {
        Self {
            lane,
            slots: Vec::new(),
            free_slot: NONE,
            lines: Vec::new(),
            free_lines: Vec::new(),
            keys: FxHashMap::default(),
            again: VecDeque::new(),
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            bytes: 0,
            count: 0,
            memory: Memory::default(),
            flush: false,
            fences: 0,
        }
    }

    /// Events that have not ended.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Appends an event to its key's line. One that depends on a refused event ends here.
    pub(super) fn submit(&mut self, owner: &Owner, item: Item, now: Instant, ends: &mut Ends) -> Tally {
        if !self.memory.is_empty()
            && let Some(cause) = self.memory.missing(&item.event, now)
        {
            self.memory.refused(&item.event, now);
            ends.push(owner, depends(item, cause, 0));
            return Tally {
                accepted: 0,
                refused: 1,
            };
        }
        self.count += 1;
        let (key, bytes) = (item.event.key, item.event.json.len());
        let line = *self.keys.entry(key).or_insert_with(|| {
            let line = Line {
                key,
                head: NONE,
                tail: NONE,
                state: State::Ready(now),
            };
            match self.free_lines.pop() {
                Some(at) => {
                    self.lines[at as usize] = line;
                    at
                }
                None => {
                    self.lines.push(line);
                    (self.lines.len() - 1) as u32
                }
            }
        });
        let slot = self.put(Entry {
            item,
            owner: owner.clone(),
            attempts: 0,
            patience: Patience::default(),
            line,
        });
        let at = &mut self.lines[line as usize];
        if at.head != NONE {
            let tail = std::mem::replace(&mut at.tail, slot);
            self.slots[tail as usize].next = slot;
            return Tally::default();
        }
        (at.head, at.tail) = (slot, slot);
        if matches!(at.state, State::Ready(_)) {
            self.ready.push_back(line);
            self.bytes += bytes;
        }
        Tally::default()
    }

    /// What could leave at `now`.
    pub(super) fn view(&mut self, now: Instant) -> View {
        while let Some(&Reverse((due, line))) = self.later.peek()
            && due <= now
        {
            self.later.pop();
            if self.lines[line as usize].state == State::Later(due) {
                self.make_ready(line, due, true);
            }
        }
        let front = |row: &VecDeque<u32>| match self.lines[*row.front()? as usize].state {
            State::Ready(since) => Some(since),
            _ => None,
        };
        View {
            ready: self.again.len() + self.ready.len(),
            bytes: self.bytes,
            oldest: front(&self.again).into_iter().chain(front(&self.ready)).min(),
            due: self.later.peek().map(|Reverse((due, _))| *due),
            flush: self.flush,
            fences: self.fences,
        }
    }

    /// Takes up to `most` heads that fit into one request and locks their keys; whether the bytes ended it.
    pub(super) fn take(&mut self, most_events: usize) -> (Vec<Entry>, bool) {
        let most = most_events.min(most(self.lane));
        let mut taken = Vec::with_capacity(most.min(self.again.len() + self.ready.len()));
        let mut size = Size::default();
        while taken.len() < most {
            let from_again =
                !self.again.is_empty() && (taken.len() < most.div_ceil(2) || self.ready.is_empty());
            let row = if from_again {
                &mut self.again
            } else {
                &mut self.ready
            };
            let Some(&line) = row.front() else {
                break;
            };
            let head = self.lines[line as usize].head;
            let fits = self.slots[head as usize]
                .entry
                .as_ref()
                .is_some_and(|entry| size.add(&entry.item.event));
            if !fits {
                return (taken, true);
            }
            row.pop_front();
            self.lines[line as usize].state = State::Locked;
            if let Some(entry) = self.unlink_head(line) {
                self.bytes -= entry.item.event.json.len();
                taken.push(entry);
            }
        }
        (taken, false)
    }

    /// Says what becomes of events that were taken, and unlocks their keys.
    pub(super) fn settle(
        &mut self,
        fates: impl IntoIterator<Item = (Entry, Fate)>,
        now: Instant,
        ends: &mut Ends,
    ) -> Tally {
        let mut tally = Tally::default();
        for (entry, fate) in fates {
            let line = entry.line;
            match fate {
                Fate::Accepted => {
                    if !self.memory.is_empty() {
                        self.memory.accepted(&entry.item.event);
                    }
                    tally.accepted += 1;
                    self.count -= 1;
                    ends.push(&entry.owner, accepted(&entry.item));
                }
                Fate::Refused(why) => {
                    tally.refused += 1;
                    self.count -= 1;
                    let missed = self.memory.refused(&entry.item.event, now);
                    ends.push(&entry.owner, refused(entry.item, why, entry.attempts, None));
                    if missed {
                        tally.refused += self.refuse_dependents(line, now, ends);
                    }
                }
                Fate::Later(_) | Fate::Again if entry.owner.fenced() => self.count -= 1,
                Fate::Later(due) => {
                    self.put_back(entry);
                    self.lines[line as usize].state = State::Later(due);
                    self.later.push(Reverse((due, line)));
                    continue;
                }
                Fate::Again => {
                    self.put_back(entry);
                    self.make_ready(line, now, true);
                    continue;
                }
            }
            self.unlock(line, now);
        }
        self.shrink();
        tally
    }

    /// Drops what waits of `owner`, which is marked as fenced already.
    pub(super) fn fence(&mut self, owner: &Owner, now: Instant) {
        self.fences += 1;
        for line in 0..self.lines.len() as u32 {
            let before = self.lines[line as usize].head;
            if before == NONE {
                continue;
            }
            self.filter(line, |entry| !entry.owner.is(owner));
            let at = &mut self.lines[line as usize];
            if at.head != before && at.state != State::Locked {
                // What follows never failed: it waits for nothing.
                at.state = State::Ready(now);
            }
        }
        self.rebuild();
    }

    /// From now on partial batches go at once.
    pub(super) fn flush(&mut self) {
        self.flush = true;
    }

    /// The rows anew, after lines have lost events.
    fn rebuild(&mut self) {
        let rows = [std::mem::take(&mut self.again), std::mem::take(&mut self.ready)];
        let later = std::mem::take(&mut self.later);
        let mut seen = vec![false; self.lines.len()];
        self.bytes = 0;
        for (again, row) in [true, false].into_iter().zip(rows) {
            for line in row {
                if let State::Ready(since) = self.lines[line as usize].state
                    && !std::mem::replace(&mut seen[line as usize], true)
                {
                    self.make_ready_or_remove(line, since, again);
                }
            }
        }
        for Reverse((due, line)) in later {
            if std::mem::replace(&mut seen[line as usize], true) {
                continue;
            }
            match self.lines[line as usize].state {
                State::Later(at) if at == due => self.later.push(Reverse((due, line))),
                State::Ready(since) => self.make_ready_or_remove(line, since, false),
                _ => {}
            }
        }
    }

    fn make_ready_or_remove(&mut self, line: u32, since: Instant, again: bool) {
        if self.lines[line as usize].head == NONE {
            self.remove(line);
        } else {
            self.make_ready(line, since, again);
        }
    }

    fn make_ready(&mut self, line: u32, since: Instant, again: bool) {
        let at = &mut self.lines[line as usize];
        at.state = State::Ready(since);
        let head = at.head;
        if let Some(entry) = &self.slots[head as usize].entry {
            self.bytes += entry.item.event.json.len();
        }
        if again {
            self.again.push_back(line);
        } else {
            self.ready.push_back(line);
        }
    }

    fn unlock(&mut self, line: u32, now: Instant) {
        self.make_ready_or_remove(line, now, false);
    }

    fn remove(&mut self, line: u32) {
        let key = self.lines[line as usize].key;
        self.keys.remove(&key);
        self.lines[line as usize].state = State::Locked;
        self.free_lines.push(line);
    }

    /// Refuses what waits in a line and misses something; in order, so that it takes with it what depends on it.
    fn refuse_dependents(&mut self, line: u32, now: Instant, ends: &mut Ends) -> u64 {
        let (mut memory, mut refused) = (std::mem::take(&mut self.memory), 0);
        let mut gone = Vec::new();
        self.filter(line, |entry| match memory.missing(&entry.item.event, now) {
            Some(cause) => {
                memory.refused(&entry.item.event, now);
                refused += 1;
                gone.push(cause);
                false
            }
            None => true,
        })
        .into_iter()
        .zip(gone)
        .for_each(|(entry, cause)| {
            ends.push(&entry.owner, depends(entry.item, cause, entry.attempts));
        });
        self.memory = memory;
        refused
    }

    /// Takes out of a line what is not to be kept. The line itself stays, even when it is empty.
    fn filter(&mut self, line: u32, mut keep: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let mut gone = Vec::new();
        let (mut before, mut at) = (NONE, self.lines[line as usize].head);
        while at != NONE {
            let next = self.slots[at as usize].next;
            if self.slots[at as usize].entry.as_ref().is_some_and(&mut keep) {
                before = at;
            } else {
                match before {
                    NONE => self.lines[line as usize].head = next,
                    _ => self.slots[before as usize].next = next,
                }
                gone.extend(self.free(at));
                self.count -= 1;
            }
            at = next;
        }
        self.lines[line as usize].tail = before;
        gone
    }

    fn put(&mut self, entry: Entry) -> u32 {
        let slot = Slot {
            entry: Some(entry),
            next: NONE,
        };
        match self.free_slot {
            NONE => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
            at => {
                self.free_slot = std::mem::replace(&mut self.slots[at as usize], slot).next;
                at
            }
        }
    }

    fn put_back(&mut self, entry: Entry) {
        let line = entry.line;
        let slot = self.put(entry);
        let at = &mut self.lines[line as usize];
        let next = std::mem::replace(&mut at.head, slot);
        if next == NONE {
            at.tail = slot;
        }
        self.slots[slot as usize].next = next;
    }

    fn unlink_head(&mut self, line: u32) -> Option<Entry> {
        let at = &mut self.lines[line as usize];
        let head = at.head;
        at.head = self.slots[head as usize].next;
        if at.head == NONE {
            at.tail = NONE;
        }
        self.free(head)
    }

    fn free(&mut self, slot: u32) -> Option<Entry> {
        self.slots[slot as usize].next = std::mem::replace(&mut self.free_slot, slot);
        self.slots[slot as usize].entry.take()
    }

    /// Gives memory back once a backlog is gone.
    fn shrink(&mut self) {
        if self.count == 0 && self.slots.capacity() > 4096 {
            let (memory, flush, fences) = (std::mem::take(&mut self.memory), self.flush, self.fences);
            *self = Self {
                memory,
                flush,
                fences,
                ..Self::new(self.lane)
            };
        }
    }
}

fn accepted(item: &Item) -> End {
    End {
        record: item.record,
        lane: item.event.lane,
        bytes: item.event.json.len(),
        outcome: Outcome::Accepted,
    }
}

fn depends(item: Item, cause: Id, attempts: u32) -> End {
    let why = Why {
        status: None,
        message: format!("it needs what event {cause} would have made, which was refused"),
        correlation_id: None,
    };
    refused(item, why, attempts, Some(cause))
}

fn refused(item: Item, why: Why, attempts: u32, depends_on: Option<Id>) -> End {
    End {
        record: item.record,
        lane: item.event.lane,
        bytes: item.event.json.len(),
        outcome: Outcome::Refused(Box::new(Refusal {
            event: item.event,
            status: why.status,
            message: why.message,
            correlation_id: why.correlation_id,
            attempts,
            depends_on,
        })),
    }
}
