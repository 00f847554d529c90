//! What the organization has said so far: whole lists, and names found one by one.

use rustc_hash::FxHashMap;

use super::organization::Entry;
use crate::event::{Id, System};
use crate::names::{Directory, Kind};

/// What the organization has said.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// By kind; replaced whole.
    listed: FxHashMap<Kind, Table>,
    /// Names that were found when they were asked for and that no list shows.
    found: FxHashMap<Kind, Table>,
    /// Secondary presences.
    secondary: Vec<(String, System, Id)>,
}

#[derive(Debug, Default)]
struct Table {
    ids: FxHashMap<Box<str>, Id>,
    /// Names that several have, and how many.
    shared: FxHashMap<Box<str>, usize>,
}

impl Table {
    /// Which id each name has. A user's must be his alone; of other things with one name the lower id counts.
    fn of(kind: Kind, entries: &[Entry]) -> Self {
        let mut all: FxHashMap<Box<str>, Vec<Id>> = FxHashMap::default();
        for entry in entries {
            let ids = all.entry(entry.name.to_lowercase().into()).or_default();
            if !ids.contains(&entry.id) {
                ids.push(entry.id);
            }
        }
        let mut table = Self::default();
        for (name, ids) in all {
            match ids.iter().min() {
                Some(id) if ids.len() == 1 || kind != Kind::Users => _ = table.ids.insert(name, *id),
                _ => _ = table.shared.insert(name, ids.len()),
            }
        }
        table
    }
}

impl Book {
    /// Takes over a list that was read whole: what it lacks is gone.
    pub(super) fn replace(&mut self, kind: Kind, entries: &[Entry]) {
        if kind == Kind::PresenceDefinitions {
            self.secondary = entries
                .iter()
                .filter_map(|entry| Some((entry.name.clone(), entry.system?, entry.id)))
                .collect();
            return;
        }
        let table = Table::of(kind, entries);
        if let Some(found) = self.found.get_mut(&kind) {
            found.ids.retain(|name, _| !table.ids.contains_key(name));
            found.shared.retain(|name, _| !table.ids.contains_key(name));
        }
        self.listed.insert(kind, table);
    }

    /// Takes over what the organization said when it was asked for `names` (in lower case).
    pub(super) fn found(&mut self, kind: Kind, names: &[Box<str>], entries: &[Entry]) {
        let mut said = Table::of(kind, entries);
        let found = self.found.entry(kind).or_default();
        for name in names {
            found.ids.remove(name);
            found.shared.remove(name);
            if let Some(id) = said.ids.remove(name) {
                found.ids.insert(name.clone(), id);
            }
            if let Some(count) = said.shared.remove(name) {
                found.shared.insert(name.clone(), count);
            }
        }
    }

    /// Whether a name (in lower case) has an id.
    pub(super) fn knows(&self, kind: Kind, name: &str) -> bool {
        let tables = [self.listed.get(&kind), self.found.get(&kind)];
        tables
            .into_iter()
            .flatten()
            .any(|table| table.ids.contains_key(name))
    }

    /// Whether its list shows a name (in lower case).
    pub(super) fn lists(&self, kind: Kind, name: &str) -> bool {
        let table = self.listed.get(&kind);
        table.is_some_and(|table| table.ids.contains_key(name))
    }

    /// How many users have a name that should be one's alone.
    pub(super) fn shared(&self, kind: Kind, name: &str) -> Option<usize> {
        let tables = [self.listed.get(&kind), self.found.get(&kind)];
        tables
            .into_iter()
            .flatten()
            .find_map(|table| table.shared.get(name).copied())
    }

    /// The file's names, and after them the organization's.
    pub(super) fn directory(&self, file: &Directory) -> Directory {
        let mut said = Directory::default();
        for (kind, table) in self.found.iter().chain(&self.listed) {
            for (name, id) in &table.ids {
                said.insert(*kind, name, *id);
            }
        }
        for (label, system, id) in &self.secondary {
            said.insert_secondary(label, *system, *id);
        }
        let mut directory = file.clone();
        directory.extend(&said);
        directory
    }
}
