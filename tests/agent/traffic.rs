//! Simulated traffic, and what `convert` makes of it.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::broker::{PARTITIONS, Record};
use crate::support::programs::{good, program};

/// Records of one simulation, two sites.
pub(crate) struct Traffic {
    pub(crate) records: Vec<Record>,
    /// Names everybody who is in them.
    pub(crate) directory: PathBuf,
    folder: TempDir,
}

/// So many records are the traffic of most tests.
pub(crate) const RECORDS: usize = 2400;

/// What most tests write, and what `convert` makes of it.
pub(crate) static USUAL: LazyLock<(Traffic, Vec<Value>)> = LazyLock::new(|| {
    let traffic = Traffic::new(7, RECORDS, "2026-03-02T08:00:00Z");
    let converted = traffic.converted();
    (traffic, converted)
});

impl Traffic {
    /// `records` of `seed`, from a moment on.
    pub(crate) fn new(seed: u64, records: usize, start: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("directory.json");
        let output = program()
            .args(["simulate", "--agents", "40", "--sites", "2", "--rate", "20"])
            .args(["--start", start, "--seed", &seed.to_string()])
            .args(["--records", &records.to_string(), "--output", "-", "--directory"])
            .arg(&directory)
            .output()
            .unwrap();
        let records = good(output).lines().map(record).collect();
        Self {
            records,
            directory,
            folder,
        }
    }

    /// The records of one partition.
    pub(crate) fn of(&self, partition: i32) -> Vec<Record> {
        let mine = |record: &&Record| record.partition == partition;
        self.records.iter().filter(mine).cloned().collect()
    }

    /// What `convert` makes of them.
    pub(crate) fn converted(&self) -> Vec<Value> {
        let lines: Vec<&[u8]> = self.records.iter().map(|record| &*record.value).collect();
        let file = self.folder.path().join("cic.ndjson");
        std::fs::write(&file, lines.join(&b'\n')).unwrap();
        let output = program()
            .args(["convert", "--directory"])
            .arg(&self.directory)
            .arg(file)
            .output()
            .unwrap();
        let text = good(output);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn record(line: &str) -> Record {
    let event: Value = serde_json::from_str(line).unwrap();
    let site = event["source"].as_str().unwrap();
    let number: i32 = site.bytes().map(i32::from).sum();
    Record {
        partition: number % PARTITIONS,
        key: site.to_owned(),
        value: line.as_bytes().to_vec(),
    }
}
