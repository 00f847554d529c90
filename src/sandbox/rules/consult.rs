//! The life of a consult: one at a time, its parties are open, and it progresses and ends only while it is open.

use super::communication::open;
use super::fact::Kind;
use super::{Book, Fact, Rule, Violation};

pub(super) fn check(book: &Book, fact: &Fact<'_>, broken: &mut Vec<Violation>) {
    let consulting = book
        .conversations
        .get(&fact.conversation)
        .is_some_and(|known| known.consult_open);
    match fact.kind {
        Kind::ConsultStarted {
            initiating,
            destination,
            object,
        } => {
            if consulting {
                broken.push(Violation::new(
                    Rule::OneConsult,
                    "a consult of this conversation is still open",
                ));
            }
            parties_open(book, fact, [initiating, destination, object], broken);
        }
        Kind::ConsultProgressed {
            initiating,
            destination,
            object,
        } => {
            must_be_open(consulting, broken);
            parties_open(book, fact, [initiating, destination, object], broken);
        }
        Kind::ConsultEnded => must_be_open(consulting, broken),
        _ => {}
    }
}

pub(super) fn apply(book: &mut Book, fact: &Fact<'_>) {
    let consulting = match fact.kind {
        Kind::ConsultStarted { .. } => true,
        Kind::ConsultEnded => false,
        _ => return,
    };
    book.conversations
        .entry(fact.conversation)
        .or_default()
        .consult_open = consulting;
}

fn must_be_open(consulting: bool, broken: &mut Vec<Violation>) {
    if !consulting {
        broken.push(Violation::new(
            Rule::ConsultOpen,
            "no consult of this conversation is open",
        ));
    }
}

fn parties_open(book: &Book, fact: &Fact<'_>, ids: [super::Uuid; 3], broken: &mut Vec<Violation>) {
    let fields = [
        "initiatingCommunicationId",
        "destinationCommunicationId",
        "objectCommunicationId",
    ];
    for (id, field) in ids.into_iter().zip(fields) {
        open(book, fact, id, field, broken);
    }
}
