//! Events of one lane that wait, in order per key. Pure: time is an argument.
//!
//! A key has a line of events. Only its head may leave, and the line is locked until [`Queue::settle`] says how it
//! ended. Lines that are ready stand in two rows, each first come, first served: heads that come again (`again`)
//! and all others (`ready`). A batch takes from `again` first, up to half of it, so that neither starves. A line at
//! whose head is an event of an owner that may not send stands aside until that may (`leases`). Events
//! lie in a slab and are linked by number: one costs no allocation, and a key without events is not there at all.

mod leases;
mod lines;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

use leases::Leases;
use lines::{Lines, State};

use crate::deliver::batch::{Size, most};
use crate::deliver::memory::{Memory, Missing};
use crate::deliver::owner::{End, Ends, Item, Outcome, Owner, Refusal};
use crate::event::{Id, Lane};

/// An event and what happened to it so far.
pub(in crate::deliver) struct Entry {
    pub(in crate::deliver) item: Item,
    pub(in crate::deliver) owner: Owner,
    /// How often it was sent.
    pub(in crate::deliver) attempts: u32,
    /// How it was refused so far, where it may come again.
    pub(in crate::deliver) patience: Patience,
    /// Since when it waits to leave.
    waits: Instant,
    line: u32,
}

/// How long an event has been refused as retryable, counting only while others passed.
#[derive(Clone, Copy, Default)]
pub(in crate::deliver) struct Patience {
    /// Refusals so far.
    pub(in crate::deliver) refusals: u32,
    /// Time so far.
    pub(in crate::deliver) alone: std::time::Duration,
    /// The last refusal.
    pub(in crate::deliver) last: Option<Instant>,
}

/// What becomes of an event that was in a request.
pub(in crate::deliver) enum Fate {
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
pub(in crate::deliver) struct Why {
    pub(in crate::deliver) status: Option<u16>,
    pub(in crate::deliver) message: String,
    pub(in crate::deliver) correlation_id: Option<String>,
}

/// What could leave now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::deliver) struct View {
    /// Heads that are ready.
    pub(in crate::deliver) ready: usize,
    /// Their bytes.
    pub(in crate::deliver) bytes: usize,
    /// Since when the oldest of them is ready.
    pub(in crate::deliver) oldest: Option<Instant>,
    /// When the next head becomes ready by itself.
    pub(in crate::deliver) due: Option<Instant>,
    /// Partial batches go at once.
    pub(in crate::deliver) flush: bool,
    /// How often an owner was fenced.
    pub(in crate::deliver) fences: u64,
}

/// What [`Queue::settle`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::deliver) struct Tally {
    pub(in crate::deliver) accepted: u64,
    /// Those that depend on a refused one included.
    pub(in crate::deliver) refused: u64,
}

/// The queue of one lane.
pub(in crate::deliver) struct Queue {
    lane: Lane,
    lines: Lines,
    again: VecDeque<u32>,
    ready: VecDeque<u32>,
    later: BinaryHeap<Reverse<(Instant, u32)>>,
    leases: Leases,
    bytes: usize,
    /// Events that have not ended, those in requests included.
    count: usize,
    memory: Memory,
    flush: bool,
    fences: u64,
}

impl Queue {
    pub(in crate::deliver) fn new(lane: Lane) -> Self {
        Self {
            lane,
            lines: Lines::default(),
            again: VecDeque::new(),
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            leases: Leases::default(),
            bytes: 0,
            count: 0,
            memory: Memory::default(),
            flush: false,
            fences: 0,
        }
    }

    /// Events that have not ended.
    pub(in crate::deliver) fn count(&self) -> usize {
        self.count
    }

    /// Appends an event to its key's line. One that depends on a refused event ends here.
    pub(in crate::deliver) fn submit(
        &mut self,
        owner: &Owner,
        item: Item,
        now: Instant,
        ends: &mut Ends,
    ) -> Tally {
        if !self.memory.is_empty() {
            if let Some(cause) = self.memory.missing(&item.event, now) {
                self.memory.refused(&item.event, now);
                ends.push(owner, depends(item, cause, 0));
                return Tally {
                    accepted: 0,
                    refused: 1,
                };
            }
            // What was refused comes again: what needs it waits behind it.
            self.memory.comes(&item.event);
        }
        self.count += 1;
        self.leases.know(owner);
        let line = self.lines.of(item.event.key, now);
        let entry = Entry {
            item,
            owner: owner.clone(),
            attempts: 0,
            patience: Patience::default(),
            waits: now,
            line,
        };
        let first = self.lines.append(entry);
        if first && let State::Ready(since) = self.lines.state(line) {
            self.make_ready(line, since, false);
        }
        Tally::default()
    }

    /// Events that were refused before: what needs what they would have made goes with them.
    pub(in crate::deliver) fn recall(&mut self, missing: &Missing, now: Instant) {
        self.memory.recall(missing, now);
    }

    /// What could leave at `now`.
    pub(in crate::deliver) fn view(&mut self, now: Instant) -> View {
        if self.leases.look(now) {
            self.rebuild();
        }
        while let Some(&Reverse((due, line))) = self.later.peek()
            && due <= now
        {
            self.later.pop();
            if self.lines.state(line) == State::Later(due) {
                self.make_ready(line, due, true);
            }
        }
        let since = |line: &u32| match self.lines.state(*line) {
            State::Ready(since) => Some(since),
            _ => None,
        };
        let rows = || self.again.iter().chain(&self.ready);
        // What fills no request may hold, behind its front, what has waited longer in its line.
        let oldest = match self.again.len() + self.ready.len() < most(self.lane) {
            true => rows().filter_map(since).min(),
            false => rows().next().and_then(since),
        };
        View {
            ready: self.again.len() + self.ready.len(),
            bytes: self.bytes,
            oldest,
            due: self.later.peek().map(|Reverse((due, _))| *due),
            flush: self.flush,
            fences: self.fences,
        }
    }

