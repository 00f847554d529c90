//! Every way in by configuration alone, and what is said when it is the wrong one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use cic_conduit::agent::settings::kafka as told;
use cic_conduit::config::Config;
use cic_conduit::kafka::{Event, Input, Kind, Settings, probe};

use crate::agent::{Agent, PATIENCE, make_topic, write};
use crate::support::apache_kafka::{ApacheKafka, PASSWORD, Way, shared};

/// A configuration of a topic and group of that name.
fn configured(kafka: &ApacheKafka, name: &str, way: Way, lines: &str) -> Settings {
    let text = format!(
        "[kafka]\nbrokers = [\"{}\"]\ntopics = [\"{name}\"]\ngroup = \"{name}\"\n{lines}",
        kafka.at(way)
    );
    told(&Config::parse(&text).unwrap())
}

/// A file that holds a secret.
fn secret(secret: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-{secret}"));
    std::fs::write(&path, secret).unwrap();
    path.display().to_string()
}

fn tls(kafka: &ApacheKafka) -> String {
    format!(
        "security_protocol = \"ssl\"\nca_file = {:?}\n",
        kafka.certificates.authority
    )
}

fn login(kafka: &ApacheKafka, mechanism: &str, password: &str) -> String {
    format!(
        "security_protocol = \"sasl_ssl\"\nca_file = {:?}\nsasl_mechanism = \"{mechanism}\"\n\
         sasl_username = \"agent\"\nsasl_password_file = {:?}\n",
        kafka.certificates.authority,
        secret(password)
    )
}

fn token(url: &str, password: &str) -> String {
    format!(
        "security_protocol = \"sasl_plaintext\"\nsasl_mechanism = \"OAUTHBEARER\"\noauth_token_url = \"{url}\"\n\
         oauth_client_id = \"agent\"\noauth_scope = \"kafka\"\noauth_client_secret_file = {:?}\n",
        secret(password)
    )
}

/// A token endpoint that knows one client. Its tokens are signed by nobody.
fn token_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut length, mut known) = (0, false);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                known |= lower.starts_with("authorization:") && line.contains(&base64(b"agent:right"));
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let form = String::from_utf8(body).unwrap();
            known &= form.contains("grant_type=client_credentials") && form.contains("scope=kafka");
            let (status, answer) = match known {
                true => {
                    let now = cic_conduit::clock::now().millis() / 1000;
                    let claims = format!(
                        r#"{{"sub":"agent","iat":{now},"exp":{},"scope":"kafka"}}"#,
                        now + 3600
                    );
                    let token = format!("{}.{}.", base64(br#"{"alg":"none"}"#), base64(claims.as_bytes()));
                    (
                        "200 OK",
                        format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#),
                    )
                }
                false => ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned()),
            };
            let length = answer.len();
            let _ = write!(
                reader.get_mut(),
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{answer}"
            );
        }
    });
    url
}

/// Without padding, for URLs. `agent:right` has none of the letters in which the two alphabets differ.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[bits >> (18 - 6 * at) & 63]));
        }
    }
    text
}

#[tokio::test]
async fn every_way_in_is_open_by_configuration_alone() {
    let Some(kafka) = shared() else { return };
    let url = token_endpoint();
    let mutual = format!(
        "{}certificate_file = {:?}\nkey_file = {:?}\n",
        tls(kafka),
        kafka.certificates.agent,
        kafka.certificates.agent_key
    );
    let ways = [
        ("in-tls", Way::Tls, tls(kafka)),
        ("in-mtls", Way::MutualTls, mutual),
        ("in-plain", Way::Password, login(kafka, "PLAIN", PASSWORD)),
        ("in-scram", Way::Password, login(kafka, "SCRAM-SHA-512", PASSWORD)),
        ("in-token", Way::Token, token(&url, PASSWORD)),
    ];
    for (name, way, lines) in ways {
        make_topic(kafka, name, 3).await;
        write(kafka, name, 0, &["hello"]).await;
        let settings = configured(kafka, name, way, &lines);
        let asked = settings.clone();
        let found = tokio::task::spawn_blocking(move || probe(&asked, PATIENCE).unwrap())
            .await
            .unwrap();
        let reached = found
            .reached
            .as_ref()
            .unwrap_or_else(|| panic!("{name}: {:?}", found.faults));
        assert_eq!(reached.brokers, 1, "{name}");
        assert!(reached.cluster.is_some(), "{name}");
        assert_eq!(found.asked[0].topics[0].partitions, 3, "{name}");
        assert_eq!((&found.faults, &found.group_fault), (&vec![], &None), "{name}");
        let mut agent = Agent::start(settings);
        assert_eq!(agent.values(1), ["hello"], "{name}");
        agent.stop(Vec::new()).await;
    }
}

/// The first fault that the reader says on its way in, and the first one that a probe finds.
async fn faults(settings: Settings) -> (Kind, Kind, String) {
    let asked = settings.clone();
    let found = tokio::task::spawn_blocking(move || probe(&asked, Duration::from_secs(60)).unwrap())
        .await
        .unwrap();
    assert_eq!(found.reached, None);
    let mut agent = Agent::start(settings);
    let said = agent.until(|input| match input {
        Input::Event(Event::Fault(fault)) => Some(fault.kind),
        _ => None,
    });
    agent.stop(Vec::new()).await;
    (found.faults[0].kind, said, found.faults[0].to_string())
}

#[tokio::test]
async fn what_is_wrong_on_the_way_in_is_told_apart() {
    let Some(kafka) = shared() else { return };
    let url = token_endpoint();
    let stranger = tls(kafka).replace("authority.pem", "stranger.pem");
    let wrongs = [
        (Way::Password, login(kafka, "PLAIN", "wrong"), Kind::Login),
        (Way::Password, login(kafka, "SCRAM-SHA-512", "wrong"), Kind::Login),
        (Way::Token, token(&url, "wrong"), Kind::Login),
        (Way::Tls, stranger, Kind::Tls),
        (Way::MutualTls, tls(kafka), Kind::Tls),
        (Way::Plain, tls(kafka), Kind::Tls),
    ];
    for (way, lines, kind) in wrongs {
        let (found, said, words) = faults(configured(kafka, "out", way, &lines)).await;
        assert_eq!((found, said), (kind, kind), "{way:?} {lines} {words}");
        assert!(!words.contains("wrong"), "rule 10: {words}");
    }
}

#[tokio::test]
async fn a_missing_topic_is_named_by_the_probe_and_by_the_reader() {
    let Some(kafka) = shared() else { return };
    let settings = configured(kafka, "nowhere", Way::Plain, "");
    let asked = settings.clone();
    let found = tokio::task::spawn_blocking(move || probe(&asked, PATIENCE).unwrap())
        .await
        .unwrap();
    assert_eq!(found.asked[0].fault.as_ref().unwrap().kind, Kind::Topic);
    let mut agent = Agent::start(settings);
    let said = agent.until(|input| match input {
        Input::Event(Event::Fault(fault)) => Some(fault.kind),
        _ => None,
    });
    assert_eq!(said, Kind::Topic);
    agent.stop(Vec::new()).await;
}
