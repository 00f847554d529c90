//! A site's interactions. Most ended a while ago and are kept in case a wrap-up code or a second life comes: those lie
//! packed, as they are written, and are unpacked only when something more is said of them.

use std::fmt;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::agenda::Agenda;
use super::interaction::Interaction;
use super::shared_map::SharedMap;
use super::trie::Trie;
use crate::event::Name;
use crate::time::Time;

/// How long after its end more is said of an interaction, in stream time: it leaves queues, is deallocated, hears codes.
const REST: i64 = 180_000;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interactions {
    /// Those that have not ended, or not long ago.
    open: SharedMap<Name, Interaction>,
    packed: Trie<Name, Packed>,
    /// Those of `open` that have ended, by when.
    ended: Agenda,
}

#[derive(Clone, Debug)]
struct Packed {
    ended: Time,
    /// Whether a subscription shows it.
    shown: bool,
    /// It, as MessagePack.
    bytes: Arc<[u8]>,
}

impl Interactions {
    /// Whether it has ended; None where it is not known.
    pub(crate) fn has_ended(&self, id: &str) -> Option<bool> {
        match self.open.get(id) {
            Some(interaction) => Some(interaction.ended.is_some()),
            None => self.packed.get(id).map(|_| true),
        }
    }

    /// One that does not lie packed.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Interaction> {
        self.open.get_mut(id)
    }

    /// Any one, unpacked until the next [`Interactions::pack`].
    pub(crate) fn wake(&mut self, id: &Name) -> Option<&mut Interaction> {
        if let Some(packed) = self.packed.remove(&**id) {
            self.ended.insert((packed.ended, id.clone()));
            self.open.insert(id.clone(), unpack(&packed.bytes).ok()?);
        }
        self.open.get_mut(&**id)
    }

    pub(crate) fn insert(&mut self, id: Name, interaction: Interaction) {
        self.open.insert(id, interaction);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Interaction> {
        match self.packed.remove(id) {
            Some(packed) => unpack(&packed.bytes).ok(),
            None => self.open.remove(id),
        }
    }

    /// Removes one that lies packed, that had ended at `by` and that no subscription shows; whether it was there.
    pub(crate) fn drop_packed(&mut self, id: &str, by: Time) -> bool {
        let packed = self.packed.get(id);
        let done = packed.is_some_and(|packed| packed.ended <= by && !packed.shown);
        done && self.packed.remove(id).is_some()
    }

    /// It has ended.
    pub(crate) fn has_ended_at(&mut self, id: &Name, t: Time) {
        self.ended.insert((t, id.clone()));
    }

    /// Packs those that ended a while before `now`.
    pub(crate) fn pack(&mut self, now: Time) {
        let before = now.plus(-REST);
        while self.ended.first().is_some_and(|ended| ended < before)
            && let Some((ended, id)) = self.ended.pop_first()
        {
            let same = self.open.get(&*id).filter(|one| one.ended == Some(ended));
            if let Some(packed) = same.and_then(|one| pack(one, ended)) {
                self.open.remove(&*id);
                self.packed.insert(id, packed);
            }
        }
    }
}

/// Cannot fail, for it goes to memory; if it did, the interaction would stay as it is.
fn pack(interaction: &Interaction, ended: Time) -> Option<Packed> {
    Some(Packed {
        ended,
        shown: !interaction.queues.is_empty(),
        bytes: rmp_serde::to_vec_named(interaction).ok()?.into(),
    })
}

fn unpack(packed: &[u8]) -> Result<Interaction, rmp_serde::decode::Error> {
    rmp_serde::from_slice(packed)
}

/// In the order of their ids: each is `[id, interaction]`, those that have ended packed, as bytes.
impl Serialize for Interactions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let open = self.open.iter().map(|(id, one)| (id, Written::Open(one)));
        let packed = self
            .packed
            .iter()
            .map(|(id, one)| (id, Written::Packed(&one.bytes)));
        let mut all: Vec<(&Name, Written<'_>)> = open.chain(packed).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        serializer.collect_seq(all)
    }
}

enum Written<'a> {
    Open(&'a Interaction),
    Packed(&'a [u8]),
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Open(interaction) => match interaction.ended.and_then(|t| pack(interaction, t)) {
                Some(packed) => serializer.serialize_bytes(&packed.bytes),
                None => interaction.serialize(serializer),
            },
            Self::Packed(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Interactions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Interactions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of interactions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Interactions, A::Error> {
        let mut all = Interactions::default();
        while let Some((id, read)) = list.next_element::<(Name, Read)>()? {
            match read {
                Read::Open(mut interaction) => {
                    // Format 1 has those that ended as they were.
                    if let Some(t) = interaction.ended {
                        interaction.end(t);
                        all.has_ended_at(&id, t);
                    }
                    all.open.insert(id, *interaction);
                }
                Read::Packed(packed) => drop(all.packed.insert(id, packed)),
            }
        }
        Ok(all)
    }
}

enum Read {
    Open(Box<Interaction>),
    Packed(Packed),
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an interaction")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Read, A::Error> {
        Interaction::deserialize(MapAccessDeserializer::new(map)).map(|one| Read::Open(Box::new(one)))
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Read, E> {
        // What is damaged is found out now, not when it is needed.
        let interaction = unpack(bytes).map_err(E::custom)?;
        let ended = interaction
            .ended
            .ok_or_else(|| E::custom("it has not ended and lies packed"))?;
        Ok(Read::Packed(Packed {
            ended,
            shown: !interaction.queues.is_empty(),
            bytes: bytes.into(),
        }))
    }
}
