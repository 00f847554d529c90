//! An interaction with an agent: answered, held, muted, sent on.

use super::call::{Media, says};
use super::say::Queue;
use super::site::{Site, Then};

const SECOND: u64 = 1000;

impl Site {
    /// One of those at whom it rings answers.
    pub(super) fn answer(&mut self, slot: usize) {
        let rang = std::mem::take(&mut self.calls[slot].users);
        let agent = self.random.pick(&rang);
        let others: Vec<usize> = rang.into_iter().filter(|other| *other != agent).collect();
        self.connect(slot, agent);
        self.tell(slot, |told, now| {
            others.iter().for_each(|other| told.leaves(*other, now))
        });
        let split = !others.is_empty() && self.random.chance(self.shares.split * 2);
        if split {
            self.calls[slot].letter = b'A';
            self.say_changed(slot, says::USER);
            self.calls[slot].letter = b'C';
            self.say_changed(slot, says::STATE);
        } else {
            let named = !others.is_empty() || self.random.chance(500);
            self.say_changed(
                slot,
                says::STATE | says::CONNECT | if named { says::USER } else { 0 },
            );
        }
        self.release(slot, &others);
        for other in &others {
            self.say_removed(slot, Queue::User(*other));
        }
        self.pick_up(slot, agent);
        if self.calls[slot].media == Media::Callback {
            self.call_back(slot, agent);
        } else {
            self.talk(slot);
        }
        for other in others {
            self.dispatch_to(other);
        }
    }

    /// An agent is connected from the next record on, which is the caller's to say.
    pub(super) fn connect(&mut self, slot: usize, agent: usize) {
        let second = self.speaker.second();
        let call = &mut self.calls[slot];
        call.users.clear();
        call.users.push(agent);
        call.letter = b'C';
        call.connected = second;
        call.talking = true;
        call.segment += 1;
        self.agents[agent].segment = call.segment;
        self.tell(slot, |told, now| told.talks(agent, now));
    }

    /// The agent's phone is off the hook, if it is a call.
    pub(super) fn pick_up(&mut self, slot: usize, agent: usize) {
        if self.calls[slot].media == Media::Call && !self.agents[agent].on_phone {
            let second = self.speaker.second();
            self.agents[agent].on_phone = true;
            self.agents[agent].phone_since = second;
            self.say_statuses(&[agent], true);
        }
    }

    /// They talk until something happens.
    pub(super) fn talk(&mut self, slot: usize) {
        let shares = &self.shares;
        let call = &self.calls[slot];
        let is_call = call.media == Media::Call;
        // A chat or an email is served or sent on; on one's own leg to a colleague one only talks.
        let plain = call.intercom || call.parent.is_some();
        let only = |possible: bool, weight: u32| if possible { weight } else { 0 };
        let what = [
            (Then::HangUpCaller, only(call.media != Media::Email, 370)),
            (Then::HangUpAgent, 330),
            (Then::Hold, only(!plain && call.media != Media::Chat, 230)),
            (Then::Mute, only(is_call && !plain, 60)),
            (
                Then::SendToUser,
                only(is_call && !plain, shares.transfers_to_user),
            ),
            (Then::SendToWorkgroup, only(!plain, shares.transfers_to_workgroup)),
            (Then::Consult, only(is_call && !plain, shares.consults)),
            (Then::Vanish, only(!call.intercom, shares.vanish)),
        ];
        let then = what[self.random.weighted(&what.map(|(_, weight)| weight))].0;
        let talk = self.random.mostly_short(10 * SECOND, 500 * SECOND);
        self.next(slot, talk, then);
    }

    pub(super) fn hold(&mut self, slot: usize) {
        let agent = self.calls[slot].users[0];
        self.calls[slot].letter = if self.calls[slot].media == Media::Email {
            b'X'
        } else {
            b'H'
        };
        self.tell(slot, |told, now| told.holds(agent, true, now));
        self.say_changed(slot, says::STATE | says::NOISE);
        let held = self.random.mostly_short(3 * SECOND, 120 * SECOND);
        let then = if self.random.chance(40) && self.calls[slot].media == Media::Call {
            Then::HangUpCaller
        } else {
            Then::Retrieve
        };
        self.next(slot, held, then);
    }

    pub(super) fn retrieve(&mut self, slot: usize) {
        let agent = self.calls[slot].users[0];
        self.calls[slot].letter = b'C';
        self.tell(slot, |told, now| told.holds(agent, false, now));
        let named = self.random.chance(200);
        self.say_changed(
            slot,
            says::STATE | says::NOISE | if named { says::USER } else { 0 },
        );
        self.talk(slot);
    }

    pub(super) fn mute(&mut self, slot: usize, muted: bool) {
        self.calls[slot].muted = muted;
        self.say_changed(slot, says::MUTED | says::NOISE);
        if muted {
            let silent = self.random.mostly_short(2 * SECOND, 60 * SECOND);
            self.next(slot, silent, Then::Unmute);
        } else {
            self.talk(slot);
        }
    }

    /// A blind transfer to a colleague: rings there, or is parked for them.
    pub(super) fn send_to_user(&mut self, slot: usize) {
        let agent = self.calls[slot].users[0];
        let Some(to) = self.anybody(Some(agent)) else {
            return self.talk(slot);
        };
        self.agents[to].call = Some(slot);
        self.tell(slot, |told, now| told.leaves(agent, now));
        self.calls[slot].users.clear();
        if self.random.chance(self.shares.split) {
            self.say_changed(slot, says::USER);
        }
        let second = self.speaker.second();
        let parked = self.random.chance(100);
        let call = &mut self.calls[slot];
        call.letter = if parked { b'P' } else { b'A' };
        call.users.push(to);
        call.assigned = second;
        self.rings(slot);
        self.say_changed(slot, says::STATE | says::USER);
        self.say_removed(slot, Queue::User(agent));
        self.say_added(slot, Queue::User(to));
        self.leave(slot, agent);
        self.calls[slot].talking = false;
        self.plan_answer(slot);
    }

    /// A blind transfer to another workgroup.
    pub(super) fn send_to_workgroup(&mut self, slot: usize) {
        let agent = self.calls[slot].users[0];
        let to = self.other_workgroup(slot);
        self.tell(slot, |told, now| told.leaves(agent, now));
        self.calls[slot].users.clear();
        if self.random.chance(self.shares.split) {
            self.say_changed(slot, says::USER);
        }
        self.enter_queue(slot, to, says::USER);
        self.say_removed(slot, Queue::User(agent));
        self.leave(slot, agent);
        self.calls[slot].talking = false;
    }
}
