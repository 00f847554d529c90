//! A map that is cheap to clone and cheap to change: the entries lie in shards behind `Arc`s, so a clone shares
//! them all, and a change copies one shard (its pointers, not its values) and one value at most.
//!
//! The machine's state is made of these: a snapshot is a clone, and conversion goes on meanwhile.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

const SHARDS: usize = 256;

/// Not keyed: CIC's own ids are no attack, and the same input must take the same way.
type Hasher = rustc_hash::FxBuildHasher;
type Shard<K, V> = HashMap<K, Arc<V>, Hasher>;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct SharedMap<K, V> {
    shards: Arc<Vec<Arc<Shard<K, V>>>>,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self {
            shards: Arc::new(vec![Arc::default(); SHARDS]),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> SharedMap<K, V> {
    pub(crate) fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shards[shard(key)].get(key).map(|value| &**value)
    }

    pub(crate) fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.shard_mut(shard(key)).get_mut(key).map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let at = shard(&key);
        self.shard_mut(at).insert(key, Arc::new(value));
    }

    pub(crate) fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.shard_mut(shard(key)).remove(key)?;
        Some(Arc::unwrap_or_clone(value))
    }

    /// Every entry, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let shards = self.shards.iter();
        shards.flat_map(|shard| shard.iter().map(|(key, value)| (key, &**value)))
    }

    fn shard_mut(&mut self, at: usize) -> &mut Shard<K, V> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[at])
    }
}

impl<K: serde::Serialize, V: serde::Serialize> serde::Serialize for SharedMap<K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.shards.iter().flat_map(|shard| shard.iter()))
    }
}

impl<'de, K, V> serde::Deserialize<'de> for SharedMap<K, V>
where
    K: Clone + Eq + Hash + serde::Deserialize<'de>,
    V: Clone + serde::Deserialize<'de>,
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(std::marker::PhantomData<(K, V)>);
        impl<'de, K, V> serde::de::Visitor<'de> for Entries<K, V>
        where
            K: Clone + Eq + Hash + serde::Deserialize<'de>,
            V: Clone + serde::Deserialize<'de>,
        {
            type Value = SharedMap<K, V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of keys and values")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut map = SharedMap::default();
                while let Some((key, value)) = list.next_element()? {
                    map.insert(key, value);
                }
                Ok(map)
            }
        }
        deserializer.deserialize_seq(Entries(std::marker::PhantomData))
    }
}

fn shard<Q: ?Sized + Hash>(key: &Q) -> usize {
    // The top bits: the map inside a shard takes its place from the low ones.
    (Hasher::default().hash_one(key) >> 56) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Rule 3: what a clone holds is the state as of the clone, whatever happens to the original.
        #[test]
        fn a_clone_keeps_what_was(before in prop::collection::vec((0u8..40, 0u32..9), 0..60), after in prop::collection::vec((0u8..40, 0u32..9), 0..60)) {
            let mut map = SharedMap::default();
            let mut model = HashMap::new();
            for (key, value) in before {
                map.insert(key, value);
                model.insert(key, value);
            }
            let clone = map.clone();
            for (key, value) in after {
                if value == 0 {
                    map.remove(&key);
                } else if let Some(old) = map.get_mut(&key) {
                    *old += value;
                } else {
                    map.insert(key, value);
                }
            }
            for key in 0..40 {
                prop_assert_eq!(clone.get(&key), model.get(&key));
            }
        }
    }
}
