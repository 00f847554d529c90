//! The tests can fail: builds of the agent that break a rule on purpose, each with the test that must notice it.
//!
//! A sabotage is a piece of the source and what stands there instead. Whether each still has its place is looked at in
//! every run; the builds take a quarter of an hour and come when they are asked for:
//! `cargo test --test sabotage -- --ignored --nocapture`, with `CONDUIT_SABOTAGE=NAME` one of them alone.
//!
//! What the broker or the endpoint does otherwise than it says (a snapshot or a dead letter that is acknowledged and not
//! there) is sabotaged in the simulation itself. Parties counted after leaving out need no sabotage: conversion, which
//! counts them, sees no directory, as `tests/imports.rs` has it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]
#![allow(clippy::print_stdout, reason = "a run says what happens in it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file, a piece of it, and what stands there instead.
type Change = (&'static str, &'static str, &'static str);

struct Sabotage {
    name: &'static str,
    changes: &'static [Change],
    /// What `cargo test` is told.
    test: &'static [&'static str],
}

/// Crashes and revocations at any moment.
const SIMULATION: &[&str] = &["--lib", "simulation::whatever"];
/// The processes, and the judge of what they leave.
const PROCESSES: &[&str] = &["--test", "durability", "whatever"];

const ALL: &[Sabotage] = &[
    Sabotage {
        name: "the state that is kept is that of the moment, not that of the commit point",
        changes: &[(
            "src/agent/worker/keep.rs",
            "        let checkpoint = self.checkpoints.best(open).clone();",
            "        let mut checkpoint = self.checkpoints.best(open).clone();
        checkpoint.state = self.machine.state();",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "the offset that is committed is that of the last record read",
        changes: &[(
            "src/agent/worker/keep.rs",
            "            offset: self.books.commit(),",
            "            offset: self.next,",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "records without events are missing in the state",
        changes: &[
            (
                "src/agent/worker/mod.rs",
                "    machine: Machine,\n",
                "    machine: Machine,\n    made: convert::State,\n",
            ),
            (
                "src/agent/worker/mod.rs",
                "            machine: Machine::new(settings.conversion.clone()),\n",
                "            machine: Machine::new(settings.conversion.clone()),
            made: convert::State::default(),\n",
            ),
            (
                "src/agent/worker/mod.rs",
                "        self.settle(Origin::Passing(record.offset), directory, now, work);",
                "        if !self.output.drafts.is_empty() {
            self.made = self.machine.state();
        }
        self.settle(Origin::Passing(record.offset), directory, now, work);",
            ),
            (
                "src/agent/worker/keep.rs",
                "        worker.resolver = Resolver::restore",
                "        worker.made = checkpoint.state.clone();
        worker.resolver = Resolver::restore",
            ),
            (
                "src/agent/worker/keep.rs",
                "            state: self.machine.state(),",
                "            state: self.made.clone(),",
            ),
        ],
        test: SIMULATION,
    },
    Sabotage {
        name: "marks are ahead by one",
        changes: &[(
            "src/agent/marks.rs",
            "(*way, *mark));",
            "(*way, self.above.get(way).map_or(*mark, |line| line.first)));",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "what is sent again is passed over by record, not by key",
        changes: &[(
            "src/agent/worker/mod.rs",
            "        if self.marks.covers((lane, draft.key), draft.time) {",
            "        if origin.offset().is_some_and(|offset| offset < self.repeated_below) {",
        )],
        test: PROCESSES,
    },
    Sabotage {
        name: "a tick takes effect before it is kept",
        changes: &[(
            "src/agent/worker/keep.rs",
            "        self.ticks.plan(self.next, to);",
            "        self.ticks.plan(self.next, to);
        let end = self.ticks.end();
        self.ticks.kept(end);",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "the queue is not emptied at a revoke",
        changes: &[(
            "src/deliver/mod.rs",
            "            way.lock().fence(owner, now);",
            "            let _ = now;",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "keys in flight are unlocked at a revoke",
        changes: &[(
            "src/deliver/queue/mod.rs",
            "            if head && self.lines.state(line) != State::Locked {",
            "            let _ = head;
            {",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "events leave though nobody knows whose the partition is",
        changes: &[(
            "src/deliver/owner.rs",
            "is_none_or(|lease| lease.holds(now))",
            "is_none_or(|lease| lease.holds(now) || true)",
        )],
        test: SIMULATION,
    },
    Sabotage {
        name: "a retry goes behind what is newer",
        changes: &[(
            "src/deliver/queue/mod.rs",
            "                Fate::Later(due) => {
                    self.lines.put_back(entry);",
            "                Fate::Later(due) => {
                    self.lines.append(entry);",
        )],
        test: PROCESSES,
    },
    Sabotage {
        name: "a page of HTML with status 200 counts as accepted",
        changes: &[(
            "src/genesys/answer.rs",
            "                None => {
                    message = format!(\"status {status} with a body that is no JSON object as expected\");
                    Answer::RetryLater
                }",
            "                None => Answer::Accepted { errors: Vec::new() },",
        )],
        test: &["--test", "agent", "a_2xx_with_a_page_of_html"],
    },
    Sabotage {
        name: "what is assigned while reading is paused is read",
        changes: &[(
            "src/kafka/context.rs",
            "            if halted || self.paused.load(Ordering::Relaxed) {",
            "            if halted {",
        )],
        test: &["--test", "apache_kafka", "pauses"],
    },
];

/// The source as it is.
fn source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn every_sabotage_has_its_place() {
    for sabotage in ALL {
        for (file, piece, _) in sabotage.changes {
            let found = source(file).matches(piece).count();
            assert_eq!(found, 1, "{}: {file} has {piece}", sabotage.name);
        }
    }
}

/// So has the change with which `benches/pipeline` is compared.
#[test]
fn the_bench_without_snapshots_has_its_place() {
    let patch = source("benches/pipeline/without_snapshots.patch");
    let file = source("src/agent/keeping.rs");
    for line in patch.lines().filter(|line| !line.starts_with("---")) {
        if let Some(gone) = line.strip_prefix('-') {
            assert!(file.contains(gone), "src/agent/keeping.rs has {gone}");
        }
    }
}

#[test]
#[ignore = "a quarter of an hour: it builds the agent once for each sabotage"]
fn every_sabotage_is_caught() {
    let only = std::env::var("CONDUIT_SABOTAGE").unwrap_or_default();
    let workshop = Workshop::new();
    let mut missed = Vec::new();
    for sabotage in ALL.iter().filter(|one| one.name.contains(&only)) {
        match workshop.catches(sabotage) {
            true => println!("caught: {}", sabotage.name),
            false => missed.push(sabotage.name),
        }
    }
    assert!(missed.is_empty(), "nobody noticed: {missed:#?}");
}

/// A copy of the sources, and where it is built.
struct Workshop(PathBuf);

impl Workshop {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sabotage");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        let _ = fs::remove_dir_all(folder.join("sources"));
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            "README.md",
            "src",
            "schemas",
            "tests",
            "benches",
        ] {
            copy(&sources.join(part), &folder.join("sources").join(part));
        }
        Self(folder)
    }

    fn catches(&self, sabotage: &Sabotage) -> bool {
        for (file, piece, instead) in sabotage.changes {
            let path = self.0.join("sources").join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace(piece, instead)).unwrap();
        }
        let (test, filter) = sabotage.test.split_at(sabotage.test.len() - 1);
        assert!(
            self.cargo(test, &["--no-run"]),
            "{}: it does not build",
            sabotage.name
        );
        let caught = !self.cargo(test, &["--", filter[0]]);
        for (file, ..) in sabotage.changes {
            fs::write(self.0.join("sources").join(file), source(file)).unwrap();
        }
        caught
    }

    fn cargo(&self, test: &[&str], more: &[&str]) -> bool {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--quiet", "--locked"]).args(test).args(more);
        cargo.current_dir(self.0.join("sources"));
        cargo.env("CARGO_TARGET_DIR", self.0.join("target"));
        cargo
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", "--cap-lints warn");
        let output = cargo.output().unwrap();
        let log = self.0.join("log");
        fs::write(log, [output.stdout, output.stderr].concat()).unwrap();
        output.status.success()
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
