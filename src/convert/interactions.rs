//! A site's interactions. Most have ended and are kept in case a wrap-up code or a second life comes: those lie packed,
//! as they are written, and are unpacked only when something more is said of them.

use std::fmt;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::interaction::Interaction;
use super::shared_map::SharedMap;
use super::trie::Trie;
use crate::event::Name;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interactions {
    /// Those that have not ended, and those that were unpacked.
    open: SharedMap<Name, Interaction>,
    packed: Trie<Name, Packed>,
    /// Which may have ended since the last [`Interactions::pack`].
    restless: Vec<Name>,
}

/// An interaction as MessagePack.
type Packed = Arc<[u8]>;

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
            self.restless.push(id.clone());
            self.open.insert(id.clone(), unpack(&packed).ok()?);
        }
        self.open.get_mut(&**id)
    }

    pub(crate) fn insert(&mut self, id: Name, interaction: Interaction) {
        self.open.insert(id, interaction);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Interaction> {
        match self.packed.remove(id) {
            Some(packed) => unpack(&packed).ok(),
            None => self.open.remove(id),
        }
    }

    /// It has ended: it is packed the next time.
    pub(crate) fn has_come_to_rest(&mut self, id: &Name) {
        self.restless.push(id.clone());
    }

    /// Packs those that have ended.
    pub(crate) fn pack(&mut self) {
        for id in std::mem::take(&mut self.restless) {
            let ended = self.open.get(&*id).filter(|one| one.ended.is_some());
            if let Some(packed) = ended.and_then(pack) {
                self.open.remove(&*id);
                self.packed.insert(id, packed);
            }
        }
    }
}

/// Cannot fail, for it goes to memory; if it did, the interaction would stay as it is.
fn pack(interaction: &Interaction) -> Option<Packed> {
    rmp_serde::to_vec_named(interaction).ok().map(Packed::from)
}

fn unpack(packed: &[u8]) -> Result<Interaction, rmp_serde::decode::Error> {
    rmp_serde::from_slice(packed)
}

/// In the order of their ids: each is `[id, interaction]`, packed ones as bytes.
impl Serialize for Interactions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let open = self.open.iter().map(|(id, one)| (id, Written::Open(one)));
        let packed = self.packed.iter().map(|(id, one)| (id, Written::Packed(one)));
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
            Self::Open(interaction) => interaction.serialize(serializer),
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
                    // Format 1 has those that ended unpacked.
                    if let Some(t) = interaction.ended {
                        interaction.end(t);
                        all.has_come_to_rest(&id);
                    }
                    all.open.insert(id, *interaction);
                    all.pack();
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
        unpack(bytes).map_err(E::custom)?;
        Ok(Read::Packed(bytes.into()))
    }
}
