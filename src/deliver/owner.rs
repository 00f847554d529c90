//! Who an event comes from, what it is handed over as, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Duration, Instant};

use super::lease::Lease;
use crate::event::{Event, Id, Key, Lane};
use crate::fail;
use crate::time::Time;

/// One assignment of one partition: who is told how events end. Clones are the same owner.
#[derive(Clone, Debug)]
pub struct Owner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: u64,
    ends: UnboundedSender<Vec<End>>,
    /// None: it may always send.
    lease: Option<Lease>,
    fenced: AtomicBool,
    silent: AtomicBool,
    /// Events in requests that have no answer yet.
    flying: AtomicUsize,
    landed: Notify,
}

impl Owner {
    /// An owner that is told by `ends`; `epoch` tells assignments apart in logs.
    pub fn new(epoch: u64, ends: UnboundedSender<Vec<End>>) -> Self {
        Self::with(epoch, ends, None)
    }

    /// The same, but what it hands over is sent only within `term` of the last proof that it is still the owner
    /// ([`super::Delivery::renew`]), and not before the first.
    pub fn leased(epoch: u64, ends: UnboundedSender<Vec<End>>, term: Duration) -> Self {
        Self::with(epoch, ends, Some(Lease::new(term)))
    }

    fn with(epoch: u64, ends: UnboundedSender<Vec<End>>, lease: Option<Lease>) -> Self {
        Self(Arc::new(Inner {
            epoch,
            ends,
            lease,
            fenced: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            flying: AtomicUsize::new(0),
            landed: Notify::new(),
        }))
    }

    /// The number it was made with.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Whether it was fenced.
    pub fn fenced(&self) -> bool {
        self.0.fenced.load(Ordering::SeqCst)
    }

    /// Whether what it handed over may be sent.
    pub(super) fn may_send(&self, now: Instant) -> bool {
        !self.fenced() && self.0.lease.as_ref().is_none_or(|lease| lease.holds(now))
    }

    /// Takes a proof of that time; whether nothing was to be sent without it.
    pub(super) fn renew(&self, proven: Instant, now: Instant) -> bool {
        let lease = self.0.lease.as_ref();
        lease.is_some_and(|lease| lease.renew(proven, now))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn set_fenced(&self) {
        self.0.fenced.store(true, Ordering::SeqCst);
    }

    pub(super) fn fly(&self) {
        self.0.flying.fetch_add(1, Ordering::SeqCst);
    }

    fn land(&self, events: usize) {
        if events > 0 && self.0.flying.fetch_sub(events, Ordering::SeqCst) == events {
            self.0.landed.notify_waiters();
        }
    }

    /// Waits until no event of it is in flight. From then on, or once it is dropped, nobody is told any more.
    pub(super) fn landed(&self) -> impl Future<Output = ()> + use<> {
        let silence = Silence(self.clone());
        async move {
            let inner = &silence.0.0;
            loop {
                let landed = inner.landed.notified();
                tokio::pin!(landed);
                landed.as_mut().enable();
                if inner.flying.load(Ordering::SeqCst) == 0 {
                    return;
                }
                landed.await;
            }
        }
    }

    fn say(&self, ends: Vec<End>) {
        if !self.0.silent.load(Ordering::SeqCst) {
            // Whoever does not listen any more has no use for it.
            let _ = self.0.ends.send(ends);
        }
    }
}

struct Silence(Owner);

impl Drop for Silence {
    fn drop(&mut self) {
        self.0.0.silent.store(true, Ordering::SeqCst);
    }
}

/// An event to deliver.
#[derive(Clone, Debug)]
pub struct Item {
    /// Position of the record that it came from; echoed.
    pub record: u64,
    /// The event.
    pub event: Event,
    /// The record's timestamp, from which the delivery delay is counted.
    pub timestamp: Time,
}

/// How an event ended.
#[derive(Debug)]
pub struct End {
    /// As handed over.
    pub record: u64,
    /// The lane that it went through.
    pub lane: Lane,
    /// What it was ordered with.
    pub key: Key,
    /// Its eventId.
    pub id: Id,
    /// Its eventDateTime.
    pub time: Time,
    /// What it brings into being.
    pub makes: Option<Id>,
    /// Length of its JSON.
    pub bytes: usize,
    /// How.
    pub outcome: Outcome,
}

impl End {
    /// The end of `item`.
    pub fn of(item: &Item, outcome: Outcome) -> Self {
        let event = &item.event;
        Self {
            record: item.record,
            lane: event.lane,
            key: event.key,
            id: event.id,
            time: event.time,
            makes: event.makes,
            bytes: event.json.len(),
            outcome,
        }
    }
}

/// How an event ends.
#[derive(Debug)]
pub enum Outcome {
    /// Genesys Cloud has it.
    Accepted,
    /// Genesys Cloud does not take it: to the dead letters.
    Refused(Box<Refusal>),
}

/// Why an event is not taken.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The event.
    pub event: Event,
    /// The HTTP status that decided; absent where it was not sent.
    pub status: Option<u16>,
    /// Why, in words.
    pub message: String,
    /// What Genesys' support asks for.
    pub correlation_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// The eventId of the refused event that would have made what this one needs; absent where it was refused itself.
    pub depends_on: Option<Id>,
}

/// Gathers what an answer means to owners, so that each is told once.
#[derive(Default)]
pub(super) struct Ends(Vec<Told>);

struct Told {
    owner: Owner,
    ends: Vec<End>,
    landed: usize,
}

impl Ends {
    pub(super) fn push(&mut self, owner: &Owner, end: End) {
        self.of(owner).ends.push(end);
    }

    /// One event of `owner` is in flight no more.
    pub(super) fn land(&mut self, owner: &Owner) {
        self.of(owner).landed += 1;
    }

    /// Tells everybody. Call it without a lock in hand.
    pub(super) fn say(self) {
        for Told { owner, ends, landed } in self.0 {
            if !ends.is_empty() {
                owner.say(ends);
                fail::at("partly noted");
            }
            // Only now: who waits for the landing wants to have heard of the ends.
            owner.land(landed);
        }
    }

    fn of(&mut self, owner: &Owner) -> &mut Told {
        // Neighbours in a batch often share their owner, and a batch has few of them.
        let known = self.0.iter().rposition(|told| told.owner.is(owner));
        let at = known.unwrap_or_else(|| {
            self.0.push(Told {
                owner: owner.clone(),
                ends: Vec::new(),
                landed: 0,
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}
