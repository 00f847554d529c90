//! A site's messages about its interactions and agents.
//!
//! The exporter subscribes to every line, workgroup and user by itself. A change is said by one of the queues that
//! show the interaction, sometimes by `interactionChangedMessage`; entering and leaving is said by each.

use super::call::{line_name, says};
use super::json::Json;
use super::names::WORKGROUPS;
use super::site::Site;
use super::speaker::{
    CHANGED, DEALLOCATED, DEFINITIONS, QUEUE, STATUS, Speaker, USER_ACTIVATION, WORKGROUP_ACTIVATION,
};
use super::status::write_definitions;
use super::truth;

/// A subscribed queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    Line(u8),
    Workgroup(u8),
    User(usize),
}

impl Site {
    /// An interaction enters a queue, with all its attributes.
    pub(super) fn say_added(&mut self, slot: usize, queue: Queue) {
        let mut out = self.begin_queue(queue, true);
        out.raw("\"interactionsAdded\":[");
        self.whole(&mut out, slot);
        out.close("],\"interactionsChanged\":[],\"interactionsRemoved\":[]");
        self.speaker.end(out, QUEUE);
    }

    /// Some of an interaction's attributes changed.
    pub(super) fn say_changed(&mut self, slot: usize, bits: u32) {
        let queue = self.shown_by(slot);
        let call = &self.calls[slot];
        if self.random.chance(120) {
            let mut out = self.speaker.begin(CHANGED);
            out.flag("isDelta", true);
            out.raw("\"interactionID\":\"");
            out.number(call.id);
            out.raw("\",\"attributes\":{");
            call.attributes(&mut self.speaker, &self.agents, &mut out, bits);
            out.close("}");
            return self.speaker.end(out, CHANGED);
        }
        let mut out = self.begin_queue(queue, true);
        out.raw("\"interactionsAdded\":[],\"interactionsChanged\":[{\"interactionId\":\"");
        let call = &self.calls[slot];
        out.number(call.id);
        out.raw("\",\"attributes\":{");
        call.attributes(&mut self.speaker, &self.agents, &mut out, bits);
        out.close("}}],\"interactionsRemoved\":[]");
        self.speaker.end(out, QUEUE);
    }

    /// An interaction leaves a queue, which is no end.
    pub(super) fn say_removed(&mut self, slot: usize, queue: Queue) {
        let mut out = self.begin_queue(queue, true);
        out.raw("\"interactionsAdded\":[],\"interactionsChanged\":[],\"interactionsRemoved\":[\"");
        out.number(self.calls[slot].id);
        out.raw("\"]");
        self.speaker.end(out, QUEUE);
    }

    /// All that a queue shows.
    pub(super) fn say_snapshot(&mut self, queue: Queue) {
        let mut out = self.begin_queue(queue, false);
        out.raw("\"interactionsAdded\":[");
        for slot in self.open.clone() {
            if self.shows(queue, slot) {
                self.whole(&mut out, slot);
                out.push(b',');
            }
        }
        out.close("],\"interactionsChanged\":[],\"interactionsRemoved\":[]");
        self.speaker.end(out, QUEUE);
    }

    pub(super) fn say_deallocated(&mut self, slot: usize) {
        let mut out = self.speaker.begin(DEALLOCATED);
        out.flag("isDelta", true);
        out.raw("\"interactionID\":\"");
        out.number(self.calls[slot].id);
        out.raw("\"");
        self.speaker.end(out, DEALLOCATED);
    }

    /// How some agents stand.
    pub(super) fn say_statuses(&mut self, agents: &[usize], delta: bool) {
        let mut out = self.speaker.begin(STATUS);
        out.flag("isDelta", delta);
        out.raw("\"userStatusList\":[");
        for agent in agents {
            self.agents[*agent].write(&mut self.speaker, &mut out);
        }
        out.close("]");
        self.speaker.end(out, STATUS);
    }

