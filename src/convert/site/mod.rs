//! One CIC site: its interactions, its users, and the deadlines of both.
//!
//! Messages are taken apart here; an interaction's part is judged at once, kept until its next record, or skipped.

mod end;
mod judge;
mod queue;
mod voice;

use super::agenda::Agenda;
use super::conversation::name;
use super::interactions::Interactions;
use super::pass::{At, Pass, Said};
use super::presence::{Busy, Ctx, Users};
use super::reason::Reason;
use super::seen::Seen;
use super::shared_map::{SharedMap, SharedSet};
use crate::cic::{self, Message};
use crate::event::{Id, Ids, Name};
use crate::time::Time;

/// One CIC site; a switchover pair is one.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Site {
    source: Name,
    ids: Ids,
    source_id: Name,
    interactions: Interactions,
    /// Interactions each subscription shows.
    shown: SharedMap<Name, SharedSet<Name>>,
    /// When which interaction is to be looked at, unless something happens before: each stands there once.
    deadlines: Agenda,
    /// Interactions with a record that waits.
    waits: Agenda,
    users: Users,
    /// Ids of records.
    seen: Seen,
    open: usize,
}

impl Site {
    pub(crate) fn new(source: Name, ids: Ids) -> Self {
        let source_id = name(ids.source_id());
        Self {
            source,
            ids,
            source_id,
            interactions: Interactions::default(),
            shown: SharedMap::default(),
            deadlines: Agenda::default(),
            waits: Agenda::default(),
            users: Users::default(),
            seen: Seen::default(),
            open: 0,
        }
    }

    pub(crate) fn open_conversations(&self) -> usize {
        self.open
    }

    /// The earliest wait of an interaction or user.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        self.waits.first().into_iter().chain(self.users.next_wait()).min()
    }

    /// The earliest deadline of any kind.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let logout = self.users.next_logout();
        self.deadlines
            .first()
            .into_iter()
            .chain(logout)
            .chain(self.next_wait())
            .min()
    }

    /// Whether a record with the producer's id was seen within `duplicate_window`, or a while longer; remembers it.
    pub(crate) fn seen_before(&mut self, record: &cic::Record, pass: &Pass<'_>) -> bool {
        let id = Id::over(&["record", record.server.as_deref().unwrap_or_default(), &record.id]);
        self.seen.before(id, pass.stream, pass.settings.duplicate_window)
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
        let ctx = Ctx {
            ids: &self.ids,
            site: &self.source,
            source_id: &self.source_id,
        };
        match message {
            Message::Queue(queue) => self.queue(pass, at, queue),
            Message::Changed(part) => self.part(pass, at, part),
            Message::Deallocated { id } => self.deallocated(pass, at, id),
            Message::WrapUp(given) => self.wrap_up(pass, at, given),
            Message::Morphed { .. } => pass.book(at.positions, false, Reason::NotYetConverted),
            Message::Other { .. } => pass.book(at.positions, false, Reason::UnknownMessage),
            Message::UserStatus { delta, users } => self.users.status(ctx, pass, at, *delta, users),
            Message::Definitions { delta, set, removed } => {
                self.users.definitions(ctx, pass, at, *delta, set, removed)
            }
            Message::Workgroups { delta, set, removed } => {
                self.users.workgroups(ctx, pass, at, *delta, set, removed)
            }
            Message::Activations {
                delta,
                subject,
                changed,
            } => self.users.activations(ctx, pass, at, *delta, subject, changed),
            Message::Connection { up } => {
                self.users.connection(at.t, *up);
                pass.book(at.positions, false, Reason::NoChange);
            }
        }
    }

    /// All of a record is taken in: users whom its interactions keep busy, or no longer, are judged.
    pub(crate) fn end_record(&mut self, pass: &mut Pass<'_>, record: &cic::Record, position: u64) {
        self.interactions.rest(pass.stream);
        if pass.busy.is_empty() {
            return;
        }
        let at = At {
            t: record.time,
            positions: &[position],
            waited: false,
            said: Said::Record(record),
        };
        let busy = std::mem::take(&mut pass.busy);
        self.tell_users(pass, at, busy);
        pass.book_beside(position);
    }

    pub(super) fn tell_users(&mut self, pass: &mut Pass<'_>, at: At<'_>, busy: Vec<Busy>) {
        let ctx = Ctx {
            ids: &self.ids,
            site: &self.source,
            source_id: &self.source_id,
        };
        self.users.handling(ctx, pass, at, busy);
    }

    /// Looks at the interaction at `deadline`, and no sooner.
    fn look_at(&mut self, id: &Name, deadline: Time) {
        if let Some(interaction) = self.interactions.get_mut(id) {
            let before = interaction.due.replace(deadline);
            if before == Some(deadline) {
                return;
            }
            if let Some(before) = before {
                self.deadlines.remove(&(before, id.clone()));
            }
            self.deadlines.insert((deadline, id.clone()));
        }
    }

    /// Ends what is due before `now`, in the order in which it is due.
    pub(crate) fn pass_deadlines(&mut self, pass: &mut Pass<'_>, now: Time) {
        while self.pass_deadline(pass, now) {}
    }

    /// Whether one was due.
    fn pass_deadline(&mut self, pass: &mut Pass<'_>, now: Time) -> bool {
        let due = [
            (self.waits.first(), Due::Interaction),
            (self.users.next_wait(), Due::User),
            (self.users.next_logout(), Due::Logout),
            (self.deadlines.first(), Due::State),
        ];
        let due = due
            .into_iter()
            .filter_map(|(deadline, what)| Some((deadline?, what)));
        let Some((_, what)) = due.min().filter(|(deadline, _)| *deadline < now) else {
            return false;
        };
        let ctx = Ctx {
            ids: &self.ids,
            site: &self.source,
            source_id: &self.source_id,
        };
        match what {
            Due::Interaction => {
                if let Some((_, id)) = self.waits.pop_first() {
                    self.judge_kept(pass, &id);
                }
            }
            Due::User => self.users.end_wait(ctx, pass),
            Due::Logout => self.users.log_out(ctx, pass),
            Due::State => {
                if let Some((deadline, id)) = self.deadlines.pop_first() {
                    self.expire(pass, deadline, &id);
                }
            }
        }
        true
    }
}

/// What a deadline is of; of several at once the first goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Interaction,
    User,
    Logout,
    State,
}
