//! Draws faults from a seed and lets them happen, until every kind has happened often enough.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use cic_conduit::clock::now;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::judge::Allowance;
use crate::scene::{AGENTS, SESSION, Scene, Seat};
use crate::support::programs::wait_for;
use crate::support::relay::Mode;

/// Where an agent can end itself, and how often it may pass there first.
const PLACES: [(&str, u64); 13] = [
    ("polled", 100),
    ("converted", 100),
    ("sent", 60),
    ("answer read", 60),
    ("partly noted", 60),
    ("dead letter sent", 2),
    ("tick noted", 1),
    ("snapshot half written", 20),
    ("snapshot written", 20),
    ("commit sent", 20),
    ("commit answered", 20),
    ("revoke begun", 1),
    ("restore half read", 3),
];
/// It takes another agent that comes.
const BY_OTHERS: &str = "revoke begun";
/// It comes at the log's end only.
const AT_THE_END: &str = "tick noted";
/// No partition has fewer records to end than this, which is more than an agent reads ahead: at a log's end time passes by
/// the clock, and what that changes the references do not know.
const AHEAD: i64 = 80_000;
/// Written at once.
const SLICE: usize = 5000;
/// How long an answer of the sandbox takes, in milliseconds.
const SLOW: u64 = 300;
/// Between two looks at those who may have ended.
const LOOK: Duration = Duration::from_millis(20);
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// How often each thing is to happen at least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) kills: u64,
    pub(crate) zombies: u64,
}

/// What has happened.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By kind; kills by the place of the agent that ended itself, or "any moment".
    pub(crate) happened: BTreeMap<&'static str, u64>,
    pub(crate) kills: BTreeMap<&'static str, u64>,
    /// The most memory that an agent was seen to have, in bytes.
    pub(crate) most_memory: u64,
    pub(crate) rebalances: u64,
    /// What may bring repeats, for the judge.
    pub(crate) allowance: Allowance,
}

impl Report {
    fn count(&mut self, what: &'static str) {
        println!("{what}");
        *self.happened.entry(what).or_default() += 1;
    }

    fn killed(&mut self, place: &'static str) {
        self.allowance.disturbances += 1;
        println!("killed: {place}");
        *self.kills.entry(place).or_default() += 1;
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.happened.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn all_kills(&self) -> u64 {
        self.kills.values().sum()
    }

    /// Places at which no agent has ended.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        let places = PLACES.iter().map(|(place, _)| *place);
        places.filter(|place| !self.kills.contains_key(place)).collect()
    }

    fn is_enough(&self, goal: Goal) -> bool {
        let missed = self.missed();
        self.all_kills() >= goal.kills
            && self.of("zombie") >= goal.zombies
            && missed.iter().all(|place| *place == AT_THE_END)
    }
}

/// What can happen.
#[derive(Clone, Copy)]
enum Thing {
    Kill,
    Stop,
    Freeze,
    CutOffKafka,
    CutOffGenesys,
    Slow,
    Broker,
}

/// Shuffled again when all of it has happened.
const DECK: [Thing; 12] = [
    Thing::Kill,
    Thing::Kill,
    Thing::Kill,
    Thing::Kill,
    Thing::Kill,
    Thing::Stop,
    Thing::Freeze,
    Thing::Freeze,
    Thing::CutOffKafka,
    Thing::CutOffGenesys,
    Thing::Slow,
    Thing::Broker,
];

/// A way that was closed for a while.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToKafka,
    ToGenesys,
}

/// See the module.
pub(crate) struct Conductor {
    scene: Scene,
    draw: fastrand::Rng,
    deck: Vec<Thing>,
    report: Report,
}

impl Conductor {
    pub(crate) fn new(scene: Scene, seed: u64) -> Self {
        Self {
            scene,
            draw: fastrand::Rng::with_seed(seed),
            deck: Vec::new(),
            report: Report::default(),
        }
    }

