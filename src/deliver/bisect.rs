//! The search for what is bad in a request that was answered by 400 or 413. Pure.
//!
//! Parts are halved until the culprit stands alone. While no part has passed and all failed alike, a part that
//! stands alone, or was halved three times, is held: when all are held, that is us and not the data. Once anything
//! passes, or two parts fail differently, what is held goes on: what stands alone is a culprit.

/// Parts are halved so often while nothing has passed.
const DEPTH: u8 = 3;

/// One search. `P` is a part of the request.
#[derive(Debug)]
pub(super) struct Search<P> {
    /// Parts that have no verdict yet.
    open: usize,
    held: Vec<P>,
    status: Option<u16>,
    /// It is known that requests can pass.
    passes: bool,
}

/// What a part is to the search.
pub(super) trait Part: Sized {
    /// Its events.
    fn len(&self) -> usize;
    /// How often it was halved.
    fn depth(&self) -> u8;
    /// Its halves; it has two events at least.
    fn halve(self) -> [Self; 2];
}

/// What follows from an answer.
#[derive(Debug)]
pub(super) struct Next<P> {
    /// To be sent, each by itself.
    pub(super) send: Vec<P>,
    /// Culprits: each stands alone.
    pub(super) refuse: Vec<P>,
    /// All parts failed alike: these are the suspects. The search is over.
    pub(super) us: Vec<P>,
}

impl<P: Part> Search<P> {
    /// Begins with the request as its only part. `passes`: something else is known to pass.
    pub(super) fn new(passes: bool) -> Self {
        Self {
            open: 1,
            held: Vec::new(),
            status: None,
            passes,
        }
    }

    /// Whether no part is left to be judged.
    pub(super) fn over(&self) -> bool {
        self.open == 0 && self.held.is_empty()
    }

    /// Whether it is known that requests can pass.
    pub(super) fn decided(&self) -> bool {
        self.passes
    }

    /// A part without a verdict was halved.
    pub(super) fn halved(&mut self) {
        self.open += 1;
    }

    /// What is held, for good.
    pub(super) fn give_up(self) -> Vec<P> {
        self.held
    }

    /// What is held, to be looked through; what is empty then is dropped.
    pub(super) fn look_through(&mut self, mut look: impl FnMut(&mut P)) {
        self.held.iter_mut().for_each(&mut look);
        self.held.retain(|part| part.len() > 0);
    }

    /// A part left the search without a verdict, for instance because its events are not wanted any more.
    pub(super) fn gone(&mut self) -> Next<P> {
        self.open -= 1;
        self.next(Next::empty())
    }

    /// A part has passed.
    pub(super) fn passed(&mut self) -> Next<P> {
        self.open -= 1;
        self.passes = true;
        self.next(Next::empty())
    }

    /// A part was answered by `status` again.
    pub(super) fn failed(&mut self, part: P, status: Option<u16>) -> Next<P> {
        self.open -= 1;
        self.passes |= *self.status.get_or_insert(status.unwrap_or_default()) != status.unwrap_or_default();
        let mut next = Next::empty();
        match part.len() {
            1 if self.passes => next.refuse.push(part),
            1 => self.held.push(part),
            _ if !self.passes && part.depth() >= DEPTH => self.held.push(part),
            _ => next.send.extend(part.halve()),
        }
        self.next(next)
    }

    fn next(&mut self, mut next: Next<P>) -> Next<P> {
        if self.passes {
            for part in self.held.drain(..) {
                match part.len() {
                    1 => next.refuse.push(part),
                    _ => next.send.extend(part.halve()),
                }
            }
        }
        self.open += next.send.len();
        if self.open == 0 && !self.passes {
            next.us = std::mem::take(&mut self.held);
        }
        next
    }
}

impl<P> Next<P> {
    fn empty() -> Self {
        Self {
            send: Vec::new(),
            refuse: Vec::new(),
            us: Vec::new(),
        }
    }
}
