//! Lets requests through at the pace that Genesys Cloud allows: one budget for the token, one for each endpoint.
//!
//! Lanes ask for one permit at a time, the directory through [`Gate`]. The headers do not say what they count. They
//! are taken for the token's, until an answer counts fewer requests than the token has certainly made: from then on
//! they speak of endpoints, and the token's budget is what is documented, or more where an endpoint allows more.
//!
//! Where budget is scarce, of the lanes that wait the one goes next whose batch is the fullest; time makes up for
//! what is missing, so that a lane with few events waits two seconds at most against full batches.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge};
use std::collections::VecDeque;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::batch::EVENTS;
use super::pace::{Budget, DOCUMENTED, Sent, Verdict};
use crate::event::Lane;
use crate::genesys::{Answer, Gate, Reply, Scope};
use crate::metrics as names;

/// Waiting this long is worth as much as a full batch.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a lane that was called may take to come.
const CALL: Duration = Duration::from_millis(20);
/// The directory may always use one request in so many.
const DIRECTORY: u32 = 20;

/// Paces all requests of one organization. Clones share it.
#[derive(Clone)]
pub struct Governor(Arc<Inner>);

impl std::fmt::Debug for Governor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Governor").finish_non_exhaustive()
    }
}

struct Inner {
    budgets: Mutex<Budgets>,
    /// Each lane's, then the directory's.
    changed: [Notify; 5],
    meters: Meters,
}

struct Budgets {
    token: Budget,
    lanes: [Budget; 4],
    waiting: [Option<Waiting>; 4],
    /// Whether the headers count endpoints.
    by_endpoint: bool,
    directory: Directory,
}

#[derive(Default)]
struct Directory {
    /// Of the token's window of this number.
    window: u64,
    used: u32,
    sent: VecDeque<Sent>,
}

#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    worth: usize,
    /// Another lane made way for it at this time.
    called: Option<Instant>,
}

/// Leave to send one request.
pub(super) struct Permit {
    governor: Governor,
    lane: Lane,
    token: Sent,
    endpoint: Sent,
    open: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            let mut budgets = self.governor.budgets();
            budgets.token.give_back();
            budgets.lanes[self.lane as usize].give_back();
            drop(budgets);
            self.governor.tell_all();
        }
    }
}

/// Why there is no permit yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// Ask again then, or when [`Governor::changed`] says so.
    pub(super) until: Instant,
    /// The platform has closed it; not merely its turn has not come.
    pub(super) closed: bool,
}

impl Default for Governor {
    fn default() -> Self {
        Self::new()
    }
}

impl Governor {
    /// Nothing is known of the budget yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            budgets: Mutex::new(Budgets {
                token: Budget::new(),
                lanes: [(); 4].map(|()| Budget::new()),
                waiting: [None; 4],
                by_endpoint: false,
                directory: Directory::default(),
            }),
            changed: std::array::from_fn(|_| Notify::new()),
            meters: Meters::new(),
        }))
    }

    /// Told whenever what [`Governor::ask`] says to a lane may have changed.
    pub(super) fn changed(&self, lane: Lane) -> &Notify {
        &self.0.changed[lane as usize]
    }

    fn tell_all(&self) {
        self.0.changed.iter().for_each(Notify::notify_waiters);
    }

    /// A permit for a batch of `worth` events, or when to ask again. Whoever asks no more must say so by
    /// [`Governor::forget`].
    pub(super) fn ask(&self, lane: Lane, worth: usize, now: Instant) -> Result<Permit, Wait> {
        let mut budgets = self.budgets();
        let waiting = budgets.waiting[lane as usize].get_or_insert(Waiting {
            since: now,
            worth,
            called: None,
        });
        (waiting.worth, waiting.called) = (worth, None);
        match budgets.verdict(lane, now) {
            Verdict::Plenty => {}
            Verdict::Turn => {
                if let Some(better) = budgets.better(lane, now) {
                    if let Some(waiting) = &mut budgets.waiting[better as usize] {
                        waiting.called.get_or_insert(now);
                    }
                    drop(budgets);
                    self.0.changed[better as usize].notify_waiters();
                    return Err(Wait {
                        until: now + CALL,
                        closed: false,
                    });
                }
            }
            Verdict::Wait(until) => return Err(Wait { until, closed: false }),
            Verdict::Closed(until) => return Err(Wait { until, closed: true }),
        }
        budgets.waiting[lane as usize] = None;
        Ok(Permit {
            governor: self.clone(),
            lane,
            token: budgets.token.grant(now),
            endpoint: budgets.lanes[lane as usize].grant(now),
            open: true,
        })
    }

    /// The lane wants no permit any more.
    pub(super) fn forget(&self, lane: Lane) {
        self.budgets().waiting[lane as usize] = None;
    }

    /// Says how a permitted request ended.
    pub(super) fn answered(&self, mut permit: Permit, reply: &Reply, now: Instant) {
        permit.open = false;
        let mut budgets = self.budgets();
        let lane = permit.lane as usize;
        match reply.limits {
            Some(limits) => budgets.lanes[lane].told(permit.endpoint, now, limits, counted(reply)),
            None => budgets.lanes[lane].untold(permit.endpoint, now, reply.status.is_some()),
        }
        budgets.learn(permit.token, reply, now);
        if let Answer::RateLimited { retry_after, scope } = reply.answer {
            let wait = retry_after.or(reply.limits.map(|limits| limits.reset));
            match scope {
                Scope::Token => budgets.token.close(now, wait),
                Scope::Endpoint => budgets.lanes[lane].close(now, wait),
            }
        }
        self.0.meters.lane(permit.lane, &budgets);
        drop(budgets);
        self.tell_all();
    }

    fn ask_for_directory(&self, now: Instant) -> Result<(), Instant> {
        let mut budgets = self.budgets();
        let number = budgets.token.number(now);
        if budgets.directory.window != number {
            (budgets.directory.window, budgets.directory.used) = (number, 0);
        }
        let share = budgets.token.allowed().div_ceil(DIRECTORY);
        let own = budgets.directory.used < share;
        match budgets.token.ask(now, own) {
            Verdict::Wait(until) | Verdict::Closed(until) => return Err(until),
            // Beyond its share it makes way for any lane that waits.
            _ if !own && budgets.waiting.iter().any(Option::is_some) => return Err(now + PATIENCE),
            Verdict::Plenty | Verdict::Turn => {}
        }
        let sent = budgets.token.grant(now);
        budgets.directory.used += 1;
        budgets.directory.sent.push_back(sent);
        Ok(())
    }

    fn budgets(&self) -> MutexGuard<'_, Budgets> {
        self.0.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for Governor {
    fn enter(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                let changed = self.0.changed[Lane::ALL.len()].notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let Err(until) = self.ask_for_directory(Instant::now()) else {
                    return;
                };
                tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(until) => {}
                }
            }
        })
    }

    fn left(&self, reply: &Reply) {
        let now = Instant::now();
        let mut budgets = self.budgets();
        if let Some(sent) = budgets.directory.sent.pop_front() {
            budgets.learn(sent, reply, now);
        }
        if let Answer::RateLimited { retry_after, scope } = reply.answer {
            self.0.meters.directory_limited.increment(1);
            // A lookup's own limit closes no lane; the directory waits by itself.
            if scope == Scope::Token {
                budgets
                    .token
                    .close(now, retry_after.or(reply.limits.map(|limits| limits.reset)));
            }
        }
        self.0.meters.token(&budgets);
        drop(budgets);
        self.tell_all();
    }
}

