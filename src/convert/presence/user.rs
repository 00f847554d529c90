//! A user: what CIC last said of him, what he handles, what he was last told to be, and how a change is taken in.

use std::borrow::Cow;
use std::sync::Arc;

use super::definitions::Definitions;
use super::handling::{Handling, Phase};
use super::mapping::{self, Seen, Status};
use super::settings::Settings;
use super::wait::Wait;
use crate::cic::UserStatus;
use crate::convert::conversation::name;
use crate::convert::conversation::party::same;
use crate::event::{Id, Name, RoutingStatus, System, lower};
use crate::time::Time;

/// One user. What is not known is not serialized.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct User {
    /// As CIC spelt it first.
    pub(super) name: Name,
    /// What his events are ordered by.
    pub(super) key: Id,
    /// The status's id; `None`: no status was ever heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Name>,
    /// When CIC says that it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<Time>,
    /// `t` of the last status that said something new.
    #[serde(default)]
    heard: Time,
    /// The definition did not come in time: the status counts by its id alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) by_id: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    on_phone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_phone_changed: Option<Time>,
    /// Where nothing was ever said of it, he is logged in.
    #[serde(default, skip_serializing_if = "is_false")]
    logged_out: bool,
    /// When a logout counts that a snapshot told too soon after the connection to CIC was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) logout_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notes: Option<Name>,
    /// The workgroups in which he is active, in lower case; `None`: never heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<Vec<Name>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    handles: Vec<(Name, Handling)>,
    /// What was last sent, and when of each lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Standing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) presence_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) routing_at: Option<Time>,
    /// Events made by a deadline of this time: presence, routing status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by_deadline: Option<(Time, u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wait: Option<Arc<Wait>>,
}

/// What a user is, in Genesys Cloud's words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Standing {
    pub(super) system: System,
    pub(super) label: Option<Name>,
    pub(super) message: Option<Name>,
    pub(super) routing: RoutingStatus,
}

/// A change of a user, as a record tells it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) enum Change<'a> {
    /// A status; with the time at which its logout counts, where that is not at once.
    Status(Cow<'a, UserStatus>, Option<Time>),
    /// The logout of a snapshot counts now.
    Logout,
    /// What interactions keep him busy with.
    Handling(Vec<(Name, Option<Handling>)>),
    /// Activations, by workgroup in lower case; or all of them.
    Active { all: bool, changed: Vec<(Name, bool)> },
    /// His status's definition says something else.
    Redefined,
    /// Something else by which statuses are judged is another.
    Again,
}

impl Change<'_> {
    pub(super) fn into_owned(self) -> Change<'static> {
        match self {
            Self::Status(status, logout) => Change::Status(Cow::Owned(status.into_owned()), logout),
            Self::Logout => Change::Logout,
            Self::Handling(parts) => Change::Handling(parts),
            Self::Active { all, changed } => Change::Active { all, changed },
            Self::Redefined => Change::Redefined,
            Self::Again => Change::Again,
        }
    }
}

/// What a change says that was not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    /// The status, by its id or its beginning: it may wait for its definition, and `statusChanged` stamps it.
    pub(super) taken: bool,
    /// Whether the user is logged in.
    pub(super) login: bool,
    /// Whether he is on the phone.
    pub(super) phone: bool,
    /// Since when, and no more.
    stamped: bool,
    /// The notes.
    noted: bool,
    /// What he handles.
    pub(super) handling: bool,
    /// Activations, or the status's definition.
    other: bool,
    /// Something older than what is known, which counts for nothing.
    pub(super) older: bool,
}

impl News {
    pub(super) fn any(self) -> bool {
        self.is_status() || self.phone || self.stamped || self.noted || self.handling || self.other
    }

    /// Another status: what a fall from Interacting waits for. The phone alone is none.
    pub(super) fn is_status(self) -> bool {
        self.taken || self.login
    }
}

impl User {
    pub(super) fn new(name: Name, key: Id) -> Self {
        Self {
            name,
            key,
            status: None,
            changed: None,
            heard: Time::default(),
            by_id: false,
            on_phone: false,
            on_phone_changed: None,
            logged_out: false,
            logout_at: None,
            notes: None,
            active: None,
            handles: Vec::new(),
            last: None,
            presence_at: None,
            routing_at: None,
            by_deadline: None,
            wait: None,
        }
    }

