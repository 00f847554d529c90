//! What comes in: lines, the IVR, queues, and who is chosen.

use super::call::{Media, says};
use super::json::Json;
use super::say::Queue;
use super::site::{Site, Step, Then};
use super::speaker::{CALLBACK, EMAIL};

const SECOND: u64 = 1000;
/// How long an agent is busy with a call on average, all told, in ms.
const HANDLING: u64 = 230 * SECOND;

impl Site {
    /// Plans the next arrival: as many as keep the agents busy for half of the time, times the load.
    pub(super) fn plan_arrival(&mut self) {
        let mean = 2 * HANDLING / self.agents.len().max(1) as u64 * 1000 / self.load.max(1);
        let gap = self.random.gap(mean);
        self.plan(gap, Step::Arrive);
    }

    pub(super) fn arrive(&mut self) {
        self.plan_arrival();
        let (chats, emails, callbacks) = (self.shares.chats, self.shares.emails, self.shares.callbacks);
        let others = chats + emails + callbacks;
        let media = match self
            .random
            .weighted(&[1000u32.saturating_sub(others), chats, emails, callbacks])
        {
            0 => Media::Call,
            1 => Media::Chat,
            2 => Media::Email,
            _ => Media::Callback,
        };
        if media != Media::Call {
            return self.arrive_in_queue(media);
        }
        let straight = self.random.chance(100);
        let slot = self.create(media, if straight { b'O' } else { b'S' });
        let line = Queue::Line(self.calls[slot].line);
        if straight {
            let workgroup = self.random.below(self.workgroups) as u8;
            let second = self.speaker.second();
            self.calls[slot].workgroup = Some(workgroup);
            self.calls[slot].queued = second;
            self.say_added(slot, line);
            return self.wait_in_queue(slot);
        }
        self.tell(slot, |told, _| told.ivr = true);
        self.say_added(slot, line);
        let menus = self.random.mostly_short(3 * SECOND, 45 * SECOND);
        self.next(slot, menus, Then::LeaveIvr);
    }

    fn arrive_in_queue(&mut self, media: Media) {
        let slot = self.create(media, b'O');
        let second = self.speaker.second();
        let workgroup = self.random.below(self.workgroups) as u8;
        self.calls[slot].workgroup = Some(workgroup);
        self.calls[slot].queued = second;
        self.say_added(slot, Queue::Workgroup(workgroup));
        match media {
            Media::Email => self.say_email(slot),
            Media::Callback => self.say_callback(slot),
            Media::Call | Media::Chat => {}
        }
        self.wait_in_queue(slot);
    }

    fn say_email(&mut self, slot: usize) {
        let mut out = self.speaker.begin(EMAIL);
        out.flag("isDelta", false);
        let call = &self.calls[slot];
        out.raw("\"interactionId\":\"");
        out.number(call.id);
        out.raw("\",\"isEditable\":false,\"emailType\":1,\"supportedResponseTypes\":[2,3,4],\"mailbox\":\"service@example.com\",\"mailboxDisplayName\":\"Service\",\"emailContent\":{\"subject\":\"Question ");
        out.number(u64::from(call.remote));
        out.raw("\",\"sender\":{\"address\":\"customer");
        out.number(u64::from(call.remote));
        out.raw("@example.net\"},\"toRecipients\":[{\"address\":\"service@example.com\"}],\"ccRecipients\":[],\"bccRecipients\":[],\"bodies\":[],");
        self.speaker.stamp(&mut out, "receivedTimestamp", call.initiated);
        out.close("}");
        self.speaker.end(out, EMAIL);
    }

    pub(super) fn say_callback(&mut self, slot: usize) {
        let mut out = self.speaker.begin(CALLBACK);
        out.flag("isDelta", true);
        let call = &self.calls[slot];
        out.raw("\"interactionId\":\"");
        out.number(call.id);
        out.raw("\",\"target\":\"+1555");
        out.number(u64::from(call.remote));
        out.raw("\",\"subject\":\"Call me\",\"attempts\":");
        out.number(u64::from(call.answering.is_some()));
        out.raw(",\"maxAttempts\":3,\"snoozed\":false,\"associatedCallId\":\"");
        if let Some(id) = call.answering {
            out.number(id);
        }
        out.raw("\"");
        self.speaker.end(out, CALLBACK);
    }

