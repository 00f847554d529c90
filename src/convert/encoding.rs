//! The state as bytes, and back: `{"format":1,"state":{…}}`, JSON.
//!
//! Fields have names, so that a newer agent reads what an older one wrote: a new field has a default. What an older
//! agent cannot read has a higher `format`, and it says so instead of guessing.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::State;

/// The format written, and the highest one read.
pub const FORMAT: u32 = 1;

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
    Damaged(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Writing<'a> {
    format: u32,
    state: &'a State,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
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
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let writing = Writing {
            format: FORMAT,
            state: self,
        };
        serde_json::to_writer(to, &writing).map_err(io::Error::from)
    }

    /// Reads what [`State::write`] wrote.
    ///
    /// # Errors
    /// When a newer agent wrote it, or it is damaged.
    pub fn read(mut from: impl Read) -> Result<Self, Unusable> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(serde_json::Error::io)?;
        // The head first: a newer state may have a shape that cannot be read.
        let head: Head = serde_json::from_slice(&bytes)?;
        if head.format > FORMAT {
            return Err(Unusable::Newer { found: head.format });
        }
        Ok(serde_json::from_slice::<Reading>(&bytes)?.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_with_what_to_do() {
        let error = State::read(&br#"{"format":2,"state":{"other":1}}"#[..]).unwrap_err();
        assert!(matches!(error, Unusable::Newer { found: 2 }));
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
