//! Events as JSON, in the API's shapes, written by hand: it is most of what an event costs.

use crate::event::{Draft, Established, Id, Invite, OutOfOffice, Role, Transfer};
use crate::time::Time;

/// An object being written.
pub(super) struct Object {
    bytes: Vec<u8>,
}

/// The ids that a draft's names have.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) user: Option<Id>,
    pub(super) queue: Option<Id>,
    pub(super) station: Option<Id>,
    pub(super) language: Option<Id>,
    pub(super) skills: Vec<Id>,
}

impl Object {
    /// Begins an event with what every event has, in the room of what `bytes` holds.
    pub(super) fn event(mut bytes: Vec<u8>, draft: &Draft) -> Self {
        bytes.clear();
        bytes.push(b'{');
        let mut object = Self { bytes };
        object.id("eventId", draft.id);
        object.time("eventDateTime", draft.time);
        object
    }

    /// Begins an event of a conversation.
    pub(super) fn conversation(bytes: Vec<u8>, draft: &Draft) -> Self {
        let mut object = Self::event(bytes, draft);
        object.id("conversationId", draft.key.0);
        object
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }

    fn name(&mut self, name: &str) {
        if self.bytes.last() != Some(&b'{') {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    pub(super) fn id(&mut self, name: &str, id: Id) {
        self.name(name);
        self.quoted(&id.text());
    }

    pub(super) fn time(&mut self, name: &str, time: Time) {
        self.name(name);
        self.quoted(&time.text());
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        string(&mut self.bytes, text);
    }

    pub(super) fn flag(&mut self, name: &str, on: bool) {
        self.name(name);
        let word: &[u8] = if on { b"true" } else { b"false" };
        self.bytes.extend_from_slice(word);
    }

    fn quoted(&mut self, plain: &[u8]) {
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(plain);
        self.bytes.push(b'"');
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn optional_id(&mut self, name: &str, id: Option<Id>) {
        if let Some(id) = id {
            self.id(name, id);
        }
    }

    fn skills(&mut self, names: &Names) {
        if !names.skills.is_empty() {
            self.name("skillIds");
            self.bytes.push(b'[');
            for (n, id) in names.skills.iter().enumerate() {
                if n > 0 {
                    self.bytes.push(b',');
                }
                self.quoted(&id.text());
            }
            self.bytes.push(b']');
        }
        self.optional_id("languageId", names.language);
    }

    fn open(&mut self, name: &str) {
        self.name(name);
        self.bytes.push(b'{');
    }

    fn close(&mut self) {
        self.bytes.push(b'}');
    }

    /// `audioState`: whoever is there hears.
    pub(super) fn audio(&mut self, can_speak: bool) {
        self.open("audioState");
        self.flag("canHear", true);
        self.flag("canSpeak", can_speak);
        self.close();
    }

    /// A party enters.
    pub(super) fn established(&mut self, party: &Established, names: &Names, invited_by: Option<Id>) {
        self.id("communicationId", party.communication);
        self.optional_id("userId", names.user);
        self.optional_id("queueId", names.queue);
        self.optional_id("stationId", names.station);
        if party.role == Role::Routing {
            self.skills(names);
        }
        self.optional("ivrName", party.ivr.as_deref());
        self.optional("ani", party.ani.as_deref());
        self.optional("aniName", party.ani_name.as_deref());
        self.optional("dnis", party.dnis.as_deref());
        if party.after_call_work {
            self.flag("afterCallWorkRequired", true);
        }
        self.open("initialConfiguration");
        self.audio(party.can_speak);
        self.flag("alerting", party.alerting);
        self.flag("inbound", party.inbound);
        self.optional_id("invitedBy", invited_by);
        if !party.additional_info.is_empty() {
            self.open("additionalInfo");
            for (name, value) in &party.additional_info {
                if self.bytes.last() != Some(&b'{') {
                    self.bytes.push(b',');
                }
                string(&mut self.bytes, name);
                self.bytes.push(b':');
                string(&mut self.bytes, value);
            }
            self.close();
        }
        self.close();
        self.open("sourceConfiguration");
        self.text("sourceId", &party.source.source_id);
        self.text("interactionId", &party.source.interaction_id);
        self.optional("tagId", party.source.tag_id.as_deref());
        self.close();
    }

    /// What the transfers share, and where to.
    pub(super) fn transfer(&mut self, transfer: &Transfer, names: &Names) {
        self.text("transferType", "Unattended");
        self.id("commandId", transfer.command);
        self.id("initiatingCommunicationId", transfer.initiating);
        self.id("targetCommunicationId", transfer.initiating);
        self.id("objectCommunicationId", transfer.object);
        self.optional_id("destinationUserId", names.user);
        self.optional_id("destinationQueueId", names.queue);
        self.skills(names);
    }

    /// The body of the PUT with what identifies it.
    pub(super) fn out_of_office(&mut self, user: Id, setting: &OutOfOffice, from: Time) {
        self.id("userId", user);
        self.flag("active", setting.active);
        if setting.active {
            self.flag("indefinite", setting.until.is_none());
            self.time("startDate", from);
            if let Some(until) = setting.until {
                self.time("endDate", until);
            }
        }
    }
}

/// Who stands as the inviter, given who is left out.
pub(super) fn inviter(invite: Option<Invite>, left_out: impl Fn(Id) -> bool) -> Option<Id> {
    let invite = invite?;
    if !left_out(invite.by) {
        return Some(invite.by);
    }
    invite.external.filter(|external| !left_out(*external))
}

/// A JSON string; most need no escape.
fn string(bytes: &mut Vec<u8>, text: &str) {
    if text
        .bytes()
        .any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'))
    {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(bytes, text);
        return;
    }
    bytes.push(b'"');
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'"');
}
