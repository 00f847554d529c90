//! What the health page says of what each partition has by itself, its kept state or its dead letters, all together: a
//! fault of one is not hidden by the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::health::{Board, Item};
use crate::kafka::Place;

/// See the module. Clones share it.
#[derive(Clone)]
pub(super) struct States {
    board: Board,
    item: Item,
    faults: Arc<Mutex<BTreeMap<Place, (String, String)>>>,
}

impl States {
    /// Nothing is known yet.
    pub(super) fn new(board: Board, item: Item) -> Self {
        Self {
            board,
            item,
            faults: Arc::default(),
        }
    }

    /// All is well with a partition.
    pub(super) fn ok(&self, place: &Place, how: String) {
        self.change(|faults| drop(faults.remove(place)), how);
    }

    /// Something is wrong with a partition, and what to do about it.
    pub(super) fn fault(&self, place: &Place, what: String, todo: &str) {
        let fault = (what, todo.to_owned());
        self.change(|faults| drop(faults.insert(place.clone(), fault)), String::new());
    }

    /// A partition is no longer ours: nor is what was wrong with it.
    pub(super) fn forget(&self, place: &Place) {
        let how = format!("{place} was given back");
        let forget = |faults: &mut BTreeMap<Place, (String, String)>| faults.remove(place).is_some();
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if forget(&mut faults) {
            self.say(&faults, how);
        }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Place, (String, String)>), how: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut faults);
        self.say(&faults, how);
    }

    fn say(&self, faults: &BTreeMap<Place, (String, String)>, how: String) {
        match faults.first_key_value() {
            Some((place, (what, todo))) => {
                self.board
                    .error(self.item, format!("{place}: {what}"), todo.as_str())
            }
            None => self.board.ok(self.item, how),
        }
    }
}
