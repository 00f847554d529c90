//! A user who must wait: what for, until when, and the changes that are kept unjudged meanwhile.
//!
//! What begins a wait is taken in at once and judged later, at its own time; what follows is kept as it came.

use std::collections::VecDeque;
use std::sync::Arc;

use super::definitions::Definitions;
use super::user::{Change, News, User};
use super::{Ctx, Outcome};
use crate::convert::pass::{At, Pass, Said};
use crate::convert::reason::Reason;
use crate::event::{Name, RoutingStatus};
use crate::time::Time;

/// See the module.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Wait {
    pub(super) on: On,
    /// Over when stream time is past it.
    pub(super) deadline: Time,
    /// The records taken in and not judged, the one that causes what comes of it first.
    positions: Vec<u64>,
    t: Time,
    known_as: Name,
    /// The time of what comes of it.
    stamp: Time,
    kept: Vec<Kept>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum On {
    /// Another status: the user falls from Interacting.
    Status,
    /// The status's definition.
    Definition,
}

/// A change that came while the user waited.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Kept {
    t: Time,
    /// Of no record: a deadline.
    position: Option<u64>,
    known_as: Name,
    change: Change<'static>,
}

impl Wait {
    /// Whether a change that is kept says that the user is active in this workgroup.
    pub(super) fn activates(&self, workgroup: &str) -> bool {
        let mut changes = self.kept.iter().map(|kept| &kept.change);
        changes.any(|change| match change {
            Change::Active { changed, .. } => changed.iter().any(|(name, on)| *on && **name == *workgroup),
            _ => false,
        })
    }
}

/// A user in one go over the site.
pub(super) struct Turn<'a, 'p, 's> {
    pub(super) ctx: Ctx<'a>,
    pub(super) pass: &'p mut Pass<'s>,
    pub(super) definitions: &'a Definitions,
    pub(super) user: &'p mut User,
}

impl Turn<'_, '_, '_> {
    /// Takes a change in: judges it, or keeps it.
    pub(super) fn take(&mut self, at: At<'_>, change: Change<'_>) -> Outcome {
        let outcome = self.change(at, change, false);
        self.catch_up();
        outcome
    }

    /// What was waited for has come, or its time is over: what was kept is judged.
    pub(super) fn resume(&mut self, has_come: bool) {
        self.judge_kept(has_come);
        self.catch_up();
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.user.wait.as_ref().map(|wait| wait.deadline)
    }

    /// A wait that begins when its time is over already is none.
    fn catch_up(&mut self) {
        while self.is_over(self.pass.stream) {
            self.judge_kept(false);
        }
    }

    fn is_over(&self, now: Time) -> bool {
        self.deadline().is_some_and(|deadline| deadline < now)
    }

    /// Judges what was kept, one after another, each at its own time. What of it must wait in turn, waits.
    fn judge_kept(&mut self, has_come: bool) {
        let mut queue = VecDeque::new();
        self.end_wait(&mut queue, has_come);
        while let Some(kept) = queue.pop_front() {
            if self.is_over(kept.t) {
                queue.push_front(kept);
                self.end_wait(&mut queue, false);
                continue;
            }
            let at = At {
                t: kept.t,
                positions: kept.position.as_slice(),
                waited: true,
                said: Said::Kept(&kept.known_as),
            };
            self.change(at, kept.change, true);
        }
    }

    /// Judges what began the wait; what was kept goes to the front of `queue`.
    fn end_wait(&mut self, queue: &mut VecDeque<Kept>, has_come: bool) {
        let Some(wait) = self.user.wait.take() else { return };
        let wait = Arc::unwrap_or_clone(wait);
        if wait.on == On::Definition && !has_come {
            self.user.by_id = true;
        }
        for kept in wait.kept.into_iter().rev() {
            queue.push_front(kept);
        }
        let at = At {
            t: wait.t,
            positions: &wait.positions,
            waited: true,
            said: Said::Kept(&wait.known_as),
        };
        let made = self.tell(at, wait.stamp);
        self.pass.book_kept(&wait.positions, made, Reason::NoChange);
    }

    /// One change; `kept`: it had waited, so its part is booked here.
    fn change(&mut self, at: At<'_>, change: Change<'_>, kept: bool) -> Outcome {
        let settings = &self.pass.settings.presence;
        let news = self.user.news(&change, at.t, settings);
        // Records that are judged with this one, by it.
        let mut with = Vec::new();
        if let Some(wait) = &mut self.user.wait {
            if wait.on == On::Definition || !news.is_status() {
                let change = Kept {
                    t: at.t,
                    position: at.positions.first().copied(),
                    known_as: at.said.known_as().into(),
                    change: change.into_owned(),
                };
                Arc::make_mut(wait).kept.push(change);
                return self.begins_to_wait(at, kept);
            }
            with = self.take_in_kept();
        }
        if !news.any() {
            let reason = if news.older {
                Reason::Duplicate
            } else {
                Reason::NoChange
            };
            if kept {
                self.pass.book_kept(at.positions, 0, reason);
            }
            return if news.older {
                Outcome::Duplicate
            } else {
                Outcome::NoChange
            };
        }
        self.user.apply(&change, news, at.t);
        let stamp = self.user.stamp(news, at.t, settings);
        if let Some((on, longest)) = self.must_wait(at, news) {
            let deadline = at.t.min(self.pass.stream).plus(longest);
            let positions = at.positions.iter().take(1).copied().chain(with).collect();
            let wait = Wait {
                on,
                deadline,
                positions,
                t: at.t,
                known_as: at.said.known_as().into(),
                stamp,
                kept: Vec::new(),
            };
            self.user.wait = Some(Arc::new(wait));
            return self.begins_to_wait(at, kept);
        }
        let made = self.tell(at, stamp);
        if kept {
            self.pass.book_kept(at.positions, made, Reason::NoChange);
        } else {
            self.pass.made_beside(made);
        }
        self.pass.book_kept(&with, 0, Reason::NoChange);
        Outcome::Judged
    }

    fn begins_to_wait(&mut self, at: At<'_>, kept: bool) -> Outcome {
        if !kept {
            self.pass.wait(at.positions.first().copied());
        }
        Outcome::Kept
    }

    /// What waited for a status counts, and is judged by that status alone.
    fn take_in_kept(&mut self) -> Vec<u64> {
        let Some(wait) = self.user.wait.take() else {
            return Vec::new();
        };
        let wait = Arc::unwrap_or_clone(wait);
        let settings = &self.pass.settings.presence;
        let mut positions = wait.positions;
        for kept in wait.kept {
            let news = self.user.news(&kept.change, kept.t, settings);
            self.user.apply(&kept.change, news, kept.t);
            positions.extend(kept.position);
        }
        positions
    }

    /// What the user must wait for after a change that was taken in, and for how long, in ms.
    fn must_wait(&self, at: At<'_>, news: News) -> Option<(On, i64)> {
        let settings = self.pass.settings;
        if news.is_status() && self.user.lacks_definition(self.definitions) {
            return Some((On::Definition, settings.presence.definitions_wait));
        }
        let last = self.user.last.as_ref()?;
        if !news.handling || at.positions.is_empty() || last.routing != RoutingStatus::Interacting {
            return None;
        }
        let now = self.user.standing(self.definitions, &settings.presence)?;
        let falls = now.routing != RoutingStatus::Interacting;
        let shows = settings.presence.routing_status || last.presence_differs(&now);
        (falls && shows).then_some((On::Status, settings.settle))
    }
}
