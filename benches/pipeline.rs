//! The whole agent as a process: Apache Kafka on one side, an endpoint that only counts on the other.
//!
//! `cargo bench --bench pipeline` writes 2 million records of simulated CIC traffic (500 agents, 4 sites, seed 1) into
//! four partitions before any clock starts. Then the agent reads them from the beginning, five times, each time as a
//! new process in a new group. Printed are records and events per second from the process' start to the moment when all
//! is read and no event waits, the agent's own CPU seconds per million records, and its largest resident size (VmHWM).
//! A few records of the log's end still wait then, by rule, for records that do not come.
//!
//! `--budget 300` measures the pacing instead: see [`budget`].
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
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use support::apache_kafka::{ApacheKafka, Way};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cic-conduit");
const TOPIC: &str = "cic";
const PARTITIONS: i32 = 4;

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
    let good = match number("--budget", 0) {
        0 => {
            runtime.block_on(measure(number("--records", 2_000_000), number("--runs", 5)));
            true
        }
        allowed => runtime.block_on(budget::measure(allowed)),
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

/// A process that is ended with the measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Apache Kafka with the log, and the names that are in it.
struct Stage {
    kafka: ApacheKafka,
    folder: tempfile::TempDir,
    bytes: u64,
}

/// The agent as a process.
struct Agent {
    pid: u32,
    metrics: String,
    _process: Ended,
}

impl Stage {
    /// Writes the log; None where Apache Kafka is left out by hand.
    async fn new(records: u64) -> Option<Self> {
        let Some(kafka) = ApacheKafka::start("bench") else {
            println!("left out by CONDUIT_TEST_WITHOUT");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let named = simulate(records)
            .arg("--directory")
            .arg(folder.path().join("directory.json"))
            .status();
        assert!(named.unwrap().success());
        let brokers = kafka.at(Way::Plain);
        make_topic(&brokers).await;
        let bytes = write_log(&brokers, records);
        Some(Self { kafka, folder, bytes })
    }

    /// Starts an agent in a group of its own.
    fn agent(&self, name: &str, endpoint: &str) -> Agent {
        let folder = self.folder.path();
        let file = folder.join(format!("{name}.toml"));
        let directory = folder.join("directory.json");
        let brokers = self.kafka.at(Way::Plain);
        let listen = free_address();
        let configuration = format!(
            "[kafka]\nbrokers = [\"{brokers}\"]\ntopics = [\"{TOPIC}\"]\ngroup = \"bench-{name}\"\n\
             [directory]\nfile = {directory:?}\n\
             [genesys]\napi_url = \"{endpoint}\"\nlogin_url = \"{endpoint}\"\nclient_id = \"bench\"\n\
             [http]\nlisten = \"{listen}\"\n[log]\nlevel = \"warn\"\n"
        );
        std::fs::write(&file, configuration).unwrap();
        let process = Command::new(PROGRAM)
            .args(["run", "--config"])
            .arg(&file)
            .env("CONDUIT_GENESYS_CLIENT_SECRET", "bench")
            .spawn()
            .unwrap();
        Agent {
            pid: process.id(),
            metrics: format!("http://{listen}/metrics"),
            _process: Ended(process),
        }
    }
}

impl Agent {
    /// What it has counted; empty while it does not answer.
    async fn metrics(&self) -> String {
        match reqwest::get(&self.metrics).await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }
}

async fn run(stage: &Stage, n: u64, records: u64) -> Run {
    let (_sandbox, endpoint) = sandbox("0");
    let began = tokio::time::Instant::now();
    let agent = stage.agent(&n.to_string(), &endpoint);
    let deadline = began + Duration::from_secs(600);
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            tokio::time::Instant::now() < deadline,
            "the agent does not get done"
        );
        let text = agent.metrics().await;
        let read = sum(&text, "cic_conduit_records_consumed_total") >= records;
        if read && sum(&text, "cic_conduit_events_waiting") == 0 {
            break Run {
                seconds: began.elapsed().as_secs_f64(),
                cpu: cpu_seconds(agent.pid),
                resident: resident_mib(agent.pid),
                events: sum(&text, "cic_conduit_events_accepted_total"),
                requests: sum(&text, "cic_conduit_batches_total"),
            };
        }
    }
}

/// The endpoint that only counts, with this limit of requests a minute; 0: none.
fn sandbox(limit: &str) -> (Ended, String) {
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
    (Ended(child), url.trim_end_matches(';').to_owned())
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The sum of a metric's series.
fn sum(text: &str, name: &str) -> u64 {
    let series = text.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    let value = |line: &str| line.rsplit(' ').next().and_then(|text| text.parse::<f64>().ok());
    series.filter_map(value).sum::<f64>() as u64
}

/// User and system time of a process so far, in seconds. Linux counts it in hundredths.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}
