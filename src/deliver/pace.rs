//! One budget: so many requests in a window, and when the next may go. Pure: time is an argument.
//!
//! The platform counts requests in fixed windows. Every answer says how many it has counted, those of other agents
//! included, how many it allows, and in how many whole seconds the window ends. Answers come late and out of order,
//! so a window's end is kept as an interval that each answer narrows, and an answer is held against it: of this
//! window, of a newer, of an older one.
//!
//! Within a window a fifth of the budget may go at once and the rest along a line that ends a little before the
//! window does: who needs less than the budget never waits, who needs more spreads over the window, in step with
//! what others leave. After a window that was used up, one request goes first and shows that a new one has begun.

use std::time::Duration;

use tokio::time::Instant;

use crate::genesys::Limits;

/// What the platform documents, until answers say more.
pub(super) const DOCUMENTED: u32 = 300;
/// How long a window lasts, until answers say more.
const WINDOW: Duration = Duration::from_secs(60);
/// `reset` is rounded to this.
const SECOND: Duration = Duration::from_secs(1);
/// How long one first request holds back the others.
const FIRST: Duration = Duration::from_secs(2);
/// Nobody has to make way while more than one part in so many of a budget is left below the line.
const SLACK: u32 = 60;
/// No wait is believed to be longer, whatever an answer says.
const LONGEST: Duration = Duration::from_hours(24 * 30);
/// No window is.
const DAY: Duration = Duration::from_hours(24);
/// A closed budget whose answer did not say for how long; what Genesys' own SDKs take.
const CLOSED: Duration = Duration::from_secs(3);

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At once: there is enough for all.
    Plenty,
    /// At once: its turn has come.
    Turn,
    /// Not before then, unless an answer comes.
    Wait(Instant),
    /// The platform has closed it until then.
    Closed(Instant),
}

/// One budget.
#[derive(Debug)]
pub(super) struct Budget {
    allowed: u32,
    length: Duration,
    window: Option<Window>,
    closed: Option<Instant>,
    in_flight: u32,
    granted: Option<Instant>,
    /// Waits for an answer of this window before more than one request goes.
    first: bool,
    /// Added to a window's end, once the platform has turned out to count longer than it says.
    margin: Duration,
}

#[derive(Debug)]
struct Window {
    number: u64,
    /// What was sent before may have been counted in the window before.
    start: Instant,
    /// It ends between these.
    end: (Instant, Instant),
    /// Requests counted, but for ours in flight.
    used: u32,
    /// Of these, ours that were answered.
    own: u32,
    /// When `used` was last told.
    told: Instant,
    granted: u32,
}

