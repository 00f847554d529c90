//! What came of a demo: figures for people, and whether all went well.

use super::figures::Figures;
use crate::metrics;
use crate::sandbox::Summary;
use std::io::{self, Write};

/// Everything that a demo has counted at its end.
pub(super) struct Result {
    /// Records that the broker has.
    pub(super) written: u64,
    pub(super) figures: Figures,
    pub(super) sandbox: Summary,
}

impl Result {
    /// What went wrong; empty: nothing.
    pub(super) fn complaints(&self) -> Vec<String> {
        let ended = self.figures.sum(metrics::RECORDS_ENDED) as u64;
        let made = self.figures.sum(metrics::EVENTS_MADE) as u64;
        let mut complaints = Vec::new();
        let mut complain = |count: u64, what: &str| {
            if count > 0 {
                complaints.push(format!("{count} {what}"));
            }
        };
        complain(
            self.written.saturating_sub(ended),
            "records are not accounted for",
        );
        complain(
            self.figures.sum(metrics::EVENTS_REFUSED) as u64,
            "events were refused",
        );
        complain(
            self.figures.sum(metrics::DEAD_LETTERS) as u64,
            "dead letters were written",
        );
        complain(
            self.sandbox.violations.values().sum(),
            "rules were broken, of order or of shape",
        );
        let left_out = self.figures.by(metrics::EVENTS_LEFT_OUT, "reason");
        let left_out = left_out.values().sum::<f64>() as u64;
        complain(
            made.saturating_sub(self.sandbox.accepted_total + left_out),
            "events were made and not accepted",
        );
        complaints
    }

    /// Prints the figures and the verdict.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { figures, sandbox, .. } = self;
        writeln!(out, "\nrecords written {:>35}", self.written)?;
        table(out, figures.by(metrics::RECORDS_ENDED, "fate"))?;
        let skipped = figures.by(metrics::RECORDS_SKIPPED, "reason");
        for (reason, count) in skipped {
            writeln!(out, "    {reason:<34} {count:>12}")?;
        }
        writeln!(out, "events accepted {:>35}", sandbox.accepted_total)?;
        for (array, count) in &sandbox.accepted {
            writeln!(out, "  {array:<36} {count:>12}")?;
        }
        let batches = figures.sum(metrics::BATCHES);
        writeln!(
            out,
            "batches {batches:>43}, {:.1} events each",
            sandbox.accepted_total as f64 / batches.max(1.0)
        )?;
        table(out, figures.by(metrics::BATCHES, "closed"))?;
        writeln!(out, "from record to acceptance")?;
        for (share, name) in [(0.5, "half"), (0.9, "90 %"), (0.99, "99 %")] {
            if let Some(bound) = figures.quantile(metrics::DELIVERY_DELAY, share) {
                writeln!(out, "  {name} within {bound:>37} s")?;
            }
        }
        match &self.complaints()[..] {
            [] => writeln!(out, "\nnothing lost, nothing refused, nothing out of order"),
            complaints => complaints
                .iter()
                .try_for_each(|complaint| writeln!(out, "\nFAILED: {complaint}")),
        }
    }
}

fn table(out: &mut impl Write, rows: impl IntoIterator<Item = (String, f64)>) -> io::Result<()> {
    for (name, count) in rows {
        writeln!(out, "  {name:<36} {count:>12}")?;
    }
    Ok(())
}
