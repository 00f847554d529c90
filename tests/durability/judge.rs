//! What a run has left, held against two references: what `convert` makes of the same log, and the simulator's truth.
//!
//! Everything is read from the run's folder, so that a run can be judged again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use cic_conduit::time::Time;
use serde_json::Value;

use crate::support::programs::{good, program};
use crate::support::truth;

/// What may have been accepted since the last commit, in seconds: the interval, and as much as a snapshot and its commit
/// take on a machine that does all of this at once.
const SINCE_COMMIT: f64 = 0.2 + 0.3;
/// Events that an agent may have in flight here, of which it does not hear.
const IN_FLIGHT: f64 = 100.0;

/// What was to come and what came, each a line of `convert` or of the journal.
pub(crate) struct Run {
    /// What `convert` makes of the log.
    pub(crate) wanted: Vec<Value>,
    /// The journal: what was accepted, in order, repeats too.
    pub(crate) journal: Vec<Value>,
    /// Dead letters of events.
    pub(crate) letters: Vec<Value>,
    /// eventIds that the sandbox was told to refuse.
    faulted: BTreeSet<String>,
    directory: Value,
    truth: Vec<Value>,
    allowance: Allowance,
}

/// What may bring repeats.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Allowance {
    /// Kills, zombies, rebalances, and times without Kafka.
    pub(crate) disturbances: u64,
    /// For how long there was no Kafka to commit to, in milliseconds.
    pub(crate) disturbed_ms: i64,
    /// When requests took effect and the agent did not hear so: what was accepted then is sent again in any case. From,
    /// to, in milliseconds since 1970.
    pub(crate) unheard: Vec<(i64, i64)>,
}

impl Allowance {
    const FILE: &str = "allowance.json";

    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join(Self::FILE), serde_json::to_vec(self).unwrap()).unwrap();
    }

    /// How many repeats a run at this rate, in events per second, may have.
    fn repeats(&self, rate: f64) -> f64 {
        let seconds = self.disturbed_ms as f64 / 1000.0;
        self.disturbances as f64 * (rate * SINCE_COMMIT + IN_FLIGHT) + seconds * rate
    }
}

/// What there is to say of a run in which nothing is wrong.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) events: usize,
    pub(crate) letters: usize,
    pub(crate) repeats: usize,
    pub(crate) calls: usize,
}

