//! One site: its agents and interactions, and what happens next.
//!
//! Everything that happens is a [`Step`] at its time. A step changes agents and interactions and says so; it plans
//! the steps that follow.

use super::agent::Agent;
use super::call::{Call, Media};
use super::names::{Names, WORKGROUPS, Workgroup};
use super::random::Random;
use super::settings::{Settings, Shares};
use super::speaker::Speaker;
use super::truth::{self, Told};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What happens to an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Then {
    LeaveIvr,
    GiveUp,
    Overflow,
    Ring,
    Answer,
    NotAnswered,
    HangUpRinging,
    EndVoicemail,
    Hold,
    Retrieve,
    Mute,
    Unmute,
    SendToUser,
    SendToWorkgroup,
    Consult,
    HangUpCaller,
    HangUpAgent,
    Vanish,
    Proceed,
    OutsideAnswers,
    NobodyAnswers,
    Busy,
    EndConsult,
    Deallocate,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Something comes in.
    Arrive,
    /// To the interaction in a slot, if its epoch is still this.
    Call(usize, u32, Then),
    /// An agent gives a wrap-up code for a segment of an interaction in a slot, if it still is there.
    WrapUp {
        slot: usize,
        id: u64,
        agent: usize,
        segment: u32,
    },
    /// An agent becomes available, if the status is still that of this epoch.
    Back(usize, u32),
    /// An agent takes a break, a lesson, a note.
    Habit(usize),
    /// An agent calls somebody.
    Dial(usize),
    /// An agent comes or goes home.
    Shift(usize),
}

/// One site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) speaker: Speaker,
    pub(super) random: Random,
    pub(super) shares: Shares,
    pub(super) agents: Vec<Agent>,
    pub(super) workgroups: usize,
    /// The agents of each workgroup.
    pub(super) members: Vec<Vec<usize>>,
    /// What waits in each workgroup: slot and epoch, which tells whether it still does.
    pub(super) waiting: Vec<VecDeque<(usize, u32)>>,
    pub(super) calls: Vec<Call>,
    pub(super) free: Vec<usize>,
    pub(super) open: Vec<usize>,
    pub(super) lines: u8,
    next_id: u64,
    /// In ms of the contact centre's own time.
    pub(super) now: u64,
    steps: BinaryHeap<Reverse<(u64, u64, Step)>>,
    planned: u64,
    /// How much comes in, in thousandths of what the agents can do.
    pub(super) load: u64,
    /// The truth, where it is kept.
    pub(super) truth: Option<Vec<u8>>,
}

impl Site {
    pub(super) fn new(settings: &Settings, names: &Names, index: usize) -> Self {
        let mut random = Random::new(settings.seed.wrapping_mul(0x9e37_79b9).wrapping_add(index as u64));
        let users = names.users.iter().filter(|user| user.site == index);
        let users: Vec<_> = users.collect();
        let workgroups = (users.len() / 6).clamp(2, WORKGROUPS.len());
        let mut members = vec![Vec::new(); workgroups];
        let mut agents = Vec::with_capacity(users.len());
        for (at, user) in users.into_iter().enumerate() {
            let mut own = vec![(at % workgroups) as u8];
            for _ in 0..2 {
                let other = random.below(workgroups) as u8;
                if !own.contains(&other) {
                    own.push(other);
                }
            }
            for workgroup in &own {
                members[usize::from(*workgroup)].push(at);
            }
            let active = own.into_iter().map(|workgroup| (workgroup, !random.chance(40)));
            agents.push(Agent::new(user, active.collect()));
        }
        Self {
            speaker: Speaker::new(settings, &names.sites[index], index),
            shares: settings.shares.clone(),
            lines: (agents.len() / 20).clamp(2, 40) as u8,
            agents,
            workgroups,
            members,
            waiting: vec![VecDeque::new(); workgroups],
            calls: Vec::new(),
            free: Vec::new(),
            open: Vec::new(),
            next_id: 2_101_000_000 + random.between(0, 9_000_000),
            now: 0,
            steps: BinaryHeap::new(),
            planned: 0,
            load: 1000,
            truth: settings.truth.then(Vec::new),
            random,
        }
    }

    /// When the next step is due.
    pub(super) fn due(&self) -> Option<u64> {
        self.steps.peek().map(|Reverse((due, _, _))| *due)
    }

    /// Takes the next step.
    pub(super) fn step(&mut self, now: u64) {
        self.now = now;
        let Some(Reverse((_, _, step))) = self.steps.pop() else {
            return;
        };
        match step {
            Step::Arrive => self.arrive(),
            Step::Call(slot, epoch, then) if self.calls[slot].epoch == epoch => self.call(slot, then),
            Step::Call(..) => {}
            Step::WrapUp {
                slot,
                id,
                agent,
                segment,
            } => self.wrap_up(slot, id, agent, segment),
            Step::Back(agent, epoch) => self.back(agent, epoch),
            Step::Habit(agent) => self.habit(agent),
            Step::Dial(agent) => self.dial(agent),
            Step::Shift(agent) => self.shift(agent),
        }
    }

