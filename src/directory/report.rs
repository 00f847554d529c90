//! What the operator sees of names: the board's item and the metrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::book::Book;
use super::plan::Plan;
use crate::genesys::{Answer, Reply};
use crate::health::{Board, Item};
use crate::metrics;
use crate::names::{Directory, Kind};

/// So many unresolved names of a kind stand on the page.
const SHOWN: usize = 20;

/// How the looks went.
pub(super) struct Report {
    board: Board,
    /// Whether there were unresolved names the last time.
    lacking: bool,
    looks: BTreeMap<Kind, Look>,
}

/// How the last look at a kind went.
#[derive(Debug, Default)]
struct Look {
    /// It is a list that should be read.
    listed: bool,
    /// It has been read once.
    read: bool,
    /// What went wrong, and what to do.
    wrong: Option<(String, &'static str)>,
    /// What is done without.
    without: Option<String>,
}

impl Report {
    pub(super) fn new(board: Board, lists: impl Iterator<Item = Kind>) -> Self {
        let look = |kind| {
            let listed = true;
            (
                kind,
                Look {
                    listed,
                    ..Look::default()
                },
            )
        };
        Self {
            board,
            lacking: false,
            looks: lists.map(look).collect(),
        }
    }

    /// A look was answered; `whole` where it was the whole list.
    pub(super) fn went_well(&mut self, kind: Kind, whole: bool) {
        let look = self.looks.entry(kind).or_default();
        look.read |= whole;
        look.without = None;
        if look.wrong.take().is_some() {
            tracing::info!(kind = kind.as_str(), "the directory answers again");
        }
    }

    /// A look failed.
    pub(super) fn failed(&mut self, kind: Kind, reply: &Reply) {
        let look = self.looks.entry(kind).or_default();
        if look.wrong.is_none() {
            tracing::warn!(
                kind = kind.as_str(),
                error = reply.message,
                correlation_id = reply.correlation_id.as_deref(),
                "the directory cannot be read; {}",
                advice(reply)
            );
        }
        look.wrong = Some((reply.message.clone(), advice(reply)));
    }

    /// A look failed, and that is no harm.
    pub(super) fn does_without(&mut self, kind: Kind, reply: &Reply) {
        self.looks.entry(kind).or_default().without = Some(reply.message.clone());
    }

    /// Shows how things stand.
    pub(super) fn show(&mut self, directory: &Directory, plan: &Plan, book: &Book) {
        let mut unresolved: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        let mut counts: BTreeMap<Kind, usize> = Kind::ALL.into_iter().map(|kind| (kind, 0)).collect();
        for (kind, name) in plan.unresolved() {
            let count = counts.entry(*kind).or_default();
            *count += 1;
            let names = unresolved.entry(*kind).or_default();
            if *count <= SHOWN {
                names.push(match book.shared(*kind, name) {
                    Some(several) => format!("{name} (fits {several} users)"),
                    None => name.to_string(),
                });
            }
        }
        for (kind, count) in &counts {
            let label = kind.as_str();
            let known = directory.count(*kind) as f64;
            ::metrics::gauge!(metrics::DIRECTORY_NAMES, "kind" => label).set(known);
            ::metrics::gauge!(metrics::DIRECTORY_UNRESOLVED, "kind" => label).set(*count as f64);
        }
        let count: usize = counts.values().sum();
        if (count > 0) != self.lacking {
            self.lacking = count > 0;
            // Their names are people's: they stand on the page, and in no log.
            match self.lacking {
                true => tracing::warn!(count, "names have no id; see the health page"),
                false => tracing::info!("every name has an id again"),
            }
        }
        self.board(directory, &unresolved, &counts);
    }

    fn board(
        &self,
        directory: &Directory,
        unresolved: &BTreeMap<Kind, Vec<String>>,
        counts: &BTreeMap<Kind, usize>,
    ) {
        let mut wrong = String::new();
        let mut todo = Vec::new();
        let mut never = false;
        for (kind, look) in &self.looks {
            if let Some((message, advice)) = &look.wrong {
                never |= look.listed && !look.read;
                let age = match (look.listed, look.read) {
                    (true, false) => "never read",
                    (true, true) => "not read again",
                    (false, _) => "not looked for",
                };
                join(&mut wrong, &format!("{} {age}: {message}", words(*kind)));
                if !todo.contains(advice) {
                    todo.push(*advice);
                }
            }
        }
        for (kind, names) in unresolved {
            let more = counts
                .get(kind)
                .map_or(0, |count| count.saturating_sub(names.len()));
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            join(
                &mut wrong,
                &format!("{} without an id: {}{more}", words(*kind), names.join(", ")),
            );
        }
        if !unresolved.is_empty() {
            todo.push(
                "create them in Genesys Cloud, or name them in [directory] file; list workgroups that are no queues in \
                 [directory] ignore_workgroups",
            );
        }
        let todo = todo.join("; ");
        match (wrong.is_empty(), never) {
            (true, _) => self.board.ok(Item::Directory, self.summary(directory)),
            (false, false) => self.board.warning(Item::Directory, wrong, todo),
            (false, true) => self.board.error(Item::Directory, wrong, todo),
        }
    }

    fn summary(&self, directory: &Directory) -> String {
        let mut text = String::new();
        for kind in Kind::ALL {
            join_with(
                &mut text,
                ", ",
                &format!("{} {}", directory.count(kind), words(kind)),
            );
        }
        for (kind, look) in &self.looks {
            if let Some(message) = &look.without {
                let _ = write!(text, "; without {} ({message})", words(*kind));
            }
        }
        text
    }
}

fn join(text: &mut String, more: &str) {
    join_with(text, "; ", more);
}

fn join_with(text: &mut String, joint: &str, more: &str) {
    if !text.is_empty() {
        text.push_str(joint);
    }
    text.push_str(more);
}

/// A kind in words for people.
fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Users => "users",
        Kind::Queues => "queues",
        Kind::WrapUpCodes => "wrap-up codes",
        Kind::Skills => "skills",
        Kind::Languages => "languages",
        Kind::PresenceDefinitions => "secondary presences",
        Kind::Stations => "stations",
    }
}

/// What to do about a failed look.
fn advice(reply: &Reply) -> &'static str {
    match (&reply.answer, reply.status) {
        (Answer::Unauthorized, _) => {
            "check [genesys] client_id and client_secret_file, and that the OAuth client is active"
        }
        (Answer::Stop, Some(403)) => "give the OAuth client's role the permission that the answer names",
        (Answer::Stop, _) => "check [genesys] region, or api_url",
        (Answer::RateLimited { .. }, _) => {
            "wait: it is tried again; other agents may use up the budget of the same OAuth client"
        }
        (Answer::Bad, _) => "report this: the agent asked what Genesys Cloud does not take",
        (Answer::RetryLater | Answer::Accepted { .. }, _) => {
            "wait: it is tried again; if it stays, check the network and Genesys Cloud's status page"
        }
    }
}
