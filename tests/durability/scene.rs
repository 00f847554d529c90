//! Who takes part: Apache Kafka, the sandbox, three agents that share the partitions, and a relay on every way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cic_conduit::time::Time;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::broker::{Broker, Record};
use crate::support::apache_kafka::ApacheKafka;
use crate::support::programs::{Agent, Sandbox, good, program};
use crate::support::relay::{Mode, Relay};

/// CIC sites, each with a partition of its own.
pub(crate) const SITES: i32 = 4;
/// Agents at the most.
pub(crate) const AGENTS: usize = 3;
/// `[kafka.librdkafka] session.timeout.ms`: who is silent for longer has no partitions any more.
pub(crate) const SESSION: u64 = 3000;
/// `[state] interval`, in milliseconds.
pub(crate) const INTERVAL: u64 = 200;
const TOPIC: &str = "cic";
const GROUP: &str = "conduit";
const LETTERS: &str = "cic.conduit.dead-letters";

/// See the module.
pub(crate) struct Scene {
    pub(crate) kafka: Arc<ApacheKafka>,
    pub(crate) broker: Broker,
    pub(crate) sandbox: Sandbox,
    pub(crate) seats: Vec<Seat>,
    /// Everything that the run leaves.
    pub(crate) folder: PathBuf,
    records: Vec<Record>,
    written: usize,
    _runtime: Runtime,
}

/// Where an agent is, one after the other.
pub(crate) struct Seat {
    pub(crate) to_kafka: Relay,
    pub(crate) to_genesys: Relay,
    pub(crate) agent: Option<Agent>,
    /// Where the agent is to end itself.
    pub(crate) armed: Option<&'static str>,
    name: String,
    starts: usize,
    configuration: String,
}

impl Scene {
    /// All is there, nothing is written, and nobody runs yet. None where tests on Apache Kafka are left out by hand.
    pub(crate) fn set(folder: &Path, records: usize, seed: u64) -> Option<Self> {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).unwrap();
        let runtime = Runtime::new().unwrap();
        let relays: Vec<Relay> = (0..AGENTS).map(|_| Relay::start(runtime.handle())).collect();
        let ports: Vec<u16> = relays.iter().map(|relay| relay.port).collect();
        let short = format!("group.min.session.timeout.ms={SESSION}");
        let kafka = Arc::new(ApacheKafka::start_behind("durability", &[&short], &ports)?);
        let broker = Broker::Own(kafka.clone());
        broker.make_topic(TOPIC, SITES);
        broker.make_topic(LETTERS, 1);
        let records = simulate(folder, records, seed);
        let sandbox = Sandbox::start(folder, &folder.join("directory.json"), &[]);
        let to: u16 = sandbox.url.rsplit(':').next().unwrap().parse().unwrap();
        let seats = relays.into_iter().enumerate().map(|(number, to_kafka)| {
            to_kafka.pass_on_to(kafka.behind(to_kafka.port));
            let to_genesys = Relay::start(runtime.handle());
            to_genesys.pass_on_to(to);
            Seat::new(number, to_kafka, to_genesys, folder)
        });
        let seats = seats.collect();
        Some(Self {
            kafka,
            broker,
            sandbox,
            seats,
            folder: folder.to_owned(),
            records,
            written: 0,
            _runtime: runtime,
        })
    }

    /// Writes so many records more, but not the last one; how many there were yet.
    pub(crate) fn write(&mut self, records: usize) -> usize {
        let more = records.min(self.records.len() - 1 - self.written);
        if more > 0 {
            let next = &self.records[self.written..self.written + more];
            self.broker.write(TOPIC, next);
            self.written += more;
        }
        more
    }

    /// Writes the last record.
    pub(crate) fn write_last(&mut self) {
        self.broker.write(TOPIC, &self.records[self.written..]);
    }

    /// Records of each partition whose end is not committed.
    pub(crate) fn lags(&self) -> Vec<i64> {
        let committed = self.broker.committed(GROUP, TOPIC, SITES);
        let ends = self.broker.ends(TOPIC, SITES);
        let lags = ends.iter().zip(committed);
        lags.map(|(end, committed)| end - committed.max(0)).collect()
    }

    /// Nothing is wrong any more.
    pub(crate) fn mend(&self) {
        self.sandbox.faults(&json!([]));
        for seat in &self.seats {
            seat.mend();
        }
    }

    /// How often the group was put together anew.
    pub(crate) fn rebalances(&self) -> usize {
        let log = self.kafka.log();
        log.lines()
            .filter(|line| line.contains("Stabilized group conduit"))
            .count()
    }

    /// Leaves the dead letters beside the rest, one JSON object a line, and what the sandbox was told to refuse.
    pub(crate) fn keep_letters(&self) {
        std::fs::write(
            self.folder.join("faulted.json"),
            self.sandbox.faulted().to_string(),
        )
        .unwrap();
        let letters = self.broker.letters(LETTERS);
        let lines: Vec<&[u8]> = letters.iter().map(|letter| &*letter.value).collect();
        std::fs::write(self.folder.join("letters.ndjson"), lines.join(&b'\n')).unwrap();
    }
}