    fn call(&mut self, slot: usize, then: Then) {
        match then {
            Then::LeaveIvr => self.leave_ivr(slot),
            Then::GiveUp => self.end(slot, b'E', "hung up in queue"),
            Then::Overflow => self.overflow(slot),
            Then::Ring => self.ring(slot),
            Then::Answer => self.answer(slot),
            Then::NotAnswered => self.not_answered(slot),
            Then::HangUpRinging => self.end(slot, b'E', "hung up ringing"),
            Then::EndVoicemail => self.end(slot, b'E', "voicemail"),
            Then::Hold => self.hold(slot),
            Then::Retrieve => self.retrieve(slot),
            Then::Mute => self.mute(slot, true),
            Then::Unmute => self.mute(slot, false),
            Then::SendToUser => self.send_to_user(slot),
            Then::SendToWorkgroup => self.send_to_workgroup(slot),
            Then::Consult => self.consult(slot),
            Then::HangUpCaller => self.end(slot, b'E', "caller hung up"),
            Then::HangUpAgent => self.end(slot, b'I', "agent hung up"),
            Then::Vanish => self.vanish(slot),
            Then::Proceed => self.proceed(slot),
            Then::OutsideAnswers => self.outside_answers(slot),
            Then::NobodyAnswers => self.end(slot, b'I', "not answered"),
            Then::Busy => self.end(slot, b'E', "busy"),
            Then::EndConsult => self.end_consult(slot),
            Then::Deallocate => self.deallocate(slot),
        }
    }

    /// Plans a step for `delay` ms from now.
    pub(super) fn plan(&mut self, delay: u64, step: Step) {
        self.planned += 1;
        self.steps.push(Reverse((self.now + delay, self.planned, step)));
    }

    /// Plans what happens to an interaction next, and forgets what was planned before.
    pub(super) fn next(&mut self, slot: usize, delay: u64, then: Then) {
        self.calls[slot].epoch += 1;
        self.or(slot, delay, then);
    }

    /// Plans what else may happen to an interaction: whichever comes first.
    pub(super) fn or(&mut self, slot: usize, delay: u64, then: Then) {
        let epoch = self.calls[slot].epoch;
        self.plan(delay, Step::Call(slot, epoch, then));
    }

    /// A new interaction; the caller says it.
    pub(super) fn create(&mut self, media: Media, letter: u8) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.calls.push(Call::default());
            self.calls.len() - 1
        });
        let id = self.next_id;
        self.next_id += 1;
        let epoch = self.calls[slot].epoch + 1;
        let mut users = std::mem::take(&mut self.calls[slot].users);
        users.clear();
        self.calls[slot] = Call {
            id,
            media,
            letter,
            users,
            epoch,
            line: self.random.below(usize::from(self.lines)) as u8,
            remote: self.random.between(1_000_000, 9_999_999) as u32,
            withheld: self.random.chance(30),
            skill: self.random.below(super::names::SKILLS.len()) as u8,
            language: self.random.below(super::names::LANGUAGES.len()) as u8,
            initiated: self.speaker.second(),
            place: self.open.len(),
            told: self.truth.is_some().then(Box::default),
            ..Call::default()
        };
        self.open.push(slot);
        slot
    }

    /// The interaction is no more; its line of the truth is written.
    pub(super) fn forget(&mut self, slot: usize) {
        self.write_truth(slot);
        let call = &mut self.calls[slot];
        call.epoch += 1;
        call.id = 0;
        let place = call.place;
        self.open.swap_remove(place);
        if let Some(moved) = self.open.get(place) {
            self.calls[*moved].place = place;
        }
        self.free.push(slot);
    }

    fn write_truth(&mut self, slot: usize) {
        if let (Some(out), Some(told)) = (&mut self.truth, self.calls[slot].told.take()) {
            truth::write_call(out, &mut self.speaker, &self.agents, &self.calls[slot], &told);
        }
    }

    /// Writes the truth of what goes on.
    pub(super) fn tell_rest(&mut self) {
        for slot in self.open.clone() {
            self.write_truth(slot);
        }
        if let Some(out) = &mut self.truth {
            for agent in &self.agents {
                truth::write_status(out, &mut self.speaker, agent, None);
            }
        }
    }

    /// Adds to the truth of an interaction, where it is kept, what the next record says.
    pub(super) fn tell(&mut self, slot: usize, what: impl FnOnce(&mut Told, i64)) {
        let now = self.speaker.moment();
        if let Some(told) = self.calls[slot].told.as_deref_mut() {
            what(told, now);
        }
    }

    pub(super) fn workgroup(&self, slot: usize) -> Option<Workgroup> {
        self.calls[slot].workgroup.map(|at| WORKGROUPS[usize::from(at)])
    }
}
