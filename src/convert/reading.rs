//! An interaction's attributes with a record over them, before the record is taken in: what they say.

use super::conversation::party::same;
use super::conversation::{Entry, name};
use super::reason::Reason;
use super::settings::Settings;
use crate::cic::{Attribute, Attributes, Letter, names, number, unscoped};
use crate::event::Name;
use crate::time::Time;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) attributes: &'a Attributes,
    pub(crate) delta: &'a Attributes,
}

/// What an interaction becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Voice,
    Skipped(Reason),
    /// Its type is not known yet.
    Open,
}

impl<'a> Reading<'a> {
    /// The value as it stands; `""` when unset or unknown.
    pub(crate) fn get(&self, attribute: Attribute) -> &'a str {
        self.delta
            .get(attribute)
            .or_else(|| self.attributes.get(attribute))
            .unwrap_or_default()
    }

    /// The value, unless empty.
    pub(crate) fn some(&self, attribute: Attribute) -> Option<&'a str> {
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

    pub(crate) fn muted(&self) -> bool {
        self.get(Attribute::Muted) == "1"
    }

    pub(crate) fn initiated(&self, t: Time) -> Time {
        Time::parse(self.get(Attribute::Initiated)).map_or(t, |initiated| initiated.min(t))
    }

    /// The table "Which interactions".
    pub(crate) fn kind(&self) -> Kind {
        let call = || match () {
            () if self.some(Attribute::Consulting).is_some() => Kind::Skipped(Reason::NotYetConverted),
            () if self.some(Attribute::Conference).is_some() => Kind::Skipped(Reason::NotYetConverted),
            () if self.get(Attribute::CallType).eq_ignore_ascii_case("I") => Kind::Skipped(Reason::Intercom),
            () => Kind::Voice,
        };
        let object = self.get(Attribute::ObjectType);
        if object.eq_ignore_ascii_case("call") {
            return call();
        }
        match object.to_ascii_lowercase().as_str() {
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

    /// ani and dnis, and the name beside the number of the far party.
    pub(crate) fn numbers(&self, settings: &Settings) -> Entry {
        const FAR: [Attribute; 4] = [
            Attribute::RemoteNumberNormalized,
            Attribute::RemoteNumberRaw,
            Attribute::RemoteNumber,
            Attribute::RemoteAddress,
        ];
        const NEAR: [Attribute; 3] = [
            Attribute::LocalNumberRaw,
            Attribute::LocalNumber,
            Attribute::LocalAddress,
        ];
        let first = |list: &[Attribute]| list.iter().find_map(|&attribute| self.some(attribute));
        let reach = |text| number(text, &settings.country_code, &settings.number_prefix);
        let far_text = first(&FAR);
        let far = far_text.and_then(reach).map(|text| name(&text));
        let near = first(&NEAR).and_then(reach).map(|text| name(&text));
        let far_name = self
            .some(Attribute::RemoteName)
            .filter(|name| far.is_some() && Some(*name) != far_text);
        let ani_name = far_name.map(name);
        let (ani, dnis) = if self.inbound() { (far, near) } else { (near, far) };
        Entry {
            ani,
            dnis,
            ani_name,
            ..Entry::default()
        }
    }

    /// What a user carries who enters.
    pub(crate) fn user(&self, settings: &Settings, user: &str) -> Entry {
        let required = |workgroup: &str| settings.wrap_up_required.iter().any(|one| same(one, workgroup));
        Entry {
            name: Some(name(user)),
            queue: self.workgroup().filter(|_| !self.inbound()).map(name),
            station: self.some(Attribute::Station).map(unscoped).map(name),
            after_call_work: self.workgroup().is_some_and(required)
                || self.get(Attribute::Segments).contains("WrapUpRequired"),
            muted: self.muted(),
            ani_name: None,
            ..self.numbers(settings)
        }
    }

    /// What a place in a queue carries.
    pub(crate) fn queue(&self, settings: &Settings, workgroup: &str) -> Entry {
        let skills = names(self.get(Attribute::Skills)).map(name).collect();
        Entry {
            name: Some(name(workgroup)),
            skills,
            ani_name: None,
            ..self.numbers(settings)
        }
    }

    /// A configured attribute, whether or not conversion reads it.
    pub(crate) fn configured(&self, wanted: &str) -> Option<Name> {
        let known = Attribute::ALL
            .iter()
            .find(|attribute| attribute.name().eq_ignore_ascii_case(wanted));
        let value = match known {
            Some(&attribute) => self.get(attribute),
            None => {
                let mut kept = self.delta.kept().chain(self.attributes.kept());
                kept.find(|(one, _)| one.eq_ignore_ascii_case(wanted))?.1
            }
        };
        Some(value).filter(|value| !value.is_empty()).map(name)
    }
}