    /// How all agents stand, replacing what was said before; a large site takes more than one record.
    pub(super) fn say_all_statuses(&mut self) {
        let all: Vec<usize> = (0..self.agents.len()).collect();
        for (at, some) in all.chunks(100).enumerate() {
            self.say_statuses(some, at > 0);
        }
    }

    pub(super) fn say_definitions(&mut self) {
        let mut out = self.speaker.begin(DEFINITIONS);
        write_definitions(&mut out);
        self.speaker.end(out, DEFINITIONS);
    }

    /// Where an agent is active.
    pub(super) fn say_activations(&mut self, agent: usize, delta: bool) {
        let mut out = self.speaker.begin(USER_ACTIVATION);
        out.flag("isDelta", delta);
        let one = &self.agents[agent];
        out.raw("\"subscriptionId\":\"user:");
        out.raw(&one.user);
        out.raw("\",");
        out.pair("userId", &one.user);
        one.write_activations(&mut out);
        self.speaker.end(out, USER_ACTIVATION);
    }

    /// Who is active in a workgroup.
    pub(super) fn say_members(&mut self, workgroup: usize, delta: bool) {
        let mut out = self.speaker.begin(WORKGROUP_ACTIVATION);
        let name = WORKGROUPS[workgroup].name;
        out.flag("isDelta", delta);
        out.raw("\"subscriptionId\":\"workgroup:");
        out.raw(name);
        out.raw("\",");
        out.pair("workgroupId", name);
        out.raw("\"activationsChanged\":{");
        for agent in &self.members[workgroup] {
            let agent = &self.agents[*agent];
            out.flag(&agent.user, agent.serves(workgroup as u8));
        }
        out.close("}");
        self.speaker.end(out, WORKGROUP_ACTIVATION);
    }

    /// An agent takes a status: from now on, by the next record.
    pub(super) fn take_status(&mut self, agent: usize, status: usize) {
        let second = self.speaker.second();
        self.tell_status(agent);
        let agent = &mut self.agents[agent];
        agent.status = status;
        agent.since = second;
        agent.until = None;
        agent.epoch += 1;
    }

    /// Ends the truth's interval of an agent, whose status or login is about to change.
    pub(super) fn tell_status(&mut self, agent: usize) {
        let now = self.speaker.moment();
        let agent = &mut self.agents[agent];
        if let Some(out) = &mut self.truth {
            truth::write_status(out, &mut self.speaker, agent, Some(now));
        }
        agent.told_since = now;
    }

    fn begin_queue(&mut self, queue: Queue, delta: bool) -> Vec<u8> {
        let mut out = self.speaker.begin(QUEUE);
        out.flag("isDelta", delta);
        out.raw("\"subscriptionId\":\"");
        match queue {
            Queue::Line(line) => line_name(&mut out, line),
            Queue::Workgroup(at) => {
                out.raw("workgroup:");
                out.raw(WORKGROUPS[usize::from(at)].name);
            }
            Queue::User(agent) => {
                out.raw("user:");
                out.raw(&self.agents[agent].user);
            }
        }
        out.raw("\",");
        out
    }

    fn whole(&mut self, out: &mut Vec<u8>, slot: usize) {
        let speaker: &mut Speaker = &mut self.speaker;
        out.raw("{\"interactionId\":\"");
        let call = &self.calls[slot];
        out.number(call.id);
        out.raw("\",\"attributes\":{");
        call.attributes(speaker, &self.agents, out, says::ALL);
        out.close("}}");
    }

    fn shows(&self, queue: Queue, slot: usize) -> bool {
        let call = &self.calls[slot];
        match queue {
            Queue::Line(line) => call.line == line && call.has_line(),
            Queue::Workgroup(at) => call.workgroup == Some(at),
            Queue::User(agent) => call.users.contains(&agent),
        }
    }

    /// The queue that says a change.
    pub(super) fn shown_by(&mut self, slot: usize) -> Queue {
        let call = &self.calls[slot];
        match (call.users.first(), call.workgroup) {
            (Some(agent), _) => Queue::User(*agent),
            (None, Some(at)) => Queue::Workgroup(at),
            (None, None) => Queue::Line(call.line),
        }
    }
}
