//! What a request carries, and what it is sent for.

use tokio::time::Instant;

use super::bisect::Part;
use super::queue::{Entry, Why};

/// Events that are sent together.
pub(super) struct Load {
    pub(super) entries: Vec<Entry>,
    /// Unknown outcomes in a row.
    pub(super) tries: u32,
    /// How many requests the lane had seen pass when this load first had no known outcome.
    pub(super) passed_before: u64,
    /// Part of this search.
    pub(super) search: Option<u64>,
    /// How often it was halved in it.
    pub(super) depth: u8,
    /// Something else has passed since it failed: if all of its parts fail alike, they are bad all the same.
    pub(super) others_pass: bool,
    /// How it failed last.
    pub(super) why: Option<Why>,
    /// It finds out whether a stopped lane may go on.
    pub(super) probe: bool,
}

impl Load {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Self {
            entries,
            tries: 0,
            passed_before: 0,
            search: None,
            depth: 0,
            others_pass: false,
            why: None,
            probe: false,
        }
    }
}

impl Part for Load {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn depth(&self) -> u8 {
        self.depth
    }

    fn halve(mut self) -> [Self; 2] {
        let later = self.entries.split_off(self.entries.len().div_ceil(2));
        [self.entries, later].map(|entries| Self {
            search: self.search,
            depth: self.depth.saturating_add(1),
            others_pass: self.others_pass,
            why: self.why.clone(),
            ..Self::new(entries)
        })
    }
}

/// Loads that wait to be sent as they are.
#[derive(Default)]
pub(super) struct Waiting(Vec<(Instant, Load)>);

impl Waiting {
    pub(super) fn push(&mut self, due: Instant, load: Load) {
        self.0.push((due, load));
    }

    /// When the first of them is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().map(|(due, _)| *due).min()
    }

    /// How many events the first has.
    pub(super) fn worth(&self) -> usize {
        let first = self.0.iter().min_by_key(|(due, _)| *due);
        first.map_or(0, |(_, load)| load.entries.len())
    }

    /// The first.
    pub(super) fn pop(&mut self) -> Option<Load> {
        let first = self.0.iter().enumerate().min_by_key(|(_, (due, _))| *due)?.0;
        Some(self.0.swap_remove(first).1)
    }

    /// Makes all of them due.
    pub(super) fn hurry(&mut self, now: Instant) {
        for (due, _) in &mut self.0 {
            *due = now.min(*due);
        }
    }

    /// Every load, to be looked through.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut Load> {
        self.0.iter_mut().map(|(_, load)| load)
    }

    /// All of them, for good.
    pub(super) fn drain(&mut self) -> Vec<Load> {
        self.0.drain(..).map(|(_, load)| load).collect()
    }
}
