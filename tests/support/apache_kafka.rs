//! Apache Kafka itself, one node, for the length of a test.
//!
//! `tests/kafka/pom.xml` is fetched once into a cache outside the sources; each broker lives in a temporary folder on
//! free loopback ports. It ends with its fixture, and with the test process however that ends: a shell waits at a pipe
//! whose other end is ours, and clears up. Its log stays in Cargo's folder for integration tests.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::time::Instant;

use super::certificates::Certificates;

/// The version that the pom names.
const VERSION: &str = "4.3.1";
/// Longer than a start takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// The user of SASL PLAIN and SCRAM.
pub(crate) const USER: &str = "agent";
/// Its password.
pub(crate) const PASSWORD: &str = "right";

/// The ways in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// In the clear, without a login.
    Plain,
    /// TLS.
    Tls,
    /// TLS with a client's certificate.
    MutualTls,
    /// TLS and a login by PLAIN or SCRAM-SHA-512.
    Password,
    /// In the clear with tokens that nobody signed.
    Token,
    /// Between brokers.
    Controller,
}

const WAYS: [Way; 6] = [
    Way::Plain,
    Way::Tls,
    Way::MutualTls,
    Way::Password,
    Way::Token,
    Way::Controller,
];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Tls => "TLS",
            Self::MutualTls => "MTLS",
            Self::Password => "PASSWORD",
            Self::Token => "TOKEN",
            Self::Controller => "CONTROLLER",
        }
    }

    fn protocol(self) -> &'static str {
        match self {
            Self::Plain | Self::Controller => "PLAINTEXT",
            Self::Tls | Self::MutualTls => "SSL",
            Self::Password => "SASL_SSL",
            Self::Token => "SASL_PLAINTEXT",
        }
    }
}

/// Its name, its protocol, where the broker listens, and where it says that it does.
type Listener = (String, &'static str, u16, u16);

/// A broker of its own. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct ApacheKafka {
    folder: PathBuf,
    log: PathBuf,
    ports: Vec<u16>,
    /// Further listeners in the clear, as where to connect and where they are: somebody stands between.
    relayed: Vec<(u16, u16)>,
    /// What the listeners show.
    pub(crate) certificates: Certificates,
    shell: Mutex<Option<Child>>,
}

/// The broker that the tests of one binary share; none where these tests are left out by hand.
pub(crate) fn shared() -> Option<&'static ApacheKafka> {
    static SHARED: LazyLock<Option<ApacheKafka>> = LazyLock::new(|| ApacheKafka::start("shared"));
    SHARED.as_ref()
}

impl ApacheKafka {
    /// Starts one and waits until it answers; none where these tests are left out by hand.
    pub(crate) fn start(name: &str) -> Option<Self> {
        Self::start_with(name, &[])
    }

    /// The same with further lines in its configuration.
    pub(crate) fn start_with(name: &str, lines: &[&str]) -> Option<Self> {
        Self::start_behind(name, lines, &[])
    }

    /// The same with a further listener for each of these ports, on which somebody else listens and passes everything on
    /// to [`ApacheKafka::behind`].
    pub(crate) fn start_behind(name: &str, lines: &[&str], relays: &[u16]) -> Option<Self> {
        if super::is_left_out("java") {
            return None;
        }
        let libs = libs();
        for _ in 0..5 {
            let kafka = Self::prepare(name, lines, relays, &libs);
            kafka.go(&libs);
            if kafka.answers() {
                return Some(kafka);
            }
            let log = fs::read_to_string(&kafka.log).unwrap_or_default();
            // Somebody took a port between our letting go and its taking it.
            if !log.contains("Address already in use") {
                panic!("Apache Kafka does not start; its log is {}", kafka.log.display());
            }
        }
        panic!("Apache Kafka finds no free port on 127.0.0.1");
    }

    /// Where to connect that way.
    pub(crate) fn at(&self, way: Way) -> String {
        format!("127.0.0.1:{}", self.ports[way as usize])
    }

