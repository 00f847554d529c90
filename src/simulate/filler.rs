//! Records that change nothing: attributes nobody reads, repetitions, snapshots, other subscriptions.

use super::call::{Media, says};
use super::json::Json;
use super::names::WORKGROUPS;
use super::say::Queue;
use super::site::Site;
use super::speaker::{CHAT, SUBSCRIPTION};

impl Site {
    /// Says one such record, or, of a large site's statuses, several.
    pub(super) fn say_filler(&mut self) {
        if self.open.is_empty() || self.random.chance(100) {
            let agent = self.random.below(self.agents.len());
            return self.say_statuses(&[agent], true);
        }
        let slot = self.random.pick(&self.open);
        match self.random.weighted(&[7800, 1500, 400, 40, 150, 100, 3, 2]) {
            0 => self.say_changed(slot, says::NOISE | says::CUSTOM),
            1 => self.say_again(slot),
            2 if self.calls[slot].media == Media::Chat => self.say_chat(slot),
            3 => self.say_a_snapshot(),
            4 => self.say_subscription(),
            5 => {
                let agent = self.random.below(self.agents.len());
                self.say_activations(agent, false);
            }
            6 => self.say_all_statuses(),
            7 => self.say_definitions(),
            _ => self.say_changed(slot, says::NOISE),
        }
    }

    /// Another queue says what one has said.
    fn say_again(&mut self, slot: usize) {
        let call = &self.calls[slot];
        match call.workgroup {
            Some(workgroup) if self.random.chance(300) => self.say_added(slot, Queue::Workgroup(workgroup)),
            _ => self.say_changed(slot, says::STATE | says::USER | says::WORKGROUP),
        }
    }

    fn say_a_snapshot(&mut self) {
        let queue = match self.random.below(3) {
            0 => Queue::Line(self.random.below(usize::from(self.lines)) as u8),
            1 => Queue::Workgroup(self.random.below(self.workgroups) as u8),
            _ => Queue::User(self.random.below(self.agents.len())),
        };
        self.say_snapshot(queue);
    }

    fn say_subscription(&mut self) {
        let mut out = self.speaker.begin(SUBSCRIPTION);
        out.flag("isDelta", true);
        out.raw("\"subscriptionId\":\"workgroup:");
        out.raw(WORKGROUPS[self.random.below(self.workgroups)].name);
        out.raw("\",\"state\":1");
        self.speaker.end(out, SUBSCRIPTION);
    }

    fn say_chat(&mut self, slot: usize) {
        let mut out = self.speaker.begin(CHAT);
        out.flag("isDelta", true);
        out.raw("\"interactionId\":\"");
        out.number(self.calls[slot].id);
        out.raw("\",\"messagesAdded\":[{\"chatMember\":{\"chatMemberType\":4,\"displayName\":\"Visitor\"},\"text\":\"Hello?\",\"messageType\":0,");
        let second = self.speaker.second();
        self.speaker.stamp(&mut out, "timestamp", second);
        out.close("}]");
        self.speaker.end(out, CHAT);
    }
}
