//! A contact centre that goes on: `--soak 30` has it talk for 30 minutes, `--rate 2000` records a second.
//!
//! 1,000 agents on 4 sites write into Apache Kafka as the clock goes; the endpoint is the sandbox with its rules. Every
//! five minutes the agent is ended, by turns with `kill -9` and cleanly, and started again at once, a static member of
//! its group. Printed are, each minute, records read, the resident size at its end and the largest lag that was seen
//! within it (records whose end is not committed); and of each start how long it took until Kafka gave it a partition,
//! and from then until an event was accepted.
//!
//! It ends with 1 where an event was refused, the lag is not 0 within two minutes after the last record, or a clean
//! restart took 2 s from its partitions to the first event.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::{Instant, sleep};

use super::{MIB, PARTITIONS, Stage, TOPIC, number};
use crate::support::apache_kafka::Way;
use crate::support::programs::{Agent, Process, Sandbox, program};

const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks at the lag.
const LOOK: Duration = Duration::from_secs(1);
/// Minutes between two ends of the agent.
const BETWEEN: u64 = 5;
/// From a partition to the first event, where the agent before has stopped cleanly.
const RESTART: Duration = Duration::from_secs(2);
const STATIC: &str = "group_instance_id = \"soak\"";

/// Measures; whether all is as it should be.
pub(crate) async fn measure(minutes: u64) -> bool {
    let rate = number("--rate", 2000);
    let Some(stage) = Stage::empty("1000").await else {
        return true;
    };
    let sandbox = Sandbox::start(
        stage.folder.path(),
        &stage.folder.path().join("directory.json"),
        &[],
    );
    let lag = Lag::of(&stage);
    let mut agent = stage.agent("soak", &sandbox.url, STATIC);
    let writer = write(&stage, rate, minutes);
    println!("minute  records/s  resident MiB  largest lag");
    let (mut good, mut most) = (true, 0.0_f64);
    for minute in 1..=minutes {
        let (before, until) = (lag.ends(), Instant::now() + MINUTE);
        let mut largest = 0;
        while Instant::now() < until {
            largest = largest.max(lag.records());
            sleep(LOOK).await;
        }
        let read = (lag.ends() - before) / 60;
        let resident = resident(&agent) as f64 / MIB;
        most = most.max(agent.process.most_memory() as f64 / MIB);
        println!("{minute:>6} {read:>10} {resident:>13.0} {largest:>12}");
        if minute % BETWEEN == 0 && minute < minutes {
            let clean = minute % (2 * BETWEEN) == 0;
            good &= restart(&stage, &sandbox, &mut agent, clean);
        }
    }
    let last = Instant::now() + 2 * MINUTE;
    while lag.records() > 0 && Instant::now() < last {
        sleep(LOOK).await;
    }
    drop(writer);
    let (left, refused) = (lag.records(), sandbox.figure("/refused"));
    println!("most resident  {most:>8.0} MiB");
    println!("lag at the end {left:>8}");
    println!("accepted       {:>8}", sandbox.figure("/acceptedTotal"));
    println!("repeated       {:>8}", sandbox.figure("/repeats"));
    println!("refused        {refused:>8}");
    good && left == 0 && refused == 0
}

/// The centre, which ends by itself.
fn write(stage: &Stage, rate: u64, minutes: u64) -> Process {
    let mut command = program();
    command.args([
        "simulate", "--agents", "1000", "--sites", "4", "--seed", "1", "--topic", TOPIC,
    ]);
    command.args([
        "--brokers",
        &stage.kafka.at(Way::Plain),
        "--partitions",
        &PARTITIONS.to_string(),
    ]);
    command.args(["--rate", &rate.to_string(), "--for", &format!("{minutes}m")]);
    Process::of(command.spawn().unwrap())
}

/// Ends the agent and starts it again; whether that was soon enough.
fn restart(stage: &Stage, sandbox: &Sandbox, agent: &mut Agent, clean: bool) -> bool {
    agent.process.signal(if clean { "TERM" } else { "KILL" });
    agent.process.ended();
    let began = Instant::now();
    *agent = stage.agent("soak", &sandbox.url, STATIC);
    while !agent.logged().contains("a partition is assigned") {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let (assigned, before) = (Instant::now(), sandbox.figure("/acceptedTotal"));
    while sandbox.figure("/acceptedTotal") == before {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let (joined, took) = (assigned - began, assigned.elapsed());
    let how = if clean { "stopped" } else { "killed" };
    println!("       {how}: a partition after {joined:.2?}, an event accepted {took:.2?} later");
    !clean || took < RESTART
}

fn resident(agent: &Agent) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", agent.process.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// What the group has not committed.
struct Lag(BaseConsumer);

impl Lag {
    fn of(stage: &Stage) -> Self {
        let client = ClientConfig::new()
            .set("bootstrap.servers", stage.kafka.at(Way::Plain))
            .set("group.id", "bench-soak")
            .create();
        Self(client.unwrap())
    }

    /// Records that were written.
    fn ends(&self) -> i64 {
        (0..PARTITIONS).map(|partition| self.end(partition)).sum()
    }

    fn end(&self, partition: i32) -> i64 {
        self.0.fetch_watermarks(TOPIC, partition, MINUTE).unwrap().1
    }

    fn records(&self) -> i64 {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(TOPIC, 0, PARTITIONS - 1);
        let committed = self.0.committed_offsets(list, MINUTE).unwrap();
        let lag = |partition, offset| match offset {
            Offset::Offset(offset) => self.end(partition) - offset,
            _ => self.end(partition),
        };
        let all = committed.elements();
        all.iter().map(|one| lag(one.partition(), one.offset())).sum()
    }
}
