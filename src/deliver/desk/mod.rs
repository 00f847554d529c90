//! What a lane does next, and what an answer means to it. Pure but for the report: time and randomness are
//! arguments.
//!
//! Three things can be sent: loads that wait to be sent as they are (an unknown outcome, a part of a search), a
//! fresh batch, and the probe of a stopped lane. While nothing has passed for as many answers as there are slots,
//! the endpoint is in trouble and not some events: one request at a time goes then, with backoff.

mod answers;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::deliver::Settings;
use crate::deliver::batch::{BYTES, most};
use crate::deliver::bisect::Search;
use crate::deliver::flood::Flood;
use crate::deliver::halt::Halt;
use crate::deliver::load::{Load, Waiting};
use crate::deliver::meters::Closed;
use crate::deliver::owner::Ends;
use crate::deliver::queue::{Entry, Fate, Queue, View};
use crate::deliver::report::Report;
use crate::event::Lane;
use crate::genesys::Reply;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::deliver) enum Choice {
    /// Nothing before then, unless something happens.
    Rest(Option<Instant>),
    /// Send so many events.
    Send { worth: usize, what: What },
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::deliver) enum What {
    Probe,
    Waiting,
    Fresh(Closed),
}

/// One lane's state.
pub(in crate::deliver) struct Desk {
    lane: Lane,
    settings: Settings,
    queue: Arc<Mutex<Queue>>,
    report: Report,
    waiting: Waiting,
    searches: FxHashMap<u64, Search<Load>>,
    last_search: u64,
    /// Refused whole while a search was undecided.
    roots: Vec<Load>,
    halt: Option<Halt>,
    flood: Flood,
    /// What made the lane stop, as far as it was events.
    suspects: VecDeque<Entry>,
    /// Unknown outcomes since anything was understood.
    failures: u32,
    retry_at: Option<Instant>,
    /// Requests that have passed.
    passed: u64,
    last_accepted: Option<Instant>,
    lone: u32,
    in_flight: usize,
    fences: u64,
}

impl Desk {
    pub(in crate::deliver) fn new(
        lane: Lane,
        settings: Settings,
        queue: Arc<Mutex<Queue>>,
        report: Report,
    ) -> Self {
        Self {
            lane,
            settings,
            queue,
            report,
            waiting: Waiting::default(),
            searches: FxHashMap::default(),
            last_search: 0,
            roots: Vec::new(),
            halt: None,
            flood: Flood::default(),
            suspects: VecDeque::new(),
            failures: 0,
            retry_at: None,
            passed: 0,
            last_accepted: None,
            lone: 0,
            in_flight: 0,
            fences: 0,
        }
    }

    /// Whether the lane is stopped.
    pub(in crate::deliver) fn halted(&self) -> bool {
        self.halt.is_some()
    }

    pub(in crate::deliver) fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    /// What to do at `now`.
    pub(in crate::deliver) fn choose(&mut self, now: Instant) -> Choice {
        let view = self.queue().view(now);
        if std::mem::replace(&mut self.fences, view.fences) != view.fences {
            self.look_through(now);
            return self.choose(now);
        }
        if self.in_flight >= self.settings.concurrency {
            return Choice::Rest(None);
        }
        if let Some(halt) = &self.halt {
            return match (halt.probing, view.ready > 0 || !self.suspects.is_empty()) {
                (true, _) => Choice::Rest(None),
                (_, false) => Choice::Rest(view.due),
                _ if now < halt.probe_at => Choice::Rest(Some(halt.probe_at)),
                _ => Choice::Send {
                    worth: 1,
                    what: What::Probe,
                },
            };
        }
        let troubled = self.troubled();
        if troubled && self.in_flight > 0 {
            return Choice::Rest(None);
        }
        if let Some(at) = self.retry_at.filter(|at| troubled && now < *at) {
            return Choice::Rest(Some(at));
        }
        let due = self.waiting.due();
        if due.is_some_and(|due| troubled || due <= now) {
            return Choice::Send {
                worth: self.waiting.worth(),
                what: What::Waiting,
            };
        }
        match self.close(view, now) {
            Ok(closed) => Choice::Send {
                worth: view.ready,
                what: What::Fresh(closed),
            },
            Err(at) => Choice::Rest(due.into_iter().chain(at).min()),
        }
    }

