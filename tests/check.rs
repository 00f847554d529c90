//! `check` from outside: librdkafka's mock broker and the sandbox in this process, the program as a child.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use cic_conduit::sandbox::{Directory, Effect, Endpoint, Fault, Handle, Kind, Settings, id_of, serve};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tokio_util::sync::{CancellationToken, DropGuard};

const SECRET: &str = "s3cret-of-the-test";

/// A broker, an organization and a configuration that fits both.
struct World {
    cluster: MockCluster<'static, DefaultProducerContext>,
    sandbox: Handle,
    url: String,
    folder: tempfile::TempDir,
    _stop: DropGuard,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let cluster = MockCluster::new(1).expect("a mock broker");
        for topic in ["cic", "cic.cic-conduit.state", "cic.cic-conduit.dead-letters"] {
            cluster.create_topic(topic, 4, 1).expect("a topic");
        }
        let names = r#"{"queues":{"Sales":"00000000-0000-4000-8000-00000000000a"}}"#;
        let sandbox = Handle::open(Settings {
            client: Some(("me".into(), SECRET.into())),
            directory: Directory::from_json(names).expect("a directory"),
            ..Settings::default()
        });
        let sandbox = sandbox.expect("a sandbox");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        runtime.spawn(serve(listener, sandbox.clone(), stop.clone()));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), SECRET).expect("a file");
        Self {
            cluster,
            sandbox,
            url,
            folder,
            _stop: stop.drop_guard(),
            _runtime: runtime,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration in which nothing is wrong.
    fn config(&self) -> String {
        format!(
            "[kafka]\nbrokers = [\"{}\"]\ntopics = [\"cic\"]\n\
             [genesys]\napi_url = \"{}\"\nlogin_url = \"{}\"\nclient_id = \"me\"\n\
             client_secret_file = {:?}\nsource_id = \"{}\"\n[directory]\nemail_domain = \"a.org\"\n",
            self.cluster.bootstrap_servers(),
            self.url,
            self.url,
            self.path("secret"),
            id_of(Kind::Organization, "presence source"),
        )
    }

    fn check(&self, config: &str, flags: &[&str]) -> Checked {
        let file = self.path("conduit.toml");
        std::fs::write(&file, config).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cic-conduit"));
        command.args(["check", "--config"]).arg(file).args(flags);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONDUIT_")) {
            command.env_remove(name);
        }
        let output = command.stdin(Stdio::null()).output().expect("the program starts");
        let told = String::from_utf8(output.stdout).expect("text");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !told.contains(SECRET) && !stderr.contains(SECRET),
            "{told}{stderr}"
        );
        Checked {
            code: output.status.code().expect("an exit code"),
            told: told.replace(&self.folder.path().display().to_string(), "FOLDER"),
        }
    }

    fn fault(&self, endpoint: Endpoint, effect: Effect) {
        let endpoint = Some(endpoint);
        self.sandbox.set_faults(vec![Fault {
            endpoint,
            requests: None,
            effect,
        }]);
    }
}

struct Checked {
    code: i32,
    told: String,
}

impl Checked {
    /// The line of a verdict and the one after it.
    #[track_caller]
    fn has(&self, verdict: &str, todo: &str) {
        let mut lines = self.told.lines();
        let found = lines.any(|line| line.starts_with(verdict));
        let next = lines.next().unwrap_or_default();
        assert!(
            found && next.contains(todo),
            "{verdict} … {todo} is not in:\n{}",
            self.told
        );
    }

    fn verdicts(&self, verdict: &str) -> usize {
        self.told.lines().filter(|line| line.starts_with(verdict)).count()
    }
}

#[test]
fn where_all_is_well_every_item_is_ok_and_nothing_is_injected() {
    let world = World::new();
    let checked = world.check(&world.config(), &[]);
    assert_eq!(
        (
            checked.code,
            checked.verdicts("ERROR"),
            checked.verdicts("WARNING")
        ),
        (0, 0, 1),
        "{}",
        checked.told
    );
    // The mock takes every record and compacts none; `apache_kafka::rights` has the word of a broker that does.
    checked.has(
        "WARNING  state of cic: cic.cic-conduit.state: it is not compacted",
        "cleanup.policy=compact",
    );
    for item in [
        "configuration: FOLDER/conduit.toml",
        "Kafka: 1 broker,",
        "topic cic: 4 partitions",
        "dead letters of cic: cic.cic-conduit.dead-letters, 4 partitions",
        "consumer group cic-conduit: 0 of 4 partitions have a committed offset; each of the other 4 is read from its first record",
        "login host: ",
        "API host: ",
        "clock: ",
        "token: sandbox client",
        "organization: Sandbox",
        "inject conversations: conversation:conversation:inject",
        "inject presence: presence:userPresence:inject",
        "inject routingStatus: routing:routingstatus:inject",
        "read users: by email, the CIC user jsmith as jsmith@a.org",
        "read queues: 1 queues",
        "read wrap-up codes: 0",
        "read skills: 0",
        "read languages: 0",
        "read presence definitions: 10",
        "read stations: 0",
        "presence source: PureConnect",
    ] {
        checked.has(&format!("OK       {item}"), "");
    }
    let summary = world.sandbox.summary();
    assert_eq!((summary.received, summary.accepted_total), (0, 0));
}

