//! Conversion through its public way in: records in, drafts and fates out.

mod calls;
mod clocks;
mod duplicates;
mod format;
mod presence;
mod properties;

use super::*;
use crate::cic::{Fallback, Wanted, read};

/// 2026-03-02T08:00:00Z, in ms.
const START: i64 = 1_772_438_400_000;

/// Converts `(seconds, record)`: JSON, or the attributes of interaction 1001 as `name=value …`.
fn run(records: &[(i64, &str)], settings: Settings) -> (Output, Machine) {
    let mut machine = Machine::new(Arc::new(settings));
    let mut output = Output::default();
    for (position, (seconds, text)) in records.iter().enumerate() {
        let record = record(position, *seconds, text);
        machine.record(&record, position as u64, &mut output);
    }
    machine.finish(&mut output);
    (output, machine)
}

fn record(position: usize, seconds: i64, text: &str) -> cic::Record {
    let time = Time::from_millis(START + seconds * 1000);
    let json = match text.strip_prefix('{') {
        Some(_) => text.to_owned(),
        None => changed(text),
    };
    let fallback = Fallback {
        source: "cic/a",
        id: &format!("t/0/{position}"),
        time: Some(time),
    };
    read(json.as_bytes(), [], fallback, &Wanted::default()).expect("readable")
}

fn changed(text: &str) -> String {
    let attributes: Vec<String> = text
        .split_whitespace()
        .map(|pair| {
            let (name, value) = pair.split_once('=').expect("name=value");
            let name = match name {
                "s" => "Eic_State",
                "u" => "Eic_UserName",
                "w" => "Eic_WorkgroupName",
                "d" => "Eic_CallDirection",
                "m" => "Eic_Muted",
                "type" => "Eic_ObjectType",
                "call" => "Eic_CallType",
                "key" => "Eic_CallIdKey",
                "at" => "Eic_InitiationTime",
                "line" => "Eic_LineName",
                other => other,
            };
            format!("\"{name}\":\"{value}\"")
        })
        .collect();
    format!(
        r#"{{"__type":"urn:inin.com:interactions:interactionChangedMessage","isDelta":true,"interactionID":"1001","attributes":{{{}}}}}"#,
        attributes.join(",")
    )
}
