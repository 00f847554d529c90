//! Names that somebody asked for and that have no id: written by whoever asks, read by the task that looks for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::names::{Directory, Kind};

/// More names without an id are not remembered: a record may hold anything in a name's place.
const MOST: usize = 10_000;

/// A name of a kind, in lower case.
pub(super) type Wanted = (Kind, Box<str>);

/// Names that were asked for.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    inner: Mutex<Inner>,
    /// There is something to take.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// What was asked for, and whether the organization has said that there is none.
    open: FxHashMap<Wanted, bool>,
    new: Vec<(Wanted, Box<str>)>,
}

impl Inbox {
    /// Notes a name once.
    pub(super) fn ask(&self, kind: Kind, name: &str) {
        let wanted = (kind, Box::from(name.to_lowercase()));
        let mut inner = self.lock();
        if inner.open.len() >= MOST || inner.open.contains_key(&wanted) {
            return;
        }
        inner.open.insert(wanted.clone(), false);
        inner.new.push((wanted, name.into()));
        drop(inner);
        self.arrived.notify_one();
    }

    /// Whether the organization was asked for a name and has none, or never will be asked.
    pub(super) fn denied(&self, kind: Kind, name: &str) -> bool {
        let wanted = (kind, Box::from(name.to_lowercase()));
        let inner = self.lock();
        let full = inner.open.len() >= MOST;
        inner.open.get(&wanted).copied().unwrap_or(full)
    }

    /// Returns when [`Inbox::take`] may have something.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// What was asked for since the last time, and each name as it was written.
    pub(super) fn take(&self) -> Vec<(Wanted, Box<str>)> {
        std::mem::take(&mut self.lock().new)
    }

    /// Forgets what has an id by now, and notes of the rest what the organization has said.
    pub(super) fn settle(&self, directory: &Directory, denied: impl Fn(&Wanted) -> bool) {
        self.lock().open.retain(|wanted, is_denied| {
            *is_denied = denied(wanted);
            directory.find(wanted.0, &wanted.1).is_none()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