    /// Whether a fresh batch is worth a request, or when it is.
    fn close(&self, view: View, now: Instant) -> Result<Closed, Option<Instant>> {
        if view.ready >= most(self.lane) {
            return Ok(Closed::Full);
        }
        if view.bytes >= BYTES {
            return Ok(Closed::Bytes);
        }
        let Some(oldest) = view.oldest else {
            return Err(view.due);
        };
        if view.flush {
            return Ok(Closed::Flush);
        }
        let at = oldest + self.settings.linger;
        if at <= now {
            return Ok(Closed::Linger);
        }
        Err(Some(view.due.map_or(at, |due| at.min(due))))
    }

    /// Takes what was chosen, now that it may go: everything that is ready. `waited` says whether it waited for the
    /// budget. Nothing, where its owner may not send any more.
    pub(in crate::deliver) fn launch(
        &mut self,
        what: What,
        waited: bool,
        now: Instant,
    ) -> Option<(Load, Closed, u64)> {
        let queue = self.queue.clone();
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut load, closed) = match what {
            What::Probe => (self.probe(&mut queue), Closed::Probe),
            What::Waiting => (self.waiting.pop()?, Closed::Again),
            What::Fresh(closed) => {
                let (entries, bytes) = queue.take(usize::MAX);
                let full = entries.len() >= most(self.lane);
                let closed = match closed {
                    _ if full => Closed::Full,
                    _ if bytes => Closed::Bytes,
                    _ if waited => Closed::Budget,
                    closed => closed,
                };
                (Load::new(entries), closed)
            }
        };
        only_what_may(&mut load.entries, &mut queue, now);
        if load.entries.is_empty() {
            drop(queue);
            self.gone(&load, now);
            return None;
        }
        let mut resent = 0;
        for entry in &mut load.entries {
            entry.owner.fly();
            resent += u64::from(entry.attempts > 0);
            entry.attempts = entry.attempts.saturating_add(1);
        }
        self.in_flight += 1;
        if load.probe
            && let Some(halt) = &mut self.halt
        {
            halt.probing = true;
        }
        Some((load, closed, resent))
    }

    /// One event: of a key that is under no suspicion, if there is one.
    fn probe(&mut self, queue: &mut Queue) -> Load {
        let mut entries = queue.take(1).0;
        if entries.is_empty() {
            entries.extend(self.suspects.pop_front());
        }
        Load {
            probe: true,
            ..Load::new(entries)
        }
    }

    fn trouble(&self) -> u32 {
        u32::try_from(self.settings.concurrency)
            .unwrap_or(u32::MAX)
            .max(2)
    }

    fn troubled(&self) -> bool {
        self.failures >= self.trouble()
    }

    /// A load has lost all of its events.
    fn gone(&mut self, load: &Load, now: Instant) {
        let Some(id) = load.search else { return };
        let Some(search) = self.searches.get_mut(&id) else {
            return;
        };
        let next = search.gone();
        let mut fates = Vec::new();
        let reply = Reply::lost("all parts of a request are refused alike");
        self.follow(Some(id), next, &reply, now, &mut fates, 1.0);
        let mut ends = Ends::default();
        self.queue().settle(fates, now, &mut ends);
        ends.say();
    }

    /// Drops what waits here of owners that were fenced.
    fn look_through(&mut self, now: Instant) {
        let queue = self.queue.clone();
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        for load in self.waiting.each().chain(&mut self.roots) {
            only_what_may(&mut load.entries, &mut queue, now);
        }
        for search in self.searches.values_mut() {
            search.look_through(|load| only_what_may(&mut load.entries, &mut queue, now));
        }
        let mut suspects = std::mem::take(&mut self.suspects).into();
        only_what_may(&mut suspects, &mut queue, now);
        self.suspects = suspects.into();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves what may be sent. What is of an owner without a lease goes back to the head of its key and waits there; of a
/// fenced one nothing comes again.
fn only_what_may(entries: &mut Vec<Entry>, queue: &mut Queue, now: Instant) {
    if entries.iter().all(|entry| entry.owner.may_send(now)) {
        return;
    }
    let (kept, others) = std::mem::take(entries)
        .into_iter()
        .partition(|entry| entry.owner.may_send(now));
    *entries = kept;
    let others: Vec<Entry> = others;
    queue.settle(
        others.into_iter().map(|entry| (entry, Fate::Again)),
        now,
        &mut Ends::default(),
    );
}

/// How long the platform may close a lane before that is an error.
pub(in crate::deliver) fn unusual(wait: Duration, settings: &Settings) -> bool {
    wait > settings.max_retry_after
}