impl Budgets {
    /// What token and endpoint say together: the stricter of both.
    fn verdict(&mut self, lane: Lane, now: Instant) -> Verdict {
        let both = [
            self.token.ask(now, false),
            self.lanes[lane as usize].ask(now, false),
        ];
        match both {
            [Verdict::Closed(one), Verdict::Closed(other)] => Verdict::Closed(one.max(other)),
            [Verdict::Closed(until), _] | [_, Verdict::Closed(until)] => Verdict::Closed(until),
            [Verdict::Wait(one), Verdict::Wait(other)] => Verdict::Wait(one.max(other)),
            [Verdict::Wait(until), _] | [_, Verdict::Wait(until)] => Verdict::Wait(until),
            [Verdict::Plenty, Verdict::Plenty] => Verdict::Plenty,
            _ => Verdict::Turn,
        }
    }

    /// Another lane that waits, may go, and has more to bring.
    fn better(&mut self, lane: Lane, now: Instant) -> Option<Lane> {
        let own = score(self.waiting[lane as usize], now);
        let others = Lane::ALL.into_iter().filter(|&other| other != lane);
        let best = others
            .map(|other| (score(self.waiting[other as usize], now), other))
            .filter(|(score, _)| *score > own)
            .max_by(|one, other| one.0.total_cmp(&other.0))?;
        let may = !matches!(
            self.lanes[best.1 as usize].ask(now, false),
            Verdict::Wait(_) | Verdict::Closed(_)
        );
        may.then_some(best.1)
    }

    fn learn(&mut self, sent: Sent, reply: &Reply, now: Instant) {
        let Some(limits) = reply.limits else {
            return self.token.untold(sent, now, reply.status.is_some());
        };
        if !self.by_endpoint && self.token.partial(sent, now, limits) {
            self.by_endpoint = true;
            self.token.allow_at_least(DOCUMENTED);
        }
        if self.by_endpoint {
            self.token.allow_at_least(limits.allowed);
            self.token.untold(sent, now, true);
        } else {
            self.token.told(sent, now, limits, counted(reply));
        }
    }
}

/// Whether the platform has counted the request.
fn counted(reply: &Reply) -> bool {
    !matches!(reply.answer, Answer::RateLimited { .. })
}

fn score(waiting: Option<Waiting>, now: Instant) -> f64 {
    let Some(waiting) = waiting else {
        return f64::MIN;
    };
    // A lane that was called and does not come is not waited for.
    if waiting.called.is_some_and(|called| now >= called + CALL) {
        return f64::MIN;
    }
    let fill = waiting.worth as f64 / EVENTS as f64;
    fill.min(1.0)
        + now
            .saturating_duration_since(waiting.since)
            .div_duration_f64(PATIENCE)
}

struct Meters {
    allowed: [Gauge; 5],
    used: [Gauge; 5],
    directory_limited: Counter,
}

impl Meters {
    fn new() -> Self {
        let scopes = ["token"].into_iter().chain(Lane::ALL.map(Lane::as_str));
        let scopes: Vec<_> = scopes.collect();
        let of = |name: &'static str| std::array::from_fn(|at| gauge!(name, "scope" => scopes[at]));
        Self {
            allowed: of(names::BUDGET_ALLOWED),
            used: of(names::BUDGET_USED),
            directory_limited: counter!(names::RATE_LIMITED, "endpoint" => "directory"),
        }
    }

    fn token(&self, budgets: &Budgets) {
        self.allowed[0].set(budgets.token.allowed());
        self.used[0].set(budgets.token.used());
    }

    fn lane(&self, lane: Lane, budgets: &Budgets) {
        self.token(budgets);
        let budget = &budgets.lanes[lane as usize];
        self.allowed[1 + lane as usize].set(budget.allowed());
        self.used[1 + lane as usize].set(budget.used());
    }
}
