//! One assigned partition at work: all that goes in and out of its [`Worker`] passes here.
//!
//! It takes chunks in their order, hands events to delivery and dead letters to the writer, hears how they ended, and
//! keeps the state and the offset. It ends when it is drained (rule 8, rule 9) or when nobody holds its
//! [`Handle`](super::assignment::Handle) any more: then the partition was lost, and nothing of it counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::counter;
use rustc_hash::FxHashSet;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Duration, Instant, sleep_until, timeout_at};

use super::assignment::{Drain, Progress, Say, Waiting};
use super::counts::Counters;
use super::keeping::{Failure, Keeper, Keeping, Receipt, What};
use super::mail::{self, Mail};
use super::proof::Proof;
use super::quiet::Quiet;
use super::restore::{Begin, Restored};
use super::sites::Sites;
use super::states::States;
use super::store::Store;
use super::worker::{Moment, Settings, Stake, Work, Worker};
use crate::clock;
use crate::deliver::{Delivery, End, Owner};
use crate::directory::Names;
use crate::fail;
use crate::health::{Board, Heart};
use crate::kafka::{Chunk, Commit, Credits, Epoch, Place};
use crate::metrics::WAITS_CUT_SHORT;

/// What the last snapshot may take beyond the patience of a drain.
const LAST: Duration = Duration::from_millis(1500);

/// What all partitions share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) credits: Arc<Credits>,
    pub(super) delivery: Delivery,
    pub(super) names: Names,
    /// The dead-letter topic of an input topic.
    pub(super) letter_topic: Box<dyn Fn(&str) -> String + Send + Sync>,
    pub(super) board: Board,
    pub(super) sites: Sites,
    pub(super) store: Arc<dyn Store>,
    pub(super) states: States,
    /// The same of dead letters.
    pub(super) postbox: States,
    /// `[state] interval`.
    pub(super) interval: Duration,
    /// How long Kafka waits for an agent that it does not hear from.
    pub(super) session: Duration,
    /// `[state] on_mismatch` says to begin without a state where the kept one cannot be used.
    pub(super) fresh: bool,
}

/// See the module.
pub(super) struct Partition {
    place: Place,
    worker: Worker,
    keeping: Keeping,
    shared: Arc<Shared>,
    owner: Owner,
    /// What was read and waits until a tick is kept.
    waiting: VecDeque<Chunk>,
    ends: UnboundedReceiver<Vec<End>>,
    mailbox: UnboundedSender<Mail>,
    /// Dead letters that are not acknowledged.
    mails: usize,
    written: UnboundedReceiver<Stake>,
    known_sites: FxHashSet<Box<str>>,
    work: Work,
    counters: Counters,
    starved: bool,
    /// Bytes of events in delivery, as the bound knows them.
    delivering: usize,
    quiet: Quiet,
    progress: Arc<Progress>,
    heart: Heart,
}

impl Partition {
    pub(super) fn new(
        begin: &Begin,
        epoch: Epoch,
        shared: Arc<Shared>,
        progress: Arc<Progress>,
        restored: Option<Restored>,
        waiting: Waiting,
    ) -> Self {
        let Begin { place, from, .. } = begin.clone();
        let (ends_sender, ends) = mpsc::unbounded_channel();
        let (mailbox, mails) = mpsc::unbounded_channel();
        let (written_sender, written) = mpsc::unbounded_channel();
        let topic = (shared.letter_topic)(&place.topic);
        let writer = mail::write(
            shared.store.clone(),
            topic,
            place.clone(),
            shared.postbox.clone(),
            mails,
            written_sender,
        );
        tokio::spawn(writer);
        let (settings, now) = (shared.settings.clone(), Instant::now());
        let (worker, last) = match restored {
            Some(Restored {
                kept,
                pointed,
                ticks_end,
            }) => {
                let missing: Vec<_> = kept.beside.missing.iter().map(|(missing, _)| *missing).collect();
                shared.delivery.recall(&missing);
                let worker = Worker::restore(place.clone(), from, settings, kept, now);
                (worker, Some((pointed, ticks_end)))
            }
            None => (Worker::new(place.clone(), from, settings, now), None),
        };
        let keeper = Keeper {
            place: place.clone(),
            store: shared.store.clone(),
        };
        Self {
            worker,
            keeping: Keeping::new(
                keeper,
                shared.states.clone(),
                shared.interval,
                shared.session,
                last,
            ),
            owner: Owner::leased(epoch, ends_sender, Proof::term(shared.session)),
            place,
            waiting: waiting.chunks,
            ends,
            mailbox,
            mails: 0,
            written,
            known_sites: FxHashSet::default(),
            work: Work::default(),
            counters: Counters::new(),
            starved: waiting.starved,
            delivering: 0,
            quiet: Quiet::new(),
            progress,
            // It may have nothing to do for long, so only an end by a fault shows.
            heart: shared.board.heart("a partition's work", Duration::MAX),
            shared,
        }
    }

