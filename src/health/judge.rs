//! How an item is, out of what is known about it. Pure.
//!
//! In: the facts of one item and the time. Out: what the page shows. What was said long ago by a part that should
//! have spoken since is not shown as good.

use std::time::Duration;

use super::item::{Item, State};
use crate::time::Time;

/// What is known about one item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// As it was last reported.
    pub(super) state: State,
    /// What there is to know.
    pub(super) what: String,
    /// What mends it; empty: nothing is to be done.
    pub(super) todo: String,
    /// When it came to be in this state.
    pub(super) since: Option<Time>,
    /// When it last was OK.
    pub(super) last_success: Option<Time>,
    /// When it was last reported on.
    pub(super) last_report: Option<Time>,
    /// It is reported on at least so often; `None`: when something changes.
    pub(super) within: Option<Duration>,
}

/// An item as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shown {
    /// The item's name in metrics.
    pub name: String,
    /// The item's name for people.
    pub title: String,
    /// How it is.
    pub state: State,
    /// Since when; `None`: nothing was attempted yet.
    pub since: Option<Time>,
    /// When it last was OK.
    pub last_success: Option<Time>,
    /// When it was last reported on.
    pub last_report: Option<Time>,
    /// What there is to know.
    pub detail: String,
    /// What to do about it; empty: nothing.
    pub todo: String,
}

/// How `item` is at `now`.
pub(super) fn judge(item: Item, facts: &Facts, now: Time) -> Shown {
    let mut shown = Shown {
        name: item.as_str().to_owned(),
        title: item.title().to_owned(),
        state: facts.state,
        since: facts.since,
        last_success: facts.last_success,
        last_report: facts.last_report,
        detail: facts.what.clone(),
        todo: facts.todo.clone(),
    };
    if facts.last_report.is_none() {
        shown.state = State::Unknown;
        shown.detail = "nothing was attempted yet".to_owned();
    } else if let Some(silent) = overdue(facts, now) {
        let ago = humantime::format_duration(Duration::from_secs(silent.as_secs()));
        shown.detail = format!(
            "no report for {ago}; the last one: {}, {}",
            facts.state, facts.what
        );
        // An error that nobody repeats is still an error.
        if facts.state < State::Error {
            shown.state = State::Unknown;
            shown.since = Some(now.plus(-millis(silent)));
            shown.todo = "look into the log; restart the agent if it does not go on".to_owned();
        }
    }
    shown
}

/// For how long nothing was reported, if that is too long.
fn overdue(facts: &Facts, now: Time) -> Option<Duration> {
    let silent = now.millis() - facts.last_report?.millis();
    let silent = Duration::from_millis(u64::try_from(silent).unwrap_or(0));
    (silent > facts.within?).then_some(silent)
}

/// How the whole is: the worst of its items. What was never attempted does not count, but for the items without which
/// nothing flows; and what has fallen silent is not OK.
pub(super) fn overall<'a>(items: impl IntoIterator<Item = (Item, &'a Shown)>) -> State {
    let counts = |(item, shown): (Item, &Shown)| {
        let unattempted = shown.state == State::Unknown && shown.last_report.is_none();
        (item.needed() || !unattempted).then_some(shown.state)
    };
    let severity = |state: &State| match state {
        State::Ok => 0,
        State::Unknown => 1,
        State::Warning => 2,
        State::Error => 3,
    };
    let worst = items.into_iter().filter_map(counts).max_by_key(severity);
    worst.unwrap_or(State::Unknown)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn reported(state: State) -> Facts {
        Facts {
            state,
            what: "as told".to_owned(),
            since: Some(at(50)),
            last_report: Some(at(100)),
            ..Facts::default()
        }
    }

    #[test]
    fn what_was_never_attempted_is_unknown_and_not_ok() {
        let shown = judge(Item::Kafka, &Facts::default(), at(100));
        assert_eq!(shown.state, State::Unknown);
        assert_eq!((shown.since, shown.last_success), (None, None));
    }

    #[test]
    fn what_is_reported_at_changes_only_stays_as_it_was_told() {
        let shown = judge(Item::Kafka, &reported(State::Ok), at(1_000_000));
        assert_eq!((shown.state, shown.detail.as_str()), (State::Ok, "as told"));
    }

    #[test]
    fn what_should_have_been_reported_since_is_unknown_and_says_what_it_was() {
        let facts = |state| Facts {
            within: Some(Duration::from_secs(60)),
            ..reported(state)
        };
        assert_eq!(
            judge(Item::Directory, &facts(State::Ok), at(160)).state,
            State::Ok
        );
        for state in [State::Ok, State::Warning] {
            let shown = judge(Item::Directory, &facts(state), at(161));
            assert_eq!((shown.state, shown.since), (State::Unknown, Some(at(100))));
            assert_eq!(
                shown.detail,
                format!("no report for 1m 1s; the last one: {state}, as told")
            );
        }
        assert_eq!(
            judge(Item::Directory, &facts(State::Error), at(161)).state,
            State::Error
        );
    }

    #[test]
    fn a_clock_set_back_makes_nothing_stale() {
        let facts = Facts {
            within: Some(Duration::from_secs(60)),
            ..reported(State::Ok)
        };
        assert_eq!(judge(Item::Directory, &facts, at(10)).state, State::Ok);
    }

    #[test]
    fn the_whole_is_as_bad_as_its_worst_item() {
        let all = |states: &[(Item, State)]| {
            let shown: Vec<_> = Item::ALL
                .iter()
                .map(|&item| {
                    let told = states.iter().find(|(told, _)| *told == item);
                    let facts = told.map_or_else(Facts::default, |(_, state)| reported(*state));
                    (item, judge(item, &facts, at(100)))
                })
                .collect();
            overall(shown.iter().map(|(item, shown)| (*item, shown)))
        };
        let needed = [Item::Kafka, Item::Partitions, Item::Token].map(|item| (item, State::Ok));
        let with = |more: &[(Item, State)]| all(&[&needed[..], more].concat());
        assert_eq!(all(&[]), State::Unknown);
        assert_eq!(all(&needed[..2]), State::Unknown, "no token was asked for yet");
        assert_eq!(with(&[]), State::Ok, "a lane that never sent spoils nothing");
        assert_eq!(with(&[(Item::Memory, State::Warning)]), State::Warning);
        assert_eq!(
            with(&[(Item::Memory, State::Warning), (Item::Presence, State::Error)]),
            State::Error
        );
        assert_eq!(
            with(&[(Item::Directory, State::Unknown)]),
            State::Unknown,
            "one that fell silent is not OK"
        );
    }
}
