//! The validators, built once from the compiled-in texts and reused by everyone.
//!
//! A value that fits is only asked whether it fits: that is the fast path, and the sandbox's every event takes
//! it. The list of problems is made for values that do not.

use super::{Problem, SCHEMAS};
use jsonschema::{PatternOptions, Registry, ValidationError, Validator, ValidatorMap};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Request schemas, whose properties are arrays of events.
const REQUESTS: [&str; 3] = [
    "conversation-events",
    "user-presence-events",
    "user-routing-status-events",
];

struct Validators {
    whole: HashMap<&'static str, Validator>,
    /// Sub-schemas of each request, by JSON pointer.
    parts: HashMap<&'static str, ValidatorMap>,
    /// Array name → request schema and JSON pointer of the event's schema.
    events: HashMap<&'static str, (&'static str, &'static str)>,
}

static VALIDATORS: LazyLock<Validators> = LazyLock::new(build);

static DOCUMENTS: LazyLock<HashMap<&'static str, Value>> = LazyLock::new(|| {
    let parse = |text| serde_json::from_str(text).expect("invariant: the compiled-in schemas are JSON");
    SCHEMAS
        .iter()
        .map(|schema| (schema.name, parse(schema.text)))
        .collect()
});

fn build() -> Validators {
    let documents = &*DOCUMENTS;
    let resources = documents
        .values()
        .filter_map(|text| Some((text.get("$id")?.as_str()?, text)));
    let mut registry = Registry::new();
    for (id, document) in resources {
        registry = registry
            .add(id, document)
            .expect("invariant: the compiled-in schemas have valid ids");
    }
    let registry = registry
        .prepare()
        .expect("invariant: the compiled-in schemas refer to each other only");
    let options = || {
        jsonschema::options()
            .with_registry(&registry)
            .with_pattern_options(PatternOptions::regex())
    };
    let whole = documents.iter().map(|(name, document)| {
        (
            *name,
            options()
                .build(document)
                .expect("invariant: the compiled-in schemas are schemas"),
        )
    });
    let parts = REQUESTS.iter().chain(["out-of-office"].iter()).map(|name| {
        (
            *name,
            options()
                .build_map(&documents[name])
                .expect("invariant: so are their parts"),
        )
    });

    let mut events = HashMap::from([("outOfOffice", ("out-of-office", "#/$defs/OutOfOfficeEvent"))]);
    for request in REQUESTS {
        for (array, shape) in documents[request]["properties"].as_object().into_iter().flatten() {
            let pointer = shape["items"]["$ref"]
                .as_str()
                .expect("invariant: an array refers to its event");
            events.insert(array, (request, pointer));
        }
    }
    Validators {
        whole: whole.collect(),
        parts: parts.collect(),
        events,
    }
}

pub(super) fn whole(name: &str) -> Option<&'static Validator> {
    VALIDATORS.whole.get(name)
}

pub(super) fn event(array: &str) -> Option<&'static Validator> {
    let (schema, pointer) = VALIDATORS.events.get(array)?;
    VALIDATORS.parts.get(schema)?.get(pointer)
}

pub(super) fn request_of(array: &str) -> Option<&'static str> {
    VALIDATORS.events.get(array).map(|(request, _)| *request)
}

pub(super) fn event_types() -> impl Iterator<Item = &'static str> {
    VALIDATORS.events.keys().copied()
}

pub(super) fn problems(validator: &Validator, value: &Value) -> Result<(), Vec<Problem>> {
    if validator.is_valid(value) {
        return Ok(());
    }
    let problem = |error: ValidationError<'_>| Problem {
        path: error.instance_path().to_string(),
        message: message(&error),
    };
    Err(validator.iter_errors(value).map(problem).collect())
}

/// A pattern's text helps nobody: say what it stands for.
fn message(error: &ValidationError<'_>) -> String {
    let place = error.schema_path().to_string();
    let wanted = [
        ("/$defs/UuidV4/pattern", "no UUID of version 4"),
        ("/$defs/Uuid/pattern", "no UUID"),
        (
            "/$defs/EventDateTime/pattern",
            "no time in the form YYYY-MM-DDThh:mm:ss[.mmm]Z",
        ),
    ];
    let pattern = wanted.iter().find(|(end, _)| place.ends_with(end));
    pattern.map_or_else(
        || error.to_string(),
        |(_, what)| format!("{} is {what}", error.instance()),
    )
}
