//! Places at which a test ends the process as suddenly as `kill -9` would. Release builds have none.
//!
//! `CIC_CONDUIT_FAIL_AT=PLACE:N` ends it when PLACE is passed for the N-th time; `tests/durability` has every place.

/// This is the place of that name.
#[cfg(debug_assertions)]
pub(crate) fn at(place: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let told = std::env::var("CIC_CONDUIT_FAIL_AT").ok()?;
        let (place, times) = told.split_once(':')?;
        Some((place.to_owned(), AtomicU64::new(times.parse().ok()?)))
    });
    if let Some((armed, times)) = &*ARMED
        && armed == place
        && times.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}

/// This is the place of that name.
#[cfg(not(debug_assertions))]
pub(crate) fn at(_: &str) {}
