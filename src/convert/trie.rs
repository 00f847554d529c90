//! A map that is cheap to clone and cheap to change: a tree by the bits of the key's hash. A clone shares all of it; a
//! change copies the few nodes on its way that are shared, each of a handful of entries.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// Not keyed: CIC's own ids are no attack, and the same input must take the same way.
type Hasher = rustc_hash::FxBuildHasher;

const BITS: u32 = 3;
const WIDTH: usize = 1 << BITS;
/// Levels, after which the bits are used up.
const DEEPEST: u32 = u64::BITS / BITS;
/// A leaf with more entries becomes a branch; a branch over fewer becomes a leaf again.
const MOST: usize = 16;
const FEWEST: usize = 8;
/// By how much a leaf grows.
const MORE: usize = 2;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Trie<K, V> {
    root: Node<K, V>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node<K, V> {
    Leaf(Arc<Vec<Entry<K, V>>>),
    Branch(Arc<Below<K, V>>),
}

type Below<K, V> = [Option<Node<K, V>>; WIDTH];

#[derive(Clone, Debug)]
struct Entry<K, V> {
    /// A part of the hash: where it differs, the key need not be looked at.
    mark: u32,
    key: K,
    value: V,
}

impl<K, V> Default for Trie<K, V> {
    fn default() -> Self {
        Self {
            root: Node::default(),
            len: 0,
        }
    }
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self::Leaf(Arc::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Trie<K, V> {
    pub(super) fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key as it lies here, and its value.
    pub(super) fn entry<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let mut node = &self.root;
        let hash = hash(key);
        let mut bits = hash;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = place(entries, hash, key)?;
                    return entries.get(at).map(|entry| (&entry.key, &entry.value));
                }
                Node::Branch(below) => node = below[step(&mut bits)].as_ref()?,
            }
        }
    }

    /// Copies what is shared on the way to the entry.
    pub(super) fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let mut node = &mut self.root;
        let hash = hash(key);
        let mut bits = hash;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = place(entries, hash, key)?;
                    return Arc::make_mut(entries).get_mut(at).map(|entry| &mut entry.value);
                }
                Node::Branch(below) => node = Arc::make_mut(below)[step(&mut bits)].as_mut()?,
            }
        }
    }

    /// Puts it in the place of what has the key; whether nothing had.
    pub(super) fn insert(&mut self, key: K, value: V) -> bool {
        let mut node = &mut self.root;
        let hash = hash(&key);
        let (mut bits, mut level) = (hash, 0);
        loop {
            if let Node::Leaf(entries) = node {
                let entries = Arc::make_mut(entries);
                if let Some(at) = place(entries, hash, &key) {
                    entries[at].value = value;
                    return false;
                }
                if entries.len() < MOST || level == DEEPEST {
                    let mark = mark(hash);
                    // There are many leaves.
                    if entries.len() == entries.capacity() {
                        entries.reserve_exact(MORE);
                    }
                    entries.push(Entry { mark, key, value });
                    self.len += 1;
                    return true;
                }
                *node = split(std::mem::take(entries), level);
            }
            if let Node::Branch(below) = node {
                node = Arc::make_mut(below)[step(&mut bits)].get_or_insert_default();
            }
            level += 1;
        }
    }

    pub(super) fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        // Where there is nothing, nothing is copied.
        self.get(key)?;
        self.len -= 1;
        let hash = hash(key);
        remove(&mut self.root, hash, hash, key)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Every entry, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut entries = Vec::with_capacity(self.len);
        gather(&self.root, &mut entries);
        entries.into_iter()
    }
}

fn place<K: Borrow<Q>, V, Q: ?Sized + Eq>(entries: &[Entry<K, V>], hash: u64, key: &Q) -> Option<usize> {
    let mark = mark(hash);
    entries
        .iter()
        .position(|entry| entry.mark == mark && entry.key.borrow() == key)
}

fn split<K: Clone + Hash, V: Clone>(entries: Vec<Entry<K, V>>, level: u32) -> Node<K, V> {
    let mut below: Below<K, V> = Default::default();
    for entry in entries {
        let mut bits = hash(&entry.key) >> (level * BITS);
        if let Node::Leaf(entries) = below[step(&mut bits)].get_or_insert_default() {
            let entries = Arc::make_mut(entries);
            entries.reserve_exact(1);
            entries.push(entry);
        }
    }
    Node::Branch(Arc::new(below))
}

fn remove<K, V, Q>(node: &mut Node<K, V>, hash: u64, mut bits: u64, key: &Q) -> Option<(K, V)>
where
    K: Clone + Borrow<Q>,
    V: Clone,
    Q: ?Sized + Eq,
{
    match node {
        Node::Leaf(entries) => {
            let at = place(entries, hash, key)?;
            let Entry { key, value, .. } = Arc::make_mut(entries).swap_remove(at);
            Some((key, value))
        }
        Node::Branch(below) => {
            let below = Arc::make_mut(below);
            let removed = remove(below[step(&mut bits)].as_mut()?, hash, bits, key);
            let mut left = 0;
            for node in below.iter().flatten() {
                left += match node {
                    Node::Leaf(entries) => entries.len(),
                    Node::Branch(_) => FEWEST,
                };
                if left >= FEWEST {
                    return removed;
                }
            }
            let leaves = below.iter_mut().filter_map(|node| match node.take()? {
                Node::Leaf(entries) => Some(Arc::unwrap_or_clone(entries)),
                Node::Branch(_) => None,
            });
            *node = Node::Leaf(Arc::new(leaves.flatten().collect()));
            removed
        }
    }
}

fn gather<'a, K, V>(node: &'a Node<K, V>, entries: &mut Vec<(&'a K, &'a V)>) {
    match node {
        Node::Leaf(own) => entries.extend(own.iter().map(|entry| (&entry.key, &entry.value))),
        Node::Branch(below) => {
            for node in below.iter().flatten() {
                gather(node, entries);
            }
        }
    }
}

fn hash<Q: ?Sized + Hash>(key: &Q) -> u64 {
    Hasher::default().hash_one(key)
}

fn mark(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn step(bits: &mut u64) -> usize {
    let at = *bits as usize % WIDTH;
    *bits >>= BITS;
    at
}