/// What a budget remembers of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) at: Instant,
    window: u64,
    own: u32,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            allowed: DOCUMENTED,
            length: WINDOW,
            window: None,
            closed: None,
            in_flight: 0,
            granted: None,
            first: true,
            margin: Duration::ZERO,
        }
    }

    /// Requests allowed in a window.
    pub(super) fn allowed(&self) -> u32 {
        self.allowed
    }

    pub(super) fn allow_at_least(&mut self, allowed: u32) {
        self.allowed = self.allowed.max(allowed);
    }

    /// Requests of this window, ours in flight included.
    pub(super) fn used(&self) -> u32 {
        let counted = self.window.as_ref().map_or(0, |window| window.used);
        counted.saturating_add(self.in_flight)
    }

    /// The number of the window; changes when a new one begins.
    pub(super) fn number(&mut self, now: Instant) -> u64 {
        self.roll(now).number
    }

    /// Whether a request may go at `now`. One that is `urgent` needs budget, and no turn.
    pub(super) fn ask(&mut self, now: Instant, urgent: bool) -> Verdict {
        if let Some(until) = self.closed {
            if now < until {
                return Verdict::Closed(until);
            }
            self.closed = None;
        }
        self.roll(now);
        let (allowed, used, length, granted) = (self.allowed, self.used(), self.length, self.granted);
        let Some(window) = &self.window else {
            return Verdict::Plenty;
        };
        if self.first
            && window.granted > 0
            && let Some(next) = granted.map(|at| at + FIRST).filter(|next| now < *next)
        {
            return Verdict::Wait(next);
        }
        let end = window.end.1;
        let left = allowed
            .saturating_sub(used)
            .saturating_sub(window.others_since(now, length));
        if left == 0 {
            return Verdict::Wait(end + self.margin);
        }
        let to_go = end
            .saturating_duration_since(now)
            .saturating_sub(length.mul_f64(0.03));
        let line = f64::from(allowed) * (1.0 - 0.8 * to_go.div_duration_f64(length.mul_f64(0.97)).min(1.0));
        if f64::from(used.saturating_add(allowed / SLACK)) < line.floor() {
            return Verdict::Plenty;
        }
        if f64::from(used) < line.floor() {
            return Verdict::Turn;
        }
        let next = granted.map_or(now, |at| at + to_go.div_f64(f64::from(left)));
        match urgent || next <= now {
            true => Verdict::Turn,
            false => Verdict::Wait(next),
        }
    }

    /// A request goes.
    pub(super) fn grant(&mut self, now: Instant) -> Sent {
        self.in_flight += 1;
        self.granted = Some(now);
        let window = self.roll(now);
        window.granted += 1;
        Sent {
            at: now,
            window: window.number,
            own: window.own,
        }
    }

    /// The request was not sent after all.
    pub(super) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Its answer says `limits`, and that is this budget.
    pub(super) fn told(&mut self, sent: Sent, now: Instant, limits: Limits, counted: bool) {
        self.give_back();
        self.allowed = limits.allowed;
        let limits = Limits {
            reset: limits.reset.min(DAY),
            ..limits
        };
        // What is rounded up ends up to a second earlier than said, seen from when it was sent at the earliest.
        let end = (sent.at + limits.reset.saturating_sub(SECOND), now + limits.reset);
        self.length = match limits.count {
            1 if !limits.reset.is_zero() => limits.reset,
            _ => self.length.max(limits.reset),
        };
        let window = self.roll(now);
        let of_this_or_newer = sent.at >= window.start;
        if end.1 < window.end.0 && !of_this_or_newer {
            return;
        }
        if end.0 > window.end.1 || end.1 < window.end.0 {
            *window = Window {
                number: window.number + 1,
                start: sent.at,
                end,
                used: limits.count,
                own: 0,
                told: now,
                granted: window.granted,
            };
        } else {
            window.end = (window.end.0.max(end.0), window.end.1.min(end.1));
            window.used = window.used.max(limits.count);
        }
        window.told = now;
        window.own += u32::from(counted);
        if of_this_or_newer {
            self.first = false;
        }
    }

    /// There was no answer, or none that says anything of this budget: it is counted all the same.
    pub(super) fn untold(&mut self, sent: Sent, now: Instant, answered: bool) {
        self.give_back();
        let window = self.roll(now);
        window.used = window.used.saturating_add(1);
        if answered {
            window.own += 1;
            if sent.at >= window.start {
                self.first = false;
            }
        }
    }

    /// Whether an answer's count is too small to be that of everything that we sent: it counts its endpoint only.
    pub(super) fn partial(&mut self, sent: Sent, now: Instant, limits: Limits) -> bool {
        let window = self.roll(now);
        let whole = sent.window == window.number && sent.at >= window.start;
        // Counting in many places at once may lag a little.
        whole && u64::from(limits.count) * 11 / 10 + 5 < u64::from(sent.own)
    }

    /// The platform refused a request for want of budget.
    pub(super) fn close(&mut self, now: Instant, wait: Option<Duration>) {
        let early = self.window.as_ref().is_some_and(|window| {
            window.number > 0 && now.saturating_duration_since(window.start) < SECOND * 2
        });
        if early {
            self.margin = SECOND.min(self.margin + SECOND / 2);
        }
        let until = now + wait.unwrap_or(CLOSED).min(LONGEST);
        self.closed = Some(self.closed.map_or(until, |known| known.max(until)));
        self.first = true;
        if let Some(window) = &mut self.window {
            window.granted = 0;
        }
    }

    /// The window at `now`: a new one once the last has ended.
    fn roll(&mut self, now: Instant) -> &mut Window {
        let used = self.used();
        let begin = |number: u64, earliest: Instant| Window {
            number,
            start: now,
            // It may begin with a request that arrives a little later.
            end: (earliest, now + self.length + SECOND * 2),
            used: 0,
            own: 0,
            told: now,
            granted: 0,
        };
        match &mut self.window {
            Some(window) if now >= window.end.1 + self.margin => {
                let earliest = window.end.0 + self.length.saturating_sub(SECOND);
                self.first = used >= self.allowed - self.allowed / 10;
                let number = window.number + 1;
                *window = begin(number, earliest);
            }
            Some(_) => {}
            None => self.window = Some(begin(0, now)),
        }
        // The match has just seen to it.
        self.window.get_or_insert_with(|| begin(0, now))
    }
}

impl Window {
    /// What others have probably used since they were last heard of.
    fn others_since(&self, now: Instant, length: Duration) -> u32 {
        let others = self.used.saturating_sub(self.own);
        let begun = self.end.1.checked_sub(length).unwrap_or(self.start);
        let passed = self.told.saturating_duration_since(begun).max(SECOND);
        let since = now.saturating_duration_since(self.told);
        (f64::from(others) * since.div_duration_f64(passed)) as u32
    }
}
