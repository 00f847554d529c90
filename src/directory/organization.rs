//! How the organization is asked: which request answers for a kind, and which of its entries count.

use std::future::Future;

use super::settings::Users;
use crate::event::{Id, System};
use crate::genesys::Reply;
use crate::genesys::lookup::{List, Lookup, Named, User};
use crate::names::Kind;

/// Emails of one search.
const MANY: usize = 100;

/// A name and its id, as the organization says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The CIC name.
    pub(super) name: String,
    /// Of a presence: the system presence that it belongs to.
    pub(super) system: Option<System>,
    /// The id.
    pub(super) id: Id,
}

/// How a name of a kind is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By reading the list again.
    List,
    /// By name, so many at once.
    ByName(usize),
}

/// Whoever can be asked.
pub(super) trait Ask: Send + 'static {
    /// All names of a kind; whole, or the answer that broke it off.
    fn list(&self, kind: Kind) -> impl Future<Output = Result<Vec<Entry>, Box<Reply>>> + Send;

    /// These names of a kind; those that are not there are left out.
    fn find(
        &self,
        kind: Kind,
        names: &[Box<str>],
    ) -> impl Future<Output = Result<Vec<Entry>, Box<Reply>>> + Send;
}

/// The organization.
pub(super) struct Organization {
    pub(super) lookup: Lookup,
    pub(super) users: Users,
}

impl Users {
    /// Whether they are read as a list.
    pub(super) fn listed(&self) -> bool {
        *self == Self::BeforeAt
    }

    fn way(&self) -> Way {
        match self {
            Self::Email { .. } => Way::ByName(MANY),
            Self::BeforeAt => Way::List,
            Self::ExternalId { .. } => Way::ByName(1),
        }
    }

    /// How a name of `kind` is looked for.
    pub(super) fn way_of(&self, kind: Kind) -> Way {
        match kind {
            Kind::Users => self.way(),
            Kind::PresenceDefinitions => Way::List,
            _ => Way::ByName(1),
        }
    }
}

impl Ask for Organization {
    async fn list(&self, kind: Kind) -> Result<Vec<Entry>, Box<Reply>> {
        let Some(list) = list_of(kind) else {
            return match kind {
                Kind::Users => Ok(self.lookup.users().await?.iter().filter_map(before_at).collect()),
                _ => self.presences().await,
            };
        };
        Ok(self.lookup.all(list).await?.iter().filter_map(named).collect())
    }

    async fn find(&self, kind: Kind, names: &[Box<str>]) -> Result<Vec<Entry>, Box<Reply>> {
        let mut entries = Vec::new();
        match list_of(kind) {
            Some(list) => {
                for name in names {
                    entries.extend(self.lookup.like(list, name).await?.iter().filter_map(named));
                }
            }
            None if kind == Kind::Users => entries = self.users(names).await?,
            None => {}
        }
        Ok(entries)
    }
}

impl Organization {
    async fn users(&self, names: &[Box<str>]) -> Result<Vec<Entry>, Box<Reply>> {
        let mut entries = Vec::new();
        match &self.users {
            Users::Email { domain } => {
                let domain = domain.trim_start_matches('@');
                let emails: Vec<String> = names.iter().map(|name| address(name, domain)).collect();
                for user in self.lookup.users_by_email(&emails).await? {
                    let Some(email) = user.email.as_ref().map(|email| email.to_lowercase()) else {
                        continue;
                    };
                    let asked = emails
                        .iter()
                        .zip(names)
                        .filter(|(one, _)| one.to_lowercase() == email);
                    entries.extend(asked.filter_map(|(_, name)| entry(name, &user)));
                }
            }
            Users::ExternalId { authority } => {
                for name in names {
                    let user = self.lookup.user_by_external_id(authority, name).await?;
                    entries.extend(user.and_then(|user| entry(name, &user)));
                }
            }
            Users::BeforeAt => {}
        }
        Ok(entries)
    }

    /// Secondary presences under all of their labels. The system's own have the same ids everywhere.
    async fn presences(&self) -> Result<Vec<Entry>, Box<Reply>> {
        let mut entries = Vec::new();
        for definition in self.lookup.presence_definitions().await? {
            let secondary = definition.kind.as_deref() != Some("System") && !definition.deactivated;
            let system = definition.system_presence.as_deref().and_then(system);
            let (true, Some(system), Some(id)) = (secondary, system, Id::parse(&definition.id)) else {
                continue;
            };
            entries.extend(definition.language_labels.into_values().map(|name| Entry {
                name,
                system: Some(system),
                id,
            }));
        }
        Ok(entries)
    }
}

fn list_of(kind: Kind) -> Option<List> {
    match kind {
        Kind::Queues => Some(List::Queues),
        Kind::WrapUpCodes => Some(List::WrapUpCodes),
        Kind::Skills => Some(List::Skills),
        Kind::Languages => Some(List::Languages),
        Kind::Stations => Some(List::Stations),
        Kind::Users | Kind::PresenceDefinitions => None,
    }
}

fn address(name: &str, domain: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{domain}")
    }
}

fn named(named: &Named) -> Option<Entry> {
    Some(Entry {
        name: named.name.clone(),
        system: None,
        id: Id::parse(&named.id).filter(|_| active(named.state.as_deref()))?,
    })
}

fn before_at(user: &User) -> Option<Entry> {
    entry(user.email.as_deref()?.split('@').next()?, user)
}

fn entry(name: &str, user: &User) -> Option<Entry> {
    Some(Entry {
        name: name.to_owned(),
        system: None,
        id: Id::parse(&user.id).filter(|_| active(user.state.as_deref()))?,
    })
}

fn active(state: Option<&str>) -> bool {
    state.is_none_or(|state| state.eq_ignore_ascii_case("active"))
}

/// The older endpoint writes `On Queue`.
fn system(text: &str) -> Option<System> {
    const ALL: [System; 9] = [
        System::Available,
        System::Away,
        System::Break,
        System::Busy,
        System::Meal,
        System::Meeting,
        System::Offline,
        System::OnQueue,
        System::Training,
    ];
    let text = text.replace(' ', "");
    ALL.into_iter()
        .find(|system| system.as_str().eq_ignore_ascii_case(&text))
}
