//! A conversation: who is in it, how often each has been told of, and the time of its last event.
//!
//! [`stage`] says where an interaction stands, [`voice`] compares that with who is here and makes the events of the
//! difference. Ordinals count every party that CIC showed; whether one is left out is decided later, by name.

pub(crate) mod party;
pub(crate) mod stage;
pub(crate) mod voice;
mod wrap_up;

use std::sync::Arc;

use super::encoding::is_default;
use crate::event::{Disconnect, Draft, Established, Id, Ids, Invite, Key, Name, Role, Source, Voice, What};
use crate::time::Time;
use party::{Party, Standing, same};

/// One life of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Conversation {
    #[serde(rename = "i")]
    pub(crate) id: Id,
    /// `interactionId` of the source configuration.
    #[serde(rename = "k")]
    pub(crate) key: Name,
    /// 1, or which life this is.
    #[serde(rename = "l")]
    pub(crate) life: u32,
    #[serde(rename = "in", default, skip_serializing_if = "is_default")]
    pub(crate) inbound: bool,
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub(crate) tag: Option<Name>,
    #[serde(rename = "p", default, skip_serializing_if = "is_default")]
    pub(crate) parties: Vec<Party>,
    /// The time of the last event.
    #[serde(rename = "e", default, skip_serializing_if = "is_default")]
    pub(crate) last: Option<Time>,
    /// Segments that have a wrap-up code, and which.
    #[serde(rename = "w", default, skip_serializing_if = "is_default")]
    pub(crate) wrapped: Vec<(i64, Name)>,
}

/// What making events needs beside the conversation.
pub(crate) struct Making<'a> {
    pub(crate) ids: &'a Ids,
    pub(crate) source_id: &'a Name,
    pub(crate) drafts: &'a mut Vec<Draft>,
    /// Events moved by more than a second to keep time going forward.
    pub(crate) moved: &'a mut u64,
}

/// What a party that enters carries beside its role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) name: Option<Name>,
    pub(crate) queue: Option<Name>,
    pub(crate) skills: Vec<Name>,
    pub(crate) station: Option<Name>,
    pub(crate) ani: Option<Name>,
    pub(crate) ani_name: Option<Name>,
    pub(crate) dnis: Option<Name>,
    pub(crate) after_call_work: bool,
    pub(crate) alerting: bool,
    pub(crate) muted: bool,
    pub(crate) invited_by: Option<Id>,
    pub(crate) additional_info: Vec<(Name, Name)>,
}

impl Conversation {
    /// The open party of `role`, whoever it is.
    pub(crate) fn open(&self, role: Role) -> Option<usize> {
        self.parties
            .iter()
            .position(|party| party.role == role && party.is_open())
    }

    /// The user connected, held or not.
    pub(crate) fn connected_user(&self) -> Option<usize> {
        self.parties
            .iter()
            .position(|party| party.role == Role::User && party.standing == Standing::Connected)
    }

    /// The users who ring.
    pub(crate) fn ringing_users(&self) -> Vec<usize> {
        let rings = |party: &Party| party.role == Role::User && party.standing == Standing::Ringing;
        (0..self.parties.len())
            .filter(|&at| rings(&self.parties[at]))
            .collect()
    }

    /// The open party of the user called `name`.
    pub(crate) fn user(&self, name: &str) -> Option<usize> {
        self.parties
            .iter()
            .position(|party| party.is_open() && party.is(Role::User, name))
    }

    pub(crate) fn is_over(&self) -> bool {
        !self.parties.is_empty() && !self.parties.iter().any(Party::is_open)
    }

    /// It may be over: then, of its parties, the first stays, and those whom a wrap-up code may still be about.
    pub(crate) fn settle(&mut self) {
        if !self.is_over() {
            return;
        }
        let first = self.parties.first().map(|party| party.id);
        self.parties
            .retain(|party| Some(party.id) == first || party.role == Role::User && party.connected.is_some());
        self.parties.shrink_to_fit();
    }

    pub(crate) fn external(&self) -> Option<Id> {
        self.parties
            .iter()
            .find(|party| party.role == Role::External)
            .map(|party| party.id)
    }

    /// The id of a party of `role` that stands at `at`.
    fn communication(&self, at: usize, role: Role) -> Id {
        let before = self.parties.iter().take(at);
        let n = 1 + before.filter(|party| party.role == role).count() as u32;
        Ids::communication(self.id, role, n)
    }

    /// Leaves out the parties' ids, but for those that do not follow from their places: some have left before them.
    pub(crate) fn leave_out_ids(&mut self) {
        for at in 0..self.parties.len() {
            let Party { role, id, .. } = self.parties[at];
            if id == self.communication(at, role) {
                self.parties[at].id = Id::default();
            }
        }
    }

