//! The only place that asks the time. Everything else takes a [`Time`] or tokio's `Instant` as an argument.

use crate::time::Time;

/// Now, by the machine's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that may ask; all else takes a time as an argument"
)]
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 is wrong in any case; the epoch is as good as any other wrong time.
    Time::from_millis(since.map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_lies_between_the_year_of_writing_and_the_far_future() {
        let text = now().to_string();
        assert!(
            text.as_str() > "2025-01-01" && text.as_str() < "2200-01-01",
            "{text}"
        );
    }
}