    /// The port behind that of a relay.
    pub(crate) fn behind(&self, relay: u16) -> u16 {
        let found = self.relayed.iter().find(|(outer, _)| *outer == relay);
        found.unwrap().1
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it; [`ApacheKafka::go_on`] starts it again with what it had.
    pub(crate) fn stop(&self) {
        self.end("keep");
    }

    /// The same by `kill -9`.
    pub(crate) fn kill(&self) {
        self.end("kill");
    }

    fn end(&self, word: &str) {
        if let Some(mut shell) = self.shell.lock().unwrap().take() {
            let mut pipe = shell.stdin.take().unwrap();
            let _ = writeln!(pipe, "{word}");
            shell.wait().unwrap();
        }
    }

    /// Starts it again.
    pub(crate) fn go_on(&self) {
        self.go(&libs());
        assert!(
            self.answers(),
            "it starts again; its log is {}",
            self.log.display()
        );
    }

    fn prepare(name: &str, lines: &[&str], relays: &[u16], libs: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        // Held until all are known, so that no two are alike.
        let count = WAYS.len() + relays.len();
        let listeners: Vec<_> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let mut ports: Vec<u16> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().port())
            .collect();
        let behind = ports.split_off(WAYS.len());
        let kafka = Self {
            log: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("apache-kafka-{name}.log")),
            certificates: Certificates::make(&folder),
            folder,
            ports,
            relayed: relays.iter().copied().zip(behind).collect(),
            shell: Mutex::new(None),
        };
        fs::write(kafka.folder.join("server.properties"), kafka.properties(lines)).unwrap();
        fs::write(kafka.folder.join("log4j.properties"), LOG4J).unwrap();
        fs::write(&kafka.log, "").unwrap();
        let scram = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
        let id = "cicConduitTestsCluster";
        let formatted = java(libs, &kafka.folder)
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--standalone",
                "-t",
                id,
                "--add-scram",
            ])
            .args([&scram, "-c", "server.properties"])
            .output()
            .unwrap();
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        kafka
    }

    fn properties(&self, more: &[&str]) -> String {
        let ways = WAYS.map(|way| {
            let port = self.ports[way as usize];
            (way.name().to_owned(), way.protocol(), port, port)
        });
        let relayed = self.relayed.iter().map(|(outer, inner)| {
            let name = format!("RELAY{inner}");
            (name, Way::Plain.protocol(), *inner, *outer)
        });
        let listeners: Vec<Listener> = ways.into_iter().chain(relayed).collect();
        let each = |make: &dyn Fn(&Listener) -> Option<String>| {
            let all: Vec<String> = listeners.iter().filter_map(make).collect();
            all.join(",")
        };
        let controller = Way::Controller.name();
        let path = |path: &Path| path.display().to_string();
        let kafka = "org.apache.kafka.common.security";
        let lines = [
            "process.roles=broker,controller".to_owned(),
            "node.id=1".into(),
            format!("controller.quorum.bootstrap.servers={}", self.at(Way::Controller)),
            format!(
                "listeners={}",
                each(&|(name, _, inner, _)| Some(format!("{name}://127.0.0.1:{inner}")))
            ),
            format!(
                "advertised.listeners={}",
                each(&|(name, _, _, outer)| {
                    (name != controller).then(|| format!("{name}://127.0.0.1:{outer}"))
                })
            ),
            format!("controller.listener.names={controller}"),
            "inter.broker.listener.name=PLAIN".into(),
            format!(
                "listener.security.protocol.map={}",
                each(&|(name, protocol, ..)| Some(format!("{name}:{protocol}")))
            ),
            format!("log.dirs={}", path(&self.folder.join("data"))),
            "auto.create.topics.enable=false".into(),
            "offsets.topic.replication.factor=1".into(),
            "offsets.topic.num.partitions=1".into(),
            "transaction.state.log.replication.factor=1".into(),
            "transaction.state.log.min.isr=1".into(),
            "transaction.state.log.num.partitions=1".into(),
            "group.initial.rebalance.delay.ms=0".into(),
            "log.cleaner.backoff.ms=500".into(),
            "ssl.keystore.type=PEM".into(),
            format!("ssl.keystore.location={}", path(&self.certificates.broker)),
            "ssl.truststore.type=PEM".into(),
            format!("ssl.truststore.location={}", path(&self.certificates.authority)),
            "listener.name.mtls.ssl.client.auth=required".into(),
            "listener.name.password.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN".into(),
            format!(
                "listener.name.password.scram-sha-512.sasl.jaas.config={kafka}.scram.ScramLoginModule required;"
            ),
            format!(
                "listener.name.password.plain.sasl.jaas.config={kafka}.plain.PlainLoginModule required \
                 user_{USER}=\"{PASSWORD}\";"
            ),
            "listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER".into(),
            format!(
                "listener.name.token.oauthbearer.sasl.jaas.config={kafka}.oauthbearer.OAuthBearerLoginModule \
                 required unsecuredLoginStringClaim_sub=\"broker\";"
            ),
        ];
        format!("{}\n{}\n", lines.join("\n"), more.join("\n"))
    }

    /// Starts the process; the pipe's end is in the shell that is kept.
    fn go(&self, libs: &Path) {
        let log = File::options().append(true).open(&self.log).unwrap();
        let java = java(libs, &self.folder);
        let shell = Command::new("sh")
            .args(["-c", SHELL, "sh"])
            .arg(java.get_program())
            .args(java.get_args())
            .args(["kafka.Kafka", "server.properties"])
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.shell.lock().unwrap() = Some(shell);
    }

    fn answers(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.at(Way::Plain))
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg)
            .create()
            .unwrap();
        while Instant::now() < until {
            let one = Duration::from_secs(1);
            if client
                .fetch_metadata(None, one)
                .is_ok_and(|found| !found.brokers().is_empty())
            {
                return true;
            }
            if fs::read_to_string(&self.log).is_ok_and(|log| log.contains("Exiting Kafka")) {
                return false;
            }
        }
        false
    }
}

