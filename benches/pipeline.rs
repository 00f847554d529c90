//! The whole agent as a process: Apache Kafka on one side, an endpoint that only counts on the other.
//!
//! `cargo bench --bench pipeline` writes 2 million records of simulated CIC traffic (500 agents, 4 sites, seed 1) into
//! four partitions before any clock starts. Then the agent reads them from the beginning, five times, each time as a
//! new process in a new group. Printed are records and events per second from the process' start to the moment when all
//! is read and no event waits, the agent's own CPU seconds per million records, and its largest resident size (VmHWM).
//! A few records of the log's end still wait then, by rule, for records that do not come.
//!
//! `--budget 300` measures the pacing instead: see [`budget`]. `--soak 30` goes on for minutes: see [`soak`].
//! `--restore 100000` restarts over so many open calls: see [`restore`].
//!
//! What the state costs shows beside a build that discards snapshots: `git apply benches/pipeline/without_snapshots.patch`,
//! and the same again.
//!
//! `--records N` and `--runs N` make it smaller. Broker, endpoint and agent share this machine, so rates say as much
//! about it as about the agent; CPU seconds per million records and memory travel better.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends where something is wrong, and prints"
)]

#[path = "pipeline/budget.rs"]
mod budget;
#[allow(dead_code, reason = "the state's bench uses the rest")]
#[path = "state/calls.rs"]
mod calls;
#[path = "pipeline/restore.rs"]
mod restore;
#[path = "pipeline/soak.rs"]
mod soak;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use support::apache_kafka::{ApacheKafka, Way};
use support::programs::{Agent, Process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cic-conduit");
const TOPIC: &str = "cic";
const PARTITIONS: i32 = 4;
const MIB: f64 = (1 << 20) as f64;
/// How often the agent's metrics are looked at, which takes its time too.
const LOOK: Duration = Duration::from_millis(200);

/// One run of the agent.
struct Run {
    seconds: f64,
    cpu: f64,
    resident: f64,
    events: u64,
    requests: u64,
}

fn main() -> ExitCode {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asked = ["--budget", "--soak", "--restore"].map(|name| number(name, 0));
    let good = match asked {
        [0, 0, 0] => {
            runtime.block_on(measure(number("--records", 2_000_000), number("--runs", 5)));
            true
        }
        [0, 0, calls] => runtime.block_on(restore::measure(calls)),
        [0, minutes, _] => runtime.block_on(soak::measure(minutes)),
        [allowed, ..] => runtime.block_on(budget::measure(allowed)),
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the command line gives for `name`.
fn number(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1).map_or(default, |text| text.parse().unwrap())
}

async fn measure(records: u64, runs: u64) {
    let Some(stage) = Stage::new(records).await else {
        return;
    };
    println!("{records} records, {} bytes each", stage.bytes / records);
    let mut all = Vec::new();
    for n in 1..=runs {
        let run = run(&stage, n, records).await;
        println!(
            "run {n}: {:.0} records/s  {:.0} events/s  {:.2} CPU s per million records  {:.0} MiB  \
             {:.2} events per record  {:.1} events per request",
            records as f64 / run.seconds,
            run.events as f64 / run.seconds,
            run.cpu * 1e6 / records as f64,
            run.resident,
            run.events as f64 / records as f64,
            run.events as f64 / run.requests as f64,
        );
        all.push(run);
    }
    let spread = |name: &str, of: &dyn Fn(&Run) -> f64| {
        let mut values: Vec<f64> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[0], values[values.len() - 1]);
        println!(
            "{name:<34} {low:>10.2} {:>10.2} {high:>10.2}",
            values[values.len() / 2]
        );
    };
    println!("{:<34} {:>10} {:>10} {:>10}", "", "min", "median", "max");
    spread("records/s", &|run| records as f64 / run.seconds);
    spread("events/s", &|run| run.events as f64 / run.seconds);
    spread("CPU s per million records", &|run| run.cpu * 1e6 / records as f64);
    spread("VmHWM, MiB", &|run| run.resident);
}

async fn make_topic(brokers: &str) {
    let client: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    // The records are older than what a broker keeps by default; younger ones would run ahead of its clock.
    let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
    let made = client
        .create_topics([&topic], &AdminOptions::new())
        .await
        .unwrap();
    made.into_iter().for_each(|made| drop(made.unwrap()));
}

/// The traffic that is measured.
fn simulate(records: u64) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["simulate", "--agents", "500", "--sites", "4", "--seed", "1"]);
    command.args([
        "--start",
        "2026-03-02T08:00:00Z",
        "--records",
        &records.to_string(),
    ]);
    command
}

