//! One interaction of CIC's: what is known of it, what it is converted as, and what of it waits.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::conversation::Conversation;
use super::conversation::party::same;
use super::conversation::stage::{Seen, Stage, judge};
use super::encoding::is_default;
use super::presence::Handling;
use super::reading::Reading;
use crate::cic::{Attribute, Attributes, Letter, unscoped};
use crate::event::Name;
use crate::time::Time;

/// One interaction.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Interaction {
    /// Everything that conversion reads of it, as of the last record judged. Emptied at its end.
    #[serde(rename = "a")]
    pub(crate) attributes: Attributes,
    /// Its conversation, once there is one.
    #[serde(
        rename = "c",
        default,
        skip_serializing_if = "is_default",
        serialize_with = "short"
    )]
    pub(crate) conversation: Option<Conversation>,
    /// The workgroup under which the connected user is.
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    pub(crate) under: Option<Name>,
    /// Whether anybody was ever inside, and whether a user was ever connected.
    #[serde(rename = "ei", default, skip_serializing_if = "is_default")]
    pub(crate) ever_inside: bool,
    #[serde(rename = "ec", default, skip_serializing_if = "is_default")]
    pub(crate) ever_connected: bool,
    /// When it ended.
    #[serde(rename = "e", default, skip_serializing_if = "is_default")]
    pub(crate) ended: Option<Time>,
    /// Whether CIC has forgotten it.
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub(crate) deallocated: bool,
    /// When it was last heard of.
    #[serde(rename = "h", default, skip_serializing_if = "is_default")]
    pub(crate) heard: Time,
    /// The subscriptions that show it.
    #[serde(rename = "q", default, skip_serializing_if = "is_default")]
    pub(crate) queues: Vec<Name>,
    /// When it is to be looked at.
    #[serde(rename = "du", default, skip_serializing_if = "is_default")]
    pub(crate) due: Option<Time>,
    /// When it is given up, because a full snapshot no longer showed it.
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    pub(crate) orphan: Option<Time>,
    /// A record that leaves open who is there.
    #[serde(rename = "k", default, skip_serializing_if = "is_default")]
    pub(crate) kept: Option<Arc<Kept>>,
    /// Whom it keeps busy, by user in lower case.
    #[serde(rename = "hd", default, skip_serializing_if = "is_default")]
    pub(crate) handling: Vec<(Name, Handling)>,
}

/// Without the ids that follow from the places of its parties.
fn short<S: Serializer>(conversation: &Option<Conversation>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut short = conversation.clone();
    if let Some(conversation) = &mut short {
        conversation.leave_out_ids();
    }
    short.serialize(serializer)
}

impl Interaction {
    /// Whether its conversation has an open communication.
    pub(crate) fn is_open(&self) -> bool {
        self.conversation.as_ref().is_some_and(|call| !call.is_over())
    }

    /// When something was last said of it that matters.
    pub(crate) fn last_said(&self) -> Time {
        self.ended.unwrap_or(self.heard)
    }

    /// It ends, and keeps what wrap-up codes and a second life need.
    pub(crate) fn end(&mut self, t: Time) {
        let mut rest = Attributes::default();
        for attribute in [Attribute::CallIdKey, Attribute::Initiated] {
            if let Some(value) = self.attributes.get(attribute) {
                rest.set(attribute, value);
            }
        }
        self.attributes = rest;
        if let Some(conversation) = &mut self.conversation {
            conversation.settle();
        }
        self.ended = Some(t);
        self.orphan = None;
        self.heard = Time::default();
        self.under = None;
    }
}

/// A record that waits for the interaction's next one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Kept {
    pub(crate) delta: Attributes,
    pub(crate) t: Time,
    pub(crate) deadline: Time,
    /// The records it is made of.
    pub(crate) positions: Vec<u64>,
    /// What the first of them is known by in the ids of user events.
    pub(crate) known_as: Box<str>,
}

/// An interaction with a record over it: what the record says, beside who is there.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, 'c> {
    pub(crate) reading: Reading<'a>,
    pub(crate) conversation: Option<&'c Conversation>,
    under: Option<&'a Name>,
    ever_inside: bool,
    ever_connected: bool,
}

impl Interaction {
    /// The interaction, whose conversation is `conversation`, with a record over it.
    pub(crate) fn view<'a, 'c>(
        &'a self,
        delta: &'a Attributes,
        conversation: Option<&'c Conversation>,
    ) -> View<'a, 'c> {
        View {
            reading: self.reading(delta),
            conversation,
            under: self.under.as_ref(),
            ever_inside: self.ever_inside,
            ever_connected: self.ever_connected,
        }
    }

