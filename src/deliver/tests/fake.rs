//! A stand-in for Genesys Cloud within the process, scripted request by request, and a lane on it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use crate::deliver::{Delivery, End, Governor, Item, Outcome, Owner, Refusal, Settings};
use crate::event::{Event, Id};
use crate::genesys::{Answer, EventError, Inject, Reply, Request};
use crate::health::board::{Board, Item as BoardItem, State};
use crate::time::Time;

/// What the fake says to a request with these events.
pub(super) type Script = Box<dyn FnMut(&[Id]) -> Reply + Send>;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) ids: Vec<Id>,
}

/// Answers by its script after `delay`.
pub(super) struct Fake {
    script: Mutex<Script>,
    pub(super) delay: Mutex<Duration>,
    pub(super) seen: Mutex<Vec<Seen>>,
    /// eventIds by first acceptance.
    pub(super) accepted: Mutex<Vec<Id>>,
}

impl Fake {
    pub(super) fn new(script: impl FnMut(&[Id]) -> Reply + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Box::new(script)),
            delay: Mutex::new(Duration::from_millis(50)),
            seen: Mutex::default(),
            accepted: Mutex::default(),
        })
    }

    pub(super) fn now_say(&self, script: impl FnMut(&[Id]) -> Reply + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(super) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn sizes(&self) -> Vec<usize> {
        self.requests().iter().map(|seen| seen.ids.len()).collect()
    }

    pub(super) fn order(&self) -> Vec<Id> {
        self.accepted.lock().unwrap().clone()
    }
}

impl Inject for Fake {
    async fn inject(&self, request: Request) -> Reply {
        let at = Instant::now();
        let ids = ids(&request.body);
        let reply = (self.script.lock().unwrap_or_else(PoisonError::into_inner))(&ids);
        if let Answer::Accepted { errors } = &reply.answer {
            let mut accepted = self.accepted.lock().unwrap();
            for id in &ids {
                let refused = errors.iter().any(|error| error.event_id == Some(*id));
                if !refused && !accepted.contains(id) {
                    accepted.push(*id);
                }
            }
        }
        self.seen.lock().unwrap().push(Seen { at, ids });
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        reply
    }
}

/// The eventIds of a body: of a batch, or of one event.
pub(super) fn ids(body: &[u8]) -> Vec<Id> {
    let read = |event: &Value| Id::parse(event["eventId"].as_str().unwrap()).unwrap();
    let value: Value = serde_json::from_slice(body).unwrap();
    if value.get("eventId").is_some() {
        return vec![read(&value)];
    }
    let arrays = value.as_object().unwrap().values();
    arrays
        .flat_map(|array| array.as_array().unwrap())
        .map(read)
        .collect()
}

pub(super) fn reply(status: u16, answer: Answer) -> Reply {
    let mut reply = Reply::lost(format!("status {status}"));
    (reply.status, reply.answer) = (Some(status), answer);
    reply.correlation_id = Some("c-1".to_owned());
    reply
}

pub(super) fn ok() -> Reply {
    reply(200, Answer::Accepted { errors: Vec::new() })
}

pub(super) fn but(errors: impl IntoIterator<Item = (Option<Id>, bool)>) -> Reply {
    let errors = errors.into_iter().map(|(event_id, retryable)| EventError {
        event_id,
        message: "no".to_owned(),
        retryable,
    });
    reply(
        200,
        Answer::Accepted {
            errors: errors.collect(),
        },
    )
}

pub(super) fn status(status: u16) -> Reply {
    let answer = match status {
        400 | 413 => Answer::Bad,
        401 => Answer::Unauthorized,
        408 | 500..=599 => Answer::RetryLater,
        _ => Answer::Stop,
    };
    reply(status, answer)
}

/// Lanes on a fake, and one owner.
pub(super) struct Bench {
    pub(super) fake: Arc<Fake>,
    pub(super) delivery: Delivery,
    pub(super) board: Board,
    pub(super) owner: Owner,
    pub(super) ends: Ends,
}