    /// What `change`, told at `t`, says that is not known.
    pub(super) fn news(&self, change: &Change<'_>, t: Time, settings: &Settings) -> News {
        match change {
            Change::Status(status, logout) => self.status_news(status, *logout, t, settings),
            Change::Logout => News {
                login: self.logout_at.is_some(),
                ..News::default()
            },
            Change::Handling(parts) => News {
                handling: parts.iter().any(|(id, part)| self.part(id) != part.as_ref()),
                ..News::default()
            },
            Change::Active { all, changed } => News {
                other: self.activations_differ(*all, changed),
                ..News::default()
            },
            Change::Redefined | Change::Again => News {
                other: true,
                ..News::default()
            },
        }
    }

    fn status_news(&self, said: &UserStatus, logout: Option<Time>, t: Time, settings: &Settings) -> News {
        let older = |stamp: Option<Time>, known: Option<Time>| match (stamp, known) {
            // A stamp that lies ahead of this record was wrong, and holds nothing back.
            (Some(stamp), Some(known)) => stamp < known && known <= t,
            _ => false,
        };
        let unstamped = said.changed.is_none() && self.changed.is_none() && t < self.heard;
        let old_status = older(said.changed, self.changed) || unstamped;
        let old_phone = match said.on_phone_changed.and(self.on_phone_changed) {
            Some(_) => older(said.on_phone_changed, self.on_phone_changed),
            None => old_status,
        };
        let other_id = said
            .status
            .as_deref()
            .is_some_and(|id| !id.is_empty() && self.status.as_deref().is_none_or(|known| !same(known, id)));
        let taken = !old_status && (other_id || said.changed.is_some() && said.changed != self.changed);
        let login = !old_status && said.logged_in.is_some_and(|on| self.login_differs(on, logout));
        let noted = settings.message_from_notes
            && !old_status
            && said
                .notes
                .as_deref()
                .is_some_and(|notes| self.notes.as_deref().unwrap_or_default() != notes);
        let phone = !old_phone && said.on_phone.is_some_and(|on| on != self.on_phone);
        let stamped =
            !old_phone && said.on_phone_changed.is_some() && said.on_phone_changed != self.on_phone_changed;
        News {
            taken,
            login,
            phone,
            stamped,
            noted,
            older: old_status || old_phone,
            ..News::default()
        }
    }

    fn login_differs(&self, on: bool, logout: Option<Time>) -> bool {
        match (on, logout) {
            (false, Some(_)) => !self.logged_out && self.logout_at != logout,
            _ => on == self.logged_out || self.logout_at.is_some(),
        }
    }

    fn part(&self, interaction: &str) -> Option<&Handling> {
        let mut all = self.handles.iter();
        all.find(|(id, _)| **id == *interaction).map(|(_, part)| part)
    }

    fn activations_differ(&self, all: bool, changed: &[(Name, bool)]) -> bool {
        let Some(active) = &self.active else { return true };
        let listed = |one: &Name| changed.iter().any(|(workgroup, on)| *on && workgroup == one);
        changed
            .iter()
            .any(|(workgroup, on)| active.contains(workgroup) != *on)
            || all && !active.iter().all(listed)
    }

    /// Takes `change` in, of which `news` says what is new.
    pub(super) fn apply(&mut self, change: &Change<'_>, news: News, t: Time) {
        match change {
            Change::Status(status, logout) => self.take_status(status, *logout, news, t),
            Change::Logout => {
                if self.logout_at.take().is_some() {
                    self.logged_out = true;
                }
            }
            Change::Handling(parts) => {
                for (id, part) in parts {
                    self.handles.retain(|(known, _)| known != id);
                    if let Some(part) = part {
                        // Few come, and there are many users.
                        self.handles.reserve_exact(1);
                        self.handles.push((id.clone(), *part));
                    }
                }
            }
            Change::Active { all, changed } => {
                let active = self.active.get_or_insert_default();
                if *all {
                    active.clear();
                }
                for (workgroup, on) in changed {
                    active.retain(|known| known != workgroup);
                    if *on {
                        active.push(workgroup.clone());
                    }
                }
            }
            Change::Redefined => self.by_id = false,
            Change::Again => {}
        }
    }

