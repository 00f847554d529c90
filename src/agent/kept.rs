//! A snapshot as bytes, and back: what stands beside the state, then the state.
//!
//! MessagePack with named fields: a newer agent reads what an older one wrote, where a new field has a default. What
//! an older agent cannot read has a higher `format`, and is refused by name instead of guessed at.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::checkpoints::Checkpoint;
use super::marks::{Mark, Way};
use crate::convert::{self, State};
use crate::deliver::Missing;
use crate::names::Remembered;
use crate::time::Time;

/// The format written, and the highest one read.
const FORMAT: u32 = 1;

/// What a partition goes on from.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) checkpoint: Checkpoint,
    pub(super) beside: Beside,
}

/// What stands beside a state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Beside {
    /// Keys with events above the state's point that have ended.
    pub(super) marks: Vec<(Way, Mark)>,
    /// What refused events would have made, and when that was last said.
    pub(super) missing: Vec<(Missing, Time)>,
    pub(super) remembered: Remembered,
    /// Ticks from the state's point on: before which offset, and where stream time goes.
    pub(super) ticks: Vec<(i64, Time)>,
    /// Everything below this offset had been read.
    pub(super) until: i64,
}

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// A newer agent wrote it.
    #[error("it has format {0}, and this version reads formats up to {FORMAT}")]
    Newer(u32),
    /// It is damaged, or something else.
    #[error("it cannot be read: {0}")]
    Damaged(String),
}

#[derive(Serialize)]
struct Writing<'a> {
    format: u32,
    beside: &'a Beside,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Deserialize)]
struct Reading {
    beside: Beside,
}

/// Writes a snapshot.
pub(super) fn write(beside: &Beside, state: &State, to: &mut impl Write) -> io::Result<()> {
    let writing = Writing {
        format: FORMAT,
        beside,
    };
    let head = rmp_serde::to_vec_named(&writing).map_err(io::Error::other)?;
    let length = u32::try_from(head.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&head)?;
    state.write(to)
}

/// Reads what [`write`] wrote.
pub(super) fn read(bytes: &[u8]) -> Result<(Beside, State), Unusable> {
    let (head, rest) = bytes.split_first_chunk().ok_or_else(|| damaged("it is empty"))?;
    let head = u32::from_le_bytes(*head) as usize;
    let (head, state) = rest
        .split_at_checked(head)
        .ok_or_else(|| damaged("it is cut off"))?;
    // The format first: a newer one may have a shape that cannot be read.
    let Head { format } = rmp_serde::from_slice(head).map_err(damaged)?;
    if format > FORMAT {
        return Err(Unusable::Newer(format));
    }
    let Reading { beside } = rmp_serde::from_slice(head).map_err(damaged)?;
    let state = State::read(state).map_err(|error| match error {
        convert::Unusable::Newer { found } => Unusable::Newer(found),
        error => damaged(error),
    })?;
    Ok((beside, state))
}

fn damaged(error: impl std::fmt::Display) -> Unusable {
    Unusable::Damaged(error.to_string())
}
