//! Presence and routing status of a site's users: the contract's section of that name.
//!
//! In come statuses, their definitions, activations, what interactions keep users busy with, and the state of the
//! connection to CIC. Out go drafts where a user's presence or routing status differs from the last one sent. A
//! user's change is taken in whole and then judged, at once or after a wait. Out of office is no part of it.

mod definitions;
mod handling;
mod mapping;
mod settings;
mod tell;
mod user;
mod wait;

use std::borrow::Cow;

use super::agenda::Agenda;
use super::pass::{At, Pass, Said};
use super::reason::Reason;
use super::shared_map::SharedMap;
use crate::cic::{self, Subject};
use crate::event::{Ids, Name, lower};
use crate::time::Time;
use definitions::Definitions;
use user::{Change, User};
use wait::{On, Turn};

pub(crate) use handling::{Busy, Handling, handling};
pub use settings::{Flag, Matches, Rule, Settings};

/// A site's users.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Users {
    /// By name in lower case.
    users: SharedMap<Name, User>,
    definitions: Definitions,
    /// Users who wait.
    waits: Agenda,
    /// Users whose logout counts later.
    logouts: Agenda,
    /// When the connection to CIC was last lost.
    lost: Option<Time>,
}

/// What users' events are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ctx<'a> {
    pub(crate) ids: &'a Ids,
    /// The CIC site.
    pub(crate) site: &'a str,
    pub(crate) source_id: &'a Name,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    NoChange,
    /// Older than what is known.
    Duplicate,
    Judged,
    /// It waits.
    Kept,
}

impl Users {
    /// User statuses.
    pub(crate) fn status(
        &mut self,
        ctx: Ctx<'_>,
        pass: &mut Pass<'_>,
        at: At<'_>,
        delta: bool,
        said: &[cic::UserStatus],
    ) {
        // A logout that a full snapshot tells too soon after the connection was lost counts later.
        let over = self
            .lost
            .map(|lost| lost.plus(pass.settings.presence.switchover_grace));
        let counts_at = over.filter(|over| !delta && at.t <= *over);
        let mut kept = 0;
        for status in said {
            let logout = counts_at.filter(|_| status.logged_in == Some(false));
            let change = Change::Status(Cow::Borrowed(status), logout);
            match self.change(ctx, pass, at, &status.user, change) {
                Outcome::Duplicate => pass.book(at.positions, false, Reason::Duplicate),
                Outcome::Kept => kept += 1,
                Outcome::NoChange | Outcome::Judged => {}
            }
        }
        book(pass, at, kept < said.len() || said.is_empty());
    }

    /// Status definitions. Users in those that say something else now are judged again.
    pub(crate) fn definitions(
        &mut self,
        ctx: Ctx<'_>,
        pass: &mut Pass<'_>,
        at: At<'_>,
        delta: bool,
        set: &[cic::Definition],
        removed: &[Box<str>],
    ) {
        let news = self.definitions.update(!delta, set, removed);
        if !news.is_empty() {
            for key in self.names(|user| news.iter().any(|id| user.is_in(id))) {
                let waits = self.users.get(&*key).and_then(|user| user.wait.as_deref());
                if waits.is_some_and(|wait| wait.on == On::Definition) {
                    self.resume(ctx, pass, &key, true);
                } else {
                    self.change(ctx, pass, at, &key, Change::Redefined);
                }
            }
        }
        book(pass, at, true);
    }

    /// Workgroups' settings. Where they give other statuses, all users are judged again.
    pub(crate) fn workgroups(
        &mut self,
        ctx: Ctx<'_>,
        pass: &mut Pass<'_>,
        at: At<'_>,
        delta: bool,
        set: &[cic::Workgroup],
        removed: &[Box<str>],
    ) {
        if self.definitions.update_workgroups(!delta, set, removed) {
            for key in self.names(|_| true) {
                self.change(ctx, pass, at, &key, Change::Again);
            }
        }
        book(pass, at, true);
    }

    /// Activations in workgroups.
    pub(crate) fn activations(
        &mut self,
        ctx: Ctx<'_>,
        pass: &mut Pass<'_>,
        at: At<'_>,
        delta: bool,
        subject: &Subject,
        said: &[(Box<str>, bool)],
    ) {
        match subject {
            Subject::User(user) => {
                let pair = |(workgroup, on): &(Box<str>, bool)| (Name::from(&*lower(workgroup)), *on);
                let changed = said.iter().map(pair).collect();
                self.change(ctx, pass, at, user, Change::Active { all: !delta, changed });
            }
            Subject::Workgroup(workgroup) => {
                let workgroup = Name::from(&*lower(workgroup));
                let mut one = |user: &str, on: bool| {
                    let changed = vec![(workgroup.clone(), on)];
                    self.change(ctx, pass, at, user, Change::Active { all: false, changed });
                };
                for (user, on) in said {
                    one(user, *on);
                }
                if !delta {
                    let listed =
                        |user: &User| said.iter().any(|(name, _)| *lower(name) == *lower(&user.name));
                    let gone = self.names(|user| user.may_be_active_in(&workgroup) && !listed(user));
                    for key in gone {
                        let changed = vec![(workgroup.clone(), false)];
                        self.change(ctx, pass, at, &key, Change::Active { all: false, changed });
                    }
                }
            }
        }
        book(pass, at, true);
    }

