//! The governor against an endpoint that counts in fixed windows, as the sandbox and Genesys Cloud do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::event;
use super::fake::{ids, ok, owner, reply};
use crate::deliver::{Delivery, Governor, Item, Settings};
use crate::event::{Event, Lane};
use crate::genesys::{Answer, Gate, Inject, Limits, Reply, Request, Scope};
use crate::health::board::Board;
use crate::time::Time;

/// When a window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// With the first request after the last one's end, as the sandbox has it.
    WithARequest,
    /// Every minute, whoever asks.
    ByTheClock,
}

/// An endpoint with a budget.
struct Metered {
    state: Mutex<State>,
    allowed: u32,
    begins: Begins,
    /// `reset` is what is left, and so much, cut to whole seconds.
    rounding: Duration,
    travel: Duration,
    /// Up to so much more, each way.
    jitter: Duration,
    shared: bool,
}

#[derive(Default)]
struct State {
    windows: Vec<(Instant, u32)>,
    throttled: u32,
    lanes: [u32; 4],
    batches: Vec<usize>,
    others: u32,
    random: fastrand::Rng,
}

const WINDOW: Duration = Duration::from_secs(60);
const CEIL: Duration = Duration::from_millis(999);

impl Metered {
    fn new(allowed: u32, begins: Begins) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                random: fastrand::Rng::with_seed(7),
                ..State::default()
            }),
            allowed,
            begins,
            rounding: CEIL,
            travel: Duration::from_millis(40),
            jitter: Duration::ZERO,
            shared: true,
        })
    }

    async fn travel(&self) {
        let jitter = self.jitter.mul_f64(self.state.lock().unwrap().random.f64());
        tokio::time::sleep(self.travel + jitter).await;
    }

    fn take(&self) -> (bool, Limits) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap();
        let begun = match state.windows.last() {
            Some((begun, _)) if now < *begun + WINDOW => *begun,
            Some((begun, _)) if self.begins == Begins::ByTheClock => {
                let passed = (now - *begun).as_secs() / 60;
                *begun + WINDOW * u32::try_from(passed).unwrap()
            }
            _ => now,
        };
        if state.windows.last().is_none_or(|(last, _)| *last != begun) {
            state.windows.push((begun, 0));
        }
        let count = &mut state.windows.last_mut().unwrap().1;
        let passed = *count < self.allowed;
        *count += u32::from(passed);
        let count = *count;
        let left = begun + WINDOW - now;
        let reset = Duration::from_secs((left + self.rounding).as_secs());
        let limits = Limits {
            count,
            allowed: self.allowed,
            reset,
        };
        (passed, limits)
    }

    /// Another agent with the same token asks so often, evenly, and takes no more than its part.
    fn shared_with(self: &Arc<Self>, pause: Duration, most: u32) {
        let this = self.clone();
        tokio::spawn(async move {
            let (mut window, mut used) = (0, 0);
            loop {
                tokio::time::sleep(pause).await;
                let windows = this.state.lock().unwrap().windows.len();
                if windows != window {
                    (window, used) = (windows, 0);
                }
                if used < most && this.take().0 {
                    used += 1;
                    this.state.lock().unwrap().others += 1;
                }
            }
        });
    }

    /// The share of the budget used in the windows that are over, but for the first `skip`.
    fn used(&self, skip: usize) -> f64 {
        let state = self.state.lock().unwrap();
        let windows = &state.windows;
        let whole = &windows[skip..windows.len() - 1];
        let span = windows[windows.len() - 1].0 - windows[skip].0;
        let used: u32 = whole.iter().map(|(_, count)| count).sum();
        f64::from(used) / (f64::from(self.allowed) * span.div_duration_f64(WINDOW))
    }
}

impl Inject for Metered {
    async fn inject(&self, request: Request) -> Reply {
        self.travel().await;
        let (passed, limits) = self.take();
        {
            let mut state = self.state.lock().unwrap();
            state.throttled += u32::from(!passed);
            state.lanes[request.lane as usize] += u32::from(passed);
            if passed {
                state.batches.push(ids(&request.body).len());
            }
        }
        self.travel().await;
        let mut reply = match passed {
            true => ok(),
            false => reply(
                429,
                Answer::RateLimited {
                    retry_after: Some(limits.reset),
                    scope: Scope::Token,
                },
            ),
        };
        reply.limits = self.shared.then_some(limits);
        reply
    }
}

fn of(lane: Lane, mut event: Event) -> Event {
    event.lane = lane;
    event
}