    /// Works until it is drained or lost.
    pub(super) async fn work(mut self, mut said: UnboundedReceiver<Say>) {
        let mut names = self.shared.names.changed();
        self.go_on();
        self.settle();
        let drain = loop {
            let give_up = self.worker.next_give_up();
            let keep = self.keeping.due(&self.worker);
            tokio::select! {
                biased;
                Some(ends) = self.ends.recv() => self.ended(ends),
                Some(stake) = self.written.recv() => self.written(stake),
                kept = self.keeping.done() => self.kept(kept),
                () = until(keep) => self.keeping.begin(&mut self.worker),
                Ok(()) = names.changed() => self.names_changed(),
                () = until(give_up) => self.names_changed(),
                told = said.recv() => match told {
                    Some(Say::Chunk(chunk)) => self.chunk(chunk),
                    Some(Say::AtEnd(offset)) => self.at_end(offset),
                    Some(Say::Starved(starved)) => self.starved = starved,
                    Some(Say::Drain(drain)) => break Some(drain),
                    None => break None,
                },
            }
            self.settle();
        };
        said.close();
        while let Ok(told) = said.try_recv() {
            if let Say::Chunk(chunk) = told {
                self.waiting.push_back(chunk);
            }
        }
        for chunk in self.waiting.drain(..) {
            self.shared.credits.give(chunk.size);
        }
        match drain {
            Some(drain) => self.drain(drain).await,
            // Lost: what is queued is dropped, what is in flight keeps its keys locked.
            None => drop(self.shared.delivery.fence(&self.owner)),
        }
        self.heart.beat();
        let Shared {
            credits, delivery, ..
        } = &*self.shared;
        credits.delivering(self.delivering, 0, delivery.waits_for_budget());
        credits.give(self.worker.held_bytes());
    }

    /// What is read after a tick waits until the tick is kept: its place is before it.
    fn chunk(&mut self, chunk: Chunk) {
        if self.worker.tick_planned() {
            return self.waiting.push_back(chunk);
        }
        let directory = self.shared.names.current();
        let (known, sites, place) = (&mut self.known_sites, &self.shared.sites, &self.place);
        let hear = |site: &str| {
            if !known.contains(site) {
                known.insert(site.into());
                sites.seen(site, place);
            }
        };
        let repeats = self.worker.repeats();
        self.worker
            .records(chunk, &directory, now(), &mut self.work, hear);
        fail::at("converted");
        self.quiet = Quiet::new();
        if repeats && !self.worker.repeats() {
            // What is owed has waited for this.
            self.names_changed();
        }
    }

    /// Takes what had to wait.
    fn go_on(&mut self) {
        while !self.worker.tick_planned()
            && let Some(chunk) = self.waiting.pop_front()
        {
            self.chunk(chunk);
        }
    }

    /// The partition is quiet: stream time goes on with the clock, where that brings something to its end.
    fn at_end(&mut self, offset: i64) {
        if offset != self.worker.next() || self.worker.tick_planned() || self.worker.repeats() {
            return;
        }
        let stream = self.worker.stream_time();
        let due = |to: &crate::time::Time| self.worker.next_deadline().is_some_and(|deadline| deadline < *to);
        if self.quiet.now(stream).as_ref().is_some_and(due)
            && let Some(to) = self.quiet.tick(stream)
        {
            self.worker.plan_tick(to);
        }
    }

    /// Something was kept, or could not be.
    fn kept(&mut self, done: Result<Receipt, Failure>) {
        let directory = self.shared.names.current();
        let kept = self.noted(done);
        if kept.is_some() && self.worker.tick_planned() {
            fail::at("tick noted");
        }
        match kept {
            Some(What::Snapshot(keep)) => self.worker.kept(&keep, &directory, now(), &mut self.work),
            Some(What::Ticks(end)) => self.worker.ticks_kept(end, &directory, now(), &mut self.work),
            Some(What::Proof) | None => {}
        }
        self.go_on();
    }

