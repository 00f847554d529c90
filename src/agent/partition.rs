//! One assigned partition as a task: its [`Worker`] and all that goes in and out of it.
//!
//! It takes chunks in their order, hands events to delivery and dead letters to the writer, hears how they ended, and
//! keeps [`Progress`] for whoever commits. It ends when it is drained (rule 8, rule 9) or when nobody holds its
//! [`Handle`] any more: then the partition was lost, and nothing of it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use metrics::counter;
use rustc_hash::FxHashSet;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant, sleep_until};

use super::counts::Counters;
use super::mail::{self, Mail};
use super::quiet::Quiet;
use super::sites::Sites;
use super::worker::{Moment, Settings, Work, Worker};
use crate::clock;
use crate::deliver::{Delivery, End, Owner};
use crate::directory::Names;
use crate::health::{Board, Heart};
use crate::kafka::{Chunk, Credits, DeadLetters, Epoch, Place};
use crate::metrics::WAITS_CUT_SHORT;

/// What all partitions share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) credits: Arc<Credits>,
    pub(super) delivery: Delivery,
    pub(super) names: Names,
    pub(super) letters: DeadLetters,
    /// The dead-letter topic of an input topic.
    pub(super) letter_topic: Box<dyn Fn(&str) -> String + Send + Sync>,
    pub(super) board: Board,
    pub(super) sites: Sites,
}

/// How far a partition is, for commits and metrics.
#[derive(Debug)]
pub(super) struct Progress {
    /// The next offset to read after a restart.
    pub(super) commit: AtomicI64,
    /// What was last committed of it; -1: nothing, or nobody knows whether it arrived.
    pub(super) committed: AtomicI64,
    /// The timestamp of the oldest record that has not ended; 0: there is none.
    pub(super) oldest: AtomicI64,
    /// Conversations with an open communication.
    pub(super) conversations: AtomicUsize,
}

/// What a partition is told.
enum Say {
    Chunk(Chunk),
    /// Everything below this has been read, and there is no more just now.
    AtEnd(i64),
    /// Reading stands still because the memory bound is reached, or goes on.
    Starved(bool),
    Drain(Drain),
}

/// The end of an assignment.
struct Drain {
    patience: Duration,
    /// Whether what is queued is delivered too, as far as there is time.
    stopping: bool,
    reply: oneshot::Sender<i64>,
}

/// How a partition is reached.
pub(super) struct Handle {
    pub(super) epoch: Epoch,
    pub(super) progress: Arc<Progress>,
    inbox: UnboundedSender<Say>,
}

impl Handle {
    /// Begins to work on a partition that is read from `from` on.
    pub(super) fn start(place: Place, epoch: Epoch, from: i64, shared: Arc<Shared>) -> Self {
        let progress = Arc::new(Progress {
            commit: AtomicI64::new(from),
            committed: AtomicI64::new(-1),
            oldest: AtomicI64::new(0),
            conversations: AtomicUsize::new(0),
        });
        let (inbox, said) = mpsc::unbounded_channel();
        let (ends_sender, ends) = mpsc::unbounded_channel();
        let (mailbox, mails) = mpsc::unbounded_channel();
        let (written_sender, written) = mpsc::unbounded_channel();
        let letters = shared.letters.to(&(shared.letter_topic)(&place.topic));
        let writer = mail::write(letters, shared.board.clone(), mails, written_sender);
        tokio::spawn(writer);
        let partition = Partition {
            worker: Worker::new(place.clone(), from, shared.settings.clone()),
            owner: Owner::new(epoch, ends_sender),
            place,
            next: from,
            ends,
            mailbox,
            mails: 0,
            written,
            known_sites: FxHashSet::default(),
            work: Work::default(),
            counters: Counters::new(),
            starved: false,
            quiet: Quiet::new(),
            progress: progress.clone(),
            // It may have nothing to do for long, so only an end by a fault shows.
            heart: shared.board.heart("a partition's work", Duration::MAX),
            shared,
        };
        tokio::spawn(partition.run(said));
        Self {
            epoch,
            progress,
            inbox,
        }
    }

    /// Hands a chunk over; false where the partition has ended.
    pub(super) fn chunk(&self, chunk: Chunk) -> bool {
        self.inbox.send(Say::Chunk(chunk)).is_ok()
    }

    /// Says that everything below `offset` was read.
    pub(super) fn at_end(&self, offset: i64) {
        let _ = self.inbox.send(Say::AtEnd(offset));
    }

