//! All sites together, record after record, at a rate.
//!
//! Record n carries the time `start + n / rate`. The contact centre's own time runs beside it, at the speed at which
//! its steps make the wanted part of the records; what is missing is filled with records that change nothing. Where
//! even at its natural speed it says too much for the rate, less comes in.

use super::names::Names;
use super::random::Random;
use super::settings::Settings;
use super::site::Site;
use super::speaker::Said;

/// After how many records the tempo is set anew.
const MEASURED_OVER: u64 = 2048;
/// Records per second and agent at natural speed, as a first guess.
const NATURAL_RATE: f64 = 0.045;

/// A simulated contact centre: endless, and repeated by its settings.
#[derive(Debug)]
pub struct Simulation {
    sites: Vec<Site>,
    /// Sites that have said how they stand.
    opened: usize,
    /// The site that spoke last.
    speaking: usize,
    random: Random,
    /// Records so far.
    number: u64,
    tempo: Tempo,
}

/// How fast the contact centre's own time goes.
#[derive(Debug)]
struct Tempo {
    /// Its ms per ms of record time, at least 1.
    speed: f64,
    /// How much comes in, in thousandths.
    load: u64,
    /// Its time, in ms.
    now: f64,
    /// Ms of record time between two records.
    step: f64,
    /// The part of records that steps shall make.
    wanted: f64,
    /// Records that steps made since the tempo was set.
    made: u64,
}

impl Tempo {
    fn new(settings: &Settings) -> Self {
        let rate = f64::from(settings.rate.max(1));
        let wanted = 1.0 - f64::from(settings.noise.min(950)) / 1000.0;
        let natural = settings.agents.max(1) as f64 * NATURAL_RATE;
        let ratio = rate * wanted / natural;
        Self {
            speed: ratio.max(1.0),
            load: ((ratio.min(1.0) * 1000.0) as u64).max(10),
            now: 0.0,
            step: 1000.0 / rate,
            wanted,
            made: 0,
        }
    }

    /// Sets speed and load by what was measured; whether the load changed.
    fn set(&mut self) -> bool {
        let share = (self.made as f64 / MEASURED_OVER as f64).max(0.01);
        self.made = 0;
        let factor = (self.wanted / share).clamp(0.8, 1.25);
        let load = self.load;
        if factor > 1.0 && self.load < 1000 {
            self.load = ((self.load as f64 * factor) as u64 + 1).min(1000);
        } else if factor < 1.0 && self.speed <= 1.0 {
            self.load = ((self.load as f64 * factor) as u64).max(10);
        } else {
            self.speed = (self.speed * factor).max(1.0);
        }
        self.load != load
    }
}

impl Simulation {
    /// Begins with what the sites say of themselves: status definitions, activations, statuses.
    pub fn new(settings: &Settings) -> Self {
        let names = Names::of(settings);
        let sites = (0..names.sites.len()).filter(|index| names.users.iter().any(|user| user.site == *index));
        Self {
            sites: sites.map(|index| Site::new(settings, &names, index)).collect(),
            opened: 0,
            speaking: 0,
            random: Random::new(!settings.seed),
            number: 0,
            tempo: Tempo::new(settings),
        }
    }

    /// The truth of what has ended since it was last taken, where the settings ask for it.
    pub fn take_truth(&mut self) -> Vec<u8> {
        let mut lines = Vec::new();
        for truth in self.sites.iter_mut().filter_map(|site| site.truth.as_mut()) {
            lines.append(truth);
        }
        lines
    }

    /// The rest of the truth: of what has not ended.
    pub fn finish(mut self) -> Vec<u8> {
        for site in &mut self.sites {
            site.tell_rest();
        }
        self.take_truth()
    }

    /// Makes a site say something, or takes a step that says nothing.
    fn go_on(&mut self) {
        if self.opened < self.sites.len() {
            self.speaking = self.opened;
            self.opened += 1;
            let site = &mut self.sites[self.speaking];
            site.load = self.tempo.load;
            site.speaker.number = self.number;
            return site.opening();
        }
        let now = self.tempo.now as u64;
        let due = self
            .sites
            .iter()
            .enumerate()
            .filter_map(|(at, site)| Some((site.due()?, at)))
            .min();
        match due {
            Some((due, at)) if due <= now => {
                self.speaking = at;
                let site = &mut self.sites[at];
                site.speaker.number = self.number;
                site.step(now);
                self.tempo.made += site.speaker.said.len() as u64;
            }
            _ => {
                self.speaking = self.random.below(self.sites.len());
                let site = &mut self.sites[self.speaking];
                site.speaker.number = self.number;
                site.say_filler();
            }
        }
    }
}

impl Iterator for Simulation {
    type Item = Said;

    fn next(&mut self) -> Option<Said> {
        loop {
            let speaker = &mut self.sites[self.speaking].speaker;
            let Some(said) = speaker.said.pop_front() else {
                self.go_on();
                continue;
            };
            self.number += 1;
            speaker.number = self.number;
            self.tempo.now += self.tempo.step * self.tempo.speed;
            if self.number.is_multiple_of(MEASURED_OVER) && self.tempo.set() {
                for site in &mut self.sites {
                    site.load = self.tempo.load;
                }
            }
            return Some(said);
        }
    }
}
