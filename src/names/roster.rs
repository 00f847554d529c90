//! What the operator says about whom to leave out, and the names given up.

use rustc_hash::FxHashSet;

use super::{Kind, Missing};
use crate::event::Lane;

/// What resolving can be told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `[conversation] users`: only these CIC users are injected; empty: all. An injected interaction makes its
    /// user billable.
    pub users: Vec<String>,
    /// `[directory] ignore_workgroups`: workgroups that are no queue.
    pub ignore_workgroups: Vec<String>,
    /// `[lanes]`: these are switched off.
    pub lanes_off: Vec<Lane>,
    /// Whether an unknown name may become known: events then wait for it until it is given up.
    pub wait: bool,
}

/// The same, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    users: FxHashSet<String>,
    ignored: FxHashSet<String>,
    lanes_off: Vec<Lane>,
    wait: bool,
    given_up: FxHashSet<(Kind, String)>,
}

impl Roster {
    pub(super) fn new(settings: &Settings) -> Self {
        let lower = |names: &[String]| names.iter().map(|name| name.to_lowercase()).collect();
        Self {
            users: lower(&settings.users),
            ignored: lower(&settings.ignore_workgroups),
            lanes_off: settings.lanes_off.clone(),
            wait: settings.wait,
            given_up: FxHashSet::default(),
        }
    }

    pub(super) fn allows(&self, user: &str) -> bool {
        self.users.is_empty() || self.users.contains(&user.to_lowercase())
    }

    pub(super) fn ignores(&self, workgroup: &str) -> bool {
        !self.ignored.is_empty() && self.ignored.contains(&workgroup.to_lowercase())
    }

    pub(super) fn off(&self, lane: Lane) -> bool {
        self.lanes_off.contains(&lane)
    }

    /// Whether an unknown name is worth waiting for.
    pub(super) fn waits_for(&self, kind: Kind, name: &str) -> bool {
        self.wait && !self.given_up.contains(&(kind, name.to_lowercase()))
    }

    pub(super) fn give_up(&mut self, kind: Kind, name: &str) {
        self.given_up.insert((kind, name.to_lowercase()));
    }

    /// The names given up and those of `more`, sorted.
    pub(super) fn given_up(&self, more: &[Missing]) -> Vec<(Kind, String)> {
        let more = more.iter().map(|(kind, name)| (*kind, name.to_lowercase()));
        let mut names: Vec<_> = self.given_up.iter().cloned().chain(more).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
