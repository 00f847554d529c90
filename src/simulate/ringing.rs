//! Automatic distribution: who is free gets what waits, it rings, and is answered or not.

use super::call::{Media, says};
use super::json::Json;
use super::names::WORKGROUPS;
use super::say::Queue;
use super::site::{Site, Then};
use super::speaker::ALERTING;
use super::status::NOT_ANSWERING;

const SECOND: u64 = 1000;

impl Site {
    /// Gives what waits in a workgroup to whoever is free.
    pub(super) fn dispatch(&mut self, workgroup: u8) {
        let at = usize::from(workgroup);
        while let Some((slot, epoch)) = self.waiting[at].front().copied() {
            if self.calls[slot].epoch != epoch {
                self.waiting[at].pop_front();
                continue;
            }
            let several = WORKGROUPS[at].rings_all && self.calls[slot].media == Media::Call;
            let chosen = self.free_members(workgroup, if several { 3 } else { 1 });
            if chosen.is_empty() {
                return;
            }
            self.waiting[at].pop_front();
            self.assign(slot, chosen);
        }
    }

    /// Whatever an agent may get now.
    pub(super) fn dispatch_to(&mut self, agent: usize) {
        for at in 0..self.agents[agent].workgroups.len() {
            if !self.agents[agent].is_free() {
                return;
            }
            let (workgroup, active) = self.agents[agent].workgroups[at];
            if active {
                self.dispatch(workgroup);
            }
        }
    }

    fn free_members(&mut self, workgroup: u8, wanted: usize) -> Vec<usize> {
        let members = &self.members[usize::from(workgroup)];
        let start = self.random.below(members.len());
        let free = members[start..].iter().chain(&members[..start]).copied();
        free.filter(|agent| self.agents[*agent].is_free() && self.agents[*agent].serves(workgroup))
            .take(wanted)
            .collect()
    }

    /// Any free agent but one.
    pub(super) fn anybody(&mut self, but: Option<usize>) -> Option<usize> {
        let start = self.random.below(self.agents.len());
        (start..self.agents.len())
            .chain(0..start)
            .find(|agent| Some(*agent) != but && self.agents[*agent].is_free())
    }

    /// An interaction is given to agents: it rings at once, or they are named first and it rings a moment later.
    pub(super) fn assign(&mut self, slot: usize, agents: Vec<usize>) {
        let second = self.speaker.second();
        for agent in &agents {
            self.agents[*agent].call = Some(slot);
        }
        let first = agents[0];
        let call = &mut self.calls[slot];
        call.users = agents;
        call.assigned = second;
        if self.random.chance(self.shares.split) && call.letter == b'O' {
            self.say_changed(slot, says::USER | says::NOISE);
            self.say_added(slot, Queue::User(first));
            let moment = self.random.between(100, 900);
            return self.next(slot, moment, Then::Ring);
        }
        call.letter = b'A';
        self.rings(slot);
        if self.random.chance(500) {
            self.say_added(slot, Queue::User(first));
        } else {
            self.say_changed(slot, says::STATE | says::USER);
        }
        self.plan_answer(slot);
    }

    /// It rings at those named.
    pub(super) fn ring(&mut self, slot: usize) {
        self.calls[slot].letter = b'A';
        self.rings(slot);
        self.say_changed(slot, says::STATE);
        if self.random.chance(300) {
            self.say_alerting(slot);
        }
        self.plan_answer(slot);
    }

    /// The truth: it rings from the next record on.
    pub(super) fn rings(&mut self, slot: usize) {
        let now = self.speaker.moment();
        let call = &mut self.calls[slot];
        if let Some(told) = call.told.as_deref_mut() {
            for agent in &call.users {
                told.rings(*agent, now);
            }
        }
    }

    pub(super) fn plan_answer(&mut self, slot: usize) {
        match self.random.weighted(&[915, 60, 25]) {
            0 => {
                let ringing = self.random.mostly_short(1500, 12 * SECOND);
                self.next(slot, ringing, Then::Answer);
            }
            1 => self.next(slot, 15 * SECOND, Then::NotAnswered),
            _ => {
                let ringing = self.random.between(1000, 12 * SECOND);
                self.next(slot, ringing, Then::HangUpRinging);
            }
        }
    }

    fn say_alerting(&mut self, slot: usize) {
        let mut out = self.speaker.begin(ALERTING);
        out.flag("isDelta", true);
        let call = &self.calls[slot];
        out.raw("\"alertingInteractionDetails\":[{\"interactionId\":\"");
        out.number(call.id);
        out.raw("\",");
        out.pair("interactionType", call.media.as_str());
        out.raw(
            "\"name\":\"Caller\",\"address\":\"\",\"alertType\":5,\"alertAction\":1,\"autoAnswer\":false}]",
        );
        self.speaker.end(out, ALERTING);
    }

    /// Nobody answers: another agent, the queue again, or voicemail where there is no queue.
    pub(super) fn not_answered(&mut self, slot: usize) {
        let users = std::mem::take(&mut self.calls[slot].users);
        let status_first = self.random.chance(300);
        if status_first {
            self.say_not_answering(&users);
        }
        for agent in &users {
            self.tell(slot, |told, now| told.leaves(*agent, now));
        }
        let next = match self.calls[slot].workgroup {
            Some(workgroup) if self.random.chance(400) => {
                let free = self.free_members(workgroup, 1);
                free.into_iter().find(|agent| !users.contains(agent))
            }
            _ => None,
        };
        let requeued = next.is_none() && self.calls[slot].workgroup.is_some();
        match (next, self.calls[slot].workgroup) {
            (Some(agent), _) => {
                self.assign_next(slot, agent);
            }
            (None, Some(_)) => self.back_in_queue(slot),
            (None, None) => self.enter_voicemail(slot, says::USER),
        }
        for agent in &users {
            self.say_removed(slot, Queue::User(*agent));
        }
        if !status_first {
            self.say_not_answering(&users);
        }
        self.release(slot, &users);
        if let (true, Some(workgroup)) = (requeued, self.calls[slot].workgroup) {
            self.tell(slot, |told, _| told.queues_again(workgroup));
            self.queue_up(slot, true);
        }
        for agent in users {
            self.dispatch_to(agent);
        }
    }

    fn assign_next(&mut self, slot: usize, agent: usize) {
        let second = self.speaker.second();
        self.agents[agent].call = Some(slot);
        let call = &mut self.calls[slot];
        call.users.push(agent);
        call.letter = b'A';
        call.assigned = second;
        self.rings(slot);
        self.say_changed(slot, says::STATE | says::USER);
        self.plan_answer(slot);
    }

    fn back_in_queue(&mut self, slot: usize) {
        if self.random.chance(self.shares.split) {
            self.say_changed(slot, says::USER);
            self.calls[slot].letter = b'O';
            self.say_changed(slot, says::STATE | says::NOISE);
        } else {
            self.calls[slot].letter = b'O';
            self.say_changed(slot, says::STATE | says::USER);
        }
    }

    /// The first of those at whom it rang is taken out of the distribution for a while.
    fn say_not_answering(&mut self, users: &[usize]) {
        let Some(&agent) = users.first() else { return };
        self.take_status(agent, NOT_ANSWERING);
        self.say_statuses(&[agent], true);
        let away = self.random.between(20 * SECOND, 120 * SECOND);
        self.plan_back(agent, away);
    }

    /// Agents no longer have an interaction that never was theirs.
    pub(super) fn release(&mut self, slot: usize, agents: &[usize]) {
        for agent in agents {
            if self.agents[*agent].call == Some(slot) {
                self.agents[*agent].call = None;
            }
        }
    }
}
