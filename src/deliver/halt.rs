//! A lane that is stopped: why, what mends it, and when it is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::event::Lane;

/// Where single events are refused, one that passes says little.
const ENOUGH: u32 = 3;
/// A stopped lane is tried at least so often.
const PROBE: Duration = Duration::from_secs(60);

/// Why a lane is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// 401, with a fresh token too.
    Unauthorized,
    /// 403.
    Forbidden,
    /// A status without a meaning of its own.
    Unexpected,
    /// 400 or 413 for whatever is sent.
    Alike,
    /// Most events are refused, each by itself.
    Flood,
}

impl Cause {
    /// Of a status that stops the lane.
    pub(super) fn of(status: Option<u16>) -> Self {
        match status {
            Some(401) => Self::Unauthorized,
            Some(403) => Self::Forbidden,
            _ => Self::Unexpected,
        }
    }

    /// What mends it.
    pub(super) fn todo(self, lane: Lane) -> String {
        match self {
            Self::Unauthorized => {
                "check [genesys] client_id and client_secret, and that the OAuth client is active; \
                                   the lane goes on by itself"
                    .to_owned()
            }
            Self::Forbidden => format!(
                "give the OAuth client a role with {}; the lane goes on by itself",
                permission(lane)
            ),
            Self::Unexpected => {
                "check [genesys] region, api_url and proxy, and give the correlation id to Genesys' \
                                 support; the lane goes on by itself"
                    .to_owned()
            }
            Self::Alike => {
                "every request is refused, so it is not one event's fault: look for a newer version of the \
                            agent, or give the correlation id to Genesys' support; the lane goes on by itself"
                    .to_owned()
            }
            Self::Flood => {
                "most events are refused, so it is not single events' fault: check what the message names, such as \
                 the directory's ids and [genesys] source_id, in the organization; the lane goes on by itself once \
                 events are accepted, and what is refused even then becomes dead letters"
                    .to_owned()
            }
        }
    }
}

/// What a lane's endpoint demands of the OAuth client.
pub(super) fn permission(lane: Lane) -> &'static str {
    match lane {
        Lane::Conversations => "the permission conversation:conversation:inject",
        Lane::Presence => "the permission presence:userPresence:inject",
        Lane::RoutingStatus => "the permission routing:routingstatus:inject",
        Lane::OutOfOffice => "the permission to edit users (directory:user:edit)",
    }
}

/// A stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halt {
    pub(super) cause: Cause,
    /// When the next probe may go.
    pub(super) probe_at: Instant,
    /// A probe is in flight.
    pub(super) probing: bool,
    /// Probes that have passed, one after the other.
    passed: u32,
    probes: u32,
}

impl Halt {
    pub(super) fn new(cause: Cause, now: Instant, backoff: Backoff, random: f64) -> Self {
        let mut halt = Self {
            cause,
            probe_at: now,
            probing: false,
            passed: 0,
            probes: 0,
        };
        halt.put_off(now, backoff, random);
        halt
    }

    /// A probe has failed: the next one goes later, up to a minute. Only half of the pause is jitter, so that a lane
    /// that stays stopped does not probe in bursts.
    pub(super) fn put_off(&mut self, now: Instant, backoff: Backoff, random: f64) {
        self.probes = self.probes.saturating_add(1);
        self.probing = false;
        self.passed = 0;
        let pause = Backoff {
            max: PROBE,
            ..backoff
        }
        .ceiling(self.probes);
        self.probe_at = now + pause.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    }

    /// A probe has passed; whether that is enough. If not, the next one goes at once.
    pub(super) fn passed(&mut self, now: Instant) -> bool {
        self.passed += 1;
        self.probing = false;
        self.probe_at = now;
        self.cause != Cause::Flood || self.passed >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_lane_is_probed_exponentially_and_at_least_once_a_minute() {
        let backoff = Backoff {
            min: Duration::from_millis(500),
            max: Duration::from_secs(30),
        };
        let now = Instant::now();
        let mut halt = Halt::new(Cause::Forbidden, now, backoff, 1.0);
        let mut pauses = vec![halt.probe_at - now];
        for _ in 0..9 {
            halt.put_off(now, backoff, 1.0);
            pauses.push(halt.probe_at - now);
        }
        let seconds: Vec<_> = pauses.iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]);
        halt.put_off(now, backoff, 0.0);
        assert_eq!(halt.probe_at - now, PROBE / 2);
    }
}