    fn take_status(&mut self, said: &UserStatus, logout: Option<Time>, news: News, t: Time) {
        if news.taken {
            let id = said.status.as_deref().filter(|id| !id.is_empty());
            if let Some(id) = id.filter(|id| self.status.as_deref().is_none_or(|known| !same(known, id))) {
                self.by_id = false;
                self.status = Some(name(id));
            }
            self.changed = said.changed.or(self.changed);
        }
        if news.login {
            let out = said.logged_in == Some(false);
            match logout {
                Some(at) if out && !self.logged_out => self.logout_at = Some(at),
                _ => (self.logged_out, self.logout_at) = (out, None),
            }
        }
        if news.phone {
            self.on_phone = !self.on_phone;
        }
        if news.phone || news.stamped {
            self.on_phone_changed = said.on_phone_changed.or(self.on_phone_changed);
        }
        if news.noted {
            let notes = said.notes.as_deref();
            self.notes = notes.filter(|notes| !notes.is_empty()).map(name);
        }
        if news.any() {
            self.heard = self.heard.max(t);
        }
    }

    /// The time that CIC gives for what is new, within what it may be.
    pub(super) fn stamp(&self, news: News, t: Time, settings: &Settings) -> Time {
        let said = match () {
            () if news.taken => self.changed,
            () if news.phone && !news.login => self.on_phone_changed,
            () => None,
        };
        said.map_or(t, |said| said.clamp(t.plus(-settings.max_age), t))
    }

    /// Whether the status's definition matters and is not known.
    pub(super) fn lacks_definition(&self, definitions: &Definitions) -> bool {
        let unknown = |id: &Name| !self.by_id && !definitions.has(id);
        self.status.as_ref().is_some_and(unknown) && !self.logged_out
    }

    /// What he is; `None`: too little was heard.
    pub(super) fn standing(&self, definitions: &Definitions, settings: &Settings) -> Option<Standing> {
        if self.logout_at.is_some() && self.last.is_none() {
            // First heard of as logged out, and that does not count yet: nothing is made of it.
            return None;
        }
        let id = match &self.status {
            Some(id) => &**id,
            None if self.logged_out => "",
            None => return None,
        };
        let definition = if self.by_id { None } else { definitions.ever(id) };
        let status = Status { id, definition };
        let mut parts = self.handles.iter().map(|(_, part)| part);
        let is_acd = |part: &Handling| {
            let counts = match part.phase {
                Phase::There => true,
                Phase::Ringing => settings.ringing_is_handling,
                Phase::Dialing => false,
            };
            part.acd && counts
        };
        let acd = parts.clone().any(is_acd);
        let other_call = parts.any(|part| part.call && part.phase != Phase::Ringing && !is_acd(part));
        let seen = Seen {
            status,
            logged_in: !self.logged_out,
            on_phone: self.on_phone,
            active: match &self.active {
                Some(active) => !active.is_empty(),
                None => settings.unknown_activation_is_active,
            },
            acd,
            other_call,
            no_answer: definitions.is_no_answer(status),
            on_call: acd && definitions.is_on_call(status),
        };
        let (system, routing) = mapping::judge(seen, settings);
        let has_label = !matches!(system, System::OnQueue | System::Offline);
        Some(Standing {
            system,
            label: status.label().filter(|_| has_label).map(name),
            message: self.notes.clone().filter(|_| settings.message_from_notes),
            routing,
        })
    }

    /// Whether his status is this one, by its id in lower case.
    pub(super) fn is_in(&self, id: &str) -> bool {
        self.status.as_deref().is_some_and(|own| *lower(own) == *id)
    }

    /// Whether he is active in this workgroup, by its name in lower case, or will be when what is kept is judged.
    pub(super) fn may_be_active_in(&self, workgroup: &str) -> bool {
        self.active.iter().flatten().any(|one| **one == *workgroup)
            || self.wait.as_ref().is_some_and(|wait| wait.activates(workgroup))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}
