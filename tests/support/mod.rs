//! What integration tests share.

#![allow(dead_code, reason = "every test binary uses a part of it")]

pub(crate) mod apache_kafka;
pub(crate) mod certificates;
pub(crate) mod programs;
pub(crate) mod relay;
pub(crate) mod rights;
pub(crate) mod truth;

/// Whether `CONDUIT_TEST_WITHOUT` leaves out by hand what needs `means`.
pub(crate) fn is_left_out(means: &str) -> bool {
    let without = std::env::var("CONDUIT_TEST_WITHOUT").unwrap_or_default();
    without.split(',').any(|one| one.trim() == means)
}

/// Fails, and names the package, where `program` is not there.
pub(crate) fn demand(program: &str, version: &str, package: &str, means: &str) {
    let there = std::process::Command::new(program).arg(version).output();
    assert!(
        there.is_ok_and(|there| there.status.success()),
        "{program} is not there: apt-get install {package}, or run tests/run; CONDUIT_TEST_WITHOUT={means} leaves out \
         what needs it"
    );
}
