//! One interaction of CIC's: what is known of it, what it is converted as, and what of it waits.

use std::sync::Arc;

use super::conversation::party::same;
use super::conversation::stage::{Seen, Stage, judge};
use super::conversation::voice::Around;
use super::conversation::{Conversation, name};
use super::presence::{Handling, Phase};
use super::reason::Reason;
use super::settings::Settings;
use crate::cic::{Attribute, Attributes, Letter, names, number, unscoped};
use crate::event::Name;
use crate::time::Time;

/// One interaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interaction {
    /// Everything that conversion reads of it, as of the last record judged. Emptied at its end.
    pub(crate) attributes: Attributes,
    /// Its conversation, once there is one.
    pub(crate) conversation: Option<Conversation>,
    /// The workgroup under which the connected user is.
    pub(crate) under: Option<Name>,
    /// Whether anybody was ever inside, and whether a user was ever connected.
    pub(crate) ever_inside: bool,
    pub(crate) ever_connected: bool,
    /// When it ended.
    pub(crate) ended: Option<Time>,
    /// Whether CIC has forgotten it.
    pub(crate) deallocated: bool,
    /// When it was last heard of.
    pub(crate) heard: Time,
    /// The subscriptions that show it.
    pub(crate) queues: Vec<Name>,
    /// When it is given up, because a full snapshot no longer showed it.
    pub(crate) orphan: Option<Time>,
    /// A record that leaves open who is there.
    pub(crate) kept: Option<Arc<Kept>>,
    /// Whom it keeps busy, by user in lower case.
    pub(crate) handling: Vec<(Name, Handling)>,
}

/// A record that waits for the interaction's next one.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) delta: Attributes,
    pub(crate) t: Time,
    pub(crate) deadline: Time,
    /// The records it is made of.
    pub(crate) positions: Vec<u64>,
}

/// What an interaction becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Voice,
    Skipped(Reason),
    /// Its type is not known yet.
    Open,
}

/// An interaction as it stands with a record over it, before the record is taken in.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) interaction: &'a Interaction,
    pub(crate) delta: &'a Attributes,
}

