//! `simulate` from outside: repeatable, complete, true to its own truth, and convertible without a broken rule.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use cic_conduit::time::Time;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Output, Stdio};

use support::truth;

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cic-conduit"))
        .args(args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn good(args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(args, input);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {told}");
    output.stdout
}

/// The records of `simulate` with these flags.
fn simulated(flags: &str) -> Vec<u8> {
    let mut args = vec!["simulate", "--output", "-"];
    args.extend(flags.split_whitespace());
    good(&args, b"")
}

/// The records and the truth.
fn with_truth(flags: &str) -> (Vec<u8>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("truth.ndjson");
    let records = simulated(&format!("{flags} --truth {}", file.display()));
    (records, parsed(&std::fs::read(file).unwrap()))
}

fn parsed(lines: &[u8]) -> Vec<Value> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// What a record says of interactions: id and attributes.
fn interactions(record: &Value) -> Vec<(String, &serde_json::Map<String, Value>)> {
    let data = &record["data"];
    let lists = ["interactionsAdded", "interactionsChanged"];
    let parts = lists
        .into_iter()
        .filter_map(|list| data[list].as_array())
        .flatten();
    let parts = parts.map(|part| (&part["interactionId"], &part["attributes"]));
    let alone = data
        .get("attributes")
        .map(|attributes| (&data["interactionID"], attributes));
    let all = parts.chain(alone);
    all.map(|(id, attributes)| (id.as_str().unwrap().to_owned(), attributes.as_object().unwrap()))
        .collect()
}

#[test]
fn what_is_simulated_converts_into_events_that_break_no_rule() {
    for flags in [
        "--seed 1 --agents 50 --sites 2 --records 50000",
        "--seed 2 --agents 5 --rate 10 --records 10000",
        "--seed 3 --agents 200 --sites 4 --rate 1000 --records 10000",
        "--seed 4 --agents 30 --sites 3 --rate 100000 --records 10000",
        "--seed 5 --form binary --precise --records 10000",
    ] {
        let events = good(&["convert", "-"], &simulated(flags));
        let output = run(&["judge", "-"], &events);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{flags}: {told}");
        assert!(events.len() > 100_000, "{flags}: there was something to judge");
    }
}

#[test]
fn the_same_flags_give_the_same_bytes_and_another_seed_others() {
    let flags = "--agents 40 --sites 3 --records 10000";
    let (first, truth) = with_truth(&format!("{flags} --seed 9"));
    assert_eq!((first.clone(), truth), with_truth(&format!("{flags} --seed 9")));
    assert_ne!(first, simulated(&format!("{flags} --seed 10")));
}

#[test]
fn every_outcome_and_every_kind_of_interaction_occurs() {
    let (_, truth) = with_truth("--agents 100 --records 120000");
    let calls: Vec<&Value> = truth.iter().filter_map(|line| line.get("call")).collect();
    let seen =
        |name: &str| -> BTreeSet<&str> { calls.iter().filter_map(|call| call[name].as_str()).collect() };
    let outcomes = [
        "agent hung up",
        "busy",
        "caller hung up",
        "hung up in ivr",
        "hung up in queue",
        "hung up ringing",
        "not answered",
        "open",
        "vanished",
        "voicemail",
    ];
    assert_eq!(seen("outcome"), BTreeSet::from(outcomes));
    assert_eq!(
        seen("media"),
        BTreeSet::from(["Call", "Callback", "Chat", "Email"])
    );
    assert_eq!(seen("direction"), BTreeSet::from(["inbound", "outbound"]));
    let any = |what: &str, is: &dyn Fn(&Value) -> bool| assert!(calls.iter().any(|call| is(call)), "{what}");
    any("queue to queue", &|call| {
        call["queues"].as_array().unwrap().len() > 1
    });
    any("consult", &|call| !call["consulting"].is_null());
    let leg = |call: &Value, is: &dyn Fn(&Value) -> bool| call["agents"].as_array().unwrap().iter().any(is);
    any("hold", &|call| {
        leg(call, &|leg| leg["held"].as_array().unwrap().len() > 1)
    });
    any("rang in vain", &|call| {
        leg(call, &|leg| leg["talked"].is_null() && !leg["rang"].is_null())
    });
    any("wrap-up code replaced", &|call| {
        leg(call, &|leg| leg["wrapUp"].as_array().unwrap().len() > 1)
    });
    let talkers = |call: &Value| -> BTreeSet<String> {
        let legs = call["agents"].as_array().unwrap().iter();
        legs.filter(|leg| !leg["talked"].is_null())
            .map(|leg| leg["user"].to_string())
            .collect()
    };
    any("transfer", &|call| talkers(call).len() > 1);
    let statuses: BTreeSet<&str> = truth
        .iter()
        .filter_map(|line| line["status"]["status"].as_str())
        .collect();
    assert_eq!(statuses.len(), 16, "{statuses:?}");
}

#[test]
fn every_line_is_a_cloud_event_of_its_site_with_whole_seconds_at_the_rate_asked_for() {
    let records = parsed(&simulated("--agents 30 --sites 2 --records 10000 --rate 250"));
    assert_eq!(records.len(), 10_000);
    let mut ids = BTreeSet::new();
    let mut last = String::new();
    for record in &records {
        assert!(ids.insert((record["source"].to_string(), record["id"].to_string())));
        assert!(["cic1.example.com", "cic2.example.com"].contains(&record["source"].as_str().unwrap()));
        assert_eq!(record["type"], record["data"]["__type"]);
        let time = record["time"].as_str().unwrap();
        assert_eq!(time.len(), "2026-03-02T08:00:00Z".len());
        assert!(*time >= *last, "time goes on");
        last = time.to_owned();
        let basic: String = time.chars().filter(|sign| !"-:".contains(*sign)).collect();
        for (_, attributes) in interactions(record) {
            for (name, value) in attributes {
                let value = value.as_str().unwrap_or_else(|| panic!("{name} is text"));
                if name.ends_with("Time") && name != "Eic_ConnectDurationTime" || name.ends_with("Timestamp")
                {
                    assert!(
                        value.is_empty() || value.len() == 16 && *value <= *basic,
                        "{name} {value} {time}"
                    );
                }
            }
        }
    }
    assert_eq!(last, "2026-03-02T08:00:39Z", "10,000 records at 250 a second");
}

/// An independent reading of the records: when each user of an interaction was at `C` `H` `X` first, and what ended it.
#[test]
fn the_truth_is_what_was_said() {
    let (records, truth) = with_truth("--seed 12 --agents 60 --sites 2 --records 60000 --precise");
    let mut talked: BTreeMap<(String, String), BTreeMap<String, String>> = BTreeMap::new();
    let mut ended: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
    let mut known: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
    let mut codes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for record in &parsed(&records) {
        let site = record["source"].as_str().unwrap();
        let time = record["time"].as_str().unwrap();
        if let Some(code) = record["data"].get("code") {
            let id = record["data"]["interactionId"].as_str().unwrap();
            codes
                .entry((site.into(), id.into()))
                .or_default()
                .push(code.as_str().unwrap().into());
        }
        for (id, attributes) in interactions(record) {
            let key = (site.to_owned(), id);
            let (letter, user) = known.entry(key.clone()).or_default();
            let text = |name: &str| attributes.get(name).and_then(Value::as_str);
            if let Some(said) = text("Eic_State") {
                *letter = said.to_owned();
            }
            if let Some(said) = text("Eic_UserName") {
                *user = said.to_owned();
            }
            match &**letter {
                "C" | "H" | "X" if !user.is_empty() => {
                    let first = talked.entry(key).or_default();
                    first.entry(user.clone()).or_insert(time.to_owned());
                }
                "I" | "E" => {
                    ended.entry(key).or_insert((letter.clone(), time.to_owned()));
                }
                _ => {}
            }
        }
    }
    let calls: Vec<&Value> = truth.iter().filter_map(|line| line.get("call")).collect();
    assert_eq!(
        calls.len(),
        known.len(),
        "every interaction said is in the truth, once"
    );
    for call in calls {
        let key = (
            call["site"].as_str().unwrap().to_owned(),
            call["interactionId"].as_str().unwrap().to_owned(),
        );
        let intercom = call["intercom"] == true;
        let mut from: BTreeMap<String, String> = BTreeMap::new();
        let mut given = Vec::new();
        for leg in call["agents"].as_array().unwrap() {
            if let Some(span) = leg["talked"].as_array() {
                let user = leg["user"].as_str().unwrap().to_owned();
                from.entry(user).or_insert(span[0].as_str().unwrap().to_owned());
            }
            given.extend(
                leg["wrapUp"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|code| code.as_str().unwrap().to_owned()),
            );
        }
        let mut said = talked.remove(&key).unwrap_or_default();
        if intercom {
            // The colleague is no user of the interaction, but its far party.
            from.retain(|user, _| said.contains_key(user));
        }
        // A name may be said in the record before its letter, 10 ms earlier at this rate; the truth counts from there.
        let millis = |time: &String| Time::parse(time).unwrap().millis();
        let near = |told: &String, said: &String| (0..=10).contains(&(millis(said) - millis(told)));
        assert_eq!(
            from.keys().collect::<Vec<_>>(),
            said.keys().collect::<Vec<_>>(),
            "{call}"
        );
        for (user, time) in &from {
            let said = said.remove(user).unwrap();
            assert!(near(time, &said), "{user} talks from {time}, said {said}: {call}");
        }
        let codes = codes.remove(&key).unwrap_or_default();
        assert_eq!(truth::sorted(given), truth::sorted(codes), "{call}");
        let letter = ended.get(&key);
        let outcome = call["outcome"].as_str().unwrap();
        assert_eq!(
            letter.is_none(),
            ["open", "vanished"].contains(&outcome),
            "{call}"
        );
        if let Some((letter, time)) = letter {
            assert_eq!(call["ended"], **time, "{call}");
            let outside = [
                "caller hung up",
                "hung up in ivr",
                "hung up in queue",
                "hung up ringing",
                "voicemail",
                "busy",
            ];
            assert_eq!(letter == "E", outside.contains(&outcome), "{call}");
        }
    }
}

#[test]
fn the_truth_of_statuses_leaves_no_gap_and_no_overlap() {
    let (_, truth) = with_truth("--agents 40 --records 40000");
    let mut until: BTreeMap<&str, &Value> = BTreeMap::new();
    let statuses = truth.iter().filter_map(|line| line.get("status"));
    for status in statuses {
        let user = status["user"].as_str().unwrap();
        if let Some(before) = until.insert(user, &status["to"]) {
            assert_eq!(*before, status["from"], "{status}");
        }
    }
    assert_eq!(until.len(), 40);
    assert!(until.values().all(|to| to.is_null()), "the last status lasts");
}

#[test]
fn a_directory_file_gives_every_name_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let file = file.to_str().unwrap();
    let flags = format!("--agents 40 --sites 2 --records 10000 --directory {file}");
    let output = run(
        &["convert", "--directory", file, "--summary", "-"],
        &simulated(&flags),
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.contains("unresolved"), "{told}");
    let events = String::from_utf8(output.stdout).unwrap();
    let directory: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(events.contains(directory["queues"]["Support"].as_str().unwrap()));
    assert_eq!(directory["users"].as_object().unwrap().len(), 40);
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    for (flags, wanted) in [
        ("--form bare --sites 2 --output -", "use one site"),
        ("--agents 2 --sites 3 --output -", "--agents"),
        ("--agents 0 --output -", "at least 1"),
        ("", "--brokers"),
        ("--brokers localhost:9092", "--topic"),
    ] {
        let mut args = vec!["simulate"];
        args.extend(flags.split_whitespace());
        let output = run(&args, b"");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{flags}: {told}");
        assert!(told.contains(wanted), "{flags}: {told}");
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    for (file, why, code) in [
        (
            "/no/such/folder/log",
            "No such file or directory (os error 2)",
            65,
        ),
        ("/dev/full", "No space left on device (os error 28)", 70),
    ] {
        let output = run(&["simulate", "--records", "1000", "--output", file], b"");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told, format!("error: cannot write {file}: {why}\n"));
        assert_eq!(output.status.code(), Some(code));
    }
}