    pub(super) fn leave_ivr(&mut self, slot: usize) {
        match self.random.weighted(&[60, 25, 30, 885]) {
            0 => self.end(slot, b'E', "hung up in ivr"),
            1 => self.enter_voicemail(slot, 0),
            2 => match self.anybody(None) {
                Some(agent) => self.assign(slot, vec![agent]),
                None => self.enter_voicemail(slot, 0),
            },
            _ => {
                let workgroup = self.random.below(self.workgroups) as u8;
                self.enter_queue(slot, workgroup, 0);
            }
        }
    }

    /// Voicemail takes it; `bits` are said with it.
    pub(super) fn enter_voicemail(&mut self, slot: usize, bits: u32) {
        self.calls[slot].letter = b'M';
        self.tell(slot, |told, _| told.voicemail = true);
        self.say_changed(slot, bits | says::STATE | says::NOISE);
        let message = self.random.mostly_short(5 * SECOND, 60 * SECOND);
        self.next(slot, message, Then::EndVoicemail);
    }

    /// It enters a workgroup, or another one; `bits` are said with it.
    pub(super) fn enter_queue(&mut self, slot: usize, workgroup: u8, bits: u32) {
        let before = self.calls[slot].workgroup;
        let second = self.speaker.second();
        let call = &mut self.calls[slot];
        call.letter = b'O';
        call.workgroup = Some(workgroup);
        call.queued = second;
        self.say_changed(slot, bits | says::STATE | says::WORKGROUP | says::SKILLS);
        if let Some(before) = before {
            self.say_removed(slot, Queue::Workgroup(before));
        }
        self.say_added(slot, Queue::Workgroup(workgroup));
        self.wait_in_queue(slot);
    }

    fn wait_in_queue(&mut self, slot: usize) {
        let workgroup = self.calls[slot].workgroup.unwrap_or_default();
        self.tell(slot, |told, _| told.queues_in(workgroup));
        self.queue_up(slot, false);
    }

    /// It waits for an agent, unless its caller loses patience or another workgroup shall have it.
    pub(super) fn queue_up(&mut self, slot: usize, first: bool) {
        let workgroup = self.calls[slot].workgroup.unwrap_or_default();
        let most = if self.calls[slot].media == Media::Email {
            3600
        } else {
            500
        };
        let patience = self.random.mostly_short(15 * SECOND, most * SECOND);
        // A letter has no patience to lose; it is sent on.
        let then = if self.calls[slot].media == Media::Email {
            Then::Overflow
        } else {
            Then::GiveUp
        };
        self.next(slot, patience, then);
        if self.random.chance(250) {
            let overflow = self.random.between(20 * SECOND, 90 * SECOND);
            self.or(slot, overflow, Then::Overflow);
        }
        let epoch = self.calls[slot].epoch;
        let waiting = &mut self.waiting[usize::from(workgroup)];
        if first {
            waiting.push_front((slot, epoch));
        } else {
            waiting.push_back((slot, epoch));
        }
        self.dispatch(workgroup);
    }

    pub(super) fn overflow(&mut self, slot: usize) {
        if self.random.chance(150) && self.calls[slot].media == Media::Call {
            return self.enter_voicemail(slot, 0);
        }
        let other = self.other_workgroup(slot);
        self.enter_queue(slot, other, 0);
    }

    pub(super) fn other_workgroup(&mut self, slot: usize) -> u8 {
        let own = usize::from(self.calls[slot].workgroup.unwrap_or_default());
        ((own + 1 + self.random.below(self.workgroups - 1)) % self.workgroups) as u8
    }
}