    /// The opposite of [`Conversation::leave_out_ids`].
    pub(crate) fn fill_in_ids(&mut self) {
        for at in 0..self.parties.len() {
            let Party { role, id, .. } = self.parties[at];
            if id == Id::default() {
                self.parties[at].id = self.communication(at, role);
            }
        }
    }

    /// A party enters. Returns its place.
    pub(crate) fn establish(&mut self, making: &mut Making<'_>, t: Time, role: Role, entry: Entry) -> usize {
        let id = self.communication(self.parties.len(), role);
        let time = self.stamp(making, t);
        let external = self.external();
        let established = Established {
            role,
            communication: id,
            user: entry.name.clone().filter(|_| role == Role::User),
            queue: if role == Role::Routing {
                entry.name.clone()
            } else {
                entry.queue
            },
            skills: entry.skills,
            ivr: entry.name.clone().filter(|_| role == Role::Ivr),
            station: entry.station,
            ani: entry.ani,
            ani_name: entry.ani_name,
            dnis: entry.dnis,
            after_call_work: entry.after_call_work,
            alerting: entry.alerting,
            can_speak: !entry.muted,
            inbound: self.inbound,
            invited_by: entry.invited_by.map(|by| Invite { by, external }),
            additional_info: entry.additional_info,
            source: Source {
                source_id: making.source_id.clone(),
                interaction_id: self.key.clone(),
                tag_id: self.tag.clone(),
            },
        };
        // Few come, and there are many conversations.
        self.parties.reserve_exact(1);
        self.parties.push(Party {
            role,
            id,
            name: entry.name,
            standing: if entry.alerting {
                Standing::Ringing
            } else {
                Standing::Connected
            },
            held: false,
            muted: entry.muted,
            connected: (!entry.alerting).then_some(time),
            holds: 0,
            audios: 0,
            dispositions: 0,
        });
        self.push(making, time, Voice::Established(Box::new(established)), 1);
        self.parties.len() - 1
    }

    /// A ringing party answers.
    pub(crate) fn answer(&mut self, making: &mut Making<'_>, t: Time, at: usize) {
        let time = self.stamp(making, t);
        let party = &mut self.parties[at];
        party.standing = Standing::Connected;
        party.connected = Some(time);
        let communication = party.id;
        self.push(making, time, Voice::Answered { communication }, 1);
    }

    /// A party leaves.
    pub(crate) fn end(&mut self, making: &mut Making<'_>, t: Time, at: usize, disconnect: Disconnect) {
        let time = self.stamp(making, t);
        let party = &mut self.parties[at];
        party.standing = Standing::Ended;
        let communication = party.id;
        self.push(
            making,
            time,
            Voice::Ended {
                communication,
                disconnect,
            },
            1,
        );
    }

    /// A user is held or retrieved; no event when he is so already.
    pub(crate) fn hold(&mut self, making: &mut Making<'_>, t: Time, at: usize, held: bool) {
        if self.parties[at].held == held {
            return;
        }
        let time = self.stamp(making, t);
        let party = &mut self.parties[at];
        party.held = held;
        party.holds += 1;
        let (communication, n) = (party.id, party.holds);
        self.push(making, time, Voice::Hold { communication, held }, n);
    }

    /// A user is muted or unmuted; no event when he is so already.
    pub(crate) fn mute(&mut self, making: &mut Making<'_>, t: Time, at: usize, muted: bool) {
        if self.parties[at].muted == muted {
            return;
        }
        let time = self.stamp(making, t);
        let party = &mut self.parties[at];
        party.muted = muted;
        party.audios += 1;
        let (communication, n) = (party.id, party.audios);
        self.push(
            making,
            time,
            Voice::Audio {
                communication,
                can_speak: !muted,
            },
            n,
        );
    }

    /// Time moves forward: `t`, or 1 ms after the conversation's last event.
    fn stamp(&mut self, making: &mut Making<'_>, t: Time) -> Time {
        let time = match self.last {
            Some(last) if last >= t => last.plus(1),
            _ => t,
        };
        *making.moved += u64::from(time.millis() - t.millis() > 1000);
        self.last = Some(time);
        time
    }

    fn push(&self, making: &mut Making<'_>, time: Time, voice: Voice, n: u32) {
        let id = making.ids.event(self.id, voice.array(), voice.about(), n);
        making.drafts.push(Draft {
            key: Key(self.id),
            id,
            time,
            what: What::Voice(voice),
        });
    }
}

/// Whether `name` is among `names`.
pub(crate) fn contains(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| same(one, name))
}

/// A name of CIC's, shared.
pub(crate) fn name(text: &str) -> Name {
    Arc::from(text)
}
