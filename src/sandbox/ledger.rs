//! Decides event by event, in order of acceptance: what the rules allow is entered and journalled, the rest is
//! refused with the reason. Keeps the figures that the summary shows.

use super::journal::{Journal, Reader};
use super::rules::{Book, Counts, Fact, Lane, Verdict};
use super::settings::{Error, Settings};
use crate::time::Time;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a sandbox has seen since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Events accepted, by the name of their array; repeats are not among them.
    pub accepted: BTreeMap<String, u64>,
    /// Their sum.
    pub accepted_total: u64,
    /// Events accepted again with the same content, without effect.
    pub repeats: u64,
    /// Broken rules by name; `shape` for what a schema refuses. An event may break several.
    pub violations: BTreeMap<String, u64>,
    /// Events refused because of them.
    pub refused: u64,
    /// Events refused because a fault said so.
    pub faulted: u64,
    /// Events in all inject requests that were read.
    pub received: u64,
    /// Requests by endpoint, refused ones too.
    pub requests: BTreeMap<super::Endpoint, u64>,
    /// Answers by HTTP status, as they were meant to be sent.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers 429 because of the rate limit, not of a fault.
    pub throttled: u64,
    /// Conversations and those of them that are open.
    pub conversations: Counts,
}

/// The events of one sandbox.
#[derive(Debug)]
pub(super) struct Ledger {
    book: Book,
    journal: Journal,
    lenient: bool,
    pub(super) summary: Summary,
    /// eventIds that a fault has refused for good.
    faulted: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        let journal = Journal::open(settings.journal.clone())?;
        Ok(Self {
            book: Book::default(),
            journal,
            lenient: settings.lenient,
            summary: Summary::default(),
            faulted: BTreeSet::new(),
        })
    }

    /// Judges an event of the right shape and enters it; the error is the text for `errors[]`.
    pub(super) fn enter(&mut self, at: Time, fact: &Fact<'_>, event: &Value) -> Result<(), String> {
        let repeat = match self.book.check(fact, event) {
            Verdict::New => false,
            Verdict::Repeat => true,
            Verdict::Broken(broken) => {
                for violation in &broken {
                    self.violated(violation.rule.name());
                }
                if !self.lenient {
                    self.summary.refused += 1;
                    let messages: Vec<_> = broken.iter().map(ToString::to_string).collect();
                    return Err(messages.join("; "));
                }
                false
            }
        };
        self.book.apply(fact, event);
        self.accepted(at, fact.lane, fact.array, event, repeat);
        Ok(())
    }

    /// Enters what no rule judges.
    pub(super) fn accepted(&mut self, at: Time, lane: Lane, array: &str, event: &Value, repeat: bool) {
        if let Err(error) = self.journal.add(at, lane, array, event, repeat) {
            tracing::error!(%error, "cannot write the journal");
        }
        if repeat {
            self.summary.repeats += 1;
            return;
        }
        self.summary.accepted_total += 1;
        match self.summary.accepted.get_mut(array) {
            Some(count) => *count += 1,
            None => _ = self.summary.accepted.insert(array.to_owned(), 1),
        }
    }

    /// Counts an event whose shape a schema refuses.
    pub(super) fn misshapen(&mut self) {
        self.violated("shape");
        self.summary.refused += 1;
    }

    /// Counts an event that a fault refuses.
    pub(super) fn faulted(&mut self, event: &Value, retryable: bool) {
        self.summary.faulted += 1;
        if let Some(id) = event["eventId"].as_str().filter(|_| !retryable) {
            self.faulted.insert(id.to_owned());
        }
    }

    pub(super) fn refused_by_faults(&self) -> &BTreeSet<String> {
        &self.faulted
    }

    fn violated(&mut self, rule: &str) {
        *self.summary.violations.entry(rule.to_owned()).or_default() += 1;
    }

    /// Puts what was entered on disk; to be called once per request.
    pub(super) fn flush(&mut self) {
        if let Err(error) = self.journal.flush() {
            tracing::error!(%error, "cannot write the journal");
        }
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            conversations: self.book.counts(),
            ..self.summary.clone()
        }
    }

    pub(super) fn journal(&self) -> Reader {
        self.journal.reader()
    }
}
