//! Defaults, file, environment and flags laid over one another: for each key the value that wins, and where it
//! came from.

use super::error::{Origin, Problem};
use super::keys::{self, KEYS, Key, Kind, SECTIONS};
use super::nearest::nearest;
use super::rules::{Rule, rule};
use super::units::{Raw, Value, read};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What was found, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<String, (Value, Origin)>,
    /// `[kafka.librdkafka]`.
    pub(super) librdkafka: BTreeMap<String, String>,
    /// `[[presence.rule]]`, in order.
    pub(super) rules: Vec<Rule>,
    /// What is wrong, in the order in which it was found.
    pub(super) problems: Vec<Problem>,
    /// What is strange and not wrong.
    pub(super) warnings: Vec<String>,
}

/// A file's text, and the path that messages name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Text<'_> {
    pub(super) fn origin(&self, at: usize) -> Origin {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Origin::File(PathBuf::from(self.path), line)
    }
}

impl Layers {
    pub(super) fn new() -> Self {
        let mut layers = Self::default();
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            layers.set(key, &Raw::Loose(key.default.to_owned()), Origin::Default);
        }
        layers
    }

    pub(super) fn get(&self, path: &str) -> Option<&(Value, Origin)> {
        self.values.get(path)
    }

    pub(super) fn origin(&self, path: &str) -> Origin {
        self.get(path)
            .map_or(Origin::Missing, |(_, origin)| origin.clone())
    }

    pub(super) fn problem(&mut self, origin: Origin, message: impl Into<String>) {
        let message = message.into();
        self.problems.push(Problem { origin, message });
    }

    /// Lays a file over what is there.
    pub(super) fn file(&mut self, file: Text<'_>) {
        let table = match DeTable::parse(file.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let told = error.message().lines().next().unwrap_or_default();
                return self.problem(file.origin(at), format!("this is no TOML: {told}"));
            }
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let origin = file.origin(name.span().start);
            match (
                SECTIONS.iter().find(|section| **section == name.get_ref()),
                value.get_ref(),
            ) {
                (Some(section), DeValue::Table(keys)) => self.section(file, section, keys),
                (Some(section), _) => {
                    self.problem(
                        origin,
                        format!("{section} is a section; write [{section}] on a line of its own"),
                    );
                }
                (None, _) => self.unknown_section(origin, name.get_ref()),
            }
        }
    }

    fn section(&mut self, file: Text<'_>, section: &'static str, table: &DeTable<'_>) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let origin = file.origin(name.span().start);
            match (section, name.get_ref().as_ref(), value.get_ref()) {
                ("kafka", "librdkafka", DeValue::Table(options)) => self.passed_through(file, options),
                ("presence", "rule", DeValue::Array(rules)) => {
                    for entry in rules.iter() {
                        match rule(entry.get_ref()) {
                            Ok(rule) => self.rules.push(rule),
                            Err(told) => self.problem(file.origin(entry.span().start), told),
                        }
                    }
                }
                (_, name, value) => match keys::find(section, name) {
                    None => self.unknown_key(origin, section, name),
                    Some(key) if key.kind == Kind::Secret => {
                        self.secret_in_the_open(origin, key, "a configuration file")
                    }
                    Some(key) => self.set(key, &raw(value), origin),
                },
            }
        }
    }

    fn passed_through(&mut self, file: Text<'_>, options: &DeTable<'_>) {
        for (name, value) in options.iter() {
            let (origin, name) = (file.origin(name.span().start), name.get_ref().as_ref());
            match (keys::owned(name), plain(value)) {
                (Some(""), _) => self.problem(
                    origin,
                    format!("the agent owns librdkafka's {name}; leave it out"),
                ),
                (Some(key), _) => {
                    self.problem(
                        origin,
                        format!("the agent owns librdkafka's {name}; set {key} in its place"),
                    );
                }
                (None, Some(text)) => _ = self.librdkafka.insert(name.to_owned(), text),
                (None, None) => {
                    self.problem(
                        origin,
                        format!("{name} takes a string, a number, true or false; quote dotted names"),
                    );
                }
            }
        }
    }

    /// Lays the `CONDUIT_…` variables over what is there.
    pub(super) fn environment(&mut self, environment: &BTreeMap<String, String>) {
        for key in KEYS {
            let variable = key.variable();
            if let Some(text) = environment.get(&variable) {
                self.set(key, &Raw::Loose(text.clone()), Origin::Environment(variable));
            }
        }
        for name in environment.keys() {
            let ours = SECTIONS.iter().any(|section| {
                let prefix = format!("CONDUIT_{}_", section.to_ascii_uppercase());
                name.starts_with(&prefix)
            });
            let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
            if ours && !known.contains(name) {
                let meant = nearest(name, known.iter().map(String::as_str));
                let hint = meant
                    .map(|meant| format!("; did you mean {meant}?"))
                    .unwrap_or_default();
                self.warnings.push(format!(
                    "environment variable {name} is not known and is ignored{hint}"
                ));
            }
        }
    }

    /// Lays `section.key=value` flags over what is there.
    pub(super) fn flags(&mut self, flags: &[(String, String)]) {
        for (path, text) in flags {
            let (section, name) = path.split_once('.').unwrap_or((path, ""));
            match (SECTIONS.contains(&section), keys::find(section, name)) {
                (false, _) => self.unknown_section(Origin::Flag, section),
                (true, None) => self.unknown_key(Origin::Flag, section, name),
                (true, Some(key)) if key.kind == Kind::Secret => {
                    self.secret_in_the_open(Origin::Flag, key, "a flag");
                }
                (true, Some(key)) => self.set(key, &Raw::Loose(text.clone()), Origin::Flag),
            }
        }
    }

    fn set(&mut self, key: &Key, raw: &Raw, origin: Origin) {
        match read(key.kind, raw) {
            Ok(value) => _ = self.values.insert(key.path(), (value, origin)),
            Err(told) => self.problem(origin, format!("{}: {told}", key.path())),
        }
    }

    fn secret_in_the_open(&mut self, origin: Origin, key: &Key, place: &str) {
        let (path, variable) = (key.path(), key.variable());
        self.problem(
            origin,
            format!("{path} stands in {place}; use {path}_file or {variable} in its place"),
        );
    }

    fn unknown_section(&mut self, origin: Origin, name: &str) {
        let homes: Vec<String> = homes(name);
        let told = if !homes.is_empty() {
            format!(
                "{name} stands in no section; write it under {}",
                homes.join(" or ")
            )
        } else if let Some(meant) = nearest(name, SECTIONS.iter().copied()) {
            format!("unknown section [{name}]; did you mean [{meant}]?")
        } else {
            format!(
                "unknown section [{name}]; the sections are {}",
                SECTIONS.join(", ")
            )
        };
        self.problem(origin, told);
    }

    fn unknown_key(&mut self, origin: Origin, section: &str, name: &str) {
        let known: Vec<&str> = KEYS
            .iter()
            .filter(|key| key.section == section)
            .map(|key| key.name)
            .collect();
        let (meant, homes) = (nearest(name, known.iter().copied()), homes(name));
        let told = if let Some(meant) = meant {
            format!("unknown key {section}.{name}; did you mean {section}.{meant}?")
        } else if !homes.is_empty() {
            format!(
                "unknown key {section}.{name}; write it under {}",
                homes.join(" or ")
            )
        } else {
            format!(
                "unknown key {section}.{name}; [{section}] takes {}",
                known.join(", ")
            )
        };
        self.problem(origin, told);
    }
}

/// The sections that have a key of that name.
fn homes(name: &str) -> Vec<String> {
    let keys = KEYS.iter().filter(|key| key.name == name);
    keys.map(|key| format!("[{}]", key.section)).collect()
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Raw::Integer(number),
            Err(_) => Raw::Other("number that is too large"),
        },
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Float(_) => Raw::Other("number with a fraction"),
        DeValue::Datetime(_) => Raw::Other("date without quotes"),
        DeValue::Table(_) => Raw::Other("table"),
    }
}

fn plain(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
