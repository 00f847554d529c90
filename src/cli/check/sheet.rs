//! The verdicts as they are printed, and the exit code that they come to.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::exit::{CONFIG, CREDENTIALS, INTERNAL, OK, UNAVAILABLE};
use crate::config::Problem;

/// Exit codes, the one that counts first.
const WORST_FIRST: [u8; 5] = [INTERNAL, CONFIG, CREDENTIALS, UNAVAILABLE, OK];

/// `1 broker`, `3 brokers`.
pub(super) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Prints verdicts as they come.
pub(super) struct Sheet<W: Write> {
    out: W,
    code: u8,
}

impl<W: Write> Sheet<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, code: OK }
    }

    /// All is well with `item`.
    pub(super) fn ok(&mut self, item: &str, found: impl AsRef<str>) -> io::Result<()> {
        self.line("OK", item, found.as_ref(), "")
    }

    /// `item` wants attention; the agent would work.
    pub(super) fn warning(
        &mut self,
        item: &str,
        found: impl AsRef<str>,
        todo: impl AsRef<str>,
    ) -> io::Result<()> {
        self.line("WARNING", item, found.as_ref(), todo.as_ref())
    }

    /// The agent would not work; `code` is one of the exit codes.
    pub(super) fn error(
        &mut self,
        code: u8,
        item: &str,
        found: impl AsRef<str>,
        todo: impl AsRef<str>,
    ) -> io::Result<()> {
        let rank = |code: u8| WORST_FIRST.iter().position(|one| *one == code);
        if rank(code) < rank(self.code) {
            self.code = code;
        }
        self.line("ERROR", item, found.as_ref(), todo.as_ref())
    }

    /// Something is wrong with the configuration.
    pub(super) fn problem(&mut self, problem: &Problem) -> io::Result<()> {
        let told = problem.to_string();
        let told = told.strip_prefix("configuration: ").unwrap_or(&told);
        let (what, todo) = split(told);
        self.error(CONFIG, "configuration", what, todo)
    }

    /// `item` was not looked at.
    pub(super) fn skipped(&mut self, item: &str, why: impl AsRef<str>) -> io::Result<()> {
        self.line("SKIPPED", item, why.as_ref(), "")
    }

    /// The exit code of all verdicts.
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    fn line(&mut self, verdict: &str, item: &str, found: &str, todo: &str) -> io::Result<()> {
        writeln!(self.out, "{verdict:<8} {item}: {found}")?;
        if !todo.is_empty() {
            writeln!(self.out, "{:<8} {todo}", "")?;
        }
        self.out.flush()
    }
}

/// What is wrong, and what to do: errors of ours say both in one sentence.
pub(super) fn split(told: &str) -> (&str, &str) {
    told.split_once("; ").unwrap_or((told, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_makes_the_exit_code() {
        for (codes, want) in [
            (&[][..], OK),
            (&[UNAVAILABLE], UNAVAILABLE),
            (&[UNAVAILABLE, CREDENTIALS], CREDENTIALS),
            (&[CONFIG, CREDENTIALS, UNAVAILABLE], CONFIG),
        ] {
            let mut sheet = Sheet::new(Vec::new());
            for code in codes {
                sheet.error(*code, "it", "is wrong", "mend it").unwrap();
            }
            sheet.warning("it", "is strange", "look").unwrap();
            assert_eq!(sheet.code, want, "{codes:?}");
        }
    }

    #[test]
    fn a_verdict_is_a_line_and_what_to_do_the_next() {
        let mut sheet = Sheet::new(Vec::new());
        sheet.ok("clock", "0.1 s apart").unwrap();
        sheet.warning("clock", "7 s ahead", "set it").unwrap();
        sheet.skipped("token", "not reached").unwrap();
        assert_eq!(
            String::from_utf8(sheet.out).unwrap(),
            "OK       clock: 0.1 s apart\nWARNING  clock: 7 s ahead\n         set it\nSKIPPED  token: not reached\n"
        );
    }
}
