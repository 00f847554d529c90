//! What is asked next, and when: lists at the start and every refresh, unknown names soon and then ever more rarely,
//! nothing of a kind for a while after it failed. Pure: time and randomness are arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::inbox::Wanted;
use super::organization::Way;
use super::settings::Settings;
use crate::names::Kind;

/// So long names are gathered before the first look.
const GATHER: Duration = Duration::from_millis(100);
/// An unknown name is looked for again after this, then after twice this and so on, at last once per refresh.
const AGAIN: Duration = Duration::from_secs(15);
/// A list is not read again sooner, whoever asks.
const GAP: Duration = Duration::from_secs(10);
/// More unknown names of a kind than this are looked for again by one look at the list.
const WORTH_A_LIST: usize = 5;
/// Names that take a request each are asked for again at most so often, all together.
const EACH: Duration = Duration::from_secs(10);
/// The first pause after a failure; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Read a list.
    List(Kind),
    /// Look for names of a kind: in lower case, and as they were written.
    Find(Kind, Vec<(Box<str>, Box<str>)>),
    /// Nothing until then, or until somebody asks.
    Wait(Option<Instant>),
}

/// What is to be asked.
#[derive(Debug)]
pub(super) struct Plan {
    settings: Settings,
    lists: BTreeMap<Kind, List>,
    wants: BTreeMap<Wanted, Want>,
    pauses: BTreeMap<Kind, Pause>,
}

#[derive(Debug)]
struct List {
    due: Instant,
    /// When it was last read or could not be.
    last: Option<Instant>,
}

/// A name that no list shows.
#[derive(Debug)]
struct Want {
    written: Box<str>,
    due: Instant,
    /// Looks in vain.
    tries: u32,
    /// It was found, and is looked for again once per refresh.
    known: bool,
}

#[derive(Debug)]
struct Pause {
    failures: u32,
    until: Instant,
}

/// How urgent a step is, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    FirstLook,
    Unknown,
    Refresh,
    Known,
}

