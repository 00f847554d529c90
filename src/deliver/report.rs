//! What a lane says of itself on the board, which logs every change of state once.

use std::time::Duration;

use tokio::time::Instant;

use super::halt::Cause;
use crate::event::Lane;
use crate::genesys::Reply;
use crate::health::board::{Board, Item};

/// The board hears of success at most so often.
const FRESH: Duration = Duration::from_secs(1);
/// A lane that fails now and then says so at most so often.
const QUIET: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fine,
    Retrying,
    Closed,
    Stopped,
}

/// One lane's voice.
pub(super) struct Report {
    lane: Lane,
    board: Board,
    state: State,
    /// When the board last heard that all is well.
    fresh: Option<Instant>,
    /// When a failure was last spoken of.
    failed: Option<Instant>,
    /// Failures since a request has passed.
    failures: u32,
}

impl Report {
    pub(super) fn new(lane: Lane, board: Board) -> Self {
        Self {
            lane,
            board,
            state: State::Fine,
            fresh: None,
            failed: None,
            failures: 0,
        }
    }

    /// Whether Genesys Cloud answered, whatever it said.
    pub(super) fn heard(&self, reply: &Reply) {
        match reply.status {
            Some(_) => self.board.answered(),
            None => self.board.unanswered(&reply.message),
        }
    }

    /// A request has passed.
    pub(super) fn passed(&mut self, now: Instant) {
        self.failures = 0;
        let trouble = self.state != State::Fine;
        if !trouble && self.fresh.is_some_and(|at| now < at + FRESH) {
            return;
        }
        (self.fresh, self.state) = (Some(now), State::Fine);
        self.board.ok(item(self.lane), "events are accepted");
    }

    /// A request has no known outcome and is sent again.
    pub(super) fn failed(&mut self, reply: &Reply, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let quiet = self.failures == 1 && self.failed.is_some_and(|at| now < at + QUIET);
        if quiet || self.state == State::Stopped {
            return;
        }
        (self.failed, self.state) = (Some(now), State::Retrying);
        let what = format!("requests are sent again: {}", said(reply));
        let todo = "nothing is lost; if it lasts, check the network and Genesys Cloud's status page";
        self.board.warning(item(self.lane), what, todo);
    }

    /// Genesys Cloud has closed the lane for `wait`, longer than is usual.
    pub(super) fn closed(&mut self, wait: Duration) {
        if matches!(self.state, State::Stopped | State::Closed) {
            return;
        }
        self.state = State::Closed;
        let wait = humantime::format_duration(Duration::from_secs(wait.as_secs()));
        let what = format!("Genesys Cloud asks to wait {wait} before the next request (Retry-After)");
        let todo = "a daily limit may be used up: look for other clients of the organization, or ask Genesys to raise it";
        self.board.error(item(self.lane), what, todo);
    }

    /// The lane is stopped, or still is.
    pub(super) fn stopped(&mut self, cause: Cause, reply: &Reply) {
        self.state = State::Stopped;
        let what = format!("stopped, nothing is dropped: {}", said(reply));
        self.board.error(item(self.lane), what, cause.todo(self.lane));
    }
}

fn said(reply: &Reply) -> String {
    match &reply.correlation_id {
        Some(id) => format!("{} (correlation id {id})", reply.message),
        None => reply.message.clone(),
    }
}

fn item(lane: Lane) -> Item {
    match lane {
        Lane::Conversations => Item::Conversations,
        Lane::Presence => Item::Presence,
        Lane::RoutingStatus => Item::RoutingStatus,
        Lane::OutOfOffice => Item::OutOfOffice,
    }
}