    /// Everything happens, then nothing any more; all that is left must be done within `patience`.
    pub(crate) fn run(mut self, goal: Goal, patience: Duration) -> (Scene, Report) {
        self.top_up();
        for seat in 0..AGENTS {
            self.start(seat);
        }
        let began = Instant::now();
        while !self.report.is_enough(goal) {
            let since = now().millis();
            let unheard = self.faults();
            let way = self.happen();
            let pause = Duration::from_millis(self.draw.u64(100..600));
            self.live(pause);
            let until = now().millis();
            if unheard || way == Some(Way::ToGenesys) {
                self.report.allowance.unheard.push((since, until));
            }
            if way == Some(Way::ToKafka) {
                self.report.allowance.disturbances += 1;
                self.report.allowance.disturbed_ms += until - since;
            }
            self.top_up();
            println!("{:.1} s", began.elapsed().as_secs_f64());
        }
        self.come_to_rest(patience);
        let report = &mut self.report;
        report.rebalances = self.scene.rebalances() as u64;
        report.allowance.disturbances += report.rebalances + report.of("zombie");
        report.allowance.write(&self.scene.folder);
        (self.scene, self.report)
    }

    /// The rest of the log is written, and all of it ends.
    fn come_to_rest(&mut self, patience: Duration) {
        self.scene.mend();
        while self.scene.write(SLICE) > 0 {}
        self.wait_for_rest(patience);
        for seat in 0..AGENTS {
            if self.report.missed().contains(&AT_THE_END) {
                self.kill(seat);
                self.scene.seats[seat].start(&self.scene.folder, Some((AT_THE_END, 1)));
            }
        }
        self.scene.write_last();
        self.wait_for_rest(patience);
        for seat in &mut self.scene.seats {
            let mut agent = seat.agent.take().unwrap();
            self.report.most_memory = self.report.most_memory.max(agent.process.most_memory());
            agent.stop();
        }
        self.scene.keep_letters();
    }

    fn wait_for_rest(&mut self, patience: Duration) {
        let since = Instant::now();
        loop {
            self.reap();
            let lag: i64 = self.scene.lags().iter().sum();
            if lag == 0 {
                return;
            }
            assert!(
                since.elapsed() < patience,
                "{lag} records have not ended after {patience:?}"
            );
            std::thread::park_timeout(LOOK);
        }
    }

    /// The log goes on.
    fn top_up(&mut self) {
        while self.scene.lags().iter().any(|lag| *lag < AHEAD) && self.scene.write(SLICE) > 0 {}
        let lags = self.scene.lags();
        assert!(
            lags.iter().all(|lag| *lag > 0),
            "the log is too short: {:?}",
            self.report
        );
    }

