//! The difference between who is in a call and where it stands now, as events: the tables "Voice: entering and
//! leaving".
//!
//! A record is applied whole, then compared; the path to where it stands is not invented.

use super::stage::Stage;
use super::{Conversation, Entry, Making, contains, name};
use crate::cic::{Attribute, Letter};
use crate::convert::reading::Reading;
use crate::convert::settings::Settings;
use crate::event::{Disconnect, Name, Role};
use crate::time::Time;

/// The name of the voicemail party.
const VOICEMAIL: &str = "Voicemail";

/// What the interaction says beside its stage.
pub(crate) struct Around<'a> {
    pub(crate) reading: Reading<'a>,
    pub(crate) settings: &'a Settings,
    /// The workgroup, when it is named anew.
    pub(crate) named_anew: Option<&'a str>,
    /// For the external party.
    pub(crate) additional_info: Vec<(Name, Name)>,
}

impl Conversation {
    /// The first record of a call: the external, and for an outbound call of a user's the user before it.
    pub(crate) fn begin(
        &mut self,
        making: &mut Making<'_>,
        initiated: Time,
        stage: &Stage<'_>,
        around: &Around<'_>,
    ) {
        let dialling = match stage {
            Stage::Dialing(user) => *user,
            Stage::Talking(user) | Stage::Held(user) if !self.inbound => Some(*user),
            _ => None,
        };
        let mut invited_by = None;
        if let (false, Some(user)) = (self.inbound, dialling) {
            let entry = Entry {
                alerting: false,
                invited_by: None,
                ..around.reading.user(around.settings, user)
            };
            let at = self.establish(making, initiated, Role::User, entry);
            invited_by = Some(self.parties[at].id);
        }
        let answered = matches!(stage, Stage::Talking(_) | Stage::Held(_) | Stage::Answered);
        let entry = Entry {
            alerting: !self.inbound && !answered,
            invited_by,
            additional_info: around.additional_info.clone(),
            ..around.reading.numbers(around.settings)
        };
        self.establish(making, initiated, Role::External, entry);
    }

    /// Every later difference.
    pub(crate) fn apply(&mut self, making: &mut Making<'_>, t: Time, stage: Stage<'_>, around: &Around<'_>) {
        match stage {
            Stage::Ended(letter) => return self.finish(making, t, letter),
            Stage::Voicemail => self.move_to_ivr(making, t, &name(VOICEMAIL), around),
            Stage::Ivr => {
                // The line's name; an attendant that is there already stays.
                let here = self
                    .open(Role::Ivr)
                    .filter(|&at| !self.parties[at].is(Role::Ivr, VOICEMAIL));
                if here.is_none() {
                    let ivr = name(around.reading.get(Attribute::Line));
                    self.move_to_ivr(making, t, &ivr, around);
                }
            }
            Stage::Queued(workgroup) => self.move_to_queue(making, t, workgroup, around),
            Stage::Alerting(users) => self.move_to_ringing(making, t, &users, around),
            Stage::Talking(user) => self.move_to_user(making, t, user, false, around),
            Stage::Held(user) => self.move_to_user(making, t, user, true, around),
            Stage::Dialing(Some(user)) if self.user(user).is_none() => {
                self.leave_for_user(making, t, around);
                self.enter_user(making, t, user, false, around);
            }
            Stage::Answered => self.external_answers(making, t),
            Stage::Orbit => self.move_to_nobody(making, t, Disconnect::Transfer),
            Stage::Nobody => self.move_to_nobody(making, t, Disconnect::SelfEnded),
            Stage::Dialing(_) | Stage::Unchanged | Stage::Unknown => {
                // Several names that settle on none change nothing until one is left.
                let gone = self
                    .connected_user()
                    .filter(|_| around.reading.users().is_empty());
                if let Some(at) = gone {
                    self.end(making, t, at, Disconnect::SelfEnded);
                }
            }
        }
        if let Some(at) = self.connected_user() {
            self.mute(making, t, at, around.reading.muted());
        }
    }

    /// All of its communications end by the system: it was deallocated without a letter, or is no longer heard of.
    pub(crate) fn vanish(&mut self, making: &mut Making<'_>, t: Time) {
        self.end_where(making, t, Disconnect::System, |_, _| true);
    }

    fn finish(&mut self, making: &mut Making<'_>, t: Time, letter: Letter) {
        let external = |conversation: &Self, at: usize| conversation.parties[at].role == Role::External;
        if letter == Letter::ExternalDisconnect {
            self.end_where(making, t, Disconnect::SelfEnded, external);
            self.end_where(making, t, Disconnect::Peer, |_, _| true);
        } else if let Some(user) = self.connected_user() {
            self.end(making, t, user, Disconnect::SelfEnded);
            self.end_where(making, t, Disconnect::Peer, external);
            self.end_where(making, t, Disconnect::Peer, |_, _| true);
        } else {
            self.end_where(making, t, Disconnect::Peer, external);
            self.end_where(making, t, Disconnect::System, |_, _| true);
        }
    }

    fn move_to_ivr(&mut self, making: &mut Making<'_>, t: Time, ivr: &Name, around: &Around<'_>) {
        if self
            .open(Role::Ivr)
            .is_some_and(|at| self.parties[at].is(Role::Ivr, ivr))
        {
            return;
        }
        for role in [Role::Ivr, Role::Routing] {
            self.leave(making, t, role, Disconnect::Transfer);
        }
        self.stop_ringing(making, t, &[], Disconnect::SelfEnded);
        self.leave_user(making, t, Disconnect::Transfer);
        let entry = Entry {
            name: Some(ivr.clone()).filter(|name| !name.is_empty()),
            invited_by: self.external(),
            ani_name: None,
            ..around.reading.numbers(around.settings)
        };
        self.establish(making, t, Role::Ivr, entry);
    }

