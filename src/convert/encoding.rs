//! The state as bytes, and back: MessagePack, `{"format": 3, "state": {…}}`.
//!
//! Fields have names, so that a newer agent reads what an older one wrote: a new field has a default. What an older
//! agent cannot read has a higher `format`, and it says so instead of guessing. The format stands first, so that it can
//! be read where the rest has another shape. Maps are in the order of their keys: the same state is the same bytes.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::State;

/// The format written, and the highest one read.
pub const FORMAT: u32 = 3;

/// Why bytes are no state.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A newer agent wrote it.
    #[error(
        "the state has format {found}, and this version reads formats up to {FORMAT}; run the version that wrote it, \
         or a newer one"
    )]
    Newer {
        /// The format found.
        found: u32,
    },
    /// It is damaged, or something else.
    #[error("the state cannot be read: {0}")]
    Damaged(String),
}

#[derive(Serialize)]
struct Writing<'a> {
    format: u32,
    state: &'a State,
}

#[derive(Deserialize)]
struct Reading {
    state: State,
}

impl State {
    /// Writes it whole. Does not hold up conversion: it can be done to a clone, on another thread.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let writing = Writing {
            format: FORMAT,
            state: self,
        };
        rmp_serde::encode::write_named(&mut to, &writing).map_err(io::Error::other)
    }

    /// Reads what [`State::write`] wrote.
    ///
    /// # Errors
    /// When a newer agent wrote it, or it is damaged.
    pub fn read(mut from: impl Read) -> Result<Self, Unusable> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(damaged)?;
        // The format first: a newer state may have a shape that cannot be read.
        let found = format(&bytes).ok_or_else(|| damaged("its format does not stand in front"))?;
        if found > FORMAT {
            return Err(Unusable::Newer { found });
        }
        let Reading { state } = rmp_serde::from_slice(&bytes).map_err(damaged)?;
        Ok(state)
    }
}

/// The number behind a map's first name, `format`.
fn format(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.get(1..)?.strip_prefix(b"\xa6format")?;
    rmp_serde::from_read(rest).ok()
}

fn damaged(error: impl std::fmt::Display) -> Unusable {
    Unusable::Damaged(error.to_string())
}

/// For fields that are left out where they say nothing.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_with_what_to_do() {
        let newer = b"\x82\xa6format\x04\xa5state\x81\xa5other\x01";
        let error = State::read(&newer[..]).unwrap_err();
        assert!(matches!(error, Unusable::Newer { found: 4 }));
        assert!(
            error.to_string().contains("run the version that wrote it"),
            "{error}"
        );
    }

    #[test]
    fn damage_is_no_panic() {
        let mut bytes = Vec::new();
        State::default().write(&mut bytes).unwrap();
        for end in 0..bytes.len() {
            assert!(matches!(State::read(&bytes[..end]), Err(Unusable::Damaged(_))));
        }
        assert!(State::read(&bytes[..]).is_ok());
    }
}
