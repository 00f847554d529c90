//! What an answer means to its events, to the searches, and to the lane.

use tokio::time::Instant;

use super::Desk;
use crate::deliver::batch::{Size, most};
use crate::deliver::bisect::{Next, Part, Search};
use crate::deliver::halt::{Cause, Halt};
use crate::deliver::load::Load;
use crate::deliver::owner::Ends;
use crate::deliver::queue::{Entry, Fate, Tally, Why};
use crate::deliver::verdict::{Terms, judge};
use crate::genesys::{Answer, EventError, Reply};
use crate::time::Time;

/// Events that were refused alone, one after the other with nothing accepted in between, before that is us.
const LONE: u32 = 3;
/// Unknown outcomes of the same events, while others pass, before they are halved.
const STUBBORN: u32 = 3;

/// What an answer has brought about.
#[derive(Default)]
pub(in crate::deliver) struct Effect {
    pub(in crate::deliver) ends: Ends,
    pub(in crate::deliver) tally: Tally,
    /// The record timestamps of the events accepted.
    pub(in crate::deliver) accepted: Vec<Time>,
}

impl Desk {
    /// An answer has come.
    pub(in crate::deliver) fn answered(
        &mut self,
        mut load: Load,
        reply: &Reply,
        now: Instant,
        mut random: impl FnMut() -> f64,
    ) -> Effect {
        self.in_flight -= 1;
        self.report.heard(reply);
        let mut effect = Effect::default();
        for entry in &load.entries {
            effect.ends.land(&entry.owner);
        }
        if load
            .search
            .is_some_and(|search| !self.searches.contains_key(&search))
        {
            // The search was given up when the lane stopped.
            (load.search, load.depth) = (None, 0);
        }
        let mut fates = Vec::new();
        let others_pass = load.others_pass;
        match &reply.answer {
            Answer::Accepted { errors } => {
                self.accepted(load, errors, reply, now, &mut fates, &mut random);
            }
            Answer::RetryLater => self.unknown(load, reply, now, &mut fates, random()),
            Answer::RateLimited { .. } => self.limited(load, now, &mut fates),
            Answer::Bad => self.bad(load, reply, now, &mut fates, random()),
            Answer::Unauthorized | Answer::Stop => {
                let cause = match reply.answer {
                    Answer::Unauthorized => Cause::Unauthorized,
                    _ => Cause::of(reply.status),
                };
                fates.extend(load.entries.into_iter().map(|entry| (entry, Fate::Again)));
                self.stop(cause, reply, now, &mut fates, random());
            }
        }
        if !others_pass {
            self.flooded(&mut fates, reply, now, random());
        }
        let accepted = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Accepted));
        effect.accepted = accepted.map(|(entry, _)| entry.item.timestamp).collect();
        effect.tally = self.queue().settle(fates, now, &mut effect.ends);
        effect
    }

    fn accepted(
        &mut self,
        load: Load,
        errors: &[EventError],
        reply: &Reply,
        now: Instant,
        fates: &mut Vec<(Entry, Fate)>,
        mut random: impl FnMut() -> f64,
    ) {
        self.understood(now);
        let terms = Terms {
            now,
            backoff: self.settings.backoff,
            event_retry_for: self.settings.event_retry_for,
            last_accepted: self.last_accepted,
        };
        let (search, probe, others_pass) = (load.search, load.probe, load.others_pass);
        let judged = judge(load.entries, errors, reply, terms, &mut random);
        if judged.accepted > 0 {
            self.last_accepted = Some(now);
            self.passed += 1;
            self.lone = 0;
        }
        fates.extend(judged.fates);
        if !judged.unknown.is_empty() {
            let load = Load {
                tries: 1,
                passed_before: self.passed,
                others_pass,
                ..Load::new(judged.unknown)
            };
            let parts = match load.len() {
                1 => vec![load],
                _ => load.halve().into(),
            };
            for part in parts {
                self.waiting
                    .push(now + self.settings.backoff.pause(1, random()), part);
            }
        }
        if let Some(next) = search.and_then(|id| Some(self.searches.get_mut(&id)?.passed())) {
            self.follow(search, next, reply, now, fates, random());
        }
        if probe {
            self.probed(judged.accepted > 0, now, random());
        }
        if self.halt.is_none() {
            self.report.passed(now);
        }
    }

    /// A probe was answered as one that is understood; whether its event was accepted.
    fn probed(&mut self, accepted: bool, now: Instant, random: f64) {
        let Some(halt) = &mut self.halt else { return };
        if halt.cause == Cause::Flood && !accepted {
            halt.put_off(now, self.settings.backoff, random);
        } else if halt.passed(now) {
            self.resume(now);
        }
    }

    /// Stops the lane when most events are refused. None of them is given up then: they are under suspicion, and so is
    /// what is refused while the lane is stopped for that.
    fn flooded(&mut self, fates: &mut Vec<(Entry, Fate)>, reply: &Reply, now: Instant, random: f64) {
        match self.halt {
            Some(halt) if halt.cause == Cause::Flood => {}
            None if self.flood.tells(fates) => {
                let (said, floods) = self.flood.stops();
                let last = fates.iter().rev().find_map(|(_, fate)| match fate {
                    Fate::Refused(why) => Some(why.message.as_str()),
                    _ => None,
                });
                let reply = Reply {
                    message: format!("{said}, the last one: {}", last.unwrap_or("it is not said why")),
                    ..reply.clone()
                };
                self.stop(Cause::Flood, &reply, now, fates, random);
                if let Some(halt) = &mut self.halt {
                    // Each time it takes longer until the lane is believed.
                    (1..floods).for_each(|_| halt.put_off(now, self.settings.backoff, random));
                }
            }
            _ => return,
        }
        let is_refused = |(_, fate): &(Entry, Fate)| matches!(fate, Fate::Refused(_));
        let (refused, kept) = std::mem::take(fates).into_iter().partition(is_refused);
        *fates = kept;
        let refused: Vec<(Entry, Fate)> = refused;
        self.suspects.extend(refused.into_iter().map(|(entry, _)| entry));
    }

    /// Nobody knows whether it was taken: the same is sent again. Events that stay without an outcome while others
    /// pass are halved, so that one of them does not hold back the keys of all.
    fn unknown(
        &mut self,
        mut load: Load,
        reply: &Reply,
        now: Instant,
        fates: &mut Vec<(Entry, Fate)>,
        random: f64,
    ) {
        if let Some(halt) = &mut self.halt {
            if load.probe {
                halt.put_off(now, self.settings.backoff, random);
            }
            fates.extend(load.entries.into_iter().map(|entry| (entry, Fate::Again)));
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let beyond = self.failures.saturating_sub(self.trouble()).max(1);
        self.retry_at = Some(now + self.settings.backoff.pause(beyond, random));
        self.report.failed(reply, now);
        load.tries += 1;
        if load.tries == 1 {
            load.passed_before = self.passed;
        }
        let due = now + self.settings.backoff.pause(load.tries, random);
        if load.tries >= STUBBORN && self.passed > load.passed_before && load.len() > 1 {
            if let Some(search) = load.search.and_then(|id| self.searches.get_mut(&id)) {
                search.halved();
            }
            for part in load.halve() {
                self.waiting.push(due, part);
            }
        } else {
            self.waiting.push(due, load);
        }
    }

    /// Not taken. What belongs to a search stays together, all else goes back to the heads of its keys.
    fn limited(&mut self, load: Load, now: Instant, fates: &mut Vec<(Entry, Fate)>) {
        if load.probe
            && let Some(halt) = &mut self.halt
        {
            halt.probing = false;
        }
        if load.search.is_some() || load.others_pass {
            self.waiting.push(now, load);
        } else {
            fates.extend(load.entries.into_iter().map(|entry| (entry, Fate::Again)));
        }
    }

    fn bad(
        &mut self,
        mut load: Load,
        reply: &Reply,
        now: Instant,
        fates: &mut Vec<(Entry, Fate)>,
        random: f64,
    ) {
        self.understood(now);
        load.why = Some(Why {
            status: reply.status,
            message: reply.message.clone(),
            correlation_id: reply.correlation_id.clone(),
        });
        if load.probe
            && let Some(halt) = &mut self.halt
        {
            if matches!(halt.cause, Cause::Alike | Cause::Flood) || !self.suspects.is_empty() {
                if halt.cause != Cause::Flood {
                    halt.cause = Cause::Alike;
                }
                halt.put_off(now, self.settings.backoff, random);
                self.report.stopped(halt.cause, reply);
                self.suspects.extend(load.entries);
                return;
            }
            // Whoever says that the data is bad has let us in.
            load.probe = false;
            self.resume(now);
        }
        if self
            .halt
            .is_some_and(|halt| matches!(halt.cause, Cause::Alike | Cause::Flood))
        {
            self.suspects.extend(load.entries);
            return;
        }
        let id = match load.search {
            Some(id) => id,
            None if load.len() == 1 => return self.alone(load, reply, now, fates, random),
            None if !load.others_pass && self.searches.values().any(|search| !search.decided()) => {
                self.roots.push(load);
                return;
            }
            None => self.search(&mut load),
        };
        if let Some(search) = self.searches.get_mut(&id) {
            let next = search.failed(load, reply.status);
            self.follow(Some(id), next, reply, now, fates, random);
        }
    }

    /// A request of one event is bad. That is the event's fault, unless it goes on like that with all of them.
    fn alone(
        &mut self,
        load: Load,
        reply: &Reply,
        now: Instant,
        fates: &mut Vec<(Entry, Fate)>,
        random: f64,
    ) {
        let of_the_request = matches!(reply.status, Some(400 | 413));
        if of_the_request && !load.others_pass {
            if self.lone >= LONE {
                self.suspects.extend(load.entries);
                self.stop(Cause::Alike, reply, now, fates, random);
                return;
            }
            self.lone += 1;
        }
        refuse(load, fates);
    }

    fn search(&mut self, load: &mut Load) -> u64 {
        self.last_search += 1;
        load.search = Some(self.last_search);
        load.depth = 0;
        self.searches
            .insert(self.last_search, Search::new(load.others_pass));
        self.last_search
    }

    /// Does what a search says.
    pub(super) fn follow(
        &mut self,
        id: Option<u64>,
        next: Next<Load>,
        reply: &Reply,
        now: Instant,
        fates: &mut Vec<(Entry, Fate)>,
        random: f64,
    ) {
        for part in next.send {
            self.waiting.push(now, part);
        }
        for part in next.refuse {
            refuse(part, fates);
        }
        if !next.us.is_empty() {
            self.suspects
                .extend(next.us.into_iter().flat_map(|part| part.entries));
            self.stop(Cause::Alike, reply, now, fates, random);
            return;
        }
        let Some(id) = id else { return };
        if self.searches.get(&id).is_some_and(Search::over) {
            self.searches.remove(&id);
        }
        if self.searches.values().all(Search::decided) {
            for mut root in std::mem::take(&mut self.roots) {
                root.others_pass = true;
                let status = root.why.as_ref().and_then(|why| why.status);
                let id = self.search(&mut root);
                if let Some(search) = self.searches.get_mut(&id) {
                    let next = search.failed(root, status);
                    self.follow(Some(id), next, reply, now, fates, random);
                }
            }
        }
    }

    /// Stops the lane. Everything goes back to the heads of its keys, but for what is under suspicion.
    fn stop(
        &mut self,
        cause: Cause,
        reply: &Reply,
        now: Instant,
        fates: &mut Vec<(Entry, Fate)>,
        random: f64,
    ) {
        self.understood(now);
        self.report.stopped(cause, reply);
        let backoff = self.settings.backoff;
        match &mut self.halt {
            // Only the probe says how things are; what was sent before it tells nothing new.
            Some(halt) if halt.probing => {
                halt.cause = cause;
                halt.put_off(now, backoff, random);
            }
            Some(_) => {}
            None => self.halt = Some(Halt::new(cause, now, backoff, random)),
        }
        let searches = std::mem::take(&mut self.searches);
        let held = searches.into_values().flat_map(Search::give_up);
        let loads = self
            .waiting
            .drain()
            .into_iter()
            .chain(std::mem::take(&mut self.roots))
            .chain(held);
        for load in loads {
            // What was refused is not sent along with what was not.
            match load.why.is_some() && cause == Cause::Alike {
                true => self.suspects.extend(load.entries),
                false => fates.extend(load.entries.into_iter().map(|entry| (entry, Fate::Again))),
            }
        }
    }

    /// A probe has passed.
    fn resume(&mut self, now: Instant) {
        self.halt = None;
        self.lone = 0;
        // The suspects alone were refused: if they are again, it is their fault.
        let mut load = Load::new(Vec::new());
        let mut size = Size::default();
        for entry in std::mem::take(&mut self.suspects) {
            if load.len() == most(self.lane) || !size.add(&entry.item.event) {
                self.waiting
                    .push(now, std::mem::replace(&mut load, Load::new(Vec::new())));
                size = Size::default();
                size.add(&entry.item.event);
            }
            load.others_pass = true;
            load.entries.push(entry);
        }
        if !load.entries.is_empty() {
            self.waiting.push(now, load);
        }
    }

    /// There was an answer that says something: the endpoint is there.
    fn understood(&mut self, now: Instant) {
        if self.troubled() {
            self.waiting.hurry(now);
        }
        self.failures = 0;
    }
}

fn refuse(load: Load, fates: &mut Vec<(Entry, Fate)>) {
    let why = load.why.unwrap_or(Why {
        status: None,
        message: "refused".to_owned(),
        correlation_id: None,
    });
    fates.extend(
        load.entries
            .into_iter()
            .map(|entry| (entry, Fate::Refused(why.clone()))),
    );
}