impl Run {
    /// What is in a run's folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let directory = folder.join("directory.json");
        let read = |name: &str| lines(&std::fs::read_to_string(folder.join(name)).unwrap());
        let mut sites: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for record in read("log.ndjson") {
            let site = record["source"].as_str().unwrap().to_owned();
            sites.entry(site).or_default().push(record.to_string());
        }
        // Each alone: a partition knows the time of no other.
        let wanted = sites.values().flat_map(|records| {
            let log = folder.join("site.ndjson");
            std::fs::write(&log, records.join("\n")).unwrap();
            let mut convert = program();
            convert.args(["convert", "--directory"]).arg(&directory).arg(log);
            lines(&good(convert.output().unwrap()))
        });
        Self {
            wanted: wanted.collect(),
            journal: read("journal.ndjson"),
            letters: read("letters.ndjson"),
            faulted: serde_json::from_value(read("faulted.json").remove(0)).unwrap(),
            directory: serde_json::from_slice(&std::fs::read(directory).unwrap()).unwrap(),
            truth: read("truth.ndjson"),
            allowance: serde_json::from_value(read(Allowance::FILE).remove(0)).unwrap(),
        }
    }

    /// Holds alternate: where one was refused, the next of the same communication does not follow.
    fn is_half_of_a_refused_hold(&self, letter: &Value) -> bool {
        let what = |letter: &Value| {
            let about = letter["event"]["communicationId"].clone();
            (letter["type"] == "holdUpdatedEvents").then_some(about)
        };
        let refused = self.letters.iter().filter(|one| self.faulted.contains(id(one)));
        what(letter).is_some_and(|about| refused.map(what).any(|other| other.as_ref() == Some(&about)))
    }

    /// # Errors
    /// With everything that is wrong, a line each.
    pub(crate) fn judge(&self) -> Result<Verdict, Vec<String>> {
        let mut faults = Vec::new();
        let wanted: HashMap<&str, &Value> = self.wanted.iter().map(|line| (id(line), line)).collect();
        let (mut lettered, mut given_up) = (BTreeSet::new(), BTreeSet::new());
        for letter in &self.letters {
            let known = wanted.get(id(letter)).is_some_and(|wanted| same(wanted, letter));
            lettered.insert(id(letter));
            if !known {
                faults.push(format!("no such event was to come: the dead letter {letter}"));
            }
            let excused = self.faulted.contains(id(letter))
                || self.is_half_of_a_refused_hold(letter)
                || !letter["dependsOn"].is_null();
            // What was given up once may come again after a kill, when what follows it was accepted.
            if excused {
                given_up.insert(id(letter));
            } else if !given_up.contains(id(letter)) {
                faults.push(format!("refused for what it is: {letter}"));
            }
        }
        let mut accepted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut last = HashMap::new();
        let (mut repeats, mut unexplained) = (0, 0);
        for line in &self.journal {
            let new = seen.insert(id(line));
            let before = last.insert(id(line), at(line)).unwrap_or_default();
            match line["repeat"] == true {
                true => {
                    repeats += 1;
                    let mut unheard = self.allowance.unheard.iter();
                    if !unheard.any(|(from, to)| (*from..=*to).contains(&before)) {
                        unexplained += 1;
                    }
                }
                false if new => accepted.entry(key(line)).or_default().push(id(line)),
                false => faults.push(format!("accepted twice as if it were new: {line}")),
            }
            match wanted.get(id(line)) {
                None => faults.push(format!("no such event was to come: {line}")),
                Some(wanted) if !same(wanted, line) => {
                    faults.push(format!("another content than {wanted}: {line}"));
                }
                Some(_) => {}
            }
        }
        let mut keys: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for line in &self.wanted {
            match seen.contains(id(line)) {
                true => keys.entry(key(line)).or_default().push(id(line)),
                false if lettered.contains(id(line)) => {}
                false => faults.push(format!("lost: {line}")),
            }
        }
        for (key, wanted) in &keys {
            if accepted.get(key) != Some(wanted) {
                faults.push(format!(
                    "out of order: {key}: {:?}, not {wanted:?}",
                    accepted.get(key)
                ));
            }
        }
        let ends = self.journal.first().zip(self.journal.last());
        let took = ends.map_or(1, |(first, last)| (at(last) - at(first)).max(1));
        let allowed = self
            .allowance
            .repeats(self.journal.len() as f64 * 1000.0 / took as f64);
        if f64::from(unexplained) > allowed {
            faults.push(format!("{unexplained} repeats where at most {allowed:.0} may be"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        println!("{unexplained} repeats for which there is no answer that was lost, of at most {allowed:.0}");
        Ok(Verdict {
            events: accepted.values().map(Vec::len).sum(),
            letters: self.letters.len(),
            repeats,
            calls: self.tells_the_truth(),
        })
    }

    /// Who spoke to whom; calls of which a part is a dead letter are left out.
    fn tells_the_truth(&self) -> usize {
        let of = |letter: &Value| letter["event"]["conversationId"].as_str().map(str::to_owned);
        let broken: BTreeSet<String> = self.letters.iter().filter_map(of).collect();
        let without = truth::conversations(&self.wanted)
            .into_iter()
            .filter(|(_, conversation)| broken.contains(conversation))
            .map(|(key, _)| key)
            .collect();
        let first = |line: &&Value| line["repeat"] == false && line["lane"] == "conversations";
        let accepted: Vec<Value> = self.journal.iter().filter(first).cloned().collect();
        truth::compare(&accepted, &self.directory, &self.truth, &without)
    }
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn id(line: &Value) -> &str {
    line["event"]["eventId"].as_str().unwrap_or_default()
}

/// When it was accepted, in milliseconds since 1970.
fn at(line: &Value) -> i64 {
    let at = line["at"].as_str().and_then(Time::parse);
    at.map_or(0, Time::millis)
}

fn same(one: &Value, other: &Value) -> bool {
    ["lane", "type", "event"]
        .iter()
        .all(|field| one[*field] == other[*field])
}

/// Events of one key have one order.
fn key(line: &Value) -> String {
    let of = |field: &&str| line["event"][*field].as_str();
    let key = ["conversationId", "userId", "agentId"].iter().find_map(of);
    format!(
        "{} {}",
        line["lane"].as_str().unwrap_or_default(),
        key.unwrap_or_default()
    )
}

/// The judge can fail: each of these was a sound run until somebody touched it.
mod doctored {
    use serde_json::json;

    use super::*;

    fn sound() -> Run {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let output = program()
            .args([
                "simulate",
                "--agents",
                "20",
                "--sites",
                "2",
                "--records",
                "1500",
                "--output",
                "-",
            ])
            .arg("--directory")
            .arg(file("directory.json"))
            .arg("--truth")
            .arg(file("truth.ndjson"))
            .output();
        std::fs::write(file("log.ndjson"), good(output.unwrap())).unwrap();
        std::fs::write(file("journal.ndjson"), "").unwrap();
        std::fs::write(file("letters.ndjson"), "").unwrap();
        std::fs::write(file("faulted.json"), "[]").unwrap();
        Allowance::default().write(folder.path());
        let mut run = Run::read(folder.path());
        run.journal = run.wanted.clone();
        for line in &mut run.journal {
            line["repeat"] = json!(false);
        }
        run
    }

    /// The first two places of events with one key.
    fn neighbours(run: &Run) -> (usize, usize) {
        let mut last = HashMap::new();
        let pair = run.journal.iter().enumerate().find_map(|(place, line)| {
            let before = last.insert(key(line), place);
            before.map(|before| (before, place))
        });
        pair.unwrap()
    }

    #[track_caller]
    fn is_caught(what: &str, doctor: impl FnOnce(&mut Run)) {
        let mut run = sound();
        doctor(&mut run);
        let faults = run.judge().expect_err("it was doctored");
        assert!(faults[0].starts_with(what), "{faults:?}");
    }

    #[test]
    fn a_sound_run_is_sound() {
        let mut run = sound();
        run.allowance.disturbances = 1;
        let mut again = run.journal[7].clone();
        again["repeat"] = json!(true);
        run.journal.push(again);
        let gone = run.journal.remove(run.wanted.len() - 1);
        run.faulted.insert(id(&gone).to_owned());
        run.letters.push(gone);
        let verdict = run.judge().unwrap();
        assert_eq!((verdict.repeats, verdict.letters), (1, 1));
        assert!(verdict.calls > 50, "{verdict:?}");
    }

    #[test]
    fn a_lost_event_is_caught() {
        is_caught("lost: ", |run| drop(run.journal.remove(100)));
    }

    #[test]
    fn two_events_in_the_wrong_order_are_caught() {
        is_caught("out of order: ", |run| {
            let (one, other) = neighbours(run);
            run.journal.swap(one, other);
        });
    }

    #[test]
    fn a_retry_behind_a_newer_event_is_caught() {
        is_caught("out of order: ", |run| {
            let (one, _) = neighbours(run);
            let late = run.journal.remove(one);
            run.journal.push(late);
        });
    }

    #[test]
    fn an_event_of_another_content_is_caught() {
        is_caught("another content", |run| {
            run.journal[50]["event"]["eventDateTime"] = json!("2026-03-02T08:00:00.000Z");
        });
    }

    #[test]
    fn a_repeat_of_another_content_is_caught() {
        is_caught("another content", |run| {
            let mut again = run.journal[50].clone();
            again["repeat"] = json!(true);
            again["event"]["eventDateTime"] = json!("2026-03-02T08:00:00.000Z");
            run.journal.push(again);
        });
    }

    #[test]
    fn an_event_that_nobody_made_is_caught() {
        is_caught("no such event", |run| {
            let mut foreign = run.journal[50].clone();
            foreign["event"]["eventId"] = json!("00000000-0000-4000-8000-000000000000");
            run.journal.push(foreign);
        });
    }

    #[test]
    fn a_repeat_that_counts_as_new_is_caught() {
        is_caught("accepted twice", |run| {
            let again = run.journal[50].clone();
            run.journal.push(again);
        });
    }

    #[test]
    fn a_repeat_for_which_there_is_no_reason_is_caught() {
        is_caught("1 repeats where at most 0", |run| {
            let mut again = run.journal[50].clone();
            again["repeat"] = json!(true);
            run.journal.push(again);
        });
    }

    #[test]
    fn a_dead_letter_of_another_content_is_caught() {
        is_caught("no such event", |run| {
            let mut letter = run.journal.pop().unwrap();
            letter["event"]["eventDateTime"] = json!("2026-03-02T08:00:00.000Z");
            run.letters.push(letter);
        });
    }

    /// What comes out of turn is refused: a dead letter is no excuse for that.
    #[test]
    fn an_event_that_was_refused_for_what_it_is_is_caught() {
        is_caught("refused for what it is", |run| {
            let gone = run.journal.pop().unwrap();
            run.letters.push(gone);
        });
    }

    /// It was given up with what it needs; after a kill that was accepted, and it came behind what follows it.
    #[test]
    fn what_was_given_up_may_be_refused_when_it_comes_again() {
        let mut run = sound();
        let again = run.journal.pop().unwrap();
        let mut given_up = again.clone();
        given_up["dependsOn"] = run.journal[0]["event"]["eventId"].clone();
        run.letters.extend([given_up, again]);
        assert_eq!(run.judge().unwrap().letters, 2);
        run.letters.reverse();
        let faults = run.judge().expect_err("it was refused before it was given up");
        assert!(faults[0].starts_with("refused for what it is"), "{faults:?}");
    }

    /// Both references must agree: here conversion is what lies.
    #[test]
    #[should_panic(expected = "left == right")]
    fn a_call_that_was_converted_wrongly_is_caught() {
        let mut run = sound();
        let disposition = |line: &Value| line["type"] == "communicationDispositionAppliedEvents";
        run.wanted.retain(|line| !disposition(line));
        run.journal.retain(|line| !disposition(line));
        let _ = run.judge();
    }
}
