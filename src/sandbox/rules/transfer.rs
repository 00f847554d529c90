//! The life of a transfer: its parties are open when it starts, its destination is established when it
//! progresses, it progresses before it is completed, and it ends once.

use super::communication::{is_established, is_open, open};
use super::fact::Kind;
use super::{Book, Fact, Rule, Uuid, Violation};

/// How far a transfer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    Started,
    Progressed,
    Ended,
}

pub(super) fn check(book: &Book, fact: &Fact<'_>, broken: &mut Vec<Violation>) {
    match fact.kind {
        Kind::TransferStarted {
            command,
            initiating,
            target,
            object,
        } => {
            let parties = [("initiating", initiating), ("target", target), ("object", object)];
            for (party, communication) in parties {
                if !is_open(book, fact, communication) {
                    let message = format!(
                        "{party}CommunicationId {communication} is not open when the transfer starts"
                    );
                    broken.push(Violation::new(Rule::TransferPartiesOpen, message));
                }
            }
            if find(book, fact, command).is_some() {
                let message = format!("commandId {command} has been used before");
                broken.push(Violation::new(Rule::TransferStartedOnce, message));
            }
        }
        Kind::TransferProgressed {
            command,
            object,
            destination,
        } => {
            under_way(book, fact, command, Rule::TransferUnderWay, broken);
            if is_established(book, fact, destination) {
                open(book, fact, destination, "destinationCommunicationId", broken);
            } else {
                let message = format!("destinationCommunicationId {destination} has not been established");
                broken.push(Violation::new(Rule::TransferDestinationEstablished, message));
            }
            open(book, fact, object, "objectCommunicationId", broken);
        }
        Kind::TransferEnded {
            command,
            object,
            completed,
        } => {
            let transfer = under_way(book, fact, command, Rule::TransferEndedOnce, broken);
            if completed && transfer == Some(Transfer::Started) {
                let message =
                    format!("the transfer of commandId {command} is completed and never progressed");
                broken.push(Violation::new(Rule::TransferProgressedBeforeCompleted, message));
            }
            open(book, fact, object, "objectCommunicationId", broken);
        }
        _ => {}
    }
}

pub(super) fn apply(book: &mut Book, fact: &Fact<'_>) {
    let (command, state) = match fact.kind {
        Kind::TransferStarted { command, .. } => (command, Transfer::Started),
        Kind::TransferProgressed { command, .. } => (command, Transfer::Progressed),
        Kind::TransferEnded { command, .. } => (command, Transfer::Ended),
        _ => return,
    };
    book.conversations
        .entry(fact.conversation)
        .or_default()
        .transfers
        .insert(command, state);
}

fn find(book: &Book, fact: &Fact<'_>, command: Uuid) -> Option<Transfer> {
    book.conversations
        .get(&fact.conversation)?
        .transfers
        .get(&command)
        .copied()
}

/// The transfer, or a violation that it never started or, by the rule given, that it has ended.
fn under_way(
    book: &Book,
    fact: &Fact<'_>,
    command: Uuid,
    after_end: Rule,
    broken: &mut Vec<Violation>,
) -> Option<Transfer> {
    let transfer = find(book, fact, command);
    let (rule, what) = match transfer {
        None => (Rule::TransferUnderWay, "has not started"),
        Some(Transfer::Ended) => (after_end, "has ended before"),
        Some(_) => return transfer,
    };
    broken.push(Violation::new(
        rule,
        format!("the transfer of commandId {command} {what}"),
    ));
    None
}