    /// What interactions changed about users, each of whom is judged once.
    pub(crate) fn handling(&mut self, ctx: Ctx<'_>, pass: &mut Pass<'_>, at: At<'_>, mut busy: Vec<Busy>) {
        while let Some(user) = busy.first().map(|one| one.user.clone()) {
            let of_user = busy.extract_if(.., |one| one.user == user);
            let parts = of_user.map(|one| (one.interaction, one.handling)).collect();
            self.change(ctx, pass, at, &user, Change::Handling(parts));
        }
    }

    /// The exporter's connection to CIC.
    pub(crate) fn connection(&mut self, t: Time, up: bool) {
        if !up {
            self.lost = Some(t);
        }
    }

    /// When the first wait ends.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        self.waits.first()
    }

    /// When the first logout counts.
    pub(crate) fn next_logout(&self) -> Option<Time> {
        self.logouts.first()
    }

    /// Ends the first wait: its time is over.
    pub(crate) fn end_wait(&mut self, ctx: Ctx<'_>, pass: &mut Pass<'_>) {
        if let Some((_, key)) = self.waits.pop_first() {
            self.resume(ctx, pass, &key, false);
        }
    }

    /// The first logout counts now.
    pub(crate) fn log_out(&mut self, ctx: Ctx<'_>, pass: &mut Pass<'_>) {
        if let Some((t, key)) = self.logouts.pop_first() {
            let at = At {
                t,
                positions: &[],
                waited: true,
                said: Said::Deadline(t),
            };
            self.change(ctx, pass, at, &key, Change::Logout);
            pass.book(&[], true, Reason::NoChange);
        }
    }

    fn change(
        &mut self,
        ctx: Ctx<'_>,
        pass: &mut Pass<'_>,
        at: At<'_>,
        user: &str,
        change: Change<'_>,
    ) -> Outcome {
        let key = lower(user);
        match self.users.get(&*key) {
            // Most records say nothing new: they cost no copy.
            Some(known) if known.wait.is_none() => {
                let news = known.news(&change, at.t, &pass.settings.presence);
                if !news.any() {
                    return if news.older {
                        Outcome::Duplicate
                    } else {
                        Outcome::NoChange
                    };
                }
            }
            Some(_) => {}
            None => {
                let new = User::new(user.into(), ctx.ids.user(ctx.site, user));
                self.users.insert(Name::from(&*key), new);
            }
        }
        self.turn(ctx, pass, &key, |turn| turn.take(at, change))
            .unwrap_or(Outcome::NoChange)
    }

    fn resume(&mut self, ctx: Ctx<'_>, pass: &mut Pass<'_>, key: &str, has_come: bool) {
        self.turn(ctx, pass, key, |turn| turn.resume(has_come));
    }

    /// Works on a user, and keeps the deadlines true.
    fn turn<T>(
        &mut self,
        ctx: Ctx<'_>,
        pass: &mut Pass<'_>,
        key: &str,
        work: impl FnOnce(&mut Turn<'_, '_, '_>) -> T,
    ) -> Option<T> {
        let user = self.users.get_mut(key)?;
        let mut turn = Turn {
            ctx,
            pass,
            definitions: &self.definitions,
            user,
        };
        let before = (turn.deadline(), turn.user.logout_at);
        let worked = work(&mut turn);
        let after = (turn.deadline(), turn.user.logout_at);
        move_deadline(&mut self.waits, key, before.0, after.0);
        move_deadline(&mut self.logouts, key, before.1, after.1);
        Some(worked)
    }

    /// The users for whom `wanted` holds, in order.
    fn names(&self, wanted: impl Fn(&User) -> bool) -> Vec<Name> {
        let all = self.users.iter().filter(|(_, user)| wanted(user));
        let mut names: Vec<Name> = all.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }
}

/// Books a message, unless all of it waits.
fn book(pass: &mut Pass<'_>, at: At<'_>, judged: bool) {
    if judged {
        pass.book(at.positions, false, Reason::NoChange);
    }
}

fn move_deadline(all: &mut Agenda, key: &str, before: Option<Time>, after: Option<Time>) {
    if before == after {
        return;
    }
    let key = Name::from(key);
    if let Some(before) = before {
        all.remove(&(before, key.clone()));
    }
    if let Some(after) = after {
        all.insert((after, key));
    }
}