impl Seat {
    fn new(number: usize, to_kafka: Relay, to_genesys: Relay, folder: &Path) -> Self {
        let url = format!("http://127.0.0.1:{}", to_genesys.port);
        let mut lines = vec![
            format!("kafka.brokers = [\"127.0.0.1:{}\"]", to_kafka.port),
            format!("kafka.topics = [\"{TOPIC}\"]"),
            format!("kafka.group = \"{GROUP}\""),
            format!("kafka.librdkafka.\"session.timeout.ms\" = \"{SESSION}\""),
            "kafka.librdkafka.\"heartbeat.interval.ms\" = \"500\"".into(),
            "kafka.librdkafka.\"reconnect.backoff.max.ms\" = \"500\"".into(),
            "kafka.drain = \"2s\"".into(),
            "kafka.shutdown_grace = \"2s\"".into(),
            format!("directory.file = {:?}", folder.join("directory.json")),
            format!("genesys.api_url = \"{url}\""),
            format!("genesys.login_url = \"{url}\""),
            "genesys.client_id = \"conduit\"".into(),
            "genesys.timeout = \"2s\"".into(),
            "genesys.backoff_min = \"20ms\"".into(),
            "genesys.backoff_max = \"500ms\"".into(),
            "genesys.linger = \"20ms\"".into(),
            format!("state.interval = \"{INTERVAL}ms\""),
            "http.listen = \"127.0.0.1:0\"".into(),
            "log.format = \"json\"".into(),
        ];
        if number == 0 {
            lines.push("kafka.group_instance_id = \"static\"".into());
        }
        Self {
            to_kafka,
            to_genesys,
            agent: None,
            armed: None,
            name: format!("agent-{number}"),
            starts: 0,
            configuration: lines.join("\n"),
        }
    }

    /// Starts an agent, which ends itself when it passes `at` for the `times`-th time.
    pub(crate) fn start(&mut self, folder: &Path, at: Option<(&'static str, u64)>) {
        self.starts += 1;
        let name = format!("{}-{:03}", self.name, self.starts);
        let told = at.map(|(place, times)| format!("{place}:{times}"));
        self.armed = at.map(|(place, _)| place);
        let agent = Agent::spawn_to_fail(folder, &name, &self.configuration, told.as_deref());
        self.agent = Some(agent);
    }

    /// Its ways are open.
    pub(crate) fn mend(&self) {
        self.to_kafka.set(Mode::Pass);
        self.to_genesys.set(Mode::Pass);
    }
}

/// Makes the log, its truth and the names in it. Its last record is an agent's hanging up, an hour later than all the
/// others: whatever waited before is over, and a status waits for a tick again.
fn simulate(folder: &Path, records: usize, seed: u64) -> Vec<Record> {
    let file = |name: &str| folder.join(name).display().to_string();
    let simulated = |records: usize| {
        let output = program()
            .args(["simulate", "--agents", "60", "--rate", "40", "--output", "-"])
            .args(["--sites", &SITES.to_string(), "--seed", &seed.to_string()])
            .args([
                "--start",
                "2026-03-02T08:00:00Z",
                "--records",
                &records.to_string(),
            ])
            .args([
                "--directory",
                &file("directory.json"),
                "--truth",
                &file("truth.ndjson"),
            ])
            .output();
        good(output.unwrap())
    };
    let all = simulated(records);
    let all: Vec<&str> = all.lines().collect();
    let ends = (0..all.len()).rev().find(|end| {
        let hangs_up = [r#""Eic_State":"I""#, r#""subscriptionId":"user:"#];
        hangs_up.iter().all(|part| all[*end].contains(part)) && brings_idleness(&all[..=*end], folder)
    });
    let text = simulated(ends.unwrap() + 1);
    let (most, last) = text.trim_end().rsplit_once('\n').unwrap();
    let text = format!("{most}\n{}\n", an_hour_later(last));
    std::fs::write(file("log.ndjson"), &text).unwrap();
    let mut sites: Vec<String> = Vec::new();
    let record = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let site = event["source"].as_str().unwrap();
        let known = sites.iter().position(|one| one == site);
        let partition = known.unwrap_or_else(|| {
            sites.push(site.to_owned());
            sites.len() - 1
        });
        Record {
            partition: i32::try_from(partition).unwrap(),
            key: site.to_owned(),
            value: line.as_bytes().to_vec(),
        }
    };
    text.lines().map(record).collect()
}

fn an_hour_later(record: &str) -> Value {
    let mut record: Value = serde_json::from_str(record).unwrap();
    record["time"] = json!(time(&record["time"]).plus(3_600_000).to_string());
    record
}

fn time(value: &Value) -> Time {
    Time::parse(value.as_str().unwrap()).unwrap()
}

/// Whether somebody's routing status follows from the last record alone.
fn brings_idleness(records: &[&str], folder: &Path) -> bool {
    let (last, rest) = records.split_last().unwrap();
    let last = an_hour_later(last);
    let site = format!("\"source\":{}", last["source"]);
    let rest = rest.iter().filter(|record| record.contains(&site));
    let (at, last) = (time(&last["time"]), last.to_string());
    let log: Vec<&str> = rest.copied().chain([&*last]).collect();
    let file = folder.join("site.ndjson");
    std::fs::write(&file, log.join("\n")).unwrap();
    let mut convert = program();
    convert.arg("convert").arg("--directory");
    let converted = convert.arg(folder.join("directory.json")).arg(file).output();
    let events = good(converted.unwrap());
    let mut events = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    events
        .any(|line| line["type"] == "userRoutingStatusEvents" && time(&line["event"]["eventDateTime"]) >= at)
}
