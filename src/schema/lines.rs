//! Validates NDJSON as it is read, one line at a time, however long the text is.

use super::{Error, Problem, validators};
use serde_json::Value;
use std::io::BufRead;

/// A problem and the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// Line number, from 1.
    pub line: u64,
    /// What does not fit.
    pub problem: Problem,
}

/// How many lines were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that held a value; blank lines are not counted.
    pub lines: u64,
    /// Those that did not fit.
    pub bad: u64,
}

/// Holds every line against the schema of that name and tells `found` each problem; blank lines are skipped.
pub fn validate_lines(
    name: &str,
    mut text: impl BufRead,
    mut found: impl FnMut(LineProblem),
) -> Result<Counts, Error> {
    let validator = validators::whole(name).ok_or_else(|| Error::UnknownSchema(name.to_owned()))?;
    let mut counts = Counts::default();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = text.read_until(b'\n', &mut bytes);
        if read.map_err(|source| Error::Read { line, source })? == 0 {
            break;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        counts.lines += 1;
        let problems = match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) => validators::problems(validator, &value).err().unwrap_or_default(),
            Err(error) => vec![Problem {
                path: String::new(),
                message: format!("is no JSON: {error}"),
            }],
        };
        counts.bad += u64::from(!problems.is_empty());
        problems
            .into_iter()
            .for_each(|problem| found(LineProblem { line, problem }));
    }
    Ok(counts)
}
