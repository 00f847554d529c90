//! How an interaction lies that sleeps: as it is written, without what it has in common with others of its site.
//!
//! Calls of one site look alike: the same workgroups, users and day. So what the first of an hour are written as goes
//! before each of the others when it is compressed (LZ4), and is kept once. Nothing of that is in a snapshot.

use std::io;
use std::sync::Arc;

use lz4_flex::block;

use super::interaction::Interaction;
use crate::time::Time;

/// For how long the same ones are taken for typical, in stream time: afterwards the day may be another.
const HOUR: i64 = 3_600_000;
/// Bytes of typical ones that are enough.
const ENOUGH: usize = 1024;
/// Bytes that nearly all are written in.
const ROOM: usize = 1024;

/// One that sleeps.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// [`ENDED`] and when, or [`OPEN`]; plus [`SHOWN`]; then it, compressed.
    bytes: Arc<[u8]>,
    typical: Arc<Vec<u8>>,
}

const OPEN: u8 = 0;
const ENDED: u8 = 1;
/// A subscription shows it.
const SHOWN: u8 = 2;

/// Packs, and knows what is typical.
#[derive(Clone, Debug, Default)]
pub(super) struct Packer {
    typical: Arc<Vec<u8>>,
    since: Time,
}

impl Packer {
    /// Packs it. `now` is stream time.
    pub(super) fn pack(&mut self, interaction: &Interaction, now: Time) -> io::Result<Packed> {
        let bytes = written(interaction)?;
        if now > self.since.plus(HOUR) {
            *self = Self {
                typical: Arc::default(),
                since: now,
            };
        }
        let shown = if interaction.queues.is_empty() { 0 } else { SHOWN };
        let mut packed = Vec::new();
        match interaction.ended {
            Some(t) => {
                packed.push(ENDED | shown);
                packed.extend(t.millis().to_le_bytes());
            }
            None => packed.push(OPEN | shown),
        }
        packed.extend(block::compress_prepend_size_with_dict(&bytes, &self.typical));
        let packed = Packed {
            bytes: packed.into(),
            typical: self.typical.clone(),
        };
        if self.typical.len() < ENOUGH && interaction.ever_connected {
            Arc::make_mut(&mut self.typical).extend_from_slice(&bytes);
        }
        Ok(packed)
    }
}

impl Packed {
    /// When it ended, unless it is open.
    pub(super) fn ended(&self) -> Option<Time> {
        self.parts().0
    }

    /// Whether a subscription shows it.
    pub(super) fn shown(&self) -> bool {
        self.parts().1
    }

    /// It, awake.
    pub(super) fn unpack(&self) -> io::Result<Interaction> {
        read(&self.written()?)
    }

    /// What it is written as.
    pub(super) fn written(&self) -> io::Result<Vec<u8>> {
        let (_, _, compressed) = self.parts();
        block::decompress_size_prepended_with_dict(compressed, &self.typical).map_err(io::Error::other)
    }

    fn parts(&self) -> (Option<Time>, bool, &[u8]) {
        let (head, rest) = self.bytes.split_first().unwrap_or((&OPEN, &[]));
        match rest.split_first_chunk() {
            Some((millis, rest)) if head & ENDED != 0 => {
                let ended = Time::from_millis(i64::from_le_bytes(*millis));
                (Some(ended), head & SHOWN != 0, rest)
            }
            _ => (None, head & SHOWN != 0, rest),
        }
    }
}

/// What an interaction is written as. Cannot fail, for it goes to memory.
pub(super) fn written(interaction: &Interaction) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(ROOM);
    rmp_serde::encode::write_named(&mut bytes, interaction).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The interaction that is written as `bytes`.
pub(super) fn read(bytes: &[u8]) -> io::Result<Interaction> {
    let mut interaction: Interaction = rmp_serde::from_slice(bytes).map_err(io::Error::other)?;
    if let Some(conversation) = &mut interaction.conversation {
        conversation.fill_in_ids();
    }
    Ok(interaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cic::Attribute;

    fn one(n: usize, t: i64) -> Interaction {
        let mut one = Interaction {
            heard: Time::from_millis(t),
            ever_connected: n.is_multiple_of(2),
            ..Interaction::default()
        };
        one.attributes
            .set(Attribute::Workgroup, "Workgroup Queue:Support");
        one.attributes
            .set(Attribute::RemoteName, &format!("Somebody {n}"));
        if n.is_multiple_of(3) {
            one.queues.push("workgroup:Support".into());
        }
        if n.is_multiple_of(5) {
            one.ended = Some(one.heard);
        }
        one
    }

    /// Whatever was typical when it was packed, a day ago or now.
    #[test]
    fn what_is_packed_is_unpacked_as_it_was() {
        let mut packer = Packer::default();
        let all: Vec<(Interaction, Packed)> = (0..200)
            .map(|n| {
                let t = n as i64 * HOUR / 40;
                let one = one(n, t);
                let packed = packer.pack(&one, Time::from_millis(t)).unwrap();
                (one, packed)
            })
            .collect();
        for (one, packed) in &all {
            assert_eq!(packed.written().unwrap(), written(one).unwrap());
            assert_eq!(written(&packed.unpack().unwrap()).unwrap(), written(one).unwrap());
            assert_eq!(
                (packed.ended(), packed.shown()),
                (one.ended, !one.queues.is_empty())
            );
        }
        let (one, packed) = &all[199];
        assert!(
            packed.bytes.len() * 2 < written(one).unwrap().len(),
            "{}",
            packed.bytes.len()
        );
    }
}
