//! Exit codes, by sysexits, and which one an error means.
//!
//! An error carries its code by being a [`Failure`], or by being of a kind that has only one meaning.

use std::fmt;
use std::io;

/// All went well.
pub const OK: u8 = 0;
/// The command line was wrong; clap's own 2 becomes this.
pub const USAGE: u8 = 64;
/// The data was wrong or could not be read.
pub const BAD_DATA: u8 = 65;
/// A service that is needed did not answer.
pub const UNAVAILABLE: u8 = 69;
/// A fault of this program.
pub const INTERNAL: u8 = 70;
/// Credentials were refused at the start.
pub const CREDENTIALS: u8 = 77;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;

/// What `--help` ends with.
pub(super) const HELP: &str = "\
Exit codes: 0 done, 64 wrong usage, 65 bad data, 69 a service is unavailable, 70 internal fault, \
77 credentials refused at start, 78 wrong configuration; `health` alone: 0 OK, 1 Warning, 2 Error, 3 unknown";

/// An error and the exit code that it means.
#[derive(Debug)]
pub struct Failure {
    /// One of this module's codes.
    pub code: u8,
    /// What failed, where, and what to do.
    pub message: String,
}

impl Failure {
    /// An error that ends the program with `code`.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit code that an error means.
pub(super) fn code(error: &anyhow::Error) -> u8 {
    if let Some(failure) = error.chain().find_map(|cause| cause.downcast_ref::<Failure>()) {
        return failure.code;
    }
    let remote = error.chain().any(|cause| cause.is::<reqwest::Error>());
    match error.chain().find_map(io_kind) {
        // The reader of our output has seen enough: that is how `| head` ends.
        Some(io::ErrorKind::BrokenPipe) if !remote => OK,
        Some(
            io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof,
        ) if !remote => BAD_DATA,
        _ => INTERNAL,
    }
}

fn io_kind(cause: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let json = || cause.downcast_ref::<serde_json::Error>()?.io_error_kind();
    match cause.downcast_ref::<io::Error>() {
        Some(error) => Some(error.kind()),
        None => json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn a_failure_keeps_its_code_under_context() {
        let error =
            anyhow::Error::new(Failure::new(UNAVAILABLE, "no broker answers")).context("cannot start");
        assert_eq!(code(&error), UNAVAILABLE);
        assert_eq!(format!("{error:#}"), "cannot start: no broker answers");
    }

    #[test]
    fn a_reader_gone_away_is_no_failure() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(code(&gone().into()), OK);
        let json = serde_json::to_writer(Gone, &1).context("cannot print");
        assert_eq!(code(&json.unwrap_err()), OK);
    }

    #[test]
    fn what_cannot_be_read_is_bad_data_and_the_rest_internal() {
        assert_eq!(code(&io::Error::from(io::ErrorKind::NotFound).into()), BAD_DATA);
        assert_eq!(
            code(&io::Error::from(io::ErrorKind::StorageFull).into()),
            INTERNAL
        );
        assert_eq!(code(&anyhow!("odd")), INTERNAL);
    }

    struct Gone;

    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
