//! A broker that asks for rights: those that the README lists are enough, and one that is missing is named.

use std::io::Write as _;
use std::process::{Command, Stdio};

use cic_conduit::agent::settings;
use cic_conduit::config::Config;
use cic_conduit::kafka::{DeadLetters, Letter, Place, Snapshots};
use tokio::time::Instant;

use crate::agent::{Agent, PATIENCE, commit, make_topic, write};
use crate::support::apache_kafka::{ApacheKafka, PASSWORD, USER, Way};
use crate::support::rights::{LINES, On, Operation, Right, give, take};

const STATE: &str = "cic.cic-conduit.state";
const LETTERS: &str = "cic.cic-conduit.dead-letters";

const READ_INPUT: Right = Right(On::Topic, "cic", Operation::Read);
const READ_GROUP: Right = Right(On::Group, "cic-conduit", Operation::Read);
const WRITE_LETTERS: Right = Right(On::Topic, LETTERS, Operation::Write);
const READ_STATE: Right = Right(On::Topic, STATE, Operation::Read);
const WRITE_STATE: Right = Right(On::Topic, STATE, Operation::Write);
const CREATE_STATE: Right = Right(On::Topic, STATE, Operation::Create);
const LEAST: [Right; 5] = [READ_INPUT, READ_GROUP, WRITE_LETTERS, READ_STATE, WRITE_STATE];

fn configuration(kafka: &ApacheKafka) -> String {
    let secret = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("secret-of-rights");
    std::fs::write(&secret, PASSWORD).unwrap();
    format!(
        "[kafka]\nbrokers = [\"{}\"]\ntopics = [\"cic\"]\nsecurity_protocol = \"sasl_ssl\"\nca_file = {:?}\n\
         sasl_mechanism = \"SCRAM-SHA-512\"\nsasl_username = \"{USER}\"\nsasl_password_file = {secret:?}\n\
         [genesys]\napi_url = \"http://127.0.0.1:1\"\nlogin_url = \"http://127.0.0.1:1\"\nclient_id = \"me\"\n\
         client_secret_file = {secret:?}\n[directory]\nemail_domain = \"a.org\"\n",
        kafka.at(Way::Password),
        kafka.certificates.authority,
    )
}

/// Checks until these lines are there: what is given and taken is known to the broker a moment later.
fn checked(config: &str, wanted: &[String]) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("rights.toml");
    std::fs::write(&file, config).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cic-conduit"));
        command.args(["check", "--config"]).arg(&file);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONDUIT_")) {
            command.env_remove(name);
        }
        let t = Instant::now();
        let output = command.stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        eprintln!("TIME {:?}", t.elapsed());
        let has = |line: &String| told.lines().any(|told| told.starts_with(line.as_str()));
        if wanted.iter().all(has) {
            return;
        }
        assert!(Instant::now() < until, "{wanted:?} is not in:\n{told}");
    }
}

/// What `check` says where nothing is missing, but for one item.
fn all_but(item: &str, instead: &str) -> Vec<String> {
    let all = [
        ("topic cic", "OK       topic cic: 2 partitions"),
        (
            "state of cic",
            "OK       state of cic: cic.cic-conduit.state, 2 partitions",
        ),
        (
            "dead letters of cic",
            "OK       dead letters of cic: cic.cic-conduit.dead-letters, 1",
        ),
        (
            "consumer group cic-conduit",
            "OK       consumer group cic-conduit: ",
        ),
    ];
    all.iter()
        .map(|(name, ok)| match *name == item {
            true => instead.to_owned(),
            false => (*ok).to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn the_rights_of_the_readme_are_enough_and_each_that_is_missing_is_named() {
    let Some(kafka) = ApacheKafka::start_with("rights", &LINES) else {
        return;
    };
    make_topic(&kafka, "cic", 2).await;
    make_topic(&kafka, LETTERS, 1).await;
    write(&kafka, "cic", 0, &["a"]).await;
    let config = configuration(&kafka);
    LEAST.into_iter().for_each(|right| give(&kafka, right));
    let lacks =
        "ERROR    state of cic: the state topic cic.cic-conduit.state is not there and cannot be made: ";
    checked(&config, &all_but("state of cic", lacks));
    give(&kafka, CREATE_STATE);
    let made =
        "OK       state of cic: cic.cic-conduit.state is not there yet; the agent makes it with 2 partitions";
    checked(&config, &all_but("state of cic", made));
    work(&config).await;
    take(&kafka, CREATE_STATE);
    checked(&config, &all_but("", ""));
    let forbidden = |item: &str, what: &str| format!("ERROR    {item}: Kafka forbids it: {what}");
    let describe = |Right(on, name, _): Right| Right(on, name, Operation::Describe);
    let cases = [
        (READ_INPUT, None, "topic cic", forbidden("topic cic", "Topic")),
        (
            READ_INPUT,
            Some(describe(READ_INPUT)),
            "topic cic",
            forbidden("topic cic", "READ on the topic cic: "),
        ),
        (
            READ_GROUP,
            None,
            "consumer group cic-conduit",
            forbidden("consumer group cic-conduit", ""),
        ),
        (
            READ_GROUP,
            Some(describe(READ_GROUP)),
            "consumer group cic-conduit",
            forbidden("consumer group cic-conduit", "READ on the group cic-conduit: "),
        ),
        (
            WRITE_LETTERS,
            None,
            "dead letters of cic",
            "WARNING  dead letters of cic: the topic cic.cic-conduit.dead-letters is not there, or may not be seen".into(),
        ),
        (
            READ_STATE,
            None,
            "state of cic",
            "ERROR    state of cic: READ on cic.cic-conduit.state: ".into(),
        ),
        (
            WRITE_STATE,
            None,
            "state of cic",
            "ERROR    state of cic: WRITE on cic.cic-conduit.state: ".into(),
        ),
    ];
    for (right, instead, item, line) in cases {
        take(&kafka, right);
        if let Some(instead) = instead {
            give(&kafka, instead);
        }
        let wanted = match right.1 {
            // Without its input no topic is looked at.
            "cic" if instead.is_none() => vec![line],
            _ => all_but(item, &line),
        };
        checked(&config, &wanted);
        give(&kafka, right);
        if let Some(instead) = instead {
            take(&kafka, instead);
        }
    }
    checked(&config, &all_but("", ""));
}

/// All that the agent asks of Kafka.
async fn work(config: &str) {
    let config = Config::parse(config).unwrap();
    let kafka = settings::kafka(&config);
    let told = config.clone();
    let snapshots = Snapshots::open(&kafka, move |input| told.state_topic(input)).unwrap();
    snapshots.prepare("cic").await.unwrap();
    let place = Place::new("cic", 1);
    let pointer = snapshots
        .write(&place, |to| to.write_all(b"state"))
        .await
        .unwrap();
    assert_eq!(snapshots.read(&pointer).await.unwrap(), b"state");
    snapshots.forget(&pointer);
    let place = Place::new("cic", 0);
    assert!(snapshots.witness(&place, 0).await.unwrap().is_some());
    let letter = Letter {
        key: None,
        value: "{}".into(),
        headers: Vec::new(),
    };
    let letters = DeadLetters::open(kafka.clone(), LETTERS).unwrap();
    assert_eq!(letters.send_all([&letter].into_iter()).await, [Ok(())]);
    let mut agent = Agent::start(kafka);
    assert_eq!(agent.values(1), ["a"]);
    agent.commit(commit("cic", 0, 1, "pointer")).await.unwrap();
    agent.stop(Vec::new()).await;
}