/// What an owner hears.
pub(super) struct Ends {
    receiver: UnboundedReceiver<Vec<End>>,
    pub(super) heard: Vec<End>,
}

impl Bench {
    pub(super) fn new(settings: Settings, script: impl FnMut(&[Id]) -> Reply + Send + 'static) -> Self {
        let (fake, board) = (Fake::new(script), Board::default());
        let delivery = Delivery::start(settings, fake.clone(), Governor::new(), board.clone());
        let (owner, ends) = owner(1);
        Self {
            fake,
            delivery,
            board,
            owner,
            ends,
        }
    }

    pub(super) fn submit(&self, events: impl IntoIterator<Item = Event>) {
        self.delivery.submit(&self.owner, items(events));
    }

    pub(super) fn state(&self, item: BoardItem) -> (State, String, String) {
        let report = self.board.read();
        let shown = report
            .items
            .into_iter()
            .find(|shown| shown.name == item.as_str())
            .unwrap();
        (shown.state, shown.detail, shown.todo)
    }
}

pub(super) fn owner(epoch: u64) -> (Owner, Ends) {
    let (sender, receiver) = unbounded_channel();
    let ends = Ends {
        receiver,
        heard: Vec::new(),
    };
    (Owner::new(epoch, sender), ends)
}

/// An owner for which nothing is proven yet.
pub(super) fn leased(epoch: u64, term: Duration) -> (Owner, Ends) {
    let (sender, receiver) = unbounded_channel();
    let heard = Vec::new();
    (Owner::leased(epoch, sender, term), Ends { receiver, heard })
}

/// Events as items; the record is the last part of the eventId.
pub(super) fn items(events: impl IntoIterator<Item = Event>) -> Vec<Item> {
    let item = |event: Event| Item {
        record: number(event.id),
        timestamp: Time::default(),
        event,
    };
    events.into_iter().map(item).collect()
}

pub(super) fn number(id: Id) -> u64 {
    u64::from_be_bytes(id.0[8..].try_into().unwrap()) & !(0xff << 56)
}

impl Ends {
    /// Waits until `count` events have ended in all.
    pub(super) async fn wait(&mut self, count: usize) {
        while self.heard.len() < count {
            let patience = Duration::from_secs(100_000);
            let ends = tokio::time::timeout(patience, self.receiver.recv()).await;
            self.heard.extend(ends.expect("an end in time").expect("a lane"));
        }
    }

    /// What has been said so far.
    pub(super) fn now(&mut self) -> usize {
        while let Ok(ends) = self.receiver.try_recv() {
            self.heard.extend(ends);
        }
        self.heard.len()
    }

    pub(super) fn refusals(&self) -> Vec<&Refusal> {
        let refusal = |end: &'_ End| match &end.outcome {
            Outcome::Refused(_) => true,
            Outcome::Accepted => false,
        };
        let refused = self.heard.iter().filter(|end| refusal(end));
        refused
            .filter_map(|end| match &end.outcome {
                Outcome::Refused(refusal) => Some(&**refusal),
                Outcome::Accepted => None,
            })
            .collect()
    }
}

/// Answers one by one, then the last one for ever.
pub(super) fn in_turn(
    replies: impl IntoIterator<Item = Reply>,
) -> impl FnMut(&[Id]) -> Reply + Send + 'static {
    let mut replies: VecDeque<Reply> = replies.into_iter().collect();
    move |_| match replies.len() {
        1 => replies[0].clone(),
        _ => replies.pop_front().unwrap(),
    }
}

/// How often each event was sent.
pub(super) fn sent(requests: &[Seen]) -> HashMap<Id, usize> {
    let mut sent = HashMap::new();
    for id in requests.iter().flat_map(|seen| &seen.ids) {
        *sent.entry(*id).or_default() += 1;
    }
    sent
}
