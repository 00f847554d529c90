//! Kafka: reached and logged in, the topics, where dead letters go, the group's offsets.

use std::io::{self, Write};
use std::time::Duration;

use super::WRONG;
use super::sheet::{Sheet, counted};
use crate::agent::settings;
use crate::cli::exit::{CREDENTIALS, INTERNAL, UNAVAILABLE};
use crate::config::{Config, Start};
use crate::kafka::{Asked, Fault, Findings, Kind, Snapshots, Topic, probe};

/// How long each question to Kafka may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks all that Kafka is needed for.
pub(super) async fn check<W: Write>(config: &Config, sheet: &mut Sheet<W>) -> io::Result<()> {
    let settings = settings::kafka(config);
    let asked = settings.clone();
    let probed = tokio::task::spawn_blocking(move || probe(&asked, PATIENCE)).await;
    let findings = match probed {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => {
            let told = error.to_string();
            let (what, todo) = super::sheet::split(&told);
            return sheet.error(WRONG, "Kafka", what, todo);
        }
        Err(error) => return sheet.error(INTERNAL, "Kafka", error.to_string(), "report this"),
    };
    if !reached(config, &findings, sheet)? {
        return sheet.skipped(
            "topics, states, dead letters, consumer group",
            "Kafka is not reached",
        );
    }
    for asked in &findings.asked {
        topics(asked, sheet)?;
    }
    let mut topics: Vec<&Topic> = findings.asked.iter().flat_map(|asked| &asked.topics).collect();
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    topics.dedup();
    let told = config.clone();
    match Snapshots::open(&settings, move |input| told.state_topic(input)) {
        Ok(snapshots) => states(&snapshots, &topics, sheet).await?,
        Err(error) => sheet.error(WRONG, "state", error.to_string(), "check [kafka.librdkafka]")?,
    }
    dead_letters(config, &findings, &topics, sheet)?;
    group(config, &findings, &topics, sheet)
}

fn reached<W: Write>(config: &Config, findings: &Findings, sheet: &mut Sheet<W>) -> io::Result<bool> {
    let brokers = config.kafka.brokers.join(", ");
    let Some(reached) = &findings.reached else {
        match findings.faults.first() {
            Some(fault) => failed("Kafka", fault, sheet)?,
            None => sheet.error(
                UNAVAILABLE,
                "Kafka",
                format!(
                    "Kafka cannot be reached: {brokers} did not answer within {} s",
                    PATIENCE.as_secs()
                ),
                "check [kafka] brokers, the network and whether the brokers run",
            )?,
        }
        return Ok(false);
    };
    let cluster = reached.cluster.as_deref().unwrap_or("without an id");
    let login = match &config.kafka.sasl_mechanism {
        Some(mechanism) if config.kafka.security_protocol.sasl() => format!(", logged in by {mechanism}"),
        _ => String::new(),
    };
    sheet.ok(
        "Kafka",
        format!("{}, cluster {cluster}{login}", counted(reached.brokers, "broker")),
    )?;
    for fault in &findings.faults {
        sheet.warning("Kafka", fault.what(), fault.advice())?;
    }
    Ok(true)
}

fn topics<W: Write>(asked: &Asked, sheet: &mut Sheet<W>) -> io::Result<()> {
    let item = format!("topic {}", asked.entry);
    if let Some(fault) = &asked.fault {
        return failed(&item, fault, sheet);
    }
    let partitions: usize = asked.topics.iter().map(|topic| topic.partitions).sum();
    match asked.topics.len() {
        0 => sheet.error(
            WRONG,
            &item,
            "no topic fits",
            "check [kafka] topics, and that the agent's user may see what it should read",
        ),
        1 => sheet.ok(&item, counted(partitions, "partition")),
        count => sheet.ok(
            &item,
            format!("{count} topics, {}", counted(partitions, "partition")),
        ),
    }
}

fn dead_letters<W: Write>(
    config: &Config,
    findings: &Findings,
    topics: &[&Topic],
    sheet: &mut Sheet<W>,
) -> io::Result<()> {
    for topic in topics {
        let name = config.dead_letter_topic(&topic.name);
        let item = format!("dead letters of {}", topic.name);
        match findings.topic(&name) {
            Some(there) => sheet.ok(&item, format!("{name}, {}", counted(there.partitions, "partition")))?,
            None => sheet.warning(
                &item,
                format!("the topic {name} is not there, or may not be seen"),
                "create it: without it, unless the brokers create topics by themselves, the first event that Genesys \
                 Cloud refuses stops its partition",
            )?,
        }
    }
    Ok(())
}

