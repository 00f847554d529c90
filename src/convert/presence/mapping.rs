//! The contract's table: a status, and what its user does, as presence and routing status. First match wins.

use super::settings::Settings;
use crate::cic::Definition;
use crate::convert::conversation::party::same;
use crate::event::{RoutingStatus, System};

/// A status with its definition, where that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status<'a> {
    pub(super) id: &'a str,
    pub(super) definition: Option<&'a Definition>,
}

/// What is known of a user when he is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) status: Status<'a>,
    pub(super) logged_in: bool,
    pub(super) on_phone: bool,
    /// Active in a workgroup.
    pub(super) active: bool,
    /// Handles an interaction of a queue.
    pub(super) acd: bool,
    /// Is on any other call.
    pub(super) other_call: bool,
    /// A workgroup gives the status to who does not answer.
    pub(super) no_answer: bool,
    /// A workgroup gives the status to who is on its calls.
    pub(super) on_call: bool,
}

const NOT_ANSWERING: [&str; 2] = ["AcdAgentNotAnswering", "ACD - Agent Not Answering"];
const LUNCH: &str = "At Lunch";
const TRAINING: &str = "At a training session";
const MEETING: &str = "In a meeting";
const AWAY: [&str; 5] = [
    "Away from desk",
    "Gone Home",
    "Out of Town",
    "On Vacation",
    "Out of the Office",
];
const FOLLOW_UP: &str = "Follow Up";
const AVAILABLE: &str = "Available";
const AT_HOME: &str = "Working at Home";
/// System statuses that have no row of their own.
const OTHERS: [&str; 2] = ["Do Not Disturb", "At Play"];

impl<'a> Status<'a> {
    /// Whether its id, the system status that it stands for or its text is `name`, which is not empty.
    pub(super) fn is(self, name: &str) -> bool {
        self.names().any(|own| same(own, name))
    }

    fn is_one_of(self, names: &[impl AsRef<str>]) -> bool {
        names.iter().any(|name| self.is(name.as_ref()))
    }

    fn names(self) -> impl Iterator<Item = &'a str> {
        let known = self.definition.into_iter();
        std::iter::once(self.id)
            .chain(known.flat_map(|known| [&*known.system, &*known.text]))
            .filter(|name| !name.is_empty())
    }

    fn in_group(self, group: &str) -> bool {
        self.definition.is_some_and(|known| same(&known.group, group))
    }

    /// "Available, No ACD" and its like, and "Available" itself where nothing says that it takes calls.
    fn is_available(self) -> bool {
        self.names().any(|name| {
            let begins = name
                .get(..AVAILABLE.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(AVAILABLE));
            begins && matches!(name.as_bytes().get(AVAILABLE.len()), None | Some(b','))
        })
    }

    /// What a secondary presence must be called that stands for it: a custom status's own text.
    pub(super) fn label(self) -> Option<&'a str> {
        let system = self.is_available()
            || self.is_one_of(&[LUNCH, TRAINING, MEETING, FOLLOW_UP, AT_HOME])
            || [&NOT_ANSWERING[..], &AWAY, &OTHERS]
                .iter()
                .any(|names| self.is_one_of(names));
        let text = self.definition.map(|known| &*known.text);
        (!system).then(|| text.filter(|text| !text.is_empty()).unwrap_or(self.id))
    }
}

/// The table.
pub(super) fn judge(seen: Seen<'_>, settings: &Settings) -> (System, RoutingStatus) {
    use RoutingStatus::{Communicating, Idle, Interacting, NotResponding, OffQueue};
    let status = seen.status;
    let flag = |flag: fn(&Definition) -> bool| status.definition.is_some_and(flag);
    if let Some(rule) = settings.rule(status) {
        return (rule.system, rule.routing);
    }
    match () {
        () if !seen.logged_in => (System::Offline, OffQueue),
        () if flag(|known| known.after_call_work) => (System::OnQueue, Interacting),
        () if status.is_one_of(&NOT_ANSWERING)
            || seen.no_answer
            || status.is_one_of(&settings.not_answering) =>
        {
            (System::OnQueue, NotResponding)
        }
        () if seen.acd && (seen.on_call || status.is_one_of(&settings.on_call_statuses)) => {
            (System::OnQueue, Interacting)
        }
        () if status.is(LUNCH) => (System::Meal, OffQueue),
        () if status.is(TRAINING) => (System::Training, OffQueue),
        () if status.is(MEETING) => (System::Meeting, OffQueue),
        () if status.in_group("Break") => (System::Break, OffQueue),
        () if status.is_one_of(&AWAY) => (System::Away, OffQueue),
        () if status.is(FOLLOW_UP) => (System::OnQueue, Interacting),
        () if flag(|known| known.do_not_disturb) => (System::Busy, OffQueue),
        () if flag(|known| known.acd) && seen.active => {
            let routing = match () {
                () if seen.acd => Interacting,
                () if seen.other_call || seen.on_phone => Communicating,
                () => Idle,
            };
            (System::OnQueue, routing)
        }
        () if flag(|known| known.acd)
            || status.is_available()
            || status.is(AT_HOME)
            || status.in_group(AVAILABLE) =>
        {
            (System::Available, OffQueue)
        }
        () => (System::Busy, OffQueue),
    }
}
