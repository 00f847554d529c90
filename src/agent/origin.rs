//! What has made an event: it holds the commit point until the event has ended, and delivery echoes it as a number.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The record at this offset, by what it says.
    Record(i64),
    /// The record at this offset, by its time: a deadline was over when it came.
    Passing(i64),
    /// A tick, by its number.
    Tick(u64),
    /// A name that became known after its events were left out. It is kept beside the state until it is paid.
    Owed,
    /// The record at this offset, which is the replay of a dead letter.
    Replay(i64),
}

impl Origin {
    /// The number that delivery echoes.
    pub(super) fn code(self) -> u64 {
        let offset = |offset: i64| u64::try_from(offset).unwrap_or_default();
        match self {
            Self::Record(at) => offset(at) << 2,
            Self::Passing(at) => offset(at) << 2 | 1,
            Self::Tick(number) => number << 2 | 2,
            Self::Owed => 3,
            Self::Replay(at) => (offset(at) + 1) << 2 | 3,
        }
    }

    /// What has this number.
    pub(super) fn of(code: u64) -> Self {
        let offset = i64::try_from(code >> 2).unwrap_or(i64::MAX);
        match code & 3 {
            0 => Self::Record(offset),
            1 => Self::Passing(offset),
            2 => Self::Tick(code >> 2),
            _ if offset == 0 => Self::Owed,
            _ => Self::Replay(offset - 1),
        }
    }

    /// The offset of the record that it holds.
    pub(super) fn offset(self) -> Option<i64> {
        match self {
            Self::Record(offset) | Self::Passing(offset) | Self::Replay(offset) => Some(offset),
            Self::Tick(_) | Self::Owed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn a_number_comes_back_as_what_it_was() {
        for origin in [
            Origin::Record(0),
            Origin::Record(i64::MAX >> 2),
            Origin::Passing(7),
            Origin::Tick(3),
            Origin::Owed,
            Origin::Replay(0),
            Origin::Replay(8),
        ] {
            assert_eq!(Origin::of(origin.code()), origin);
        }
    }
}
