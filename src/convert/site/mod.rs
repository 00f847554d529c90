//! One CIC site: its interactions, its users, and the deadlines of both.
//!
//! Messages are taken apart here; an interaction's part is judged at once, kept until its next record, or skipped.

mod end;
mod judge;
mod pass;
mod queue;
mod voice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::conversation::name;
use super::interaction::Interaction;
use super::presence::{self, Users};
use super::reason::Reason;
use super::shared_map::SharedMap;
use crate::cic::{self, Message};
use crate::event::{Draft, Id, Ids, Name};
use crate::time::Time;

use rustc_hash::FxHashSet;

use pass::{At, Said};
pub(super) use pass::{Pass, Result};

/// One CIC site; a switchover pair is one.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Site {
    source: Name,
    ids: Ids,
    source_id: Name,
    interactions: SharedMap<Name, Interaction>,
    /// Interactions each subscription shows.
    shown: BTreeMap<Name, BTreeSet<Name>>,
    /// What happens when, unless something happens before.
    deadlines: BTreeSet<(Time, Name)>,
    /// Interactions with a record that waits.
    waits: BTreeSet<(Time, Name)>,
    users: Users,
    /// Ids of records seen, by the minute of stream time.
    seen: BTreeMap<i64, Arc<FxHashSet<Id>>>,
    open: usize,
}

impl Site {
    pub(crate) fn new(source: Name, ids: Ids) -> Self {
        let source_id = name(ids.source_id());
        Self {
            source,
            ids,
            source_id,
            interactions: SharedMap::default(),
            shown: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            waits: BTreeSet::new(),
            users: Users::default(),
            seen: BTreeMap::new(),
            open: 0,
        }
    }

    pub(crate) fn open_conversations(&self) -> usize {
        self.open
    }

    /// The earliest wait of an interaction or user.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        let waits = self.waits.first().map(|(deadline, _)| *deadline);
        waits.into_iter().chain(self.users.deadline()).min()
    }

    /// The earliest deadline of any kind.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let state = self.deadlines.first().map(|(deadline, _)| *deadline);
        state.into_iter().chain(self.next_wait()).min()
    }

    /// Whether a record with the producer's id was seen within `duplicate_window`; remembers it.
    pub(crate) fn seen_before(&mut self, record: &cic::Record, pass: &mut Pass<'_>) -> bool {
        const MINUTE: i64 = 60_000;
        let minute = pass.stream.millis() / MINUTE;
        let oldest = minute - pass.settings.duplicate_window / MINUTE - 1;
        while self
            .seen
            .first_key_value()
            .is_some_and(|(&minute, _)| minute < oldest)
        {
            self.seen.pop_first();
        }
        let id = Id::over(&["record", record.server.as_deref().unwrap_or_default(), &record.id]);
        if self.seen.values().any(|ids| ids.contains(&id)) {
            return true;
        }
        Arc::make_mut(self.seen.entry(minute).or_default()).insert(id);
        false
    }

    /// Takes one message of a record.
    pub(crate) fn message(
        &mut self,
        pass: &mut Pass<'_>,
        record: &cic::Record,
        position: u64,
        message: &Message,
    ) {
        let at = At {
            t: record.time,
            positions: &[position],
            waited: false,
            said: Said::Record(record),
        };
        match message {
            Message::Queue(queue) => self.queue(pass, at, queue),
            Message::Changed(part) => self.part(pass, at, part),
            Message::Deallocated { id } => self.deallocated(pass, at, id),
            Message::WrapUp(given) => self.wrap_up(pass, at, given),
            Message::Morphed { .. } => pass.book(at.positions, false, Reason::NotYetConverted),
            Message::Other { .. } => pass.book(at.positions, false, Reason::UnknownMessage),
            Message::UserStatus { delta, users } => {
                self.in_users(pass, record, |all, ctx, out| all.status(ctx, *delta, users, out));
                pass.book(at.positions, false, Reason::NoChange);
            }
            Message::Definitions { delta, set, removed } => {
                self.in_users(pass, record, |all, ctx, out| {
                    all.definitions(ctx, *delta, set, removed, out)
                });
                pass.book(at.positions, false, Reason::NoChange);
            }
            Message::Activations {
                delta,
                subject,
                changed,
            } => {
                self.in_users(pass, record, |all, ctx, out| {
                    all.activations(ctx, *delta, subject, changed, out)
                });
                pass.book(at.positions, false, Reason::NoChange);
            }
            Message::Connection { up } => {
                self.in_users(pass, record, |all, ctx, _| all.connection(ctx, *up));
                pass.book(at.positions, false, Reason::NoChange);
            }
        }
    }

    /// Ends what is due before `now`, in the order in which it is due.
    pub(crate) fn pass_deadlines(&mut self, pass: &mut Pass<'_>, now: Time) {
        while let Some((deadline, id)) = self
            .waits
            .first()
            .filter(|(deadline, _)| *deadline < now)
            .cloned()
        {
            self.waits.remove(&(deadline, id.clone()));
            self.judge_kept(pass, &id);
        }
        let source = self.source.clone();
        let ctx = presence::Ctx {
            ids: &self.ids,
            site: &source,
            settings: &pass.settings.presence,
            record: "",
            time: now,
        };
        self.users.pass(&ctx, now, &mut pass.drafts);
        pass.book(&[], true, Reason::NoChange);
        while let Some((deadline, id)) = self
            .deadlines
            .first()
            .filter(|(deadline, _)| *deadline < now)
            .cloned()
        {
            self.deadlines.remove(&(deadline, id.clone()));
            self.expire(pass, deadline, &id);
        }
    }

    fn in_users<T>(
        &mut self,
        pass: &mut Pass<'_>,
        record: &cic::Record,
        take: impl FnOnce(&mut Users, &presence::Ctx<'_>, &mut Vec<Draft>) -> T,
    ) -> T {
        let id = record.known_as();
        let ctx = presence::Ctx {
            ids: &self.ids,
            site: &self.source,
            settings: &pass.settings.presence,
            record: &id,
            time: record.time,
        };
        take(&mut self.users, &ctx, &mut pass.drafts)
    }
}
