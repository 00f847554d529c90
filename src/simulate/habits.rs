//! What agents do by themselves: come and go, rest, learn, take notes.

use super::site::{Site, Step};
use super::status::{
    AVAILABLE, AWAY, COACHING, COFFEE, DO_NOT_DISTURB, FOLLOW_UP, GONE_HOME, HOME_OFFICE, LUNCH, MEETING,
    NO_ACD, OUT_OF_OFFICE, TRAINING, VACATION,
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// A status that agents take, how often, and for how many minutes.
const HABITS: [(usize, u32, u64, u64); 10] = [
    (COFFEE, 25, 4, 20),
    (AWAY, 15, 1, 15),
    (FOLLOW_UP, 15, 1, 12),
    (LUNCH, 10, 25, 60),
    (MEETING, 10, 15, 60),
    (NO_ACD, 8, 5, 30),
    (DO_NOT_DISTURB, 6, 2, 20),
    (COACHING, 6, 5, 40),
    (TRAINING, 4, 30, 90),
    (HOME_OFFICE, 2, 20, 90),
];

impl Site {
    /// The beginning: definitions, activations and statuses as they stand; every agent somewhere in a shift.
    pub(super) fn opening(&mut self) {
        let second = self.speaker.second();
        for agent in 0..self.agents.len() {
            self.settle_in(agent, second);
        }
        self.say_definitions();
        for workgroup in 0..self.workgroups {
            self.say_members(workgroup, false);
        }
        for agent in (0..self.agents.len()).step_by(7) {
            self.say_activations(agent, false);
        }
        self.say_all_statuses();
        self.plan_arrival();
    }

    fn settle_in(&mut self, agent: usize, second: i64) {
        let since = second - self.random.between(10, 7200) as i64;
        let draw = self.random.below(100);
        let one = &mut self.agents[agent];
        one.since = since;
        one.told_since = since * 1000;
        one.phone_since = since;
        if draw < 15 {
            one.logged_in = false;
            one.status = GONE_HOME;
            let night = self.random.between(MINUTE, 2 * HOUR);
            self.plan(night, Step::Shift(agent));
        } else {
            if draw < 28 {
                let (status, _, _, most) = HABITS[draw % HABITS.len()];
                self.agents[agent].status = status;
                let rest = self.random.between(MINUTE, most * MINUTE);
                self.plan_back(agent, rest);
            }
            let rest = self.random.between(10 * MINUTE, 8 * HOUR);
            self.plan(rest, Step::Shift(agent));
        }
        self.plan_habit(agent);
        self.plan_dialling(agent);
    }

    fn plan_habit(&mut self, agent: usize) {
        let gap = self.random.gap(25 * MINUTE);
        self.plan(gap, Step::Habit(agent));
    }

    /// The agent is available again after a while.
    pub(super) fn plan_back(&mut self, agent: usize, delay: u64) {
        let epoch = self.agents[agent].epoch;
        self.plan(delay, Step::Back(agent, epoch));
    }

    pub(super) fn back(&mut self, agent: usize, epoch: u32) {
        let one = &self.agents[agent];
        if one.epoch != epoch || !one.logged_in {
            return;
        }
        if one.call.is_some() {
            // A status taken during a call outlasts it.
            if one.status != AVAILABLE {
                self.plan_back(agent, 15_000);
            }
            return;
        }
        if one.status != AVAILABLE {
            self.take_status(agent, AVAILABLE);
            self.say_statuses(&[agent], true);
        }
        self.dispatch_to(agent);
    }

    pub(super) fn habit(&mut self, agent: usize) {
        let one = &self.agents[agent];
        if one.call.is_some() && !self.random.chance(100) {
            return self.plan(MINUTE, Step::Habit(agent));
        }
        self.plan_habit(agent);
        let one = &self.agents[agent];
        if !one.logged_in || one.status != AVAILABLE {
            return;
        }
        if self.random.chance(150) {
            return self.change_activations(agent);
        }
        let (status, _, least, most) = HABITS[self.random.weighted(&HABITS.map(|habit| habit.1))];
        self.take_status(agent, status);
        self.say_statuses(&[agent], true);
        let rest = self.random.mostly_short(least * MINUTE, most * MINUTE);
        self.plan_back(agent, rest);
    }

    /// Out of a workgroup, or back into all.
    fn change_activations(&mut self, agent: usize) {
        let one = &mut self.agents[agent];
        let all = one.workgroups.iter().all(|(_, active)| *active);
        let at = self.random.below(one.workgroups.len());
        for (index, (_, active)) in one.workgroups.iter_mut().enumerate() {
            *active = !all || index != at;
        }
        let workgroup = usize::from(one.workgroups[at].0);
        if self.random.chance(700) {
            self.say_activations(agent, true);
        } else if all {
            self.say_members(workgroup, false);
        } else {
            self.say_activations(agent, false);
        }
        self.dispatch_to(agent);
    }

    /// Goes home, unless something rings or talks; or comes back: nights are short here, so that traffic stays level.
    pub(super) fn shift(&mut self, agent: usize) {
        if self.agents[agent].call.is_some() {
            return self.plan(MINUTE, Step::Shift(agent));
        }
        if self.agents[agent].logged_in {
            self.go_home(agent);
            let night = self.random.between(40 * MINUTE, 3 * HOUR);
            self.plan(night, Step::Shift(agent));
        } else {
            self.come(agent);
            let shift = self.random.between(6 * HOUR, 9 * HOUR);
            self.plan(shift, Step::Shift(agent));
        }
    }

    fn go_home(&mut self, agent: usize) {
        let status = [GONE_HOME, OUT_OF_OFFICE, VACATION][self.random.weighted(&[85, 9, 6])];
        self.take_status(agent, status);
        if status != GONE_HOME || self.random.chance(200) {
            self.agents[agent].until = Some(self.speaker.second() + 16 * 3600);
        }
        if self.random.chance(400) {
            self.say_statuses(&[agent], true);
        }
        if self.speaker.moment() != self.agents[agent].told_since {
            self.tell_status(agent);
        }
        self.agents[agent].logged_in = false;
        self.say_statuses(&[agent], true);
    }

    fn come(&mut self, agent: usize) {
        if self.random.chance(300) {
            self.tell_status(agent);
            self.agents[agent].logged_in = true;
            self.say_statuses(&[agent], true);
        }
        self.take_status(agent, AVAILABLE);
        self.agents[agent].logged_in = true;
        self.say_statuses(&[agent], true);
        self.dispatch_to(agent);
    }
}