impl Plan {
    /// Every list is due at `now`.
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        let mut kinds = settings.lists.clone();
        if settings.users.listed() {
            kinds.insert(0, Kind::Users);
        }
        let lists = kinds
            .into_iter()
            .map(|kind| (kind, List { due: now, last: None }));
        Self {
            lists: lists.collect(),
            settings,
            wants: BTreeMap::new(),
            pauses: BTreeMap::new(),
        }
    }

    /// The lists that are read.
    pub(super) fn lists(&self) -> impl Iterator<Item = Kind> {
        self.lists.keys().copied()
    }

    /// Somebody wants a name.
    pub(super) fn want(&mut self, wanted: Wanted, written: Box<str>, now: Instant) {
        self.wants.entry(wanted).or_insert(Want {
            written,
            due: now + GATHER,
            tries: 0,
            known: false,
        });
    }

    /// Whether a name was looked for in vain.
    pub(super) fn denied(&self, wanted: &Wanted) -> bool {
        self.wants.get(wanted).is_some_and(|want| want.tries > 0)
    }

    /// Names that were looked for in vain.
    pub(super) fn unresolved(&self) -> impl Iterator<Item = &Wanted> {
        let vain = |(_, want): &(&Wanted, &Want)| want.tries > 0;
        self.wants.iter().filter(vain).map(|(wanted, _)| wanted)
    }

    /// What to do at `now`.
    pub(super) fn next(&self, now: Instant) -> Step {
        let mut steps: Vec<(Rank, Instant, Kind, bool)> = Vec::new();
        for kind in Kind::ALL {
            let held = self.pauses.get(&kind).map_or(now, |pause| pause.until);
            let start = steps.len();
            self.steps(kind, now, &mut steps);
            steps[start..]
                .iter_mut()
                .for_each(|(_, at, ..)| *at = (*at).max(held));
        }
        match steps.iter().filter(|(_, at, ..)| *at <= now).min() {
            Some((.., kind, true)) => Step::List(*kind),
            Some((.., kind, false)) => Step::Find(*kind, self.batch(*kind, now)),
            None => Step::Wait(steps.iter().map(|(_, at, ..)| *at).min()),
        }
    }

    /// What a kind has to do and when, the last one true where it is a list that is read.
    fn steps(&self, kind: Kind, now: Instant, steps: &mut Vec<(Rank, Instant, Kind, bool)>) {
        let list = self.lists.get(&kind);
        if let Some(List { due, last: None }) = list {
            steps.push((Rank::FirstLook, *due, kind, true));
            return;
        }
        let free = list
            .and_then(|list| list.last)
            .map_or(now, |last| last + GAP.min(self.settings.refresh));
        let by_list = self.settings.users.way_of(kind) == Way::List;
        let unknown = || self.of(kind).filter(|(_, want)| !want.known);
        let fresh = unknown()
            .filter(|(_, want)| want.tries == 0)
            .map(|(_, want)| want.due)
            .min();
        let again = unknown()
            .filter(|(_, want)| want.tries > 0)
            .map(|(_, want)| want.due)
            .min();
        let many = || {
            unknown()
                .filter(|(_, want)| want.tries > 0 && want.due <= now)
                .count()
                > WORTH_A_LIST
        };
        for (due, listed) in [
            (fresh, by_list),
            (
                again,
                by_list || list.is_some() && again.is_some_and(|due| due <= now) && many(),
            ),
        ] {
            match due {
                Some(due) if listed && list.is_some() => {
                    steps.push((Rank::Unknown, due.max(free), kind, true))
                }
                Some(due) if !listed => steps.push((Rank::Unknown, due, kind, false)),
                _ => {}
            }
        }
        if let Some(list) = list {
            steps.push((Rank::Refresh, list.due, kind, true));
        }
        let known = self
            .of(kind)
            .filter(|(_, want)| want.known)
            .map(|(_, want)| want.due)
            .min();
        steps.extend(known.map(|due| (Rank::Known, due, kind, false)));
    }

    /// The names of one look: unknown ones first, then known ones that will be due before long.
    fn batch(&self, kind: Kind, now: Instant) -> Vec<(Box<str>, Box<str>)> {
        let Way::ByName(most) = self.settings.users.way_of(kind) else {
            return Vec::new();
        };
        let soon = now + self.settings.refresh / 10;
        let ready = |want: &Want| want.due <= if want.known { soon } else { now };
        let mut ready: Vec<_> = self.of(kind).filter(|(_, want)| ready(want)).collect();
        ready.sort_by_key(|(_, want)| (want.known, want.tries > 0, want.due));
        let name = |(name, want): (&Wanted, &Want)| (name.1.clone(), want.written.clone());
        ready.into_iter().take(most).map(name).collect()
    }

    /// A list was read whole; `shows` says whether a name (in lower case) stands in it.
    pub(super) fn listed(&mut self, kind: Kind, now: Instant, shows: impl Fn(&str) -> bool) {
        self.pauses.remove(&kind);
        self.read(kind, now);
        let by_list = self.settings.users.way_of(kind) == Way::List;
        let refresh = self.settings.refresh;
        self.wants.retain(|(of, name), want| {
            if *of != kind {
                return true;
            }
            if shows(name) {
                return false;
            }
            if !want.known && (by_list || want.tries > 0) {
                want.vain(now, refresh);
            }
            true
        });
    }

    /// Names were looked for; `knows` says whether one has an id now.
    pub(super) fn found(
        &mut self,
        kind: Kind,
        names: &[(Box<str>, Box<str>)],
        now: Instant,
        knows: impl Fn(&str) -> bool,
    ) {
        self.pauses.remove(&kind);
        let refresh = self.settings.refresh;
        let again = match self.settings.users.way_of(kind) {
            Way::ByName(1) => {
                let known = self.of(kind).filter(|(_, want)| want.known).count() + names.len();
                refresh.max(EACH * u32::try_from(known).unwrap_or(u32::MAX))
            }
            _ => refresh,
        };
        for (name, _) in names {
            let wanted = (kind, name.clone());
            let Some(want) = self.wants.get_mut(&wanted) else {
                continue;
            };
            if knows(name) {
                want.known = true;
                want.tries = 0;
                want.due = now + again;
            } else if want.known {
                // It is gone. Whoever needs it asks again.
                self.wants.remove(&wanted);
            } else {
                want.vain(now, refresh);
            }
        }
    }

    /// A look failed. `wait` is what the answer asks for; `random` is from 0 to 1.
    pub(super) fn failed(&mut self, kind: Kind, now: Instant, wait: Option<Duration>, random: f64) {
        if let Some(list) = self.lists.get_mut(&kind) {
            list.last = Some(now);
        }
        let pause = self.pauses.entry(kind).or_insert(Pause {
            failures: 0,
            until: now,
        });
        let longest = LONGEST_PAUSE.min(self.settings.refresh);
        let doubled = PAUSE.saturating_mul(1 << pause.failures.min(16)).min(longest);
        pause.failures += 1;
        let jittered = doubled.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
        pause.until = now + jittered.max(wait.unwrap_or_default());
    }

    /// A kind is not to be had: its list is tried again at the next refresh, its names as if they were not there.
    pub(super) fn passed_over(&mut self, kind: Kind, now: Instant) {
        self.read(kind, now);
        let refresh = self.settings.refresh;
        for (_, want) in self.wants.iter_mut().filter(|((of, _), _)| *of == kind) {
            want.vain(now, refresh);
        }
    }

    fn read(&mut self, kind: Kind, now: Instant) {
        if let Some(list) = self.lists.get_mut(&kind) {
            list.due = now + self.settings.refresh;
            list.last = Some(now);
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = (&Wanted, &Want)> {
        self.wants.iter().filter(move |((of, _), _)| *of == kind)
    }
}

impl Want {
    fn vain(&mut self, now: Instant, refresh: Duration) {
        let doubled = AGAIN.saturating_mul(1 << self.tries.min(16));
        self.tries = self.tries.saturating_add(1);
        self.due = now + doubled.min(refresh);
    }
}
