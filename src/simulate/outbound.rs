//! What agents dial: outside, for a workgroup, colleagues, to ask one, to call somebody back.

use super::call::{Call, Media, says};
use super::say::Queue;
use super::site::{Site, Step, Then};

const SECOND: u64 = 1000;

impl Site {
    pub(super) fn plan_dialling(&mut self, agent: usize) {
        let gap = self.random.gap(1_500 * SECOND) * 1000 / self.load.max(1);
        self.plan(gap, Step::Dial(agent));
    }

    pub(super) fn dial(&mut self, agent: usize) {
        self.plan_dialling(agent);
        if !self.agents[agent].is_free() {
            return;
        }
        if self.random.chance(self.shares.intercom) {
            if let Some(colleague) = self.anybody(Some(agent)) {
                self.dial_colleague(agent, colleague, None);
            }
            return;
        }
        let slot = self.dial_out(agent, Media::Call);
        self.agents[agent].call = Some(slot);
        if self.random.chance(self.shares.for_workgroup) {
            self.calls[slot].workgroup = self.agents[agent].workgroups.first().map(|(at, _)| *at);
        }
        self.say_dialling(slot, agent);
    }

    /// An interaction that an agent begins; not said yet.
    fn dial_out(&mut self, agent: usize, media: Media) -> usize {
        let slot = self.create(media, b'S');
        let call: &mut Call = &mut self.calls[slot];
        call.outbound = true;
        call.withheld = false;
        call.users.push(agent);
        call.assigned = call.initiated;
        if let Some(told) = call.told.as_deref_mut() {
            told.dials(agent);
        }
        slot
    }

    fn say_dialling(&mut self, slot: usize, agent: usize) {
        let line = Queue::Line(self.calls[slot].line);
        self.say_added(slot, Queue::User(agent));
        self.say_added(slot, line);
        let digits = self.random.between(800, 3 * SECOND);
        self.next(slot, digits, Then::Proceed);
    }

    /// A colleague is called, alone or about another interaction.
    fn dial_colleague(&mut self, agent: usize, colleague: usize, about: Option<usize>) {
        let slot = self.dial_out(agent, Media::Call);
        let consulting = about.map(|original| self.calls[original].id);
        let call = &mut self.calls[slot];
        call.intercom = true;
        call.colleague = Some(colleague);
        call.consulting = consulting;
        call.parent = about;
        self.agents[colleague].call = Some(slot);
        if about.is_none() {
            self.agents[agent].call = Some(slot);
        }
        self.say_dialling(slot, agent);
    }

    /// The agent who answered a callback calls back.
    pub(super) fn call_back(&mut self, callback: usize, agent: usize) {
        let slot = self.dial_out(agent, Media::Call);
        let remote = self.calls[callback].remote;
        let call = &mut self.calls[slot];
        call.remote = remote;
        call.parent = Some(callback);
        let id = call.id;
        self.say_dialling(slot, agent);
        self.calls[callback].answering = Some(id);
        self.say_changed(callback, says::LINKS | says::NOISE);
        self.say_callback(callback);
    }

    pub(super) fn proceed(&mut self, slot: usize) {
        self.calls[slot].letter = b'R';
        if let Some(colleague) = self.calls[slot].colleague {
            self.tell(slot, |told, now| told.rings(colleague, now));
        }
        self.say_changed(slot, says::STATE | says::NOISE);
        let ringing = self.random.mostly_short(3 * SECOND, 25 * SECOND);
        let unanswered = match self.calls[slot].consulting {
            Some(_) => Then::EndConsult,
            None => Then::NobodyAnswers,
        };
        match self.random.weighted(&[720, 180, 100]) {
            0 => self.next(slot, ringing, Then::OutsideAnswers),
            1 => self.next(slot, 30 * SECOND, unanswered),
            _ if self.calls[slot].intercom => self.next(slot, 15 * SECOND, unanswered),
            _ => self.next(slot, ringing, Then::Busy),
        }
    }

    pub(super) fn outside_answers(&mut self, slot: usize) {
        let agent = self.calls[slot].users[0];
        self.connect(slot, agent);
        let colleague = self.calls[slot].colleague;
        if let Some(colleague) = colleague {
            self.tell(slot, |told, now| told.talks(colleague, now));
        }
        self.say_changed(slot, says::STATE | says::CONNECT | says::NOISE);
        self.pick_up(slot, agent);
        if let Some(colleague) = colleague {
            self.pick_up(slot, colleague);
        }
        if self.calls[slot].consulting.is_some() {
            let talk = self.random.mostly_short(5 * SECOND, 120 * SECOND);
            return self.next(slot, talk, Then::EndConsult);
        }
        self.talk(slot);
    }

    /// The agent holds the call to ask a colleague; what follows is the leg's.
    pub(super) fn consult(&mut self, slot: usize) {
        let agent = self.calls[slot].users[0];
        let Some(colleague) = self.anybody(Some(agent)) else {
            return self.talk(slot);
        };
        self.calls[slot].letter = b'H';
        self.calls[slot].epoch += 1;
        self.tell(slot, |told, now| told.holds(agent, true, now));
        self.say_changed(slot, says::STATE | says::NOISE);
        self.dial_colleague(agent, colleague, Some(slot));
    }

    /// The colleague takes the call over, or the agent has it back.
    pub(super) fn end_consult(&mut self, leg: usize) {
        let (Some(original), Some(colleague)) = (self.calls[leg].parent, self.calls[leg].colleague) else {
            return self.end(leg, b'I', "agent hung up");
        };
        let answered = self.calls[leg].talking;
        if !answered || self.random.chance(400) {
            self.end(leg, b'I', if answered { "agent hung up" } else { "not answered" });
            let moment = self.random.between(500, 3 * SECOND);
            return self.next(original, moment, Then::Retrieve);
        }
        let agent = self.calls[original].users[0];
        self.agents[colleague].call = Some(original);
        let leg_first = self.random.chance(500);
        if leg_first {
            self.end(leg, b'I', "agent hung up");
        }
        self.connect(original, colleague);
        self.tell(original, |told, now| told.leaves(agent, now));
        self.say_changed(original, says::STATE | says::USER | says::CONNECT);
        self.say_removed(original, Queue::User(agent));
        self.say_added(original, Queue::User(colleague));
        if !leg_first {
            self.end(leg, b'I', "agent hung up");
        }
        self.leave(original, agent);
        self.talk(original);
    }
}
