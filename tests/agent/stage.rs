//! What every test here has: a topic with traffic, a sandbox, an agent, and the judgement at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::broker::{Broker, Letter, PARTITIONS, Record};
use crate::support::programs::{Agent, Sandbox, program, wait_for};
use crate::traffic::{RECORDS, USUAL};

/// A broker with a topic of this test's own, and a sandbox; agents are started by the test.
pub(crate) struct Stage {
    pub(crate) broker: Broker,
    pub(crate) sandbox: Sandbox,
    /// Of the test: its topic and its group.
    name: &'static str,
    folder: tempfile::TempDir,
    agents: std::cell::Cell<u32>,
}

impl Stage {
    /// Nothing written yet. The sandbox knows the usual names.
    pub(crate) fn new(broker: Broker, name: &'static str) -> Self {
        Self::with(broker, name, &USUAL.0.directory)
    }

    /// The sandbox knows the names of this file.
    pub(crate) fn with(broker: Broker, name: &'static str, directory: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        broker.make_topic(name, PARTITIONS);
        broker.make_topic(&letters(name), 1);
        if matches!(broker, Broker::Mock(_)) {
            // It knows no request to make a topic.
            broker.make_topic(&format!("{name}.{name}.state"), PARTITIONS);
        }
        let sandbox = Sandbox::start(folder.path(), directory, &[]);
        Self {
            broker,
            sandbox,
            name,
            folder,
            agents: std::cell::Cell::new(0),
        }
    }

    /// The usual traffic is written, and an agent reads it; the sandbox takes its time, so that whatever is switched
    /// on is switched on in mid-stream.
    pub(crate) fn running(broker: Broker, name: &'static str, more: &[&str]) -> (Self, Agent) {
        let stage = Self::new(broker, name);
        stage.write(&USUAL.0.records);
        stage.faults(&[]);
        let agent = stage.agent(more);
        stage.accepts(100);
        (stage, agent)
    }

    pub(crate) fn write(&self, records: &[Record]) {
        self.broker.write(self.name, records);
    }

    /// Switches these faults on beside the sandbox's slowness.
    pub(crate) fn faults(&self, faults: &[Value]) {
        self.sandbox.slow_faults(100, faults);
    }

    /// Switches everything off, the slowness too.
    pub(crate) fn mend(&self) {
        self.sandbox.faults(&json!([]));
    }

    /// Waits until so many events are accepted.
    #[track_caller]
    pub(crate) fn accepts(&self, events: u64) {
        wait_for("events are accepted", || {
            (self.sandbox.figure("/acceptedTotal") >= events).then_some(())
        });
    }

    /// Whether there is still something to deliver.
    pub(crate) fn is_mid_stream(&self) -> bool {
        self.sandbox.figure("/acceptedTotal") < USUAL.1.len() as u64
    }

    /// Starts an agent. `more`: further lines of configuration, each `section.key = value`.
    #[track_caller]
    pub(crate) fn agent(&self, more: &[&str]) -> Agent {
        Agent::start(self.folder.path(), &self.agent_name(), &self.configuration(more))
    }

    /// Starts an agent that may not come to run.
    pub(crate) fn failing_agent(&self, more: &[&str]) -> Agent {
        Agent::spawn(self.folder.path(), &self.agent_name(), &self.configuration(more))
    }

    fn agent_name(&self) -> String {
        self.agents.set(self.agents.get() + 1);
        format!("agent-{}", self.agents.get())
    }

    /// With quick retries, and the file of the usual names unless `more` has other values.
    fn configuration(&self, more: &[&str]) -> String {
        let url = &self.sandbox.url;
        let mut lines = vec![
            format!("kafka.brokers = [\"{}\"]", self.broker.address()),
            format!("kafka.topics = [\"{}\"]", self.name),
            format!("kafka.group = \"{}\"", self.name),
            "kafka.librdkafka.\"session.timeout.ms\" = \"6000\"".into(),
            format!("directory.file = {:?}", USUAL.0.directory),
            format!("genesys.api_url = \"{url}\""),
            format!("genesys.login_url = \"{url}\""),
            "genesys.client_id = \"conduit\"".into(),
            "genesys.backoff_min = \"20ms\"".into(),
            "genesys.backoff_max = \"500ms\"".into(),
            "genesys.linger = \"20ms\"".into(),
            "state.interval = \"200ms\"".into(),
            "http.listen = \"127.0.0.1:0\"".into(),
            "log.format = \"json\"".into(),
        ];
        for line in more {
            let key = line.split('=').next().unwrap();
            lines.retain(|one| !one.starts_with(key));
            lines.push((*line).into());
        }
        let mut text = String::new();
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Runs `dlq` with the agent's configuration.
    pub(crate) fn dlq(&self, what: &str, more: &[&str]) -> Output {
        let file = self.folder.path().join("dlq.toml");
        std::fs::write(&file, self.configuration(&[])).unwrap();
        let mut command = program();
        command.args(["dlq", what, "--config"]).arg(file).args(more);
        command.output().unwrap()
    }

    /// The dead letters.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.broker.letters(&letters(self.name))
    }

