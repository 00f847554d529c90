//! The handle by which everybody else knows names.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::inbox::Inbox;
use super::organization::{Ask, Organization};
use super::settings::Settings;
use super::sync;
use crate::genesys::Lookup;
use crate::health::Board;
use crate::names::{Directory, Kind};

/// The names as they are known now. Clones share them; when the last one is gone, nobody asks any more.
#[derive(Clone, Debug)]
pub struct Names {
    current: watch::Receiver<Arc<Directory>>,
    inbox: Arc<Inbox>,
    /// Whether anybody looks for names.
    grows: bool,
    _stop: Option<Arc<DropGuard>>,
}

impl Names {
    /// These names and no others.
    pub fn fixed(directory: Directory) -> Self {
        let (_, current) = watch::channel(Arc::new(directory));
        Self {
            current,
            inbox: Arc::default(),
            grows: false,
            _stop: None,
        }
    }

    /// The file's names, and what the organization says: read by a task on the current runtime.
    pub fn start(settings: Settings, lookup: Lookup, file: Option<Directory>, board: Board) -> Self {
        let users = settings.users.clone();
        Self::start_with(settings, Organization { lookup, users }, file, board)
    }

    pub(super) fn start_with(
        settings: Settings,
        organization: impl Ask,
        file: Option<Directory>,
        board: Board,
    ) -> Self {
        let file = file.unwrap_or_default();
        let (said, current) = watch::channel(Arc::new(file.clone()));
        let inbox = Arc::new(Inbox::default());
        let stop = CancellationToken::new();
        let task = sync::run(settings, organization, file, board, inbox.clone(), said);
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(task).await });
        Self {
            current,
            inbox,
            grows: true,
            _stop: Some(Arc::new(stop.drop_guard())),
        }
    }

    /// What is known now. Cheap.
    pub fn current(&self) -> Arc<Directory> {
        self.current.borrow().clone()
    }

    /// Says when what is known changes.
    pub fn changed(&self) -> watch::Receiver<Arc<Directory>> {
        self.current.clone()
    }

    /// Has a name looked for soon that [`Names::current`] does not know. Never blocks; asking again costs nothing.
    pub fn ask(&self, kind: Kind, name: &str) {
        if self.grows && !name.is_empty() && self.current.borrow().find(kind, name).is_none() {
            self.inbox.ask(kind, name);
        }
    }

    /// Whether the organization has been asked for that name and has none. Until then nothing is known about it, and
    /// giving it up would take an outage for an answer.
    pub fn denied(&self, kind: Kind, name: &str) -> bool {
        !self.grows || self.inbox.denied(kind, name)
    }
}