    /// Time passes; whoever has ended is started again.
    fn live(&mut self, time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            self.reap();
            std::thread::park_timeout(LOOK);
        }
    }

    fn reap(&mut self) {
        for number in 0..AGENTS {
            let seat = &mut self.scene.seats[number];
            let Some(agent) = &mut seat.agent else { continue };
            let Some(status) = agent.process.has_ended() else {
                continue;
            };
            assert_eq!(
                status.signal(),
                Some(SIGABRT),
                "it ends itself: {}",
                agent.logged()
            );
            let place = seat.armed.take().expect("it was told where");
            self.report.killed(place);
            self.start(number);
        }
    }

    /// Starts an agent; some are told where to end themselves.
    fn start(&mut self, seat: usize) {
        let missed = self.report.missed();
        let places = PLACES.iter().filter(|(place, _)| *place != AT_THE_END);
        let mut places: Vec<_> = places.collect();
        let new = places.iter().any(|(place, _)| missed.contains(place));
        if new {
            places.retain(|(place, _)| missed.contains(place));
        }
        if seat == 1 && missed.contains(&BY_OTHERS) {
            places.retain(|(place, _)| *place == BY_OTHERS);
        }
        let armed = new || self.draw.bool();
        let (place, most) = places[self.draw.usize(..places.len())];
        let at = armed.then(|| (*place, self.draw.u64(1..=*most)));
        self.scene.seats[seat].start(&self.scene.folder, at);
    }

    fn kill(&mut self, seat: usize) {
        let seat = &mut self.scene.seats[seat];
        let Some(mut agent) = seat.agent.take() else {
            return;
        };
        if agent.process.has_ended().is_none() {
            self.report.most_memory = self.report.most_memory.max(agent.process.most_memory());
            agent.process.signal("KILL");
        }
        let ended = agent.process.ended();
        let place = match ended.signal() {
            Some(SIGKILL) => "any moment",
            _ => seat.armed.take().expect("it has ended itself"),
        };
        self.report.killed(place);
    }

    /// What Genesys Cloud does for the next while; whether it takes requests and does not say so.
    fn faults(&mut self) -> bool {
        let effect = |kind: &str| json!({"effect": {"kind": kind}});
        let status = |status: u16, rest: Value| {
            let mut effect = json!({"kind": "status", "status": status});
            effect
                .as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            json!({"effect": effect})
        };
        let refused = |retryable: bool, fraction: f64| json!({"effect": {"kind": "partial", "retryable": retryable, "fraction": fraction}});
        let (fault, unheard) = match self.draw.u8(0..14) {
            0 => (status(503, json!({})), false),
            1 => (status(429, json!({"retryAfter": 1})), false),
            2 => (effect("reset"), false),
            3 => (refused(true, 0.2), false),
            4 | 5 => (refused(false, 0.002), false),
            6 => (json!({"requests": 2, "effect": {"kind": "tokenExpired"}}), false),
            7 => (status(500, json!({"applied": true})), true),
            8 => (status(200, json!({"html": true, "applied": true})), true),
            9 => (effect("halfAnswer"), true),
            _ => {
                self.scene.sandbox.slow_faults(SLOW, &[]);
                return false;
            }
        };
        self.report.count("fault of Genesys Cloud");
        self.scene.sandbox.slow_faults(SLOW, &[fault]);
        unheard
    }

    /// The next thing that happens; which way it closed.
    fn happen(&mut self) -> Option<Way> {
        if self.deck.is_empty() {
            self.deck.extend(DECK);
            self.draw.shuffle(&mut self.deck);
        }
        let seat = self.draw.usize(..AGENTS);
        let closed = [Mode::Cut, Mode::Hold][self.draw.usize(..2)];
        match self.deck.pop()? {
            Thing::Kill => {
                self.kill(seat);
                let pause = Duration::from_millis(self.draw.u64(..800));
                self.live(pause);
                self.start(seat);
            }
            Thing::Stop => self.stop(seat),
            Thing::Freeze => self.freeze(seat),
            Thing::CutOffKafka => {
                self.out("cut off from Kafka", seat, |seat| seat.to_kafka.set(closed));
                return Some(Way::ToKafka);
            }
            Thing::CutOffGenesys => {
                self.out("cut off from Genesys Cloud", seat, |seat| {
                    seat.to_genesys.set(closed)
                });
                return Some(Way::ToGenesys);
            }
            Thing::Slow => {
                let slow = Mode::Slow(Duration::from_millis(self.draw.u64(5..100)));
                self.out("slow connections", seat, |seat| {
                    seat.to_kafka.set(slow);
                    seat.to_genesys.set(slow);
                });
            }
            Thing::Broker => {
                match self.draw.bool() {
                    true => self.scene.kafka.stop(),
                    false => self.scene.kafka.kill(),
                }
                self.report.count("broker ended");
                self.scene.kafka.go_on();
                return Some(Way::ToKafka);
            }
        }
        None
    }

    /// An agent's ways are not as they should be for a while.
    fn out(&mut self, what: &'static str, seat: usize, set: impl FnOnce(&Seat)) {
        self.report.count(what);
        set(&self.scene.seats[seat]);
        self.live_a_while();
        self.scene.seats[seat].mend();
    }

    /// As long as an agent is away.
    fn live_a_while(&mut self) {
        let time = Duration::from_millis(self.draw.u64(300..2500));
        self.live(time);
    }

    /// An agent leaves, and another one comes after a while.
    fn stop(&mut self, seat: usize) {
        let Some(mut agent) = self.scene.seats[seat].agent.take() else {
            return;
        };
        if agent.process.has_ended().is_none() {
            agent.process.signal("TERM");
        }
        let status = wait_for("the agent stops", || agent.process.has_ended());
        match status.signal() {
            Some(SIGABRT) => {
                let place = self.scene.seats[seat].armed.take().expect("it was told where");
                self.report.killed(place);
            }
            // It had not come to listen yet.
            Some(SIGTERM) if agent.logged().is_empty() => {}
            _ => {
                assert_eq!(status.code(), Some(0), "rule 9: {}", agent.logged());
                self.report.count("clean stop");
            }
        }
        self.live_a_while();
        self.start(seat);
    }

    /// An agent does nothing for so long that others have its partitions, and then goes on.
    fn freeze(&mut self, seat: usize) {
        let Some(agent) = &mut self.scene.seats[seat].agent else {
            return;
        };
        if agent.process.has_ended().is_some() {
            return;
        }
        agent.process.signal("STOP");
        self.report.count("zombie");
        self.live(Duration::from_millis(SESSION + 1500));
        let agent = self.scene.seats[seat].agent.as_ref();
        agent.unwrap().process.signal("CONT");
    }
}