    fn move_to_queue(&mut self, making: &mut Making<'_>, t: Time, workgroup: &str, around: &Around<'_>) {
        self.stop_ringing(making, t, &[], Disconnect::SelfEnded);
        let again = self.leave_user(making, t, Disconnect::TransferAcd);
        self.leave(making, t, Role::Ivr, Disconnect::TransferAcd);
        if self
            .open(Role::Routing)
            .is_some_and(|at| self.parties[at].is(Role::Routing, workgroup))
            && !again
        {
            return;
        }
        self.leave(making, t, Role::Routing, Disconnect::TransferAcd);
        self.enter_queue(making, t, workgroup, around);
    }

    fn move_to_ringing(&mut self, making: &mut Making<'_>, t: Time, users: &[&str], around: &Around<'_>) {
        self.stop_ringing(making, t, users, Disconnect::SelfEnded);
        self.leave_for_user(making, t, around);
        for user in users {
            if self.user(user).is_none() {
                self.enter_user(making, t, user, true, around);
            }
        }
    }

    fn move_to_user(
        &mut self,
        making: &mut Making<'_>,
        t: Time,
        user: &str,
        held: bool,
        around: &Around<'_>,
    ) {
        self.external_answers(making, t);
        let others = self
            .ringing_users()
            .into_iter()
            .filter(|&at| !self.parties[at].is(Role::User, user));
        for at in others.collect::<Vec<_>>() {
            self.end(making, t, at, Disconnect::System);
        }
        let here = self.user(user);
        let connected = self.connected_user();
        if connected.is_some() && connected != here {
            self.leave_for_user(making, t, around);
        } else {
            self.leave(making, t, Role::Ivr, Disconnect::TransferUser);
        }
        let at = match here {
            Some(at) => {
                if Some(at) != connected {
                    self.answer(making, t, at);
                }
                at
            }
            None => self.enter_user(making, t, user, false, around),
        };
        self.leave(making, t, Role::Routing, Disconnect::TransferUser);
        self.hold(making, t, at, held);
    }

    fn move_to_nobody(&mut self, making: &mut Making<'_>, t: Time, why: Disconnect) {
        self.stop_ringing(making, t, &[], Disconnect::SelfEnded);
        self.leave_user(making, t, why);
        let why = if why == Disconnect::SelfEnded {
            Disconnect::System
        } else {
            why
        };
        for role in [Role::Ivr, Role::Routing] {
            self.leave(making, t, role, why);
        }
    }

    fn external_answers(&mut self, making: &mut Making<'_>, t: Time) {
        let ringing = |at: &usize| self.parties[*at].standing == super::party::Standing::Ringing;
        if let Some(at) = self.open(Role::External).filter(ringing) {
            self.answer(making, t, at);
        }
    }

    /// The attendant and the connected user leave for another user. A workgroup named anew is passed through, as
    /// is one that replaces the queue the call is in, although somebody out of it is named already.
    fn leave_for_user(&mut self, making: &mut Making<'_>, t: Time, around: &Around<'_>) {
        self.leave(making, t, Role::Ivr, Disconnect::TransferUser);
        let why = around
            .named_anew
            .map_or(Disconnect::TransferUser, |_| Disconnect::TransferAcd);
        let transferred = self.leave_user(making, t, why);
        let Some(workgroup) = around.named_anew else {
            return;
        };
        let elsewhere = self
            .open(Role::Routing)
            .map(|at| !self.parties[at].is(Role::Routing, workgroup));
        if elsewhere.unwrap_or(transferred) {
            self.leave(making, t, Role::Routing, Disconnect::TransferAcd);
            self.enter_queue(making, t, workgroup, around);
        }
    }

    fn enter_queue(&mut self, making: &mut Making<'_>, t: Time, workgroup: &str, around: &Around<'_>) {
        let invited_by = self.external();
        let entry = Entry {
            invited_by,
            ..around.reading.queue(around.settings, workgroup)
        };
        self.establish(making, t, Role::Routing, entry);
    }

    fn enter_user(
        &mut self,
        making: &mut Making<'_>,
        t: Time,
        user: &str,
        alerting: bool,
        around: &Around<'_>,
    ) -> usize {
        let entry = Entry {
            alerting,
            invited_by: self.external(),
            ..around.reading.user(around.settings, user)
        };
        self.establish(making, t, Role::User, entry)
    }

    fn leave(&mut self, making: &mut Making<'_>, t: Time, role: Role, why: Disconnect) {
        if let Some(at) = self.open(role) {
            self.end(making, t, at, why);
        }
    }

    fn leave_user(&mut self, making: &mut Making<'_>, t: Time, why: Disconnect) -> bool {
        let user = self.connected_user();
        if let Some(at) = user {
            self.end(making, t, at, why);
        }
        user.is_some()
    }

    fn stop_ringing(&mut self, making: &mut Making<'_>, t: Time, but: &[&str], why: Disconnect) {
        for at in self.ringing_users() {
            let stays = self.parties[at]
                .name
                .as_deref()
                .is_some_and(|name| contains(but, name));
            if !stays {
                self.end(making, t, at, why);
            }
        }
    }

    fn end_where(
        &mut self,
        making: &mut Making<'_>,
        t: Time,
        why: Disconnect,
        which: impl Fn(&Self, usize) -> bool,
    ) {
        for at in 0..self.parties.len() {
            if self.parties[at].is_open() && which(self, at) {
                self.end(making, t, at, why);
            }
        }
    }
}
