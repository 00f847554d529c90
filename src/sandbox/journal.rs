//! What was accepted, in order of acceptance, one JSON object per line:
//! `{"n","at","lane","type","event","repeat"}`. `n` counts from 1, `at` is when it was accepted.
//!
//! With a file every line has been written to it before its request is answered; without one the last lines are kept in
//! memory. Nothing is ever changed in it.

use super::rules::Lane;
use super::settings::Error;
use crate::time::Time;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// Lines kept in memory when there is no file: about 20 MB.
const KEPT: usize = 50_000;

#[derive(serde::Serialize)]
struct Line<'a> {
    n: u64,
    at: Time,
    lane: &'a str,
    #[serde(rename = "type")]
    array: &'a str,
    event: &'a Value,
    repeat: bool,
}

/// The journal of one sandbox.
#[derive(Debug)]
pub(super) struct Journal {
    file: Option<(PathBuf, BufWriter<File>)>,
    kept: VecDeque<Box<str>>,
    lines: u64,
}

impl Journal {
    /// Starts an empty one; a file of that name is emptied.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self, Error> {
        let file = match path {
            Some(path) => match File::create(&path) {
                Ok(file) => Some((path, BufWriter::with_capacity(1 << 18, file))),
                Err(source) => return Err(Error::Journal { path, source }),
            },
            None => None,
        };
        Ok(Self {
            file,
            kept: VecDeque::new(),
            lines: 0,
        })
    }

    /// Adds a line.
    pub(super) fn add(
        &mut self,
        at: Time,
        lane: Lane,
        array: &str,
        event: &Value,
        repeat: bool,
    ) -> io::Result<()> {
        self.lines += 1;
        let line = Line {
            n: self.lines,
            at,
            lane: lane.name(),
            array,
            event,
            repeat,
        };
        if let Some((_, file)) = &mut self.file {
            serde_json::to_writer(&mut *file, &line)?;
            return file.write_all(b"\n");
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(serde_json::to_string(&line)?.into());
        Ok(())
    }

    /// Hands over to the system what was added.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |(_, file)| file.flush())
    }

    /// How to read it, apart from the journal itself: a file may be long.
    pub(super) fn reader(&self) -> Reader {
        match &self.file {
            Some((path, _)) => Reader::File(path.clone()),
            None => Reader::Memory(self.kept.iter().cloned().collect()),
        }
    }
}

/// Reads a journal from its beginning.
pub(super) enum Reader {
    File(PathBuf),
    Memory(Vec<Box<str>>),
}

impl Reader {
    /// The first `limit` lines that `wanted` takes.
    pub(super) fn lines(self, limit: usize, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<Box<str>>> {
        match self {
            Self::Memory(lines) => Ok(lines
                .into_iter()
                .filter(|line| wanted(line))
                .take(limit)
                .collect()),
            Self::File(path) => {
                let lines = BufReader::new(File::open(path)?).lines();
                let taken = lines.filter(|line| line.as_ref().map_or(true, |line| wanted(line)));
                taken.take(limit).map(|line| line.map(Into::into)).collect()
            }
        }
    }
}
