//! A fixed window: so many requests from the first one on, then none until it ends.

use std::time::Duration;
use tokio::time::Instant;

/// What the headers `inin-ratelimit-*` say after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Requests let through in this window, this one included.
    pub(super) count: u32,
    /// Requests let through in a window at most.
    pub(super) allowed: u32,
    /// Whole seconds until the window ends, at least 1.
    pub(super) reset: u64,
    /// Whether this request was let through.
    pub(super) passed: bool,
}

/// A token's requests in the window now open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    since: Option<Instant>,
    count: u32,
}

impl Window {
    /// Takes one request; those refused are not counted.
    pub(super) fn take(&mut self, now: Instant, length: Duration, allowed: u32) -> Budget {
        let since = match self.since {
            Some(since) if now < since + length => since,
            _ => {
                self.count = 0;
                *self.since.insert(now)
            }
        };
        let passed = self.count < allowed;
        self.count += u32::from(passed);
        let left = (since + length).saturating_duration_since(now);
        Budget {
            count: self.count,
            allowed,
            reset: left.as_millis().div_ceil(1000).max(1) as u64,
            passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_window_lets_so_many_through_and_starts_anew() {
        let (mut window, length) = (Window::default(), Duration::from_secs(60));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(
            window.take(at(0), length, 2),
            Budget {
                count: 1,
                allowed: 2,
                reset: 60,
                passed: true
            }
        );
        assert_eq!(
            window.take(at(10), length, 2),
            Budget {
                count: 2,
                allowed: 2,
                reset: 50,
                passed: true
            }
        );
        assert_eq!(
            window.take(at(59), length, 2),
            Budget {
                count: 2,
                allowed: 2,
                reset: 1,
                passed: false
            }
        );
        assert_eq!(
            window.take(at(60), length, 2),
            Budget {
                count: 1,
                allowed: 2,
                reset: 60,
                passed: true
            }
        );
    }
}
