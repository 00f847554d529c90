//! Lines of events, one for each key that has any: linked lists in a slab. An event costs no allocation of its own.

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::Entry;
use crate::event::Key;

/// No slot.
const NONE: u32 = u32::MAX;

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its head may leave, since then.
    Ready(Instant),
    /// Its head comes again then.
    Later(Instant),
    /// Its head was taken.
    Locked,
}

/// All lines of a queue.
#[derive(Default)]
pub(super) struct Lines {
    slots: Vec<Slot>,
    free_slots: Vec<u32>,
    lines: Vec<Line>,
    free_lines: Vec<u32>,
    keys: FxHashMap<Key, u32>,
}

struct Slot {
    entry: Option<Entry>,
    next: u32,
}

struct Line {
    key: Key,
    head: u32,
    tail: u32,
    state: State,
}

impl Lines {
    /// The line of `key`; a new one is ready since `now`.
    pub(super) fn of(&mut self, key: Key, now: Instant) -> u32 {
        *self.keys.entry(key).or_insert_with(|| {
            let line = Line {
                key,
                head: NONE,
                tail: NONE,
                state: State::Ready(now),
            };
            match self.free_lines.pop() {
                Some(at) => {
                    self.lines[at as usize] = line;
                    at
                }
                None => {
                    self.lines.push(line);
                    (self.lines.len() - 1) as u32
                }
            }
        })
    }

    /// Every line, those not in use included.
    pub(super) fn all(&self) -> std::ops::Range<u32> {
        0..self.lines.len() as u32
    }

    /// Events that there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    pub(super) fn state(&self, line: u32) -> State {
        self.lines[line as usize].state
    }

    pub(super) fn set(&mut self, line: u32, state: State) {
        self.lines[line as usize].state = state;
    }

    pub(super) fn head(&self, line: u32) -> Option<&Entry> {
        let head = self.lines[line as usize].head;
        self.slots.get(head as usize)?.entry.as_ref()
    }

    /// Puts an event at the end of its line; whether it is the head.
    pub(super) fn append(&mut self, entry: Entry) -> bool {
        let line = entry.line as usize;
        let slot = self.put(entry);
        let tail = std::mem::replace(&mut self.lines[line].tail, slot);
        match tail {
            NONE => self.lines[line].head = slot,
            _ => self.slots[tail as usize].next = slot,
        }
        tail == NONE
    }

    /// Puts an event at the head of its line.
    pub(super) fn put_back(&mut self, entry: Entry) {
        let line = entry.line as usize;
        let slot = self.put(entry);
        let next = std::mem::replace(&mut self.lines[line].head, slot);
        if next == NONE {
            self.lines[line].tail = slot;
        }
        self.slots[slot as usize].next = next;
    }

    /// Takes the head.
    pub(super) fn pop(&mut self, line: u32) -> Option<Entry> {
        let at = &mut self.lines[line as usize];
        let head = at.head;
        at.head = self.slots.get(head as usize)?.next;
        if at.head == NONE {
            at.tail = NONE;
        }
        self.free(head)
    }

    /// Takes out of a line what is not to be kept; and whether that was its head. The line stays, even when it is
    /// empty.
    pub(super) fn filter(&mut self, line: u32, mut keep: impl FnMut(&Entry) -> bool) -> (Vec<Entry>, bool) {
        let head = self.lines[line as usize].head;
        let (mut gone, mut before, mut at) = (Vec::new(), NONE, head);
        while at != NONE {
            let next = self.slots[at as usize].next;
            if self.slots[at as usize].entry.as_ref().is_some_and(&mut keep) {
                before = at;
            } else {
                match before {
                    NONE => self.lines[line as usize].head = next,
                    _ => self.slots[before as usize].next = next,
                }
                gone.extend(self.free(at));
            }
            at = next;
        }
        self.lines[line as usize].tail = before;
        (gone, self.lines[line as usize].head != head)
    }

    /// Forgets a line without events.
    pub(super) fn remove(&mut self, line: u32) {
        let at = &mut self.lines[line as usize];
        at.state = State::Locked;
        self.keys.remove(&at.key);
        self.free_lines.push(line);
    }

    fn put(&mut self, entry: Entry) -> u32 {
        let slot = Slot {
            entry: Some(entry),
            next: NONE,
        };
        match self.free_slots.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        }
    }

    fn free(&mut self, slot: u32) -> Option<Entry> {
        self.free_slots.push(slot);
        self.slots[slot as usize].entry.take()
    }
}
