//! A site's interactions. Of most nothing is said for long: users talk, or it ended and is kept in case a wrap-up code
//! or a second life comes. Where there are many, those sleep: they lie packed, and are unpacked when something more is
//! said of them.

use std::fmt;
use std::io;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::agenda::Agenda;
use super::interaction::Interaction;
use super::packed::{self, Packed, Packer};
use super::shared_map::SharedMap;
use super::trie::Trie;
use crate::event::Name;
use crate::time::Time;

/// For how long nothing is said of one before it sleeps, in stream time.
const REST: i64 = 60_000;
/// How many fall asleep at once, at most: no record is held up.
const AT_ONCE: usize = 8;
/// So many may stay awake: they take little, and to pack and unpack them takes time.
const FEW: usize = 256;

/// How an interaction lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    Awake,
    Asleep,
    /// Awake or asleep.
    Ended,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interactions {
    awake: SharedMap<Name, Interaction>,
    asleep: Trie<Name, Packed>,
    packer: Packer,
    /// Those awake, by when something was said of them, or sooner.
    tired: Agenda,
}

impl Interactions {
    /// Its id, of which one copy is enough, and how it lies.
    pub(crate) fn known(&self, id: &str) -> Option<(Name, Lies)> {
        let (id, ended, lies) = match self.awake.entry(id) {
            Some((id, interaction)) => (id, interaction.ended, Lies::Awake),
            None => {
                let (id, packed) = self.asleep.entry(id)?;
                (id, packed.ended(), Lies::Asleep)
            }
        };
        Some((id.clone(), if ended.is_some() { Lies::Ended } else { lies }))
    }

    /// One that is awake.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Interaction> {
        self.awake.get_mut(id)
    }

    /// Any one: it is awake now.
    pub(crate) fn wake(&mut self, id: &str) -> Option<&mut Interaction> {
        // Most are awake, and among fewer.
        if self.awake.get(id).is_none()
            && let Some((id, packed)) = self.asleep.remove(id)
        {
            self.insert(id, packed.unpack().ok()?);
        }
        self.awake.get_mut(id)
    }

    pub(crate) fn insert(&mut self, id: Name, interaction: Interaction) {
        self.tired.insert((interaction.last_said(), id.clone()));
        self.awake.insert(id, interaction);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Interaction> {
        match self.asleep.remove(id) {
            Some((_, packed)) => packed.unpack().ok(),
            None => self.awake.remove(id),
        }
    }

    /// Removes one that sleeps, that had ended at `by` and that no subscription shows; whether it was there.
    pub(crate) fn drop_asleep(&mut self, id: &str, by: Time) -> bool {
        let packed = self.asleep.get(id);
        let done = packed.is_some_and(|one| one.ended().is_some_and(|ended| ended <= by) && !one.shown());
        done && self.asleep.remove(id).is_some()
    }

    /// One that was read: it sleeps, unless it has a record that waits.
    fn fall_asleep(&mut self, id: Name, interaction: Interaction) -> io::Result<()> {
        if interaction.kept.is_some() {
            self.insert(id, interaction);
        } else {
            let packed = self.packer.pack(&interaction, interaction.last_said())?;
            self.asleep.insert(id, packed);
        }
        Ok(())
    }

    /// Those of which nothing was said for a while before `now` fall asleep.
    pub(crate) fn rest(&mut self, now: Time) {
        let before = now.plus(-REST);
        for _ in 0..AT_ONCE {
            let few = self.awake.len() <= FEW;
            if few || self.tired.first().is_none_or(|first| first >= before) {
                return;
            }
            let Some((_, id)) = self.tired.pop_first() else {
                return;
            };
            let Some(interaction) = self.awake.get(&*id) else {
                continue;
            };
            let last = interaction.last_said();
            if last >= before {
                self.tired.insert((last, id));
            } else if interaction.kept.is_some() {
                self.tired.insert((now, id));
            } else if let Ok(packed) = self.packer.pack(interaction, now) {
                self.awake.remove(&*id);
                self.asleep.insert(id, packed);
            }
        }
    }
}

/// In the order of their ids: each is `[id, interaction]`, the latter as bytes.
impl Serialize for Interactions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let awake = self.awake.iter().map(|(id, one)| (id, Written::Awake(one)));
        let asleep = self.asleep.iter().map(|(id, one)| (id, Written::Asleep(one)));
        let mut all: Vec<(&Name, Written<'_>)> = awake.chain(asleep).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        serializer.collect_seq(all)
    }
}

enum Written<'a> {
    Awake(&'a Interaction),
    Asleep(&'a Packed),
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = match self {
            Self::Awake(one) => packed::written(one),
            Self::Asleep(one) => one.written(),
        };
        serializer.serialize_bytes(&bytes.map_err(serde::ser::Error::custom)?)
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
        while let Some((id, Read(interaction))) = list.next_element()? {
            all.fall_asleep(id, *interaction).map_err(A::Error::custom)?;
        }
        Ok(all)
    }
}

/// What is damaged is found out when it is read, not when it is needed.
struct Read(Box<Interaction>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Either)
            .map(|one| Self(Box::new(one)))
    }
}

/// Bytes, or as it is: format 1 has them so, format 2 those that have not ended.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Interaction;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an interaction")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Interaction, A::Error> {
        let mut interaction = Interaction::deserialize(MapAccessDeserializer::new(map))?;
        if let Some(t) = interaction.ended {
            // Format 1 has all of them.
            interaction.end(t);
        }
        Ok(interaction)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Interaction, E> {
        packed::read(bytes).map_err(E::custom)
    }
}
