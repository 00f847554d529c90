//! `convert` from outside: every form of input, the order of output, and what is said of bad lines.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn convert(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cic-conduit"))
        .arg("convert")
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

fn events(output: &Output) -> Vec<(String, Value)> {
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let line: Value = serde_json::from_slice(line).unwrap();
            let problems = cic_conduit::schema::validate("convert-line", &line).unwrap();
            assert!(problems.is_empty(), "{problems:?}");
            (line["type"].as_str().unwrap().to_owned(), line["event"].clone())
        })
        .collect()
}

fn types(output: &Output) -> Vec<String> {
    events(output).into_iter().map(|(array, _)| array).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An interaction as a queue's message shows it.
fn shows(id: &str, attributes: Value) -> Value {
    json!({"__type": "urn:inin.com:queues:queueContentsMessage", "subscriptionId": "q", "isDelta": true,
        "interactionsChanged": [], "interactionsRemoved": [],
        "interactionsAdded": [{"interactionId": id, "attributes": attributes}]})
}

fn call(id: &str) -> Value {
    shows(
        id,
        json!({"Eic_ObjectType": "Call", "Eic_CallType": "E", "Eic_CallDirection": "I", "Eic_State": "O",
        "Eic_CallIdKey": id, "Eic_WorkgroupName": "Support"}),
    )
}

fn cloud_event(n: u32, second: u32, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": n.to_string(), "source": "cic1", "type": data["__type"],
        "time": format!("2026-03-29T08:00:{second:02}Z"), "data": data})
}

fn lines(values: &[Value]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| format!("{value}\n").into_bytes())
        .collect()
}

const INBOUND: [&str; 2] = ["externalEstablishedEvents", "routingEstablishedEvents"];

#[test]
fn every_form_of_input_makes_the_same_types() {
    let bare = lines(&[call("1001")]);
    let structured = lines(&[cloud_event(1, 0, &call("1001"))]);
    let headers = json!([
        "ce_id",
        "1",
        "ce_source",
        "cic1",
        "ce_type",
        "urn:inin.com:queues:queueContentsMessage",
        "ce_time",
        "2026-03-29T08:00:00Z"
    ]);
    let payload = json!(call("1001").to_string());
    let kcat = format!(
        r#"{{"topic":"cic","partition":0,"offset":5,"ts":1774771200000,"headers":{headers},"key":"cic1","payload":{payload}}}"#
    );
    let time = ["--time", "2026-03-29T08:00:00Z"];
    assert_eq!(types(&convert(&time, &bare)), INBOUND);
    let structured = convert(&[], &structured);
    assert_eq!(types(&structured), INBOUND);
    assert_eq!(
        events(&structured),
        events(&convert(&[], kcat.as_bytes())),
        "binary and structured are one"
    );
}