    /// Whether a record leaves open who is there.
    pub(crate) fn leaves_open(&self, delta: &Attributes) -> bool {
        self.view(delta, self.conversation.as_ref()).is_open()
    }

    /// Its attributes with a record over them.
    pub(crate) fn reading<'a>(&'a self, delta: &'a Attributes) -> Reading<'a> {
        Reading {
            attributes: &self.attributes,
            delta,
        }
    }
}

impl<'a, 'c> View<'a, 'c> {
    /// The workgroup, when the record names it anew.
    pub(crate) fn named_anew(&self) -> Option<&'a str> {
        let workgroup = self.reading.workgroup()?;
        let old = self.reading.attributes;
        let before = match self.under {
            Some(under) if self.connected().is_some() => Some(&**under),
            _ => old
                .get(Attribute::Workgroup)
                .map(unscoped)
                .filter(|name| !name.is_empty()),
        };
        let other = before.is_none_or(|before| !same(before, workgroup));
        let queued_again = match (
            old.get(Attribute::WorkgroupTime),
            self.reading.delta.get(Attribute::WorkgroupTime),
        ) {
            (Some(old), Some(new)) => !old.is_empty() && !new.is_empty() && old != new,
            _ => false,
        };
        (other || queued_again).then_some(workgroup)
    }

    /// The user connected up to now.
    pub(crate) fn connected(&self) -> Option<&'c str> {
        let conversation = self.conversation?;
        conversation.parties[conversation.connected_user()?]
            .name
            .as_deref()
    }

    /// Where it stands.
    pub(crate) fn stage<'u>(&self, users: &'u [&'a str]) -> Stage<'u>
    where
        'a: 'u,
    {
        judge(Seen {
            letter: self.reading.letter(),
            users,
            workgroup: self.reading.workgroup(),
            named_anew: self.named_anew().is_some(),
            inbound: self.reading.inbound(),
            connected: self.connected(),
            ever_inside: self.ever_inside,
            ever_connected: self.ever_connected,
        })
    }

    /// Whether the record leaves open who is there: the list under "Settling".
    pub(crate) fn is_open(&self) -> bool {
        let Some(conversation) = self.conversation else {
            return false;
        };
        let said = |attribute| self.reading.delta.get(attribute).is_some();
        let (letter_said, users_said) = (said(Attribute::State), said(Attribute::User));
        let letter = self.reading.letter();
        if !(letter_said || users_said) || letter.is_some_and(Letter::is_end) {
            return false;
        }
        let users = self.reading.users();
        let connected = self.connected();
        let still_there = connected.is_some_and(|user| users.iter().any(|one| same(one, user)));
        let talking = matches!(letter, Some(Letter::Connected | Letter::Held | Letter::Suspended));
        let taken_away = connected.is_some() && users_said && users.is_empty() && self.named_anew().is_none();
        let another = users_said && !users.is_empty() && !still_there && !letter_said && talking;
        let ringing = conversation.ringing_users();
        let stays = |at: &usize| {
            let ringing = conversation.parties[*at].name.as_deref().unwrap_or_default();
            users.iter().any(|one| same(one, ringing))
        };
        let staying = ringing.iter().filter(|at| stays(at)).count();
        let one_away = users_said && !letter_said && staying > 0 && staying < ringing.len();
        let several = letter_said && talking && users.len() > 1 && !still_there;
        let beside = letter_said && letter == Some(Letter::Parked) && still_there;
        taken_away || another || one_away || several || beside
    }

    /// Whether the record `later` is judged as one with this one, which is open.
    pub(crate) fn joins(&self, later: &Attributes) -> bool {
        let letter = |attributes: &Attributes| attributes.get(Attribute::State).is_some();
        let named = |attributes: &Attributes| attributes.get(Attribute::User).is_some();
        let lone = |attributes: &Attributes| letter(attributes) && !named(attributes);
        let names_only = |attributes: &Attributes| named(attributes) && !letter(attributes);
        if lone(self.reading.delta) && !names_only(later) || lone(later) && !names_only(self.reading.delta) {
            return false;
        }
        match later.get(Attribute::State).and_then(Letter::parse) {
            Some(end) if end.is_end() => false,
            Some(Letter::Offering) => {
                let rings = self
                    .conversation
                    .is_some_and(|call| !call.ringing_users().is_empty())
                    || !self.reading.users().is_empty();
                let mut sum = self.reading.delta.clone();
                sum.merge(later);
                let reading = Reading {
                    delta: &sum,
                    ..self.reading
                };
                !rings || View { reading, ..*self }.named_anew().is_some()
            }
            _ => true,
        }
    }
}
