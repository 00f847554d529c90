//! Which faults repeat: the first is written, those within the next minutes are counted. Pure.

use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;
use tracing::Level;

/// For so long after a fault was written its repeats are counted instead.
pub(super) const WINDOW: Duration = Duration::from_secs(300);
/// Faults that are told apart; beyond, the one written longest ago is forgotten.
const KEPT: usize = 256;

/// Something that went wrong.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Equal for faults that count as the same.
    pub(super) key: u64,
    /// How bad it is.
    pub(super) level: Level,
    /// Who says it.
    pub(super) target: &'static str,
    /// In words.
    pub(super) message: String,
}

/// A fault that came again and was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) message: String,
    /// How often.
    pub(super) count: u64,
}

/// The faults of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: FxHashMap<u64, Seen>,
    /// Counts of faults that were forgotten before their time.
    forgotten: Vec<Repeated>,
}

#[derive(Debug)]
struct Seen {
    fault: Fault,
    /// When it, or its count, was last written.
    written: Instant,
    count: u64,
}

impl Repeats {
    /// Whether `fault` is to be written now.
    pub(super) fn hear(&mut self, fault: Fault, now: Instant) -> bool {
        if let Some(seen) = self.seen.get_mut(&fault.key) {
            seen.count += 1;
            return false;
        }
        if self.seen.len() >= KEPT {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.written);
            let oldest = oldest.map(|(&key, _)| key);
            let oldest = oldest.and_then(|key| self.seen.remove(&key));
            self.forgotten.extend(oldest.as_ref().and_then(Seen::repeated));
        }
        let key = fault.key;
        let seen = Seen {
            fault,
            written: now,
            count: 0,
        };
        self.seen.insert(key, seen);
        true
    }

    /// The counts to be written now. What did not come again is forgotten: its next time is a first one.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Repeated> {
        let mut due = std::mem::take(&mut self.forgotten);
        self.seen.retain(|_, seen| {
            if now.duration_since(seen.written) < WINDOW {
                return true;
            }
            let repeated = seen.repeated();
            let came_again = repeated.is_some();
            due.extend(repeated);
            (seen.written, seen.count) = (now, 0);
            came_again
        });
        due
    }
}

impl Seen {
    fn repeated(&self) -> Option<Repeated> {
        let Fault {
            level,
            target,
            message,
            ..
        } = &self.fault;
        (self.count > 0).then(|| Repeated {
            level: *level,
            target,
            message: message.clone(),
            count: self.count,
        })
    }
}

/// `text` with every word that holds a digit replaced: durations, offsets and ids differ from one repeat to the next.
pub(super) fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|letter: char| !letter.is_alphanumeric())
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        plain.push_str(if word.contains(|letter: char| letter.is_ascii_digit()) {
            "#"
        } else {
            word
        });
        let after = behind.find(char::is_alphanumeric).unwrap_or(behind.len());
        let (between, next) = behind.split_at(after);
        plain.push_str(between);
        rest = next;
    }
    plain
}
