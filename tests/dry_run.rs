//! `run --dry-run` from outside, on librdkafka's mock broker: it prints what `convert` prints, and leaves no trace.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cic_conduit::time::Time;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker and a configuration for it.
struct World {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: ThreadedProducer<DefaultProducerContext>,
    folder: tempfile::TempDir,
}

impl World {
    /// `topics` as the configuration has them; `more` is appended to it.
    fn new(partitions: i32, topics: &str, more: &str) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("cic", partitions, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[kafka]\nbrokers = [\"{}\"]\ntopics = [{topics}]\n{more}",
            cluster.bootstrap_servers()
        );
        std::fs::write(folder.path().join("conduit.toml"), text).unwrap();
        Self {
            producer: config.create().unwrap(),
            cluster,
            folder,
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("conduit.toml")
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "cic-conduit")
            .set("enable.auto.commit", "false");
        config
    }

    fn write(&self, topic: &str, partition: i32, values: &[String]) {
        for value in values {
            let record = BaseRecord::<str, str>::to(topic)
                .partition(partition)
                .key("cic1")
                .payload(value);
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    /// What the group has committed, by partition of `cic`.
    fn committed(&self, partitions: i32) -> Vec<Offset> {
        let asking: BaseConsumer = self.client().create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range("cic", 0, partitions - 1);
        let list = asking.committed_offsets(list, PATIENCE).unwrap();
        list.elements().iter().map(|element| element.offset()).collect()
    }

    /// `convert`'s lines for these records.
    fn converted(&self, values: &[String]) -> Vec<String> {
        let file = self.folder.path().join("records.ndjson");
        std::fs::write(&file, values.join("\n")).unwrap();
        let output = program()
            .arg("convert")
            .arg("--config")
            .arg(self.config())
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn dry_run(&self) -> DryRun {
        DryRun::start(&self.config())
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cic-conduit"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONDUIT_")) {
        command.env_remove(name);
    }
    command
}

/// The program at work.
struct DryRun {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    printed: Vec<String>,
    told: Vec<String>,
}

impl DryRun {
    fn start(config: &Path) -> Self {
        let mut child = program()
            .args(["run", "--dry-run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self {
            stdout: lines(child.stdout.take().unwrap()),
            stderr: lines(child.stderr.take().unwrap()),
            child,
            printed: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Waits until it has printed so many lines.
    fn prints(&mut self, count: usize) -> &[String] {
        while self.printed.len() < count {
            match self.stdout.recv_timeout(PATIENCE) {
                Ok(line) => self.printed.push(line),
                Err(_) => panic!("{} of {count} lines: {:?}", self.printed.len(), self.printed),
            }
        }
        &self.printed
    }

    /// Waits until it has told of `what`.
    fn tells(&mut self, what: &str) {
        while !self.told.iter().any(|line| line.contains(what)) {
            match self.stderr.recv_timeout(PATIENCE) {
                Ok(line) => self.told.push(line),
                Err(_) => panic!("not told of {what}: {:?}", self.told),
            }
        }
    }

    /// Ends it by SIGTERM; everything that it has printed, and what it told.
    fn stop(self) -> (Vec<String>, String) {
        let ended = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(ended.unwrap().success());
        let (status, printed, told) = self.ends();
        assert_eq!(status.code(), Some(0), "{told}");
        (printed, told)
    }

    fn ends(mut self) -> (ExitStatus, Vec<String>, String) {
        let status = self.child.wait().unwrap();
        self.printed.extend(self.stdout.iter());
        self.told.extend(self.stderr.iter());
        (status, self.printed, self.told.join("\n"))
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (say, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = say.send(line);
        }
    });
    lines
}

/// A member of the agent's group that counts its rebalances.
struct Member {
    rebalances: Arc<AtomicU32>,
}

impl ClientContext for Member {}

impl ConsumerContext for Member {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }
}

fn record(id: u32, second: i64, data: &Value) -> String {
    let time = Time::parse("2026-03-29T08:00:00Z").unwrap().plus(second * 1000);
    json!({"specversion": "1.0", "id": id.to_string(), "source": "cic1", "type": data["__type"],
        "time": time.to_string(), "data": data})
    .to_string()
}

fn call(id: u32, second: i64) -> String {
    let id = (1000 + id).to_string();
    let attributes = json!({"Eic_ObjectType": "Call", "Eic_CallType": "E", "Eic_CallDirection": "I",
        "Eic_State": "O", "Eic_CallIdKey": id, "Eic_WorkgroupName": "Support"});
    let data = json!({"__type": "urn:inin.com:queues:queueContentsMessage", "subscriptionId": "q",
        "isDelta": true, "interactionsChanged": [], "interactionsRemoved": [],
        "interactionsAdded": [{"interactionId": id, "attributes": attributes}]});
    record(id.parse().unwrap(), second, &data)
}

/// A status of which no definition is known: it waits for one.
fn status(id: u32, second: i64) -> String {
    let user = json!({"userId": format!("user{id}"), "statusId": "Available", "loggedIn": true});
    let data = json!({"__type": "urn:inin.com:status:userStatusMessage", "isDelta": true,
        "userStatusList": [user]});
    record(id, second, &data)
}

#[test]
fn it_prints_what_convert_prints_beside_a_member_of_the_group_that_notices_nothing() {
    // An orphan's or silent call's end would come with the clock, and never in `convert`.
    let patient = "[conversation]\norphan_after = \"1day\"\nmax_silence_call = \"1day\"\n";
    let world = World::new(1, "\"cic\"", patient);
    let rebalances = Arc::new(AtomicU32::new(0));
    let member: BaseConsumer<Member> = world
        .client()
        .set("heartbeat.interval.ms", "200")
        .create_with_context(Member {
            rebalances: rebalances.clone(),
        })
        .unwrap();
    member.subscribe(&["cic"]).unwrap();
    while rebalances.load(Ordering::Relaxed) == 0 {
        let _ = member.poll(Duration::from_millis(100));
    }
    let simulated = program()
        .args(["simulate", "--output", "-", "--agents", "20", "--records", "3000"])
        .output()
        .unwrap();
    let mut records: Vec<String> = String::from_utf8(simulated.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    // Long after all of it, so that no wait is left.
    records.push(call(1, 365 * 24 * 3600));
    world.write("cic", 0, &records);
    let expected = world.converted(&records);
    assert!(expected.len() > 1000, "there is something to print");
    let mut dry = world.dry_run();
    assert_eq!(dry.prints(expected.len()), expected);
    // It goes on with what is written now.
    let later = call(2, 365 * 24 * 3600 + 1);
    world.write("cic", 0, std::slice::from_ref(&later));
    records.push(later);
    let expected = world.converted(&records);
    assert_eq!(dry.prints(expected.len()), expected);
    let (printed, told) = dry.stop();
    assert_eq!(printed, expected, "{told}");
    assert!(told.contains("records               3002"), "{told}");
    assert_eq!(world.committed(1), [Offset::Invalid], "nothing is committed");
    // A member that had joined or left would have made the group assign anew.
    let mut polls = 0;
    while polls < 10 {
        if member.poll(Duration::from_millis(200)).is_none() {
            polls += 1;
        }
    }
    assert_eq!(rebalances.load(Ordering::Relaxed), 1);
}

#[test]
fn it_goes_on_from_the_committed_offset_and_names_what_cannot_be_read() {
    let world = World::new(2, "\"^cic.*\"", "");
    let letters = "cic.cic-conduit.dead-letters";
    world.cluster.create_topic(letters, 1, 1).unwrap();
    world.write(letters, 0, &["a dead letter".into()]);
    world.write("cic", 0, &[call(1, 0), call(2, 0)]);
    world.write("cic", 1, &["no json".into(), call(3, 0), "{\"neither\":0".into()]);
    let committing: BaseConsumer = world.client().create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("cic", 0, Offset::Offset(1)).unwrap();
    committing.commit(&list, CommitMode::Sync).unwrap();
    let mut expected = world.converted(&[call(2, 0)]);
    expected.extend(world.converted(&[call(3, 0)]));
    expected.sort();
    let mut dry = world.dry_run();
    let mut printed = dry.prints(expected.len()).to_vec();
    printed.sort();
    assert_eq!(printed, expected);
    dry.tells("cic/1/2: ");
    let (_, told) = dry.stop();
    let named: Vec<&str> = told.lines().filter(|line| line.starts_with("cic")).collect();
    assert_eq!(named.len(), 2, "{told}");
    assert!(
        named[0].starts_with("cic/1/0: ") && named[1].starts_with("cic/1/2: "),
        "{told}"
    );
    assert_eq!(world.committed(2), [Offset::Offset(1), Offset::Invalid]);
}

#[test]
fn a_wait_ends_by_the_clock_where_nothing_more_comes() {
    let world = World::new(1, "\"cic\"", "[presence]\ndefinitions_wait = \"1s\"\n");
    world.write("cic", 0, &[status(1, 0)]);
    let mut dry = world.dry_run();
    let expected = world.converted(&[status(1, 0)]);
    assert!(!expected.is_empty());
    assert_eq!(dry.prints(expected.len()), expected);
    dry.stop();
}

#[test]
fn a_stop_prints_what_still_waits() {
    let world = World::new(1, "\"cic\"", "[presence]\ndefinitions_wait = \"1h\"\n");
    let records = [call(1, 0), status(1, 1)];
    world.write("cic", 0, &records);
    world.write("cic", 0, &["no json".into()]);
    let (before, expected) = (world.converted(&records[..1]), world.converted(&records));
    assert!(expected.len() > before.len());
    let mut dry = world.dry_run();
    dry.tells("cic/0/2: ");
    assert_eq!(dry.prints(before.len()), before);
    let (printed, told) = dry.stop();
    assert_eq!(printed, expected, "{told}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let world = World::new(1, "\"cic\"", "");
    world.write("cic", 0, &[call(1, 0)]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = program()
        .args(["run", "--dry-run", "--config"])
        .arg(world.config())
        .stdout(writer)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0), "as `| head` ends it");
}

#[test]
fn what_stands_in_the_way_is_named_at_the_start() {
    let world = World::new(1, "\"nowhere\"", "");
    let (status, printed, told) = world.dry_run().ends();
    assert_eq!((status.code(), printed.len()), (Some(78), 0), "{told}");
    assert!(told.contains("error: the topic is not there: "), "{told}");
    // Nobody listens there; a port that was free a moment ago may be another test's by now.
    let closed = "127.0.0.1:1";
    let mut file = std::fs::File::create(world.config()).unwrap();
    write!(file, "[kafka]\nbrokers = [\"{closed}\"]\ntopics = [\"cic\"]\n").unwrap();
    let (status, _, told) = world.dry_run().ends();
    assert_eq!(status.code(), Some(69), "{told}");
    assert!(
        told.contains("error: Kafka cannot be reached: ") && told.contains("check [kafka] brokers"),
        "{told}"
    );
    std::fs::write(world.config(), "[kafka]\nbrokers = [\"a:1\"]\n").unwrap();
    let (status, _, told) = world.dry_run().ends();
    assert_eq!(status.code(), Some(78), "{told}");
    assert!(
        told.contains("kafka.topics is not set") && !told.contains("genesys"),
        "{told}"
    );
}