#[test]
fn a_wrong_secret_exits_77() {
    let world = World::new();
    std::fs::write(world.path("secret"), "another").unwrap();
    let checked = world.check(&world.config(), &[]);
    assert_eq!(checked.code, 77, "{}", checked.told);
    checked.has(
        "ERROR    token: no access token: status 401",
        "check [genesys] client_id and client_secret_file",
    );
    checked.has("OK       topic cic", "");
    checked.has("SKIPPED  permissions, presence source: there is no token", "");
}

#[test]
fn a_closed_kafka_port_exits_69_and_says_unreachable() {
    let world = World::new();
    let config = world
        .config()
        .replace(&world.cluster.bootstrap_servers(), "127.0.0.1:1");
    let checked = world.check(&config, &[]);
    assert_eq!(checked.code, 69, "{}", checked.told);
    checked.has("ERROR    Kafka: Kafka cannot be reached", "check [kafka] brokers");
    checked.has("OK       token", "");
}

#[test]
fn a_missing_topic_exits_78_and_a_missing_dead_letter_topic_is_a_warning() {
    let world = World::new();
    let config = world.config().replace(
        "topics = [\"cic\"]",
        "topics = [\"cic\", \"other\", \"^none-.*\"]",
    );
    let checked = world.check(&config, &[]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    checked.has(
        "ERROR    topic other: the topic is not there",
        "check [kafka] topics",
    );
    checked.has("ERROR    topic ^none-.*: no topic fits", "check [kafka] topics");
    checked.has("OK       topic cic", "");

    let config = world.config() + "[lanes]\nout_of_office = false\n";
    let config = config.replace("topics = [\"cic\"]", "topics = [\"cic\"]\ngroup = \"g2\"");
    world.cluster.create_topic("cic.g2.state", 4, 1).expect("a topic");
    let checked = world.check(&config, &[]);
    assert_eq!(checked.code, 0, "{}", checked.told);
    checked.has(
        "WARNING  dead letters of cic: the topic cic.g2.dead-letters is not there",
        "create it",
    );
    world.cluster.create_topic("cic.g3.state", 2, 1).expect("a topic");
    let checked = world.check(&config.replace("\"g2\"", "\"g3\""), &[]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    checked.has(
        "ERROR    state of cic: the state topic cic.g3.state has 2 partitions, and cic has 4",
        "as many partitions",
    );
}

#[test]
fn a_missing_permission_exits_77_and_is_named() {
    let world = World::new();
    world.fault(Endpoint::Presence, Effect::Forbidden { permission: None });
    let checked = world.check(&world.config(), &[]);
    assert_eq!(checked.code, 77, "{}", checked.told);
    checked.has(
        "ERROR    inject presence: status 403",
        "give a role of the OAuth client this permission",
    );
    assert!(
        checked
            .told
            .contains("presence:userPresence:inject (correlation id "),
        "{}",
        checked.told
    );
    checked.has("OK       inject conversations", "");
    let off = world.config() + "[lanes]\npresence = false\n";
    let checked = world.check(&off, &[]);
    assert_eq!(checked.code, 0, "{}", checked.told);
    checked.has("SKIPPED  inject presence: the lane is switched off", "");

    world.fault(Endpoint::Lookups, Effect::Forbidden { permission: None });
    let checked = world.check(&world.config(), &[]);
    assert_eq!(checked.code, 77, "{}", checked.told);
    checked.has("ERROR    read queues: status 403", "give a role");
    checked.has("WARNING  read stations: status 403", "nothing, unless");
    checked.has("WARNING  presence source: status 403", "presence:source:view");
}

#[test]
fn an_unreachable_or_wrong_genesys_cloud_is_told_apart() {
    let world = World::new();
    let line = format!("api_url = \"{}\"", world.url);
    let checked = world.check(
        &world.config().replace(&line, "api_url = \"http://127.0.0.1:1\""),
        &[],
    );
    assert_eq!(checked.code, 69, "{}", checked.told);
    checked.has(
        "ERROR    API host: http://127.0.0.1:1 cannot be reached: no connection",
        "check the network",
    );
    checked.has("SKIPPED  token, permissions", "");

    let wrong = format!("api_url = \"{}/elsewhere\"", world.url);
    let checked = world.check(&world.config().replace(&line, &wrong), &[]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    checked.has(
        "ERROR    organization: status 404",
        "check [genesys] region, or api_url",
    );
}

#[test]
fn the_presence_source_must_exist() {
    let world = World::new();
    let known = id_of(Kind::Organization, "presence source");
    let other = "00000000-0000-4000-8000-00000000000b";
    let checked = world.check(&world.config().replace(&known, other), &[]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    let choice = format!("write one of these as [genesys] source_id: {known} (PureConnect)");
    checked.has(
        &format!("ERROR    presence source: [genesys] source_id {other} is none"),
        &choice,
    );
    let without = world.config().replace(&format!("source_id = \"{known}\"\n"), "");
    let checked = world.check(&without, &[]);
    assert_eq!(checked.code, 0, "{}", checked.told);
    checked.has(
        "WARNING  presence source: [genesys] source_id is not set",
        &choice,
    );
}

#[test]
fn a_wrong_configuration_exits_78_and_nothing_is_asked() {
    let world = World::new();
    let checked = world.check("[genesys]\nlingre = \"1s\"\n[memory]\nbound = 5\n", &[]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    checked.has(
        "ERROR    configuration: FOLDER/conduit.toml:2: unknown key genesys.lingre",
        "did you mean genesys.linger?",
    );
    checked.has(
        "ERROR    configuration: FOLDER/conduit.toml:4: memory.bound",
        "write a size",
    );
    checked.has("SKIPPED  everything else: the configuration cannot be used", "");

    let checked = world.check(&world.config().replace("topics = [\"cic\"]\n", ""), &[]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    checked.has(
        "ERROR    configuration: kafka.topics is not set",
        "name the topic that CIC's events are in",
    );
    checked.has("SKIPPED  Kafka: its configuration is not complete", "");
    checked.has("OK       token", "");
}

#[test]
fn offline_checks_files_and_asks_nobody() {
    let world = World::new();
    for (name, text) in [
        ("ca.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("key.pem", "-----BEGIN EC PRIVATE KEY-----\n"),
        (
            "names.json",
            r#"{"users":{"a":"00000000-0000-4000-8000-000000000001"}}"#,
        ),
    ] {
        std::fs::write(world.path(name), text).unwrap();
    }
    let files = format!(
        "file = {:?}\n[kafka]\nca_file = {:?}\ncertificate_file = {:?}\nkey_file = {:?}\n",
        world.path("names.json"),
        world.path("ca.pem"),
        world.path("ca.pem"),
        world.path("key.pem"),
    );
    // A section stands once.
    let config = world
        .config()
        .replace("[kafka]\n", "")
        .replace("[directory]\n", "");
    let (kafka, rest) = config.split_once("[genesys]").unwrap();
    let (genesys, domain) = rest.split_once("email_domain").unwrap();
    let config = format!("[genesys]{genesys}[directory]\nemail_domain{domain}{files}{kafka}");
    let checked = world.check(&config, &["--offline"]);
    assert_eq!(checked.code, 0, "{}", checked.told);
    checked.has("OK       [directory] file: FOLDER/names.json, 1 name", "");
    checked.has("OK       [kafka] ca_file", "");
    checked.has(
        "WARNING  [kafka] key_file: others than its owner may read",
        "chmod 600",
    );
    checked.has("SKIPPED  Kafka, Genesys Cloud: --offline", "");
    assert_eq!(world.sandbox.summary().requests.values().sum::<u64>(), 0);

    std::fs::write(world.path("names.json"), r#"{"users":{"a":"b"}}"#).unwrap();
    std::fs::remove_file(world.path("key.pem")).unwrap();
    std::fs::write(world.path("ca.pem"), "x").unwrap();
    let checked = world.check(&config, &["--offline"]);
    assert_eq!(checked.code, 78, "{}", checked.told);
    checked.has(
        "ERROR    [directory] file: FOLDER/names.json: users: \"a\" has \"b\"",
        "give a UUID",
    );
    checked.has(
        "ERROR    [kafka] key_file: cannot read FOLDER/key.pem",
        "may read",
    );
    checked.has(
        "ERROR    [kafka] ca_file: FOLDER/ca.pem holds no certificate",
        "PEM",
    );
}