impl<'a> View<'a> {
    pub(crate) fn get(&self, attribute: Attribute) -> &'a str {
        let value = self
            .delta
            .get(attribute)
            .or_else(|| self.interaction.attributes.get(attribute));
        value.unwrap_or_default().trim()
    }

    fn some(&self, attribute: Attribute) -> Option<&'a str> {
        Some(self.get(attribute)).filter(|value| !value.is_empty())
    }

    pub(crate) fn letter(&self) -> Option<Letter> {
        Letter::parse(self.get(Attribute::State))
    }

    pub(crate) fn users(&self) -> Vec<&'a str> {
        names(self.get(Attribute::User)).collect()
    }

    pub(crate) fn workgroup(&self) -> Option<&'a str> {
        self.some(Attribute::Workgroup).map(unscoped)
    }

    pub(crate) fn inbound(&self) -> bool {
        !self.get(Attribute::Direction).eq_ignore_ascii_case("O")
    }

    pub(crate) fn initiated(&self, t: Time) -> Time {
        Time::parse(self.get(Attribute::Initiated)).map_or(t, |initiated| initiated.min(t))
    }

    /// The table "Which interactions".
    pub(crate) fn kind(&self) -> Kind {
        let intercom = self.get(Attribute::CallType).eq_ignore_ascii_case("I");
        let call = || match () {
            () if self.some(Attribute::Consulting).is_some() => Kind::Skipped(Reason::NotYetConverted),
            () if self.some(Attribute::Conference).is_some() => Kind::Skipped(Reason::NotYetConverted),
            () if intercom => Kind::Skipped(Reason::Intercom),
            () => Kind::Voice,
        };
        let object = self.get(Attribute::ObjectType).to_ascii_lowercase();
        match object.as_str() {
            "call" => call(),
            "email" | "callback" | "webcallback" | "iwebcallback" => Kind::Skipped(Reason::NotYetConverted),
            "chat" | "webchat" | "sms" | "social" | "socialconversation" | "directmessage" | "generic"
            | "workitem" | "work item" | "fax" => Kind::Skipped(Reason::MediaNotInjectable),
            "monitor" | "recorder" => Kind::Skipped(Reason::NotAConversation),
            "" if self
                .some(Attribute::CallType)
                .or(self.some(Attribute::Line))
                .is_some() =>
            {
                call()
            }
            "" => Kind::Open,
            _ => Kind::Skipped(Reason::UnknownType),
        }
    }

    /// The workgroup, when the record names it anew.
    pub(crate) fn named_anew(&self) -> Option<&'a str> {
        let workgroup = self.workgroup()?;
        let old = &self.interaction.attributes;
        let before = match &self.interaction.under {
            Some(under) if self.connected().is_some() => Some(&**under),
            _ => old
                .get(Attribute::Workgroup)
                .map(unscoped)
                .filter(|name| !name.is_empty()),
        };
        let other = before.is_none_or(|before| !same(before, workgroup));
        let queued_again = match (
            old.get(Attribute::WorkgroupTime),
            self.delta.get(Attribute::WorkgroupTime),
        ) {
            (Some(old), Some(new)) => !old.is_empty() && !new.is_empty() && old != new,
            _ => false,
        };
        (other || queued_again).then_some(workgroup)
    }

    /// The user connected up to now.
    pub(crate) fn connected(&self) -> Option<&'a str> {
        let conversation = self.interaction.conversation.as_ref()?;
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
            letter: self.letter(),
            users,
            workgroup: self.workgroup(),
            named_anew: self.named_anew().is_some(),
            inbound: self.inbound(),
            connected: self.connected(),
            ever_inside: self.interaction.ever_inside,
            ever_connected: self.interaction.ever_connected,
        })
    }

    /// What it says beside its stage.
    pub(crate) fn around(&self, settings: &Settings) -> Around {
        let far = [
            Attribute::RemoteNumberNormalized,
            Attribute::RemoteNumberRaw,
            Attribute::RemoteNumber,
            Attribute::RemoteAddress,
        ];
        let near = [
            Attribute::LocalNumberRaw,
            Attribute::LocalNumber,
            Attribute::LocalAddress,
        ];
        let first = |list: &[Attribute]| list.iter().find_map(|&attribute| self.some(attribute));
        let reach = |text: Option<&str>| {
            text.and_then(|text| number(text, &settings.country_code, &settings.number_prefix))
                .map(|text| name(&text))
        };
        let (far_text, far, near) = (first(&far), reach(first(&far)), reach(first(&near)));
        let far_name = self
            .some(Attribute::RemoteName)
            .filter(|name| Some(*name) != far_text);
        let (ani, dnis) = if self.inbound() {
            (far.clone(), near)
        } else {
            (near, far.clone())
        };
        let required = |workgroup: &str| settings.wrap_up_required.iter().any(|one| same(one, workgroup));
        Around {
            named_anew: self.named_anew().map(name),
            workgroup: self.workgroup().map(name),
            anybody: !self.users().is_empty(),
            station: self.some(Attribute::Station).map(unscoped).map(name),
            skills: names(self.get(Attribute::Skills)).map(name).collect(),
            ivr: self.some(Attribute::Line).map(name),
            ani,
            ani_name: far_name.filter(|_| far.is_some()).map(name),
            dnis,
            muted: self.get(Attribute::Muted) == "1",
            after_call_work: self.workgroup().is_some_and(required)
                || self.get(Attribute::Segments).contains("WrapUpRequired"),
            additional_info: Vec::new(),
        }
    }

    /// Whether the record leaves open who is there: the list under "Settling".
    pub(crate) fn is_open(&self) -> bool {
        let Some(conversation) = &self.interaction.conversation else {
            return false;
        };
        let said = |attribute| self.delta.get(attribute).is_some();
        let (letter_said, users_said) = (said(Attribute::State), said(Attribute::User));
        let letter = self.letter();
        if letter.is_some_and(Letter::is_end) {
            return false;
        }
        let users = self.users();
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
        if lone(self.delta) && !names_only(later) || lone(later) && !names_only(self.delta) {
            return false;
        }
        match later.get(Attribute::State).and_then(Letter::parse) {
            Some(end) if end.is_end() => false,
            Some(Letter::Offering) => {
                let rings = self
                    .interaction
                    .conversation
                    .as_ref()
                    .is_some_and(|call| !call.ringing_users().is_empty())
                    || !self.users().is_empty();
                let mut sum = self.delta.clone();
                sum.merge(later);
                !rings || View { delta: &sum, ..*self }.named_anew().is_some()
            }
            _ => true,
        }
    }

    /// Whom it keeps busy.
    pub(crate) fn handling(&self) -> Vec<(Name, Handling)> {
        let acd = self.workgroup().is_some();
        let phase = match self.letter() {
            Some(Letter::Alerting) => Phase::Ringing,
            Some(Letter::Connected) => Phase::Connected,
            Some(Letter::Held | Letter::Suspended | Letter::Parked) => Phase::Held,
            Some(Letter::System | Letter::Proceeding) if !self.inbound() => Phase::Dialing,
            _ => return Vec::new(),
        };
        let call = matches!(
            self.get(Attribute::ObjectType).to_ascii_lowercase().as_str(),
            "call" | ""
        );
        // What is neither of a queue nor a call keeps nobody busy.
        if !acd && !call {
            return Vec::new();
        }
        self.users()
            .into_iter()
            .map(|user| (name(&user.to_lowercase()), Handling { acd, phase }))
            .collect()
    }
}
