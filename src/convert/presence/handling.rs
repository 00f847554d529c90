//! Whom an interaction keeps busy: from its letter and names, whatever its type.

use crate::cic::{Attribute, Letter, names};
use crate::convert::conversation::name;
use crate::convert::conversation::party::same;
use crate::convert::reading::Reading;
use crate::event::{Name, lower};

/// How an interaction keeps a user busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Handling {
    /// It has a workgroup.
    pub(crate) acd: bool,
    /// It is a call.
    pub(crate) call: bool,
    /// How far it is.
    pub(crate) phase: Phase,
}

/// How far an interaction is with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Phase {
    /// It rings.
    Ringing,
    /// Connected, held or suspended.
    There,
    /// On its way out.
    Dialing,
}

/// A user's part in an interaction, as it changes.
#[derive(Clone, Debug)]
pub(crate) struct Busy {
    pub(crate) user: Name,
    pub(crate) interaction: Name,
    /// `None`: no part any more.
    pub(crate) handling: Option<Handling>,
}

/// Whom the interaction keeps busy now, by user in lower case; `None`: the same as `before`.
pub(crate) fn handling(reading: Reading<'_>, before: &[(Name, Handling)]) -> Option<Vec<(Name, Handling)>> {
    let list = reading.get(Attribute::User);
    let object = reading.get(Attribute::ObjectType);
    let call = object.eq_ignore_ascii_case("call")
        || object.is_empty()
            && [Attribute::CallType, Attribute::Line]
                .iter()
                .any(|&one| reading.some(one).is_some());
    let acd = reading.workgroup().is_some();
    let phase = phase(reading, before, list)?;
    let handling = |phase| Handling { acd, call, phase };
    // What is neither of a queue nor a call keeps nobody busy.
    let now = phase.filter(|_| acd || call).map(handling);
    let same_as_before = match now {
        None => before.is_empty(),
        Some(now) => {
            let one = |user: &str| before.iter().any(|(known, was)| same(known, user) && *was == now);
            names(list).count() == before.len() && names(list).all(one)
        }
    };
    if same_as_before {
        return None;
    }
    let Some(now) = now else {
        return Some(Vec::new());
    };
    // Nearly always one.
    let mut users: Vec<(Name, Handling)> = Vec::with_capacity(1);
    for user in names(list).map(lower) {
        if !users.iter().any(|(known, _)| **known == *user) {
            users.push((name(&user), now));
        }
    }
    Some(users)
}

/// How far it is with every user named, `Some(None)`: with nobody; `None`: as before.
fn phase(reading: Reading<'_>, before: &[(Name, Handling)], list: &str) -> Option<Option<Phase>> {
    let mut users = names(list);
    let first = users.next();
    let several = users.next().is_some();
    let there = |user: &str| {
        let mut all = before.iter();
        all.any(|(known, was)| was.phase == Phase::There && same(known, user))
    };
    let still_there = names(list).any(there);
    Some(match reading.letter() {
        Some(letter) if letter.is_end() => None,
        _ if first.is_none() => None,
        None => return None,
        Some(Letter::Messaging) => None,
        // Several names that settle on none: no change until one is left.
        Some(Letter::Connected | Letter::Held | Letter::Suspended) if several => return None,
        Some(Letter::Connected | Letter::Held | Letter::Suspended) => Some(Phase::There),
        Some(Letter::Parked) if still_there && !several => Some(Phase::There),
        _ if still_there => return None,
        Some(Letter::Alerting) => Some(Phase::Ringing),
        Some(Letter::System | Letter::Proceeding) if !reading.inbound() => Some(Phase::Dialing),
        Some(Letter::System | Letter::Proceeding) => return None,
        Some(_) => None,
    })
}
