//! Rule 1 for one partition: the committed offset is the lowest record not yet ended.
//!
//! Records are read in the order of their offsets and end in any order. Offsets may leave out numbers, which
//! compaction and transactions do; a hole costs nothing. Pure.

use std::collections::VecDeque;

/// How far a partition's records have ended, and as what, each until the commit has passed it.
#[derive(Clone, Debug)]
pub struct Offsets<F> {
    /// Read records from the lowest open one on, in order; the first is always open.
    records: VecDeque<Read<F>>,
    /// One past the last record read.
    next: i64,
    open: usize,
}

#[derive(Clone, Copy, Debug)]
struct Read<F> {
    offset: i64,
    ended: Option<F>,
}

impl<F: Copy> Offsets<F> {
    /// Nothing is read yet; `from` is the next offset to read.
    pub fn new(from: i64) -> Self {
        Self {
            records: VecDeque::new(),
            next: from,
            open: 0,
        }
    }

    /// A record was read. One that does not lie behind all others was read before and changes nothing.
    pub fn read(&mut self, offset: i64) {
        if offset < self.next {
            return;
        }
        self.records.push_back(Read { offset, ended: None });
        self.next = offset.saturating_add(1);
        self.open += 1;
    }

    /// A record has ended. False where none of that offset is open: it was never read, or has ended before. `pass`
    /// hears, in order, how each record ended that the commit passes by this.
    pub fn end(&mut self, offset: i64, fate: F, mut pass: impl FnMut(F)) -> bool {
        let Some(at) = self.find(offset) else {
            return false;
        };
        let record = &mut self.records[at];
        if record.ended.is_some() {
            return false;
        }
        record.ended = Some(fate);
        self.open -= 1;
        while let Some(fate) = self.records.front().and_then(|record| record.ended) {
            self.records.pop_front();
            pass(fate);
        }
        true
    }

    /// The lowest record not yet ended; where all have, one past the last one read.
    pub fn commit(&self) -> i64 {
        self.oldest().unwrap_or(self.next)
    }

    /// How many records have been read and not ended.
    pub fn open(&self) -> usize {
        self.open
    }

    /// The lowest record not yet ended.
    pub fn oldest(&self) -> Option<i64> {
        self.records.front().map(|record| record.offset)
    }

    /// Without holes a record stands as far from the first as its offset; with holes, nearer.
    fn find(&self, offset: i64) -> Option<usize> {
        let first = self.records.front()?.offset;
        let distance = usize::try_from(offset.checked_sub(first)?).ok()?;
        let farthest = distance.min(self.records.len() - 1);
        if self.records[farthest].offset == offset {
            return Some(farthest);
        }
        let (mut low, mut high) = (0, farthest);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.records[middle].offset < offset {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        (self.records[low].offset == offset).then_some(low)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// A record so far behind the last one.
        Read(i64),
        /// Some offset ends, open or not.
        End(prop::sample::Index),
        /// An offset that may never have been read.
        EndOther(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Read(0)),
            1 => (0..5_i64).prop_map(Step::Read),
            1 => Just(Step::Read(1 << 40)),
            5 => any::<prop::sample::Index>().prop_map(Step::End),
            1 => (-2..60_i64).prop_map(Step::EndOther),
        ]
    }

    /// Every record ever read, and whether it has ended.
    #[derive(Default)]
    struct Model(BTreeMap<i64, bool>);

    impl Model {
        fn end(&mut self, offset: i64) -> bool {
            self.0
                .get_mut(&offset)
                .is_some_and(|ended| !std::mem::replace(ended, true))
        }

        fn open(&self) -> impl Iterator<Item = i64> {
            self.0
                .iter()
                .filter(|(_, ended)| !**ended)
                .map(|(offset, _)| *offset)
        }
    }

    proptest! {
        #[test]
        fn rule_1_the_commit_is_the_lowest_record_not_yet_ended(
            from in 0..3_i64,
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let (mut offsets, mut model, mut next) = (Offsets::new(from), Model::default(), from);
            let mut passed = Vec::new();
            for step in steps {
                match step {
                    Step::Read(hole) => {
                        offsets.read(next + hole);
                        model.0.insert(next + hole, false);
                        next += hole + 1;
                    }
                    Step::End(index) => {
                        let known: Vec<i64> = model.0.keys().copied().collect();
                        if !known.is_empty() {
                            let offset = *index.get(&known);
                            let known = offsets.end(offset, offset, |fate| passed.push(fate));
                            prop_assert_eq!(known, model.end(offset));
                        }
                    }
                    Step::EndOther(offset) => {
                        let known = offsets.end(offset, offset, |fate| passed.push(fate));
                        prop_assert_eq!(known, model.end(offset));
                    }
                }
                prop_assert_eq!(offsets.commit(), model.open().next().unwrap_or(next));
                prop_assert_eq!(offsets.oldest(), model.open().next());
                prop_assert_eq!(offsets.open(), model.open().count());
                let below: Vec<i64> = model.0.keys().copied().take_while(|at| *at < offsets.commit()).collect();
                prop_assert_eq!(&passed, &below, "each is passed once, in order, with its own fate");
            }
        }
    }

    #[test]
    fn a_hole_costs_no_memory_and_a_record_read_twice_counts_once() {
        let mut offsets = Offsets::new(7);
        assert_eq!((offsets.commit(), offsets.oldest()), (7, None));
        offsets.read(i64::MAX - 1);
        offsets.read(7);
        assert_eq!((offsets.open(), offsets.records.len()), (1, 1));
        assert!(offsets.end(i64::MAX - 1, (), drop) && !offsets.end(i64::MAX - 1, (), drop));
        assert_eq!(offsets.commit(), i64::MAX);
    }
}
