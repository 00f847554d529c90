//! Rule `time-forward`: a request groups events by type, so the stamp is the only order left in it. Within a
//! conversation, and within a lane of a user, each event is later than the one before, by a millisecond at least.

use super::{Book, Fact, Lane, Rule, Violation};
use std::fmt;

/// An eventDateTime, to the millisecond, in the digits `YYYYMMDDhhmmssmmm`: it compares as time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// Reads `YYYY-MM-DDThh:mm:ss[.mmm]Z`; the schema has judged the form.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = || text.bytes().filter(u8::is_ascii_digit);
        let value = digits().try_fold(0u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        match digits().count() {
            14 => Some(Self(value? * 1000)),
            17 => Some(Self(value?)),
            _ => None,
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(
            f,
            "{:04}-{:02}-{:02}T",
            date / 10_000,
            date / 100 % 100,
            date % 100
        )?;
        let (hour, minute) = (time / 10_000_000, time / 100_000 % 100);
        write!(
            f,
            "{hour:02}:{minute:02}:{:02}.{:03}Z",
            time / 1000 % 100,
            time % 1000
        )
    }
}

pub(super) fn check(book: &Book, fact: &Fact<'_>, broken: &mut Vec<Violation>) {
    let (last, of) = match fact.lane {
        Lane::Conversations => (
            book.conversations
                .get(&fact.conversation)
                .and_then(|known| known.last),
            "conversation",
        ),
        lane => (
            book.users.get(&(lane, fact.user.into())).copied(),
            "user and lane",
        ),
    };
    if let Some(last) = last.filter(|last| fact.stamp <= *last) {
        let message = format!("{} is not later than {last}, the last of this {of}", fact.stamp);
        broken.push(Violation::new(Rule::TimeForward, message));
    }
}

pub(super) fn apply(book: &mut Book, fact: &Fact<'_>) {
    let last = match fact.lane {
        Lane::Conversations => book
            .conversations
            .entry(fact.conversation)
            .or_default()
            .last
            .get_or_insert(fact.stamp),
        lane => book.users.entry((lane, fact.user.into())).or_insert(fact.stamp),
    };
    *last = fact.stamp.max(*last);
}