async fn states<W: Write>(snapshots: &Snapshots, topics: &[&Topic], sheet: &mut Sheet<W>) -> io::Result<()> {
    for topic in topics {
        let item = format!("state of {}", topic.name);
        match snapshots.inspect(&topic.name).await {
            Ok(found) => sheet.ok(&item, found)?,
            Err(unfit) if unfit.works => sheet.warning(&item, unfit.what, unfit.todo)?,
            Err(unfit) => sheet.error(code(unfit.kind), &item, unfit.what, unfit.todo)?,
        }
    }
    Ok(())
}

fn group<W: Write>(
    config: &Config,
    findings: &Findings,
    topics: &[&Topic],
    sheet: &mut Sheet<W>,
) -> io::Result<()> {
    let item = format!("consumer group {}", config.kafka.group);
    if let Some(fault) = &findings.group_fault {
        return failed(&item, fault, sheet);
    }
    let partitions: usize = topics.iter().map(|topic| topic.partitions).sum();
    let committed = findings.committed.len();
    let start = match config.kafka.start {
        Start::Earliest => "from its first record".to_owned(),
        Start::Latest => "from what comes next".to_owned(),
        Start::At(time) => format!("from {time}"),
    };
    let begins = match partitions.saturating_sub(committed) {
        0 => String::new(),
        rest => format!("; each of the other {rest} is read {start}"),
    };
    sheet.ok(
        &item,
        format!("{committed} of {partitions} partitions have a committed offset{begins}"),
    )
}

/// A fault in the way.
fn failed<W: Write>(item: &str, fault: &Fault, sheet: &mut Sheet<W>) -> io::Result<()> {
    sheet.error(code(fault.kind), item, fault.what(), fault.advice())
}

/// The exit code of a fault that ends the program.
pub(in crate::cli) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Login | Kind::Permission => CREDENTIALS,
        Kind::Topic | Kind::Size | Kind::Fenced => WRONG,
        Kind::Unreachable | Kind::Tls | Kind::Other => UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Reached;

    fn told(findings: &Findings) -> (String, bool) {
        let config = Config::parse("[kafka]\nbrokers = [\"one:1\"]\n").unwrap();
        let mut out = Vec::new();
        let is_reached = reached(&config, findings, &mut Sheet::new(&mut out)).unwrap();
        (String::from_utf8(out).unwrap(), is_reached)
    }

    fn fault(kind: Kind) -> Fault {
        let reason = "librdkafka's words".to_owned();
        Fault { kind, reason }
    }

    #[test]
    fn what_stands_in_the_way_is_said_with_what_to_do() {
        for (kind, what, todo) in [
            (
                Kind::Login,
                "Kafka refuses the login: librdkafka's words",
                "sasl_mechanism",
            ),
            (Kind::Tls, "TLS with Kafka fails: librdkafka's words", "ca_file"),
            (
                Kind::Unreachable,
                "Kafka cannot be reached: librdkafka's words",
                "brokers",
            ),
        ] {
            let mut findings = Findings::default();
            findings.faults = vec![fault(kind)];
            let (told, is_reached) = told(&findings);
            assert!(told.starts_with(&format!("ERROR    Kafka: {what}\n")), "{told}");
            assert!(
                told.lines().nth(1).unwrap().contains(todo) && !is_reached,
                "{told}"
            );
        }
        let (told, _) = told(&Findings::default());
        assert!(told.contains("one:1 did not answer within 10 s"), "{told}");
    }

    #[test]
    fn a_cluster_with_a_broker_down_is_reached() {
        let mut findings = Findings::default();
        findings.faults = vec![fault(Kind::Unreachable)];
        findings.reached = Some(Reached {
            brokers: 3,
            cluster: Some("c".into()),
        });
        let (told, is_reached) = told(&findings);
        assert!(
            is_reached && told.starts_with("OK       Kafka: 3 brokers, cluster c\nWARNING  Kafka: "),
            "{told}"
        );
    }

    #[test]
    fn each_fault_has_its_exit_code() {
        for (kind, code) in [
            (Kind::Login, CREDENTIALS),
            (Kind::Permission, CREDENTIALS),
            (Kind::Topic, WRONG),
            (Kind::Unreachable, UNAVAILABLE),
            (Kind::Tls, UNAVAILABLE),
        ] {
            let mut sheet = Sheet::new(Vec::new());
            failed("topic x", &fault(kind), &mut sheet).unwrap();
            assert_eq!(sheet.code(), std::process::ExitCode::from(code), "{kind:?}");
        }
    }
}