    /// Says whether reading stands still for want of memory.
    pub(super) fn starved(&self, starved: bool) {
        let _ = self.inbox.send(Say::Starved(starved));
    }

    /// Ends the work: waits up to `patience` for what is in flight, and when `stopping` for what is queued too. Gives
    /// the offset to commit.
    pub(super) fn drain(self, patience: Duration, stopping: bool) -> oneshot::Receiver<i64> {
        let (reply, answer) = oneshot::channel();
        let _ = self.inbox.send(Say::Drain(Drain {
            patience,
            stopping,
            reply,
        }));
        answer
    }
}

struct Partition {
    place: Place,
    worker: Worker,
    shared: Arc<Shared>,
    owner: Owner,
    /// The next offset that a chunk may bring.
    next: i64,
    ends: UnboundedReceiver<Vec<End>>,
    mailbox: UnboundedSender<Mail>,
    /// Dead letters that are not acknowledged.
    mails: usize,
    written: UnboundedReceiver<Option<i64>>,
    known_sites: FxHashSet<Box<str>>,
    work: Work,
    counters: Counters,
    starved: bool,
    quiet: Quiet,
    progress: Arc<Progress>,
    heart: Heart,
}

impl Partition {
    async fn run(mut self, mut said: UnboundedReceiver<Say>) {
        let mut names = self.shared.names.changed();
        let drain = loop {
            let give_up = self.worker.next_give_up();
            tokio::select! {
                biased;
                Some(ends) = self.ends.recv() => self.ended(ends),
                Some(record) = self.written.recv() => self.written(record),
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
                self.shared.credits.give(chunk.size);
            }
        }
        match drain {
            Some(drain) => self.drain(drain).await,
            // Lost: what is queued is dropped, what is in flight keeps its keys locked.
            None => drop(self.shared.delivery.fence(&self.owner)),
        }
        self.heart.beat();
        self.shared.sites.forget(&self.place);
        self.shared.credits.give(self.worker.held_bytes());
    }

    fn chunk(&mut self, chunk: Chunk) {
        if let Some(last) = chunk.records.last() {
            self.next = last.offset + 1;
        }
        let directory = self.shared.names.current();
        let (known, sites, place) = (&mut self.known_sites, &self.shared.sites, &self.place);
        let hear = |site: &str| {
            if !known.contains(site) {
                known.insert(site.into());
                sites.seen(site, place);
            }
        };
        self.worker
            .records(chunk, &directory, now(), &mut self.work, hear);
        self.quiet = Quiet::new();
    }

    /// The partition is quiet: stream time goes on with the clock.
    fn at_end(&mut self, offset: i64) {
        if offset == self.next
            && let Some(to) = self.quiet.tick(self.worker.stream_time())
        {
            self.tick(to);
        }
    }

    fn tick(&mut self, to: crate::time::Time) {
        let directory = self.shared.names.current();
        self.worker.tick(to, &directory, now(), &mut self.work);
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

    fn written(&mut self, record: Option<i64>) {
        self.mails = self.mails.saturating_sub(1);
        self.worker.letter_written(record);
    }

    /// Hands on what the last input has led to.
    fn settle(&mut self) {
        self.hand_on();
        // Where only waits hold the bytes that reading needs, they end early (rule 5).
        while self.starved && self.worker.open_records() > 0 && self.is_idle() {
            let Some(wait) = self.worker.next_wait() else {
                break;
            };
            counter!(WAITS_CUT_SHORT).increment(1);
            self.tick(wait.plus(1));
            self.hand_on();
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
        let progress = &self.progress;
        progress.commit.store(self.worker.commit(), Ordering::Release);
        let oldest = self.worker.oldest().map_or(0, |time| time.millis());
        progress.oldest.store(oldest, Ordering::Relaxed);
        let conversations = self.worker.open_conversations();
        progress.conversations.store(conversations, Ordering::Relaxed);
    }

    async fn drain(&mut self, drain: Drain) {
        let deadline = Instant::now() + drain.patience;
        if drain.stopping {
            while self.worker.in_delivery() + self.mails > 0 {
                tokio::select! {
                    biased;
                    Some(ends) = self.ends.recv() => self.ended(ends),
                    Some(record) = self.written.recv() => self.written(record),
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
        let _ = drain.reply.send(self.worker.commit());
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