#[test]
fn gzip_is_read_as_what_it_holds() {
    let plain = lines(&[cloud_event(1, 0, &call("1001"))]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    assert_eq!(types(&convert(&[], &gzip.finish().unwrap())), INBOUND);
}

#[test]
fn a_line_without_a_time_takes_the_one_before_it_and_the_first_is_refused_with_its_number() {
    let output = convert(
        &[],
        &lines(&[call("1001"), cloud_event(1, 7, &call("1002")), call("1003")]),
    );
    assert_eq!(output.status.code(), Some(65));
    let told = stderr(&output);
    assert!(told.starts_with("stdin:1: the record carries no time"), "{told}");
    assert!(told.contains("--time"), "{told}");
    let times: Vec<Value> = events(&output)
        .into_iter()
        .filter(|(array, _)| array == INBOUND[0])
        .map(|(_, event)| event["eventDateTime"].clone())
        .collect();
    assert_eq!(times, ["2026-03-29T08:00:07.000Z", "2026-03-29T08:00:07.000Z"]);
}

#[test]
fn a_bad_line_is_named_and_costs_no_other() {
    let mut input = b"{\"specversion\":\n".to_vec();
    input.extend(lines(&[cloud_event(1, 0, &call("1001"))]));
    let output = convert(&[], &input);
    assert_eq!(output.status.code(), Some(65));
    assert!(
        stderr(&output).starts_with("stdin:1: the record is no JSON message"),
        "{}",
        stderr(&output)
    );
    assert_eq!(types(&output), INBOUND);
}

/// A captured topic may hold replays of dead letters: each makes its event again, and nothing else.
#[test]
fn the_replay_of_an_event_makes_that_event() {
    let made = convert(&[], &lines(&[cloud_event(1, 0, &call("1001"))]));
    let (array, event) = events(&made).remove(0);
    let value =
        json!({"lane": "conversations", "type": array, "key": event["conversationId"], "event": event});
    let replay = |value: &str| {
        let headers = r#"["cic_conduit.replay","cic.letters/0:3","cic_conduit.event_id","1"]"#;
        let payload = json!(value);
        format!(
            "{{\"topic\":\"cic\",\"partition\":0,\"offset\":7,\"ts\":5,\"headers\":{headers},\"payload\":{payload}}}\n"
        )
    };
    let output = convert(&[], replay(&value.to_string()).as_bytes());
    assert_eq!(stderr(&output), "");
    assert_eq!(events(&output), [(array, event)]);
    let output = convert(&[], replay("{}").as_bytes());
    assert_eq!(output.status.code(), Some(65));
    assert!(
        stderr(&output).contains("no letter of this agent"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn lines_come_by_input_record_although_one_waits() {
    let settling = shows(
        "1001",
        json!({"Eic_State": "A", "Eic_UserName": "", "Eic_WorkgroupName": "Support"}),
    );
    let talking = shows("1001", json!({"Eic_State": "C", "Eic_UserName": "anna"}));
    let gone = shows("1001", json!({"Eic_UserName": ""}));
    let output = convert(
        &[],
        &lines(&[
            cloud_event(1, 0, &call("1001")),
            cloud_event(2, 1, &settling),
            cloud_event(3, 2, &talking),
            cloud_event(4, 5, &gone),
            cloud_event(5, 6, &call("1002")),
            cloud_event(6, 20, &call("1003")),
        ]),
    );
    let ended_at = |from: &str| {
        let at = events(&output);
        at.iter()
            .position(|(_, event)| event["eventDateTime"].as_str().unwrap() >= from)
            .unwrap()
    };
    let list = events(&output);
    let user_left = list.iter().position(|(array, event)| {
        array == "communicationEndedEvents" && event["eventDateTime"] == "2026-03-29T08:00:05.000Z"
    });
    assert_eq!(user_left, Some(ended_at("2026-03-29T08:00:05.000Z")), "{list:#?}");
}

#[test]
fn a_directory_file_gives_the_ids_and_what_it_lacks_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.json");
    std::fs::write(&path, r#"{"users":{}}"#).unwrap();
    let path = path.to_str().unwrap();
    let input = lines(&[cloud_event(1, 0, &call("1001"))]);
    let output = convert(&["--directory", path, "--summary"], &input);
    assert_eq!(types(&output), ["externalEstablishedEvents"]);
    assert!(
        stderr(&output).contains("unresolved_queue"),
        "{}",
        stderr(&output)
    );
    std::fs::write(path, r#"{"users":{"a":"b"}}"#).unwrap();
    let output = convert(&["--directory", path], &input);
    assert_eq!(output.status.code(), Some(78));
    assert!(
        stderr(&output).contains("no Genesys Cloud id"),
        "{}",
        stderr(&output)
    );
}

fn definitions() -> Value {
    json!({"__type": "urn:inin.com:status:statusMessagesMessage", "isDelta": false, "statusMessagesAdded": [
        {"statusId": "Available", "messageText": "Available", "isAcdStatus": true},
        {"statusId": "c1", "messageText": "Coffee", "groupTag": "Break"},
        {"statusId": "c2", "messageText": "Tea", "groupTag": "Break"}]})
}

fn takes(user: &str, id: &str, second: u32) -> Value {
    json!({"__type": "urn:inin.com:status:userStatusMessage", "isDelta": true, "userStatusList": [
        {"userId": user, "statusId": id, "statusChanged": format!("20260329T0800{second:02}Z"), "loggedIn": true}]})
}

#[test]
fn users_are_converted_beside_their_calls_and_the_judge_has_nothing_to_say() {
    let taken = json!({"Eic_State": "C", "Eic_UserName": "anna"});
    let input = lines(&[
        cloud_event(1, 0, &definitions()),
        cloud_event(2, 1, &takes("anna", "Available", 1)),
        cloud_event(3, 2, &call("1001")),
        cloud_event(4, 3, &shows("1001", taken)),
        cloud_event(5, 9, &shows("1001", json!({"Eic_State": "E"}))),
        cloud_event(6, 10, &takes("anna", "c1", 10)),
        cloud_event(7, 20, &takes("anna", "c2", 20)),
    ]);
    let output = convert(&[], &input);
    let users: Vec<String> = types(&output)
        .into_iter()
        .filter(|array| array.starts_with("user"))
        .collect();
    let (presence, routing) = ("userPresenceEvents", "userRoutingStatusEvents");
    assert_eq!(
        users,
        [
            presence,
            routing,
            "userEstablishedEvents",
            routing,
            presence,
            routing
        ]
    );
    let report = cic_conduit::sandbox::judge::judge(&output.stdout[..], |_| ()).unwrap();
    assert_eq!(report.problem_count(), 0, "{report:?}");
    // With a secondary presence of one of the labels, the other is news.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.json");
    let id = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d";
    std::fs::write(
        &path,
        json!({"users": {"anna": id}, "presenceDefinitions": {"Tea": id}}).to_string(),
    )
    .unwrap();
    let output = convert(&["--directory", path.to_str().unwrap()], &input);
    let told = events(&output);
    let last = told.iter().rfind(|(array, _)| array == presence).unwrap();
    assert_eq!(last.1["presenceDefinitionId"], id);
}

#[test]
fn the_configuration_says_what_statuses_mean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conduit.toml");
    let text = "[presence]\nrouting_status = false\nmessage_from_notes = true\n\
        [[presence.rule]]\ngroup = \"break\"\npresence = \"On Queue\"\nrouting_status = \"Idle\"\n";
    std::fs::write(&path, text).unwrap();
    let mut noted = takes("anna", "c1", 1);
    noted["userStatusList"][0]["notes"] = "back soon".into();
    let input = lines(&[cloud_event(1, 0, &definitions()), cloud_event(2, 1, &noted)]);
    let output = convert(&["--config", path.to_str().unwrap()], &input);
    let told = events(&output);
    assert_eq!(told.len(), 1, "{}", stderr(&output));
    assert_eq!(told[0].1["message"], "back soon");
    assert_eq!(
        told[0].1["presenceDefinitionId"],
        "e08eaf1b-ee47-4fa9-a231-1200e284798f"
    );
}