impl Drop for ApacheKafka {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Ends the broker when the other end of the pipe says so, or is gone; then its folder goes too.
const SHELL: &str = r#""$@" & read word
[ "$word" = kill ] && kill -9 $! || kill $!
wait $!
[ "$word" ] || rm -rf "$PWD""#;

const LOG4J: &str = "\
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
";

fn java(libs: &Path, folder: &Path) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!(
            "-Dlog4j.configuration=file:{}/log4j.properties",
            folder.display()
        ))
        .arg("-cp")
        .arg(libs.join("*"))
        .current_dir(folder);
    java
}

/// Apache Kafka's jars, fetched once for all tests of this machine.
fn libs() -> PathBuf {
    super::demand("java", "-version", "openjdk-17-jre-headless", "java");
    super::demand("mvn", "-version", "maven", "java");
    let home = || Path::new(&std::env::var("HOME").expect("HOME is set")).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from);
    let folder = cache.join("cic-conduit-tests").join(format!("kafka-{VERSION}"));
    let libs = folder.join("libs");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !libs.exists() {
        // Another name until it is whole.
        let part = folder.join("part");
        let fetch = || {
            Command::new("mvn")
                .args(["-q", "-B", "-U", "-f"])
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/pom.xml"))
                .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
                .arg(format!("-DoutputDirectory={}", part.display()))
                .output()
                .unwrap()
        };
        let mut fetched = fetch();
        // A network fails for a moment now and then.
        for _ in 0..3 {
            if !fetched.status.success() {
                fetched = fetch();
            }
        }
        let said = String::from_utf8_lossy(&fetched.stdout);
        assert!(fetched.status.success(), "mvn cannot fetch Apache Kafka: {said}");
        fs::rename(part, &libs).unwrap();
    }
    libs
}
