//! The loop of one lane: asks the desk what to do, the governor whether it may, and sends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{Id as TaskId, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch;
use super::desk::{Choice, Desk, unusual};
use super::governor::{Governor, Permit};
use super::load::Load;
use super::meters::Meters;
use super::{Settings, Shared};
use crate::clock;
use crate::event::Lane;
use crate::fail;
use crate::genesys::{Inject, Reply, Request};

/// A lane at work.
pub(super) struct Runner<I> {
    pub(super) lane: Lane,
    pub(super) settings: Settings,
    pub(super) inject: Arc<I>,
    pub(super) governor: Governor,
    pub(super) shared: Arc<Shared>,
    pub(super) desk: Desk,
    pub(super) meters: Meters,
    pub(super) requests: JoinSet<Reply>,
    pub(super) flying: HashMap<TaskId, Flight>,
    /// Since when a permit is waited for.
    pub(super) asking: Option<Instant>,
}

/// A request in flight.
pub(super) struct Flight {
    load: Load,
    permit: Permit,
    sent: Instant,
}

impl<I: Inject> Runner<I> {
    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let governor = self.governor.clone();
        let shared = self.shared.clone();
        let wake: &Notify = &shared.lanes[self.lane as usize].wake;
        loop {
            let changed = governor.changed(self.lane).notified();
            tokio::pin!(changed);
            // From here on nothing that the governor says is missed.
            changed.as_mut().enable();
            let until = self.send();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(done) = self.requests.join_next_with_id(), if !self.requests.is_empty() => {
                    let (task, reply) = match done {
                        Ok((task, reply)) => (task, reply),
                        Err(error) => (error.id(), Reply::lost(format!("the request broke off: {error}"))),
                    };
                    self.answered(task, reply);
                }
                () = wake.notified() => {}
                () = &mut changed, if self.asking.is_some() => {}
                () = sleep_until(until), if until.is_some() => {}
            }
        }
    }

    /// Sends all that may go now; returns when there may be more to do.
    fn send(&mut self) -> Option<Instant> {
        let until = loop {
            let now = Instant::now();
            let (worth, what) = match self.desk.choose(now) {
                Choice::Send { worth, what } => (worth, what),
                Choice::Rest(until) => {
                    if self.asking.take().is_some() {
                        self.governor.forget(self.lane);
                    }
                    break until;
                }
            };
            let permit = match self.governor.ask(self.lane, worth, now) {
                Ok(permit) => permit,
                Err(wait) => {
                    self.asking.get_or_insert(now);
                    let pause = wait.until.saturating_duration_since(now);
                    if wait.closed && unusual(pause, &self.settings) {
                        self.desk.report().closed(pause);
                    }
                    break Some(wait.until);
                }
            };
            let waited = self.asking.take().map_or(Duration::ZERO, |since| now - since);
            let Some((load, closed, resent)) = self.desk.launch(what, !waited.is_zero(), now) else {
                continue;
            };
            self.meters.sent(closed, load.entries.len(), resent, waited);
            let body = batch::body(self.lane, load.entries.iter().map(|entry| &entry.item.event));
            let request = Request {
                lane: self.lane,
                body,
            };
            let inject = self.inject.clone();
            let task = self
                .requests
                .spawn(async move { inject.inject(request).await })
                .id();
            self.flying.insert(
                task,
                Flight {
                    load,
                    permit,
                    sent: now,
                },
            );
        };
        let asking = &self.shared.lanes[self.lane as usize].asking;
        asking.store(self.asking.is_some(), Ordering::Relaxed);
        self.meters.waiting(self.shared.count(self.lane));
        until
    }

    fn answered(&mut self, task: TaskId, reply: Reply) {
        let Some(Flight { load, permit, sent }) = self.flying.remove(&task) else {
            return;
        };
        fail::at("answer read");
        let now = Instant::now();
        self.governor.answered(permit, &reply, now);
        self.meters.answered(reply.status, now - sent);
        let effect = self.desk.answered(load, &reply, now, fastrand::f64);
        self.meters.ended(effect.tally);
        self.meters.delays(clock::now(), effect.accepted.into_iter());
        self.meters.stopped(self.desk.halted());
        effect.ends.say();
    }
}

async fn sleep_until(until: Option<Instant>) {
    if let Some(until) = until {
        tokio::time::sleep_until(until).await;
    }
}
