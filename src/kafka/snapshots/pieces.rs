//! A snapshot on its way out: cut into pieces as it is written, so that it is never there as a whole.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::CHUNK;
use crate::kafka::pointer;

/// Where a snapshot is written to. See the module.
pub struct Pieces {
    piece: Vec<u8>,
    take: Box<dyn FnMut(Vec<u8>) -> io::Result<()> + Send>,
    taken: u64,
    hash: Sha256,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces")
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

/// What was written in all.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    /// Bytes.
    pub length: u64,
    /// Of all of them.
    pub checksum: u64,
}

impl Pieces {
    /// Pieces that `take` takes one after another.
    pub fn new(take: impl FnMut(Vec<u8>) -> io::Result<()> + Send + 'static) -> Self {
        Self {
            piece: Vec::new(),
            take: Box::new(take),
            taken: 0,
            hash: Sha256::new(),
        }
    }

    /// All is written: the last piece goes out. What is empty has an empty one.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn end(mut self) -> io::Result<Whole> {
        if self.taken == 0 || !self.piece.is_empty() {
            self.hand_out()?;
        }
        Ok(Whole {
            length: self.taken,
            checksum: pointer::first(&self.hash.finalize()),
        })
    }

    fn hand_out(&mut self) -> io::Result<()> {
        self.hash.update(&self.piece);
        self.taken += self.piece.len() as u64;
        (self.take)(std::mem::take(&mut self.piece))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            let room = CHUNK - self.piece.len();
            if bytes.len() < room {
                self.piece.extend_from_slice(bytes);
                return Ok(());
            }
            let (now, later) = bytes.split_at(room);
            self.piece.extend_from_slice(now);
            self.hand_out()?;
            bytes = later;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::mpsc;

    /// What comes of writing these, one after another.
    fn cut(parts: &[Vec<u8>]) -> (Whole, Vec<Vec<u8>>) {
        let (sender, pieces) = mpsc::channel();
        let mut to = Pieces::new(move |piece| sender.send(piece).map_err(io::Error::other));
        for part in parts {
            to.write_all(part).unwrap();
        }
        (to.end().unwrap(), pieces.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// However it is written, it is cut alike, and all of it goes out.
        #[test]
        fn the_pieces_are_the_whole(lengths in prop::collection::vec(0usize..2 * CHUNK, 0..6)) {
            let parts: Vec<Vec<u8>> = lengths.iter().zip(1u8..).map(|(length, n)| vec![n; *length]).collect();
            let all = parts.concat();
            let (whole, pieces) = cut(&parts);
            prop_assert_eq!((whole.length, whole.checksum), (all.len() as u64, pointer::of_bytes(&all)));
            let full = pieces.iter().filter(|piece| piece.len() == CHUNK).count();
            prop_assert_eq!(full, all.len() / CHUNK);
            prop_assert_eq!(pieces.len(), all.len().div_ceil(CHUNK).max(1));
            prop_assert!(pieces.concat() == all);
        }
    }

    #[test]
    fn what_is_not_taken_is_an_error() {
        let mut to = Pieces::new(|_| Err(io::Error::from(io::ErrorKind::BrokenPipe)));
        assert!(to.write_all(&vec![0; CHUNK]).is_err());
        let to = Pieces::new(|_| Err(io::Error::from(io::ErrorKind::BrokenPipe)));
        assert!(to.end().is_err());
    }
}
