//! The names that the sandbox's organization has. By default any name resolves: its id is a function of kind and
//! name, so that a demo needs no file.
//!
//! A directory file is JSON, name → id by kind: `{"users":{"jsmith":"…"},"queues":{},"wrapUpCodes":{},
//! "skills":{},"languages":{},"presenceDefinitions":{},"stations":{}}`. Names match without regard to case.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// What a name stands for; in the file, the name of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A user, by name, email or external id.
    Users,
    /// A queue.
    Queues,
    /// A wrap-up code.
    WrapUpCodes,
    /// A skill.
    Skills,
    /// A language.
    Languages,
    /// A presence definition, by label.
    PresenceDefinitions,
    /// A station.
    Stations,
    /// The organization, its clients and presence sources; not in the file.
    #[serde(skip)]
    Organization,
}

/// The id that a name has when nobody gave it one: version 4 in form, a hash of kind and name in content.
pub fn id_of(kind: Kind, name: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("sandbox\u{1f}{kind:?}\u{1f}{}", name.to_lowercase()));
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// One known name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) id: String,
}

/// The known names, and whether others resolve too.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// By kind and lower-case name.
    names: HashMap<Kind, BTreeMap<String, Entry>>,
    any: bool,
}

impl Directory {
    /// Knows no name in particular, and resolves any that it is asked for.
    pub fn any() -> Self {
        Self {
            names: HashMap::new(),
            any: true,
        }
    }

    /// Knows the names of a directory file, and no others.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let mut directory = Self::default();
        directory.extend(text)?;
        Ok(directory)
    }

    /// Adds the names of a directory file.
    pub fn extend(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let tables: HashMap<Kind, BTreeMap<String, String>> = serde_json::from_str(text)?;
        for (kind, table) in tables {
            for (name, id) in table {
                self.names
                    .entry(kind)
                    .or_default()
                    .insert(name.to_lowercase(), Entry { name, id });
            }
        }
        Ok(())
    }

    /// Adds a name, which gets the id of [`id_of`]: lists then show it.
    pub fn add(&mut self, kind: Kind, name: &str) {
        let entry = Entry {
            name: name.to_owned(),
            id: id_of(kind, name),
        };
        self.names
            .entry(kind)
            .or_default()
            .insert(name.to_lowercase(), entry);
    }

    /// The entry of a name. A user's email stands for the name before the `@`, unless the file names it whole.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<Entry> {
        let short = match kind {
            Kind::Users => name.split('@').next().unwrap_or(name),
            _ => name,
        };
        let known = |name: &str| self.names.get(&kind)?.get(&name.to_lowercase()).cloned();
        let made_up = || {
            self.any.then(|| Entry {
                name: short.to_owned(),
                id: id_of(kind, short),
            })
        };
        known(name).or_else(|| known(short)).or_else(made_up)
    }

    /// The user of an id; any id is a user where any name resolves.
    pub(super) fn has_user(&self, id: &str) -> bool {
        self.any || self.all(Kind::Users).any(|entry| entry.id == id)
    }

    /// Every known name of a kind, in order.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.names.get(&kind).into_iter().flat_map(BTreeMap::values)
    }
}
