//! After the talk: ends, after-call work, wrap-up codes, deallocation.

use super::call::says;
use super::json::Json;
use super::names::WRAP_UP_CODES;
use super::say::Queue;
use super::site::{Site, Step, Then};
use super::speaker::WRAP_UP;
use super::status::{AFTER_CALL, AVAILABLE};

const SECOND: u64 = 1000;

impl Site {
    /// The interaction ends by a letter.
    pub(super) fn end(&mut self, slot: usize, letter: u8, outcome: &'static str) {
        let second = self.speaker.second();
        self.close(slot, outcome);
        self.calls[slot].ended = second;
        self.calls[slot].letter = letter;
        self.say_changed(slot, says::STATE | says::END | says::NOISE);
        self.let_go(slot);
        self.end_parent(slot);
        let cleared = self.random.between(50 * SECOND, 90 * SECOND);
        self.next(slot, cleared, Then::Deallocate);
    }

    /// The interaction is deallocated without a letter: its line dropped.
    pub(super) fn vanish(&mut self, slot: usize) {
        if self.random.chance(500) {
            self.say_leaves_queues(slot);
        }
        self.close(slot, "vanished");
        self.say_deallocated(slot);
        self.let_go(slot);
        self.end_parent(slot);
        self.forget(slot);
    }

    pub(super) fn deallocate(&mut self, slot: usize) {
        self.say_leaves_queues(slot);
        self.say_deallocated(slot);
        self.forget(slot);
    }

    /// One of the queues that showed it says so; the others' subscriptions just stop.
    fn say_leaves_queues(&mut self, slot: usize) {
        let call = &self.calls[slot];
        let queue = match (call.users.first(), call.workgroup) {
            _ if self.random.chance(400) => Queue::Line(call.line),
            (Some(agent), _) => Queue::User(*agent),
            (None, Some(workgroup)) => Queue::Workgroup(workgroup),
            (None, None) => Queue::Line(call.line),
        };
        self.say_removed(slot, queue);
    }

    /// The truth of an end.
    fn close(&mut self, slot: usize, outcome: &'static str) {
        let now = self.speaker.moment();
        let call = &mut self.calls[slot];
        if let Some(told) = call.told.as_deref_mut() {
            told.outcome = outcome;
            told.ended = Some(now);
            for agent in call.users.iter().chain(&call.colleague) {
                told.leaves(*agent, now);
            }
        }
    }

    /// Those who had it, or at whom it rang, are done with it.
    fn let_go(&mut self, slot: usize) {
        let call = &self.calls[slot];
        let users: Vec<usize> = call.users.iter().chain(&call.colleague).copied().collect();
        for agent in users {
            self.leave(slot, agent);
        }
    }

    /// What this interaction served: a callback is done; a consult is its own step's.
    fn end_parent(&mut self, slot: usize) {
        let call = &self.calls[slot];
        if let (Some(parent), None) = (call.parent, call.consulting)
            && !self.calls[parent].is_over()
        {
            let done = self.random.between(SECOND, 5 * SECOND);
            self.next(parent, done, Then::HangUpAgent);
        }
    }

    /// An agent leaves an interaction: the phone is down, after-call work begins, a code will be given.
    pub(super) fn leave(&mut self, slot: usize, agent: usize) {
        if self.agents[agent].call != Some(slot) {
            return;
        }
        self.agents[agent].call = None;
        let call = &self.calls[slot];
        let (id, segment) = (call.id, self.agents[agent].segment);
        let wraps_up = call.talking && !call.intercom && self.workgroup(slot).is_some_and(|one| one.wrap_up);
        let works = wraps_up && self.agents[agent].status == AVAILABLE && !self.random.chance(100);
        if self.agents[agent].on_phone {
            let second = self.speaker.second();
            self.agents[agent].on_phone = false;
            self.agents[agent].phone_since = second;
            if !works || self.random.chance(400) {
                self.say_statuses(&[agent], true);
            }
        }
        if works {
            self.take_status(agent, AFTER_CALL);
            self.say_statuses(&[agent], true);
            let work = self.random.mostly_short(4 * SECOND, 60 * SECOND);
            self.plan_back(agent, work);
        } else if self.agents[agent].is_free() {
            // Not now: what is being said of the interaction comes first.
            let moment = self.random.between(300, 2 * SECOND);
            self.plan_back(agent, moment);
        }
        if wraps_up && self.random.chance(920) {
            let thought = self.random.mostly_short(2 * SECOND, 30 * SECOND);
            self.plan(
                thought,
                Step::WrapUp {
                    slot,
                    id,
                    agent,
                    segment,
                },
            );
        }
    }

    /// A wrap-up code for a segment; sometimes another one replaces it.
    pub(super) fn wrap_up(&mut self, slot: usize, id: u64, agent: usize, segment: u32) {
        if self.calls[slot].id != id {
            return;
        }
        // A code given again is another one: it replaces the first.
        let mut code = self.random.pick(&WRAP_UP_CODES);
        while self.calls[slot].code == Some(code) {
            code = self.random.pick(&WRAP_UP_CODES);
        }
        self.tell(slot, |told, _| told.wraps_up(agent, code));
        self.calls[slot].code = Some(code);
        let attribute = self.random.chance(150);
        if attribute {
            self.say_changed(slot, says::WRAP_UP | says::NOISE);
        }
        let mut out = self.speaker.begin(WRAP_UP);
        out.flag("isDelta", true);
        out.raw("\"interactionId\":\"");
        out.number(id);
        out.raw("\",\"sourceInteractionId\":\"");
        out.number(id);
        out.raw("\",");
        out.pair("code", code);
        out.raw("\"segmentId\":");
        out.number(u64::from(segment));
        out.raw(",");
        let second = self.speaker.second();
        self.speaker.stamp(&mut out, "time", second);
        out.pair("user", &self.agents[agent].user);
        self.speaker.end(out, WRAP_UP);
        if self.random.chance(60) {
            let second_thought = self.random.between(2 * SECOND, 8 * SECOND);
            self.plan(
                second_thought,
                Step::WrapUp {
                    slot,
                    id,
                    agent,
                    segment,
                },
            );
        }
    }
}
