//! The task that asks: one question after another, as the plan says.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::book::Book;
use super::inbox::Inbox;
use super::organization::{Ask, Entry};
use super::plan::{Plan, Step};
use super::report::Report;
use super::settings::Settings;
use crate::genesys::{Answer, Reply};
use crate::health::Board;
use crate::metrics;
use crate::names::{Directory, Kind};

/// Asks until it is dropped.
pub(super) async fn run(
    settings: Settings,
    organization: impl Ask,
    file: Directory,
    board: Board,
    inbox: Arc<Inbox>,
    said: watch::Sender<Arc<Directory>>,
) {
    let plan = Plan::new(settings, Instant::now());
    let mut work = Work {
        report: Report::new(board, plan.lists()),
        plan,
        book: Book::default(),
        file,
        inbox,
        said,
    };
    loop {
        work.take();
        match work.plan.next(Instant::now()) {
            Step::Wait(until) => tokio::select! {
                () = work.inbox.arrived() => {}
                () = until_then(until) => {}
            },
            Step::List(kind) => {
                let answer = organization.list(kind).await;
                work.listed(kind, answer);
            }
            Step::Find(kind, names) => {
                let written: Vec<_> = names.iter().map(|(_, written)| written.clone()).collect();
                let answer = organization.find(kind, &written).await;
                work.found(kind, &names, answer);
            }
        }
    }
}

async fn until_then(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

struct Work {
    plan: Plan,
    book: Book,
    file: Directory,
    inbox: Arc<Inbox>,
    said: watch::Sender<Arc<Directory>>,
    report: Report,
}

impl Work {
    /// Takes what was asked for. What has come to be known in the meantime is not looked for.
    fn take(&mut self) {
        let now = Instant::now();
        let new = self.inbox.take();
        if new.is_empty() {
            return;
        }
        let known = self.said.borrow().clone();
        for ((kind, name), written) in new {
            if known.find(kind, &name).is_none() {
                self.plan.want((kind, name), written, now);
            }
        }
        self.inbox.settle(&known, |wanted| self.plan.denied(wanted));
    }

    fn listed(&mut self, kind: Kind, answer: Result<Vec<Entry>, Box<Reply>>) {
        let now = Instant::now();
        match answer {
            Ok(entries) => {
                self.book.replace(kind, &entries);
                let book = &self.book;
                self.plan.listed(kind, now, |name| book.lists(kind, name));
                self.report.went_well(kind, true);
                ::metrics::counter!(metrics::DIRECTORY_REFRESHES, "result" => "done").increment(1);
            }
            Err(reply) => {
                self.failed(kind, &reply, now);
                ::metrics::counter!(metrics::DIRECTORY_REFRESHES, "result" => "failed").increment(1);
            }
        }
        self.publish();
    }

    fn found(&mut self, kind: Kind, names: &[(Box<str>, Box<str>)], answer: Result<Vec<Entry>, Box<Reply>>) {
        let now = Instant::now();
        match answer {
            Ok(entries) => {
                let keys: Vec<_> = names.iter().map(|(key, _)| key.clone()).collect();
                self.book.found(kind, &keys, &entries);
                let book = &self.book;
                self.plan.found(kind, names, now, |name| book.knows(kind, name));
                self.report.went_well(kind, false);
            }
            Err(reply) => self.failed(kind, &reply, now),
        }
        self.publish();
    }

    fn failed(&mut self, kind: Kind, reply: &Reply, now: Instant) {
        // Stations are a convenience: a client that may not see them does without.
        if kind == Kind::Stations && reply.answer == Answer::Stop {
            self.plan.passed_over(kind, now);
            self.report.does_without(kind, reply);
            return;
        }
        let wait: Option<Duration> = match reply.answer {
            Answer::RateLimited { retry_after, .. } => retry_after,
            _ => None,
        };
        self.plan.failed(kind, now, wait, fastrand::f64());
        self.report.failed(kind, reply);
    }

    /// Hands out what is known now, where it is news.
    fn publish(&mut self) {
        let directory = self.book.directory(&self.file);
        self.inbox.settle(&directory, |wanted| self.plan.denied(wanted));
        self.report.show(&directory, &self.plan, &self.book);
        self.said.send_if_modified(|known| {
            let news = **known != directory;
            if news {
                *known = Arc::new(directory);
            }
            news
        });
    }
}
