//! Which id a name has. Names match without regard to case.
//!
//! Filled from a directory file, from what an organization says, or from both: what the file says goes first.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::event::{Id, System};

/// What a name is the name of; in the file, the name of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// A CIC user.
    Users,
    /// A workgroup.
    Queues,
    /// A wrap-up code.
    WrapUpCodes,
    /// A skill.
    Skills,
    /// A language.
    Languages,
    /// A presence, by its label.
    PresenceDefinitions,
    /// A station.
    Stations,
}

impl Kind {
    /// Every kind, in the file's order.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Queues,
        Self::WrapUpCodes,
        Self::Skills,
        Self::Languages,
        Self::PresenceDefinitions,
        Self::Stations,
    ];

    /// The name of its table in the file, and its label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Queues => "queues",
            Self::WrapUpCodes => "wrapUpCodes",
            Self::Skills => "skills",
            Self::Languages => "languages",
            Self::PresenceDefinitions => "presenceDefinitions",
            Self::Stations => "stations",
        }
    }
}

/// Names and their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    names: [FxHashMap<Box<str>, Id>; 7],
    /// Secondary presences by label and the system presence that they belong to.
    secondary: FxHashMap<(Box<str>, System), Id>,
    everything: bool,
}

impl Directory {
    /// Every name has an id, made of its kind and itself: for events that nobody sends. A skill is no language.
    pub fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Reads a directory file: `{"users":{"jsmith":"<id>"},"queues":{},…}`, every table optional.
    ///
    /// # Errors
    /// When the text is no such object, an id is no UUID, or two names differ by case only.
    pub fn from_json(text: &str) -> Result<Self, FileError> {
        let file: File = serde_json::from_str(text)?;
        let mut directory = Self::default();
        for (kind, table) in [
            (Kind::Users, file.users),
            (Kind::Queues, file.queues),
            (Kind::WrapUpCodes, file.wrap_up_codes),
            (Kind::Skills, file.skills),
            (Kind::Languages, file.languages),
            (Kind::PresenceDefinitions, file.presence_definitions),
            (Kind::Stations, file.stations),
        ] {
            for (name, text) in table {
                let Some(id) = Id::parse(&text) else {
                    return Err(FileError::NoId { kind, name, text });
                };
                if directory.insert(kind, &name, id).is_some() {
                    return Err(FileError::Twice { kind, name });
                }
            }
        }
        Ok(directory)
    }

    /// Says which id a name has; gives back what it had.
    pub fn insert(&mut self, kind: Kind, name: &str, id: Id) -> Option<Id> {
        self.names[kind as usize].insert(name.to_lowercase().into(), id)
    }

    /// Names a secondary presence. Where two fit, the lower id stays.
    pub fn insert_secondary(&mut self, label: &str, system: System, id: Id) {
        let kept = self
            .secondary
            .entry((label.to_lowercase().into(), system))
            .or_insert(id);
        *kept = (*kept).min(id);
    }

    /// Takes over what `other` knows and this one does not.
    pub fn extend(&mut self, other: &Self) {
        for (mine, theirs) in self.names.iter_mut().zip(&other.names) {
            for (name, id) in theirs {
                mine.entry(name.clone()).or_insert(*id);
            }
        }
        for (label, id) in &other.secondary {
            self.secondary.entry(label.clone()).or_insert(*id);
        }
    }

    /// The id of a name, where there is one.
    pub fn find(&self, kind: Kind, name: &str) -> Option<Id> {
        if self.everything {
            let none = matches!(kind, Kind::Languages | Kind::PresenceDefinitions);
            return (!none).then(|| Id::over(&["directory", kind.as_str(), &name.to_lowercase()]));
        }
        let names = &self.names[kind as usize];
        match name
            .bytes()
            .any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii())
        {
            true => names.get(&*name.to_lowercase()).copied(),
            false => names.get(name).copied(),
        }
    }

    /// The secondary presence of a label that belongs to `system`. What the file names belongs to any.
    pub fn secondary(&self, label: &str, system: System) -> Option<Id> {
        self.find(Kind::PresenceDefinitions, label).or_else(|| {
            self.secondary
                .get(&(label.to_lowercase().into(), system))
                .copied()
        })
    }

    /// How many names of a kind are known.
    pub fn count(&self, kind: Kind) -> usize {
        let secondary = if kind == Kind::PresenceDefinitions {
            self.secondary.len()
        } else {
            0
        };
        self.names[kind as usize].len() + secondary
    }
}

/// Why a directory file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not the shape.
    #[error(
        "not a directory file: {0}; it is JSON, CIC name to Genesys Cloud id by table: {{\"users\":{{\"jsmith\":\"<id>\"}}}}"
    )]
    Shape(#[from] serde_json::Error),
    /// An id that is none.
    #[error("{}: {name:?} has {text:?}, which is no Genesys Cloud id; give a UUID", kind.as_str())]
    NoId {
        /// The table.
        kind: Kind,
        /// The name.
        name: String,
        /// What stands in the id's place.
        text: String,
    },
    /// Two names that are one.
    #[error("{}: {name:?} stands there twice, once in other letters; names match without regard to case", kind.as_str())]
    Twice {
        /// The table.
        kind: Kind,
        /// The name.
        name: String,
    },
}

type Table = std::collections::BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct File {
    users: Table,
    queues: Table,
    wrap_up_codes: Table,
    skills: Table,
    languages: Table,
    presence_definitions: Table,
    stations: Table,
}
