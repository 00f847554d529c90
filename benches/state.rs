//! What the state of conversion costs with 100,000 open conversations: memory, a clone, the changes after it, and its
//! bytes, there and back.
//!
//! `cargo bench --bench state`. Of each time the median and the largest are printed; the bounds at the end are the
//! project's, and the process fails where one does not hold. Other work on the machine shows in the largest.
//!
//! Memory is what each call takes beyond the first ones, with which code, users and names come in. They come in at 50 a
//! second, so that all but the last 3,000 sleep, as those do of which nothing was said for a minute; one that is awake
//! takes two and a half times as much.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends where something is wrong, and prints"
)]

#[path = "state/calls.rs"]
mod calls;

use std::sync::Arc;
use std::time::Duration;

use calls::{USERS, call, changed, id};

use cic_conduit::cic::{self, Fallback, Wanted};
use cic_conduit::convert::{Machine, Output, State};
use cic_conduit::time::Time;
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OPEN: usize = 100_000;
/// By then every user is known.
const FIRST: usize = USERS;
/// Records between two clones, as the agent takes them at the least.
const RECORDS: usize = 64;

fn read(json: &str, n: usize) -> cic::Record {
    let fallback = Fallback {
        source: "cic",
        id: &format!("cic/0/{n}"),
        time: Some(Time::from_millis(1_772_438_400_000 + n as i64 * 10)),
    };
    cic::read(json.as_bytes(), [], fallback, &Wanted::default()).unwrap()
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

struct Times(Vec<Duration>);

impl Times {
    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let made = work();
        self.0.push(began.elapsed());
        made
    }

    fn print(&mut self, name: &str) -> Duration {
        self.0.sort();
        let median = self.0[self.0.len() / 2];
        println!(
            "{name:<52} median {median:>10.1?}  largest {:>10.1?}",
            self.0[self.0.len() - 1]
        );
        median
    }
}

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let mut machine = Machine::new(Arc::default());
    let mut output = Output::default();
    let (mut before, mut n) = (0, 0);
    for at in 0..OPEN {
        if at == FIRST {
            before = resident();
        }
        for json in call(at) {
            machine.record(&read(&json, n), n as u64, &mut output);
            n += 1;
        }
        output = Output::default();
    }
    assert_eq!(machine.open_conversations(), OPEN);
    let each = (resident() - before) / (OPEN - FIRST);
    println!("{OPEN} open conversations, {USERS} users: {each} bytes resident for each conversation");

    let (mut clones, mut firsts, mut between) = (Times(Vec::new()), Times(Vec::new()), Times(Vec::new()));
    let mut kept = Vec::new();
    for round in 0..200 {
        kept.push(clones.take(|| machine.state()));
        if kept.len() > 16 {
            kept.remove(0);
        }
        for at in 0..RECORDS {
            let held = if at % 2 == 0 { "H" } else { "C" };
            let whose = (round * 7919 + at * 104_729) % OPEN;
            let record = read(&changed(id(whose), &format!(r#""Eic_State":"{held}""#)), n);
            let times = if at == 0 { &mut firsts } else { &mut between };
            times.take(|| machine.record(&record, n as u64, &mut output));
            n += 1;
        }
        output = Output::default();
    }
    let clone = clones.print("a clone");
    let first = firsts.print("the first record after it");
    between.print("each other record");
    drop(kept);

    let (mut writes, mut reads) = (Times(Vec::new()), Times(Vec::new()));
    let mut bytes = Vec::new();
    for _ in 0..3 {
        let state = machine.state();
        bytes = writes.take(|| {
            let mut bytes = Vec::new();
            state.write(&mut bytes).unwrap();
            bytes
        });
        reads.take(|| State::read(&bytes[..]).unwrap());
    }
    println!("{} bytes for each conversation, encoded", bytes.len() / OPEN);
    let there_and_back = writes.print("encoding") + reads.print("decoding");

    assert!(each <= 500, "a conversation takes up to 500 bytes");
    assert!(clone < Duration::from_millis(1), "a clone takes up to 1 ms");
    assert!(
        first < Duration::from_millis(20),
        "no record is held up for 20 ms"
    );
    assert!(
        there_and_back < Duration::from_secs(3),
        "100,000 are restored within 3 s"
    );
}
