//! The life of a communication: established once, before anything names it; answered if it was alerting; held
//! alternately; ended once, and only dispositions after; nothing new in a conversation that is over.

use super::fact::Kind;
use super::{Book, Fact, Rule, Uuid, Violation};

/// What is known of one communication.
#[derive(Debug)]
pub(super) struct Communication {
    conversation: Uuid,
    alerting: bool,
    held: bool,
    ended: bool,
}

pub(super) fn check(book: &Book, fact: &Fact<'_>, broken: &mut Vec<Violation>) {
    match fact.kind {
        Kind::Established {
            communication,
            invited_by,
            ..
        } => {
            if book.communications.contains_key(&communication) {
                let message = format!("communication {communication} has been established before");
                broken.push(Violation::new(Rule::EstablishedOnce, message));
            }
            if book.is_over(fact.conversation) {
                let message = format!(
                    "all communications of conversation {} have ended",
                    fact.conversation
                );
                broken.push(Violation::new(Rule::ConversationOver, message));
            }
            if let Some(inviter) = invited_by {
                let known = Uuid::parse(inviter).and_then(|inviter| find(book, fact, inviter));
                if known.is_none() {
                    let message =
                        format!("invitedBy {inviter:?} is no established communication of this conversation");
                    broken.push(Violation::new(Rule::InvitedByEstablished, message));
                }
            }
        }
        Kind::Answered { communication } => {
            let known = open(book, fact, communication, "communicationId", broken);
            if known.is_some_and(|known| !known.alerting) {
                let message = format!("communication {communication} is not alerting");
                broken.push(Violation::new(Rule::AnsweredWhenAlerting, message));
            }
        }
        Kind::Held { communication, held } => {
            let known = open(book, fact, communication, "communicationId", broken);
            if known.is_some_and(|known| known.held == held) {
                let state = if held { "held already" } else { "not held" };
                let message = format!("communication {communication} is {state}");
                broken.push(Violation::new(Rule::HoldAlternates, message));
            }
        }
        Kind::Named { communication } => {
            open(book, fact, communication, "communicationId", broken);
        }
        Kind::Disposition { communication } => {
            established(book, fact, communication, "communicationId", broken);
        }
        Kind::Ended { communication } => {
            let known = established(book, fact, communication, "communicationId", broken);
            if known.is_some_and(|known| known.ended) {
                let message = format!("communication {communication} has ended before");
                broken.push(Violation::new(Rule::EndedOnce, message));
            }
        }
        // The parties of transfers and consults are judged there.
        _ => {}
    }
}

pub(super) fn apply(book: &mut Book, fact: &Fact<'_>) {
    match fact.kind {
        Kind::Established {
            communication,
            alerting,
            held,
            ..
        } => {
            let conversation = fact.conversation;
            let new = Communication {
                conversation,
                alerting,
                held,
                ended: false,
            };
            if let std::collections::hash_map::Entry::Vacant(free) = book.communications.entry(communication)
            {
                free.insert(new);
                let known = book.conversations.entry(conversation).or_default();
                known.open += 1;
                known.established += 1;
            }
        }
        Kind::Answered { communication } => change(book, communication, |known| known.alerting = false),
        Kind::Held { communication, held } => change(book, communication, |known| known.held = held),
        Kind::Ended { communication } => {
            let open = book
                .communications
                .get_mut(&communication)
                .filter(|known| !known.ended);
            if let Some(known) = open {
                known.ended = true;
                if let Some(conversation) = book.conversations.get_mut(&known.conversation) {
                    conversation.open -= 1;
                }
            }
        }
        _ => {}
    }
}

fn change(book: &mut Book, communication: Uuid, change: impl FnOnce(&mut Communication)) {
    if let Some(known) = book.communications.get_mut(&communication) {
        change(known);
    }
}

fn find<'b>(book: &'b Book, fact: &Fact<'_>, communication: Uuid) -> Option<&'b Communication> {
    let known = book.communications.get(&communication)?;
    (known.conversation == fact.conversation).then_some(known)
}

/// The communication, or a violation that `field` names one that was never established here.
pub(super) fn established<'b>(
    book: &'b Book,
    fact: &Fact<'_>,
    communication: Uuid,
    field: &str,
    broken: &mut Vec<Violation>,
) -> Option<&'b Communication> {
    let known = find(book, fact, communication);
    if known.is_none() {
        let message = format!("{field} {communication} has not been established in this conversation");
        broken.push(Violation::new(Rule::NamedAfterEstablished, message));
    }
    known
}

/// The communication if it is open, or a violation that `field` names one that is not.
pub(super) fn open<'b>(
    book: &'b Book,
    fact: &Fact<'_>,
    communication: Uuid,
    field: &str,
    broken: &mut Vec<Violation>,
) -> Option<&'b Communication> {
    let known = established(book, fact, communication, field, broken)?;
    if known.ended {
        let message = format!("{field} {communication} has ended");
        broken.push(Violation::new(Rule::NothingAfterEnd, message));
        return None;
    }
    Some(known)
}

/// Whether the communication is established here and has not ended.
pub(super) fn is_open(book: &Book, fact: &Fact<'_>, communication: Uuid) -> bool {
    find(book, fact, communication).is_some_and(|known| !known.ended)
}

/// Whether the communication was ever established here.
pub(super) fn is_established(book: &Book, fact: &Fact<'_>, communication: Uuid) -> bool {
    find(book, fact, communication).is_some()
}