/// Two ways from one contact centre: its truth, and its records converted.
#[test]
fn conversion_tells_of_every_call_what_the_truth_tells() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (directory, truth) = (path("directory.json"), path("truth.ndjson"));
    let flags =
        format!("--seed 14 --agents 60 --sites 2 --records 30000 --truth {truth} --directory {directory}");
    let events = good(&["convert", "--directory", &directory, "-"], &simulated(&flags));
    let directory: Value = serde_json::from_slice(&std::fs::read(directory).unwrap()).unwrap();
    let truth = parsed(&std::fs::read(truth).unwrap());
    let calls = truth::compare(&parsed(&events), &directory, &truth, &BTreeSet::new());
    assert!(calls > 1000, "{calls} calls");
}

#[test]
fn into_kafka_it_says_how_much_the_broker_has() {
    let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
    cluster.create_topic("cic", 2, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let args = [
        "simulate",
        "--brokers",
        &brokers,
        "--topic",
        "cic",
        "--records",
        "500",
        "--flat-out",
    ];
    let output = run(&args, b"");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.starts_with("500 records, "), "{told}");
}

#[test]
fn a_signal_ends_it_with_whole_lines_and_the_whole_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut child = Command::new(env!("CARGO_BIN_EXE_cic-conduit"))
        .args(["simulate", "--agents", "20", "--output"])
        .arg(path("records"))
        .arg("--truth")
        .arg(path("truth"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let begun = || std::fs::metadata(path("records")).is_ok_and(|file| file.len() > 1_000_000);
    while !begun() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it goes on until it is told to stop"
        );
        std::thread::yield_now();
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success() && child.wait().unwrap().success());
    let records = std::fs::read(path("records")).unwrap();
    assert!(records.ends_with(b"}\n") && !parsed(&records).is_empty());
    let truth = parsed(&std::fs::read(path("truth")).unwrap());
    let last = truth
        .iter()
        .filter(|line| line["status"]["to"].is_null() && !line["status"].is_null());
    assert_eq!(last.count(), 20, "every agent's last status");
}