/// Writes the log; its bytes.
fn write_log(brokers: &str, records: u64) -> u64 {
    let written = simulate(records)
        .args([
            "--brokers",
            brokers,
            "--topic",
            TOPIC,
            "--partitions",
            "4",
            "--flat-out",
        ])
        .status()
        .unwrap();
    assert!(written.success());
    let mut printed = simulate(records)
        .args(["--output", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = std::io::copy(&mut printed.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
    printed.wait().unwrap();
    bytes
}

/// Apache Kafka with the log, and the names that are in it.
struct Stage {
    kafka: ApacheKafka,
    folder: tempfile::TempDir,
    bytes: u64,
}

impl Stage {
    /// Writes the log; None where Apache Kafka is left out by hand.
    async fn new(records: u64) -> Option<Self> {
        let mut stage = Self::empty("500").await?;
        stage.bytes = write_log(&stage.kafka.at(Way::Plain), records);
        Some(stage)
    }

    /// Nothing is written yet; the names are those of so many agents. None where Apache Kafka is left out by hand.
    async fn empty(agents: &str) -> Option<Self> {
        let Some(kafka) = ApacheKafka::start("bench") else {
            println!("left out by CONDUIT_TEST_WITHOUT");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let named = Command::new(PROGRAM)
            .args(["simulate", "--sites", "4", "--seed", "1", "--agents", agents])
            .arg("--directory")
            .arg(folder.path().join("directory.json"))
            .status();
        assert!(named.unwrap().success());
        make_topic(&kafka.at(Way::Plain)).await;
        Some(Self {
            kafka,
            folder,
            bytes: 0,
        })
    }

    /// Starts an agent in a group of its own, with these lines in the table `kafka`.
    fn agent(&self, name: &str, endpoint: &str, lines: &str) -> Agent {
        let directory = self.folder.path().join("directory.json");
        let brokers = self.kafka.at(Way::Plain);
        let configuration = format!(
            "[kafka]\n{lines}\nbrokers = [\"{brokers}\"]\ntopics = [\"{TOPIC}\"]\ngroup = \"bench-{name}\"\n\
             [directory]\nfile = {directory:?}\n\
             [genesys]\napi_url = \"{endpoint}\"\nlogin_url = \"{endpoint}\"\nclient_id = \"bench\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n"
        );
        Agent::start(self.folder.path(), name, &configuration)
    }
}

async fn run(stage: &Stage, n: u64, records: u64) -> Run {
    let (_sandbox, endpoint) = sandbox("0");
    let began = tokio::time::Instant::now();
    let agent = stage.agent(&n.to_string(), &endpoint, "");
    let deadline = began + Duration::from_secs(600);
    loop {
        tokio::time::sleep(LOOK).await;
        assert!(
            tokio::time::Instant::now() < deadline,
            "the agent does not get done"
        );
        let read = sum(&agent, "records_consumed_total") >= records;
        if read && sum(&agent, "events_waiting") == 0 {
            break Run {
                seconds: began.elapsed().as_secs_f64(),
                cpu: cpu_seconds(agent.process.id()),
                resident: agent.process.most_memory() as f64 / MIB,
                events: sum(&agent, "events_accepted_total"),
                requests: sum(&agent, "batches_total"),
            };
        }
    }
}

/// The endpoint that only counts, with this limit of requests a minute; 0: none.
fn sandbox(limit: &str) -> (Process, String) {
    let mut child = Command::new(PROGRAM)
        .args([
            "sandbox",
            "--listen",
            "127.0.0.1:0",
            "--rate-limit",
            limit,
            "--count-only",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    // It goes on printing, and would end where nobody reads.
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let url = line
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap();
    (Process::of(child), url.trim_end_matches(';').to_owned())
}

/// The sum of a metric's series, nothing yet while it does not answer.
fn sum(agent: &Agent, name: &str) -> u64 {
    agent.metric(name, "").unwrap_or_default() as u64
}

/// User and system time of a process so far, in seconds. Linux counts it in hundredths.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