    /// What was kept, and with it the lease of what waits.
    fn noted(&mut self, done: Result<Receipt, Failure>) -> Option<What> {
        let what = self.keeping.note(done);
        if let Some(proven) = self.keeping.proven() {
            self.shared.delivery.renew(&self.owner, proven);
        }
        what
    }

    fn names_changed(&mut self) {
        let directory = self.shared.names.current();
        let names = &self.shared.names;
        self.worker.names_changed(
            &directory,
            |(kind, name)| names.denied(*kind, name),
            now(),
            &mut self.work,
        );
    }

    fn ended(&mut self, ends: Vec<End>) {
        self.worker.ended(ends, now(), &mut self.work);
    }

    fn written(&mut self, stake: Stake) {
        self.mails = self.mails.saturating_sub(1);
        self.worker.letter_written(stake);
    }

    /// Hands on what the last input has led to.
    fn settle(&mut self) {
        self.hand_on();
        // Where only waits hold the bytes that reading needs, they end early (rule 5).
        if self.starved
            && !self.worker.tick_planned()
            && !self.worker.repeats()
            && self.worker.open_records() > 0
            && self.is_idle()
            && let Some(wait) = self.worker.next_wait()
        {
            counter!(WAITS_CUT_SHORT).increment(1);
            self.worker.plan_tick(wait.plus(1));
        }
    }

    /// Nothing is on its way but what waits for later records.
    fn is_idle(&self) -> bool {
        self.worker.in_delivery() == 0 && self.mails == 0 && !self.worker.waits_for_names()
    }

    fn hand_on(&mut self) {
        let Shared {
            credits,
            delivery,
            names,
            ..
        } = &*self.shared;
        let work = &mut self.work;
        credits.take_more(std::mem::take(&mut work.taken));
        if !work.items.is_empty() {
            delivery.submit(&self.owner, work.items.drain(..));
        }
        for mail in work.letters.drain(..) {
            self.mails += 1;
            let _ = self.mailbox.send(mail);
        }
        for (kind, name) in work.missed.drain(..) {
            names.ask(kind, &name);
        }
        self.counters.work(&mut work.counts);
        self.counters.passed(self.worker.passed());
        credits.give(self.worker.freed());
        let before = std::mem::replace(&mut self.delivering, self.worker.delivering());
        credits.delivering(before, self.delivering, delivery.waits_for_budget());
        let progress = &self.progress;
        let oldest = self.worker.oldest().map_or(0, |time| time.millis());
        progress.oldest.store(oldest, Ordering::Relaxed);
        let conversations = self.worker.open_conversations();
        progress.conversations.store(conversations, Ordering::Relaxed);
    }

    async fn drain(&mut self, drain: Drain) {
        let deadline = Instant::now() + drain.patience;
        if drain.stopping {
            while self.worker.in_delivery() + self.mails > 0 {
                let prove = self.keeping.proof_due(&self.worker);
                tokio::select! {
                    biased;
                    Some(ends) = self.ends.recv() => self.ended(ends),
                    Some(record) = self.written.recv() => self.written(record),
                    // What was being kept takes effect no more.
                    done = self.keeping.done() => drop(self.noted(done)),
                    () = until(prove) => self.keeping.prove(&mut self.worker),
                    () = sleep_until(deadline) => break,
                }
                self.hand_on();
            }
        }
        let delivery = self.shared.delivery.clone();
        let owner = self.owner.clone();
        let fence = delivery.fence(&owner);
        tokio::pin!(fence);
        let mut in_flight = true;
        while in_flight || self.mails > 0 {
            tokio::select! {
                biased;
                Some(ends) = self.ends.recv() => self.ended(ends),
                Some(record) = self.written.recv() => self.written(record),
                () = &mut fence, if in_flight => in_flight = false,
                () = sleep_until(deadline) => break,
            }
            self.hand_on();
        }
        while let Ok(ends) = self.ends.try_recv() {
            self.ended(ends);
        }
        self.hand_on();
        let last = timeout_at(deadline + LAST, self.last()).await;
        let _ = drain.reply.send(last.unwrap_or_default());
    }

    /// The last commit, once what is being kept is.
    async fn last(&mut self) -> Option<Commit> {
        while self.keeping.busy() {
            let done = self.keeping.done().await;
            self.keeping.note(done);
        }
        self.keeping.last(&mut self.worker).await
    }
}

fn now() -> Moment {
    Moment {
        time: clock::now(),
        instant: Instant::now(),
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