    /// Takes up to `most` heads that fit into one request and locks their keys; whether the bytes ended it.
    pub(in crate::deliver) fn take(&mut self, most_events: usize) -> (Vec<Entry>, bool) {
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
            let fits = self
                .lines
                .head(line)
                .is_some_and(|entry| size.add(&entry.item.event));
            if !fits {
                return (taken, true);
            }
            row.pop_front();
            self.lines.set(line, State::Locked);
            if let Some(entry) = self.lines.pop(line) {
                self.bytes -= entry.item.event.json.len();
                taken.push(entry);
            }
        }
        (taken, false)
    }

    /// Says what becomes of events that were taken, and unlocks their keys.
    pub(in crate::deliver) fn settle(
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
                        self.memory.comes(&entry.item.event);
                    }
                    tally.accepted += 1;
                    self.count -= 1;
                    ends.push(&entry.owner, End::of(&entry.item, Outcome::Accepted));
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
                    self.lines.put_back(entry);
                    self.lines.set(line, State::Later(due));
                    self.later.push(Reverse((due, line)));
                    continue;
                }
                Fate::Again => {
                    self.lines.put_back(entry);
                    self.make_ready(line, now, true);
                    continue;
                }
            }
            self.unlock(line);
        }
        self.shrink();
        tally
    }

    /// Drops what waits of `owner`, which is marked as fenced already.
    pub(in crate::deliver) fn fence(&mut self, owner: &Owner, now: Instant) {
        self.fences += 1;
        self.leases.forget(owner);
        for line in self.lines.all() {
            let (gone, head) = self.lines.filter(line, |entry| !entry.owner.is(owner));
            self.count -= gone.len();
            if head && self.lines.state(line) != State::Locked {
                // What follows never failed: it waits for nothing.
                self.lines.set(line, State::Ready(now));
            }
        }
        self.rebuild();
    }

    /// From now on partial batches go at once.
    pub(in crate::deliver) fn flush(&mut self) {
        self.flush = true;
    }

    /// The rows anew, after lines have lost events or other owners may send.
    fn rebuild(&mut self) {
        let held = std::mem::take(&mut self.leases.held).into();
        let rows = [
            std::mem::take(&mut self.again),
            held,
            std::mem::take(&mut self.ready),
        ];
        let later = std::mem::take(&mut self.later);
        let mut seen = vec![false; self.lines.all().len()];
        self.bytes = 0;
        for (again, row) in [true, false, false].into_iter().zip(rows) {
            for line in row {
                if let State::Ready(since) = self.lines.state(line)
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
            match self.lines.state(line) {
                State::Later(at) if at == due => self.later.push(Reverse((due, line))),
                State::Ready(since) => self.make_ready_or_remove(line, since, false),
                _ => {}
            }
        }
    }

    fn make_ready_or_remove(&mut self, line: u32, since: Instant, again: bool) {
        if self.lines.head(line).is_none() {
            self.lines.remove(line);
        } else {
            self.make_ready(line, since, again);
        }
    }

    fn make_ready(&mut self, line: u32, since: Instant, again: bool) {
        self.lines.set(line, State::Ready(since));
        if let Some(entry) = self.lines.head(line) {
            if !self.leases.lets(&entry.owner) {
                return self.leases.held.push(line);
            }
            self.bytes += entry.item.event.json.len();
        }
        let row = if again { &mut self.again } else { &mut self.ready };
        row.push_back(line);
    }

    /// The next of the line may leave. It waits for its request to fill since it was handed over: what waited behind
    /// others of its key has waited for long enough.
    fn unlock(&mut self, line: u32) {
        let since = self.lines.head(line).map(|entry| entry.waits);
        match since {
            Some(since) => self.make_ready(line, since, false),
            None => self.lines.remove(line),
        }
    }

    /// Refuses what waits in a line and misses something; in order, so that it takes with it what depends on it.
    fn refuse_dependents(&mut self, line: u32, now: Instant, ends: &mut Ends) -> u64 {
        let (memory, mut causes) = (&mut self.memory, Vec::new());
        let (gone, _) = self.lines.filter(line, |entry| {
            let cause = memory.missing(&entry.item.event, now);
            if cause.is_some() {
                memory.refused(&entry.item.event, now);
            }
            causes.extend(cause);
            cause.is_none()
        });
        self.count -= gone.len();
        for (entry, cause) in gone.into_iter().zip(&causes) {
            ends.push(&entry.owner, depends(entry.item, *cause, entry.attempts));
        }
        causes.len() as u64
    }

    /// Gives memory back once a backlog is gone.
    fn shrink(&mut self) {
        if self.count == 0 && self.lines.capacity() > 4096 {
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

fn depends(item: Item, cause: Id, attempts: u32) -> End {
    let why = Why {
        status: None,
        message: format!("it needs what event {cause} would have made, which was refused"),
        correlation_id: None,
    };
    refused(item, why, attempts, Some(cause))
}

fn refused(item: Item, why: Why, attempts: u32, depends_on: Option<Id>) -> End {
    let refusal = Refusal {
        event: item.event.clone(),
        status: why.status,
        message: why.message,
        correlation_id: why.correlation_id,
        attempts,
        depends_on,
    };
    End::of(&item, Outcome::Refused(Box::new(refusal)))
}
