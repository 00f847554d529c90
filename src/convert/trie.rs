//! A map that is cheap to clone and cheap to change: a tree by the bits of the key's hash. A clone shares all of it; a
//! change copies the few nodes on its way that are shared, each of a handful of entries.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// Not keyed: CIC's own ids are no attack, and the same input must take the same way.
type Hasher = rustc_hash::FxBuildHasher;

const BITS: u32 = 4;
const WIDTH: usize = 1 << BITS;
/// Levels, after which the bits are used up.
const DEEPEST: u32 = u64::BITS / BITS;
/// A leaf with more entries becomes a branch; a branch over fewer becomes a leaf again.
const MOST: usize = 16;
const FEWEST: usize = 8;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Trie<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    Branch([Option<Arc<Node<K, V>>>; WIDTH]),
}

impl<K, V> Default for Trie<K, V> {
    fn default() -> Self {
        Self {
            root: Arc::default(),
            len: 0,
        }
    }
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self::Leaf(Vec::new())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Trie<K, V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut node = &*self.root;
        let mut bits = bits(key);
        loop {
            match node {
                Node::Leaf(entries) => {
                    let mut entries = entries.iter();
                    return entries.find(|(known, _)| known.borrow() == key).map(|(_, v)| v);
                }
                Node::Branch(below) => node = below[step(&mut bits)].as_deref()?,
            }
        }
    }

    /// Copies what is shared on the way to the entry.
    pub(super) fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let mut node = Arc::make_mut(&mut self.root);
        let mut bits = bits(key);
        loop {
            match node {
                Node::Leaf(entries) => {
                    let mut entries = entries.iter_mut();
                    return entries
                        .find(|(known, _)| (*known).borrow() == key)
                        .map(|(_, v)| v);
                }
                Node::Branch(below) => node = Arc::make_mut(below[step(&mut bits)].as_mut()?),
            }
        }
    }

    /// Puts it in the place of what has the key, if anything has.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if let Some(old) = self.get_mut(&key) {
            *old = value;
            return;
        }
        self.len += 1;
        let mut node = Arc::make_mut(&mut self.root);
        let (mut left, mut level) = (bits(&key), 0);
        loop {
            if let Node::Leaf(entries) = node {
                if entries.len() < MOST || level == DEEPEST {
                    entries.push((key, value));
                    return;
                }
                *node = split(std::mem::take(entries), level);
            }
            if let Node::Branch(below) = node {
                node = Arc::make_mut(below[step(&mut left)].get_or_insert_default());
            }
            level += 1;
        }
    }

    pub(super) fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // Where there is nothing, nothing is copied.
        self.get(key)?;
        self.len -= 1;
        remove(Arc::make_mut(&mut self.root), bits(key), key)
    }

    /// Every entry, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut entries = Vec::with_capacity(self.len);
        gather(&self.root, &mut entries);
        entries.into_iter()
    }
}

fn split<K: Clone + Hash, V: Clone>(entries: Vec<(K, V)>, level: u32) -> Node<K, V> {
    let mut below: [Option<Arc<Node<K, V>>>; WIDTH] = Default::default();
    for (key, value) in entries {
        let mut bits = bits(&key) >> (level * BITS);
        let node = below[step(&mut bits)].get_or_insert_default();
        if let Node::Leaf(entries) = Arc::make_mut(node) {
            entries.push((key, value));
        }
    }
    Node::Branch(below)
}

fn remove<K, V, Q>(node: &mut Node<K, V>, mut bits: u64, key: &Q) -> Option<V>
where
    K: Clone + Eq + Hash + Borrow<Q>,
    V: Clone,
    Q: ?Sized + Eq + Hash,
{
    match node {
        Node::Leaf(entries) => {
            let at = entries.iter().position(|(known, _)| known.borrow() == key)?;
            Some(entries.swap_remove(at).1)
        }
        Node::Branch(below) => {
            let slot = &mut below[step(&mut bits)];
            let removed = remove(Arc::make_mut(slot.as_mut()?), bits, key);
            let mut left = 0;
            for node in below.iter().flatten() {
                left += match &**node {
                    Node::Leaf(entries) => entries.len(),
                    Node::Branch(_) => FEWEST,
                };
                if left >= FEWEST {
                    return removed;
                }
            }
            let nodes = below.iter_mut().filter_map(Option::take);
            let entries = nodes.flat_map(|node| match Arc::unwrap_or_clone(node) {
                Node::Leaf(entries) => entries,
                Node::Branch(_) => Vec::new(),
            });
            *node = Node::Leaf(entries.collect());
            removed
        }
    }
}

fn gather<'a, K, V>(node: &'a Node<K, V>, entries: &mut Vec<(&'a K, &'a V)>) {
    match node {
        Node::Leaf(own) => entries.extend(own.iter().map(|(key, value)| (key, value))),
        Node::Branch(below) => {
            for node in below.iter().flatten() {
                gather(node, entries);
            }
        }
    }
}

fn bits<Q: ?Sized + Hash>(key: &Q) -> u64 {
    Hasher::default().hash_one(key)
}

fn step(bits: &mut u64) -> usize {
    let at = *bits as usize % WIDTH;
    *bits >>= BITS;
    at
}