/// Lanes that work off `keys` keys with `each` events, for so many minutes.
async fn work_off(endpoint: &Arc<Metered>, events: Vec<Event>, minutes: u32) {
    let delivery = Delivery::start(
        Settings::default(),
        endpoint.clone(),
        Governor::new(),
        Board::default(),
    );
    let (owner, _ends) = owner(1);
    delivery.submit(
        &owner,
        events.into_iter().map(|event| Item {
            record: 0,
            timestamp: Time::default(),
            event,
        }),
    );
    tokio::time::sleep(WINDOW * minutes).await;
}

/// More than `requests` full ones.
fn backlog(requests: u64) -> Vec<Event> {
    (1..=requests / 15 + 2)
        .flat_map(|n| (1..=1500).map(move |key| event(key, n)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_backlog_uses_the_budget_in_full_batches_and_is_never_refused() {
    for begins in [Begins::WithARequest, Begins::ByTheClock] {
        let endpoint = Metered::new(300, begins);
        work_off(&endpoint, backlog(6 * 300), 6).await;
        let used = endpoint.used(1);
        let state = endpoint.state.lock().unwrap();
        assert_eq!(state.throttled, 0, "{begins:?}");
        assert!(used >= 0.99, "{begins:?}: {used}");
        let full = state.batches.iter().filter(|events| **events == 100).count();
        assert!(
            full * 100 >= state.batches.len() * 99,
            "{full} of {}",
            state.batches.len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_the_budget_is_left_to_another_agent() {
    for begins in [Begins::WithARequest, Begins::ByTheClock] {
        let endpoint = Metered::new(300, begins);
        endpoint.shared_with(Duration::from_millis(380), 150);
        work_off(&endpoint, backlog(6 * 300), 6).await;
        let used = endpoint.used(1);
        let state = endpoint.state.lock().unwrap();
        assert_eq!(state.throttled, 0, "{begins:?}");
        assert!(used >= 0.99, "{begins:?}: {used} {:?}", state.windows);
        assert!(state.others > 140 * 5, "{begins:?}: {}", state.others);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_rounds_down_is_learned() {
    let endpoint = Arc::new(Metered {
        rounding: Duration::ZERO,
        ..Arc::into_inner(Metered::new(120, Begins::ByTheClock)).unwrap()
    });
    work_off(&endpoint, backlog(10 * 120), 10).await;
    let used = endpoint.used(3);
    let throttled = endpoint.state.lock().unwrap().throttled;
    assert!(throttled <= 3, "{throttled}");
    assert!(used >= 0.97, "{used}");
}

#[tokio::test(start_paused = true)]
async fn lanes_share_scarce_budget_by_what_they_have_to_bring() {
    let endpoint = Metered::new(120, Begins::WithARequest);
    let few = (1..=1000).map(|n| of(Lane::Presence, event(3, n)));
    let single = (1..=1000).map(|n| of(Lane::OutOfOffice, event(4, n)));
    work_off(
        &endpoint,
        backlog(6 * 120).into_iter().chain(few).chain(single).collect(),
        5,
    )
    .await;
    let used = endpoint.used(1);
    let state = endpoint.state.lock().unwrap();
    let all: u32 = state.lanes.iter().sum();
    assert_eq!(state.throttled, 0);
    assert!(used >= 0.99, "{used}");
    for lane in [Lane::Presence, Lane::OutOfOffice] {
        let share = state.lanes[lane as usize] * 100 / all;
        assert!((10..=40).contains(&share), "{lane:?}: {share} %");
    }
}

#[tokio::test(start_paused = true)]
async fn the_directory_gets_its_part_though_lanes_have_a_backlog() {
    let endpoint = Metered::new(300, Begins::WithARequest);
    let governor = Governor::new();
    let delivery = Delivery::start(
        Settings::default(),
        endpoint.clone(),
        governor.clone(),
        Board::default(),
    );
    let (owner, _ends) = owner(1);
    delivery.submit(&owner, super::fake::items(backlog(4 * 300)));
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..45 {
        tokio::time::sleep(Duration::from_millis(3700)).await;
        let asked = Instant::now();
        governor.enter().await;
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (passed, limits) = endpoint.take();
        assert!(passed);
        let mut reply = ok();
        reply.limits = Some(limits);
        governor.left(&reply);
    }
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(start.elapsed() < Duration::from_secs(200));
    assert_eq!(endpoint.state.lock().unwrap().throttled, 0);
}

#[tokio::test(start_paused = true)]
async fn where_budget_is_plentiful_nothing_waits() {
    let endpoint = Metered::new(300, Begins::WithARequest);
    let delivery = Delivery::start(
        Settings::default(),
        endpoint.clone(),
        Governor::new(),
        Board::default(),
    );
    let (owner, mut ends) = owner(1);
    for n in 1..=600 {
        let sent = Instant::now();
        delivery.submit(&owner, super::fake::items([event(n, 1)]));
        ends.wait(usize::try_from(n).unwrap()).await;
        let took = sent.elapsed();
        assert!(took < Duration::from_millis(250 + 80 + 20), "{n}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_count_by_themselves_are_told_from_the_token() {
    let endpoint = Arc::new(Each([(); 4].map(|()| Metered::new(180, Begins::WithARequest))));
    let delivery = Delivery::start(
        Settings::default(),
        endpoint.clone(),
        Governor::new(),
        Board::default(),
    );
    let (owner, _ends) = owner(1);
    let presence = backlog(4 * 300)
        .into_iter()
        .map(|event| of(Lane::Presence, event));
    delivery.submit(
        &owner,
        super::fake::items(backlog(4 * 300).into_iter().chain(presence)),
    );
    tokio::time::sleep(WINDOW * 6).await;
    let [one, other] = [0, 1].map(|lane| endpoint.0[lane].state.lock().unwrap().windows[3].1);
    let counts = [one, other];
    assert!(
        endpoint
            .0
            .iter()
            .all(|one| one.state.lock().unwrap().throttled == 0)
    );
    let sum: u32 = counts.iter().sum();
    assert!(
        (285..=300).contains(&sum),
        "as much as the token is documented to have: {counts:?}"
    );
}

/// A budget for each lane.
struct Each([Arc<Metered>; 4]);

impl Inject for Each {
    async fn inject(&self, request: Request) -> Reply {
        self.0[request.lane as usize].inject(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn without_headers_the_documented_budget_is_kept() {
    let endpoint = Arc::new(Metered {
        shared: false,
        ..Arc::into_inner(Metered::new(300, Begins::WithARequest)).unwrap()
    });
    work_off(&endpoint, backlog(6 * 300), 6).await;
    let used = endpoint.used(1);
    let throttled = endpoint.state.lock().unwrap().throttled;
    assert!(throttled <= 2 && used > 0.93, "{used} {throttled}");
}

#[tokio::test(start_paused = true)]
async fn answers_may_come_late_and_out_of_order() {
    for begins in [Begins::WithARequest, Begins::ByTheClock] {
        let endpoint = Arc::new(Metered {
            jitter: Duration::from_millis(900),
            ..Arc::into_inner(Metered::new(120, begins)).unwrap()
        });
        let presence = backlog(5 * 120)
            .into_iter()
            .map(|event| of(Lane::Presence, event));
        work_off(
            &endpoint,
            backlog(5 * 120).into_iter().chain(presence).collect(),
            8,
        )
        .await;
        let used = endpoint.used(1);
        let state = endpoint.state.lock().unwrap();
        assert_eq!(state.throttled, 0, "{begins:?}");
        assert!(used >= 0.97, "{begins:?}: {used} {:?}", state.windows);
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_however_absurd_breaks_the_governor() {
    for (count, allowed, reset, retry_after) in [
        (u32::MAX, u32::MAX, u64::from(u32::MAX), u64::MAX),
        (u32::MAX, 1, 0, 0),
        (0, 1, u64::from(u32::MAX), 3600),
    ] {
        let limits = Limits {
            count,
            allowed,
            reset: Duration::from_secs(reset),
        };
        let governor = Governor::new();
        let mut limited = reply(
            429,
            Answer::RateLimited {
                retry_after: Some(Duration::from_secs(retry_after)),
                scope: Scope::Token,
            },
        );
        limited.limits = Some(limits);
        governor.enter().await;
        governor.left(&limited);
        let patience = Duration::from_secs(40 * 24 * 3600);
        tokio::time::timeout(patience, governor.enter())
            .await
            .expect("it opens again");
    }
}

#[tokio::test]
async fn partitions_hand_over_at_the_same_time_in_any_order_of_lanes() {
    let endpoint = Metered::new(u32::MAX, Begins::WithARequest);
    let delivery = Delivery::start(Settings::default(), endpoint, Governor::new(), Board::default());
    let hand_over = |lanes: [Lane; 2], first: u64| {
        let delivery = delivery.clone();
        std::thread::spawn(move || {
            let (owner, _ends) = owner(first);
            for n in 0..300 {
                let events = (0..20).map(|key| of(lanes[(key % 2) as usize], event(first + key, n)));
                delivery.submit(&owner, super::fake::items(events.collect::<Vec<_>>()));
            }
        })
    };
    let threads = [
        hand_over([Lane::Conversations, Lane::Presence], 100),
        hand_over([Lane::Presence, Lane::Conversations], 200),
    ];
    for thread in threads {
        thread.join().unwrap();
    }
}