    /// The usual traffic passes: all of it ends; what was accepted is, key by key and in order, what `convert` makes of
    /// the same records; the agent is well again, holds nothing, stops cleanly and has committed all.
    #[track_caller]
    pub(crate) fn passes(&self, agent: &mut Agent) {
        agent.ends(RECORDS);
        self.is_whole(&[]);
        assert_eq!(self.letters().len(), 0, "no dead letters");
        assert_eq!(agent.metric("events_refused_total", ""), Some(0.0));
        let accepted = agent.metric("events_accepted_total", "");
        assert_eq!(accepted, Some(USUAL.1.len() as f64), "each is counted once");
        self.rests(agent);
    }

    /// Nothing is left to do: the agent holds nothing, is well and ready, and stops; all is committed.
    #[track_caller]
    pub(crate) fn rests(&self, agent: &mut Agent) {
        for gauge in [
            "bytes_in_flight",
            "events_waiting",
            "requests_in_flight",
            "lane_stopped",
        ] {
            wait_for(&format!("{gauge} is 0"), || {
                (agent.metric(gauge, "")? == 0.0).then_some(())
            });
        }
        wait_for("it is ready", || agent.is_ready()?.ok());
        agent.stop();
        self.is_committed();
    }

    /// The committed offsets are the log's ends.
    #[track_caller]
    pub(crate) fn is_committed(&self) {
        assert_eq!(
            self.committed(),
            self.broker.ends(self.name, PARTITIONS),
            "rule 1: all that has ended is committed"
        );
    }

    /// Waits until the committed offsets are the log's ends.
    #[track_caller]
    pub(crate) fn commits_all(&self) {
        let ends = self.broker.ends(self.name, PARTITIONS);
        wait_for("all is committed", || (self.committed() == ends).then_some(()));
    }

    /// The committed offset of each partition; 0 where there was nothing to commit.
    pub(crate) fn committed(&self) -> Vec<i64> {
        let committed = self.broker.committed(self.name, self.name, PARTITIONS);
        committed.into_iter().map(|offset| offset.max(0)).collect()
    }

    /// Rules 1, 2 and 3, for the usual traffic. `without`: events that are rightly missing, by eventId.
    #[track_caller]
    pub(crate) fn is_whole(&self, without: &[String]) {
        self.is_whole_of(&USUAL.1, without);
    }

    /// The same for any traffic, as `convert` converts it.
    #[track_caller]
    pub(crate) fn is_whole_of(&self, converted: &[Value], without: &[String]) {
        let mut wanted = by_key(converted);
        for events in wanted.values_mut() {
            events.retain(|event| !without.contains(&id(event)));
        }
        wanted.retain(|_, events| !events.is_empty());
        let accepted = by_key(&self.sandbox.accepted());
        for (key, events) in &wanted {
            assert_eq!(accepted.get(key), Some(events), "the timeline of {key}");
        }
        assert_eq!(accepted.len(), wanted.len(), "conversations and users");
        self.is_sound();
    }

    /// Nothing that came breaks a rule of the sandbox's.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        let summary = self.sandbox.summary();
        assert_eq!(summary["violations"], json!({}), "{summary}");
        let (sound, said) = self.sandbox.judge();
        assert!(sound, "{said}");
    }
}

/// The dead-letter topic of a topic and its group of the same name.
fn letters(name: &str) -> String {
    format!("{name}.{name}.dead-letters")
}

/// An event's eventId.
pub(crate) fn id(event: &Value) -> String {
    event["eventId"].as_str().unwrap().to_owned()
}

/// Events by lane and key, in order.
fn by_key(lines: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut keys: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines {
        let event = &line["event"];
        let key = ["conversationId", "userId", "agentId"]
            .iter()
            .find_map(|field| event[*field].as_str())
            .unwrap();
        let lane = line["lane"].as_str().unwrap();
        keys.entry(format!("{lane} {key}"))
            .or_default()
            .push(event.clone());
    }
    keys
}
