//! Which partition each CIC site comes through. A site seen in two is an error: its conversations cannot be put
//! together across partitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::health::{Board, Item};
use crate::kafka::Place;

/// See the module. Clones share one list.
#[derive(Clone, Debug)]
pub struct Sites {
    seen: Arc<Mutex<Seen>>,
    board: Board,
}

#[derive(Debug, Default)]
struct Seen {
    places: BTreeMap<Box<str>, Place>,
    /// A site was seen in two partitions: that stands on the health page until a restart.
    twice: bool,
}

impl Sites {
    /// No site was seen yet.
    pub fn new(board: Board) -> Self {
        Self {
            seen: Arc::default(),
            board,
        }
    }

    /// A record of `site` came through `place`.
    pub fn seen(&self, site: &str, place: &Place) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.places.get(site) {
            Some(other) if other != place => {
                let what = format!("records of site {site} come through {other} and {place}");
                tracing::error!(site, "{what}");
                seen.twice = true;
                self.board.error(
                    Item::Sites,
                    what,
                    "make the exporter use the site as the record key, and one topic for a site",
                );
            }
            Some(_) => {}
            None => {
                seen.places.insert(site.into(), place.clone());
                tracing::info!(site, %place, "a CIC site is heard");
                if !seen.twice {
                    let count = seen.places.len();
                    self.board.ok(Item::Sites, format!("{count} heard"));
                }
            }
        }
    }

    /// A partition is no longer read here.
    pub fn forget(&self, place: &Place) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.places.retain(|_, other| other != place);
    }
}
