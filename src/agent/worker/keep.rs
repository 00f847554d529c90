//! What is to be kept of a worker, how it goes on from that, and what takes effect once it is kept.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Moment, Settings, Work, Worker};
use crate::agent::checkpoints::{Checkpoint, Checkpoints};
use crate::agent::kept::{Beside, Kept};
use crate::agent::marks::Marks;
use crate::agent::origin::Origin;
use crate::agent::point::Point;
use crate::agent::ticks::Ticks;
use crate::convert::Machine;
use crate::kafka::Place;
use crate::names::{Directory, Missing, Resolver};
use crate::time::Time;

/// What was left out or refused is remembered until its conversation has been silent for so long, in ms: none that
/// still goes on is.
const REMEMBERED: i64 = 24 * 3600 * 1000;

/// What is to be kept of a worker.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Keep {
    /// What the kept state is as of, and what to repeat from.
    pub(in crate::agent) checkpoint: Checkpoint,
    pub(in crate::agent) beside: Beside,
    /// One past the last tick that stands in it.
    pub(in crate::agent) ticks_end: u64,
    /// Names that are given up by this.
    pub(in crate::agent) giving_up: Vec<Missing>,
    /// What the worker was when it said so.
    pub(in crate::agent) version: u64,
}

impl Worker {
    /// A partition that goes on from what was kept, and is read from `from` on.
    pub(in crate::agent) fn restore(
        place: Place,
        from: i64,
        settings: Arc<Settings>,
        kept: Kept,
        now: Instant,
    ) -> Self {
        let Kept { checkpoint, beside } = kept;
        let mut worker = Self::new(place, from, settings, now);
        worker.machine = Machine::restore(worker.settings.conversion.clone(), checkpoint.state.clone());
        worker.resolver = Resolver::restore(&worker.settings.names, beside.remembered);
        worker.repeated_below = beside.until;
        worker.marks = Marks::restore(beside.marks);
        worker.ticks = Ticks::restore(checkpoint.point.ticks, &beside.ticks);
        worker.witness = checkpoint.witness;
        worker.missing = beside.missing.into_iter().collect();
        worker.checkpoints = Checkpoints::new(checkpoint, now);
        worker
    }

    /// Plans that stream time goes on to `to` although no record says so.
    pub(in crate::agent) fn plan_tick(&mut self, to: Time) {
        self.ticks.plan(self.next, to);
        self.version += 1;
    }

    /// Ticks that are kept and whose place is before the record at `offset` take effect.
    pub(super) fn pass_ticks(&mut self, offset: i64, directory: &Directory, now: Moment, work: &mut Work) {
        while let Some((number, to)) = self.ticks.take(offset) {
            self.machine.advance(to, &mut self.output);
            self.settle(Origin::Tick(number), directory, now, work);
        }
    }

    /// What is to be kept now: the state as of the last checkpoint below which everything has ended.
    pub(in crate::agent) fn keep(&mut self, now: Instant) -> Keep {
        let before = self.machine.stream_time().plus(-REMEMBERED);
        self.resolver.forget(before);
        self.missing.retain(|_, last| *last >= before);
        let open = Point {
            offset: self.books.commit(),
            ticks: self.ticks.open(),
        };
        if open == self.point() && self.checkpoints.best(open).point != open {
            self.take_checkpoint(now);
        }
        let checkpoint = self.checkpoints.best(open).clone();
        let point = checkpoint.point;
        Keep {
            beside: Beside {
                marks: self.marks.above(point),
                missing: self
                    .missing
                    .iter()
                    .map(|(missing, last)| (*missing, *last))
                    .collect(),
                remembered: self.resolver.remembered(&self.giving_up),
                ticks: self.ticks.from(point.ticks),
                until: self.next.max(self.repeated_below),
            },
            ticks_end: self.ticks.end(),
            giving_up: self.giving_up.clone(),
            version: self.version,
            checkpoint,
        }
    }

    /// The ticks from `number` on and one past the last: what a commit keeps beside a snapshot that it already has.
    pub(in crate::agent) fn ticks_from(&self, number: u64) -> (Vec<(i64, Time)>, u64) {
        (self.ticks.from(number), self.ticks.end())
    }

    /// Ticks below `end` are kept: they take effect.
    pub(in crate::agent) fn ticks_kept(
        &mut self,
        end: u64,
        directory: &Directory,
        now: Moment,
        work: &mut Work,
    ) {
        self.ticks.kept(end);
        self.pass_ticks(self.next, directory, now, work);
        self.count(work);
    }

    /// That is kept: no repetition begins below it any more, and what was planned takes effect.
    pub(in crate::agent) fn kept(
        &mut self,
        keep: &Keep,
        directory: &Directory,
        now: Moment,
        work: &mut Work,
    ) {
        let point = keep.checkpoint.point;
        self.marks.passed(point);
        self.ticks.passed(point);
        for name in &keep.giving_up {
            self.giving_up.retain(|planned| planned != name);
            self.resolver.give_up(name.0, &name.1);
        }
        if !keep.giving_up.is_empty() {
            self.retry(directory, now, work);
        }
        self.ticks_kept(keep.ticks_end, directory, now, work);
    }

    pub(super) fn take_checkpoint(&mut self, now: Instant) {
        let checkpoint = Checkpoint {
            point: self.point(),
            state: self.machine.state(),
            witness: self.witness,
        };
        self.checkpoints.take(checkpoint, now);
    }

    /// After all that was read.
    pub(super) fn point(&self) -> Point {
        Point {
            offset: self.next,
            ticks: self.ticks.next(),
        }
    }

    /// Changes with everything that is worth keeping.
    pub(in crate::agent) fn version(&self) -> u64 {
        self.version
    }

    /// The next offset that a record may have.
    pub(in crate::agent) fn next(&self) -> i64 {
        self.next
    }

    /// Whether what is read was read before.
    pub(in crate::agent) fn repeats(&self) -> bool {
        self.next < self.repeated_below
    }

    /// Whether a tick or a name waits for being kept.
    pub(in crate::agent) fn has_plans(&self) -> bool {
        self.ticks.planned() || !self.giving_up.is_empty()
    }

    /// Whether a tick waits for being kept: what is read after it waits too.
    pub(in crate::agent) fn tick_planned(&self) -> bool {
        self.ticks.planned()
    }

    /// Whether a name waits for being given up.
    pub(in crate::agent) fn gives_up(&self) -> bool {
        !self.giving_up.is_empty()
    }

    /// Before when stream time may stand without anything coming to its end.
    pub(in crate::agent) fn next_deadline(&self) -> Option<Time> {
        self.machine.next_deadline()
    }
}
