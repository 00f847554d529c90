//! Maps and sets that are cheap to clone and cheap to change: the machine's state is made of these, so a snapshot is a
//! clone, and conversion goes on meanwhile.
//!
//! They are written in the order of their keys: the same state, however it came about, is the same bytes.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::trie::Trie;

/// A map whose values are large: a change after a clone copies the one value.
#[derive(Clone, Debug)]
pub(crate) struct SharedMap<K, V>(Trie<K, Arc<V>>);

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self(Trie::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> SharedMap<K, V> {
    pub(crate) fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map(|value| &**value)
    }

    /// The key as it lies here, and its value.
    pub(crate) fn entry<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.0.entry(key).map(|(key, value)| (key, &**value))
    }

    pub(crate) fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key).map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, Arc::new(value));
    }

    pub(crate) fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).map(|(_, value)| Arc::unwrap_or_clone(value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every entry, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, &**value))
    }
}

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct SharedSet<K>(Trie<K, ()>);

impl<K> Default for SharedSet<K> {
    fn default() -> Self {
        Self(Trie::default())
    }
}

impl<K: Clone + Eq + Hash> SharedSet<K> {
    /// Whether it is new.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ())
    }

    pub(crate) fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.0.remove(key);
    }

    /// Every one, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, ())| key)
    }
}

impl<K: Clone + Eq + Hash + Ord + Serialize, V: Clone + Serialize> Serialize for SharedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries: Vec<(&K, &V)> = self.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(entries)
    }
}

impl<K: Clone + Eq + Hash + Ord + Serialize> Serialize for SharedSet<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys: Vec<&K> = self.iter().collect();
        keys.sort_unstable();
        serializer.collect_seq(keys)
    }
}

impl<'de, K, V> Deserialize<'de> for SharedMap<K, V>
where
    K: Clone + Eq + Hash + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let insert = |map: &mut Self, (key, value)| map.insert(key, value);
        deserializer.deserialize_seq(Each(insert, PhantomData))
    }
}

impl<'de, K: Clone + Eq + Hash + Deserialize<'de>> Deserialize<'de> for SharedSet<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let insert = |set: &mut Self, key| {
            set.insert(key);
        };
        deserializer.deserialize_seq(Each(insert, PhantomData))
    }
}

/// Reads a list into something, one after another.
struct Each<F, T, C>(F, PhantomData<(T, C)>);

impl<'de, F: Fn(&mut C, T), T: Deserialize<'de>, C: Default> Visitor<'de> for Each<F, T, C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<C, A::Error> {
        let mut all = C::default();
        while let Some(one) = list.next_element()? {
            self.0(&mut all, one);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Keys of which many have the same hash, as far as the tree looks at it.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
    struct Key(u16);

    impl Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            (self.0 / 40).hash(state);
        }
    }

    proptest! {
        /// Rule 3: what a clone holds is the state as of the clone, whatever happens to the original.
        #[test]
        fn a_clone_keeps_what_was(before in prop::collection::vec((0u16..400, 0u32..3), 0..600), after in prop::collection::vec((0u16..400, 0u32..3), 0..600)) {
            let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
            let change = |map: &mut SharedMap<Key, u32>, model: &mut BTreeMap<Key, u32>, changes: Vec<(u16, u32)>| {
                for (key, value) in changes {
                    let key = Key(key);
                    if value == 0 {
                        assert_eq!(map.remove(&key), model.remove(&key));
                    } else if let Some(old) = map.get_mut(&key) {
                        *old += value;
                        model.entry(key).and_modify(|old| *old += value);
                    } else {
                        map.insert(key.clone(), value);
                        model.insert(key, value);
                    }
                }
            };
            change(&mut map, &mut model, before);
            let (clone, kept) = (map.clone(), model.clone());
            change(&mut map, &mut model, after);
            for (map, model) in [(clone, kept), (map, model)] {
                prop_assert!((0..400).all(|key| map.get(&Key(key)) == model.get(&Key(key))));
                let in_order: Vec<_> = model.iter().collect();
                prop_assert_eq!(serde_json::to_string(&map).unwrap(), serde_json::to_string(&in_order).unwrap());
            }
        }
    }
}
