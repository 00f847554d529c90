//! Values as text: durations, sizes, lists and the rest, each read in one way wherever it stands.

use super::keys::Kind;
use crate::time::Time;
use std::time::Duration;

/// A value of the file before its key says what it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// A string of the file.
    Text(String),
    /// A value of the environment or of a flag: text that stands for any kind.
    Loose(String),
    Integer(i64),
    Flag(bool),
    List(Vec<Raw>),
    /// What no key takes: a float, a date, a table.
    Other(&'static str),
}

/// A value as its key wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Flag(bool),
    Count(u64),
    Duration(Duration),
    Size(u64),
}

/// Reads `raw` as `kind`; the error says what is wrong and what would be right.
pub(super) fn read(kind: Kind, raw: &Raw) -> Result<Value, String> {
    match (kind, raw) {
        (Kind::List, Raw::List(items)) => items.iter().map(item).collect::<Result<_, _>>().map(Value::List),
        (Kind::List, Raw::Loose(text)) => Ok(Value::List(split(text))),
        (Kind::List, _) => Err(told(kind, raw)),
        (Kind::Flag, Raw::Flag(flag)) => Ok(Value::Flag(*flag)),
        (Kind::Flag, Raw::Loose(text)) => match text.trim() {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            _ => Err(told(kind, raw)),
        },
        (Kind::Count(low, high), Raw::Integer(number)) => count(low, high, i128::from(*number)),
        (Kind::Count(low, high), Raw::Loose(text)) => text
            .trim()
            .parse()
            .map_err(|_| told(kind, raw))
            .and_then(|number| count(low, high, number)),
        (Kind::Duration, Raw::Text(text) | Raw::Loose(text)) => humantime::parse_duration(text.trim())
            .map(Value::Duration)
            .map_err(|_| told(kind, raw)),
        (Kind::Size, Raw::Text(text) | Raw::Loose(text)) => {
            size(text.trim()).map(Value::Size).ok_or_else(|| told(kind, raw))
        }
        (Kind::Choice(choices), Raw::Text(text) | Raw::Loose(text)) => {
            let found = choices
                .iter()
                .find(|choice| choice.eq_ignore_ascii_case(text.trim()));
            found
                .map(|choice| Value::Text((*choice).to_owned()))
                .ok_or_else(|| told(kind, raw))
        }
        (Kind::Address, Raw::Text(text) | Raw::Loose(text)) => {
            match text.trim().parse::<std::net::SocketAddr>() {
                Ok(_) => Ok(Value::Text(text.trim().to_owned())),
                Err(_) => Err(told(kind, raw)),
            }
        }
        (Kind::Url, Raw::Text(text) | Raw::Loose(text)) => url(text.trim()).ok_or_else(|| told(kind, raw)),
        (Kind::Uuid, Raw::Text(text) | Raw::Loose(text)) => uuid(text.trim()).ok_or_else(|| told(kind, raw)),
        (Kind::Text | Kind::File | Kind::Secret, Raw::Text(text) | Raw::Loose(text)) => {
            if text.trim().is_empty() {
                Err("is empty; give it a value or leave the key out".to_owned())
            } else {
                Ok(Value::Text(text.clone()))
            }
        }
        (Kind::Start, Raw::Text(text) | Raw::Loose(text)) => {
            let text = text.trim();
            let known = ["earliest", "latest"].contains(&text) || Time::parse(text).is_some();
            known
                .then(|| Value::Text(text.to_owned()))
                .ok_or_else(|| told(kind, raw))
        }
        (Kind::Zone, Raw::Text(text) | Raw::Loose(text)) => match jiff::tz::TimeZone::get(text.trim()) {
            Ok(_) => Ok(Value::Text(text.trim().to_owned())),
            Err(_) => Err(told(kind, raw)),
        },
        (Kind::Prefix, Raw::Text(text) | Raw::Loose(text)) => Ok(Value::Text(text.clone())),
        _ => Err(told(kind, raw)),
    }
}

fn told(kind: Kind, raw: &Raw) -> String {
    format!("{} is not valid here; write {}", shown(raw), kind.example())
}

fn shown(raw: &Raw) -> String {
    match raw {
        Raw::Text(text) | Raw::Loose(text) => format!("{:?}", without_user(text)),
        Raw::Integer(number) => number.to_string(),
        Raw::Flag(flag) => flag.to_string(),
        Raw::List(_) => "a list".to_owned(),
        Raw::Other(what) => format!("a {what}"),
    }
}

/// A URL may hold a user and a password, which stand in no message.
fn without_user(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &text[..scheme], &text[at..]),
        _ => text.to_owned(),
    }
}

fn item(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) if !text.trim().is_empty() => Ok(text.clone()),
        other => Err(format!(
            "the list holds {}; write strings that are not empty",
            shown(other)
        )),
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn count(low: u64, high: u64, number: i128) -> Result<Value, String> {
    match u64::try_from(number) {
        Ok(number) if (low..=high).contains(&number) => Ok(Value::Count(number)),
        _ => Err(format!(
            "{number} is out of range; write a number from {low} to {high}"
        )),
    }
}

/// `64MiB`, `512 KiB`, `1000kB`, `1GB`, plain bytes as `500B`.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim_start() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// A URL of http or https with a host; a slash at its end is cut.
fn url(text: &str) -> Option<Value> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let host = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|host| !host.is_empty())?;
    let plain = !text.contains(char::is_whitespace) && !host.contains('@');
    plain.then(|| Value::Text(text.trim_end_matches('/').to_owned()))
}

fn uuid(text: &str) -> Option<Value> {
    let groups: Vec<&str> = text.split('-').collect();
    let right = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    right.then(|| Value::Text(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_or_decimal_and_never_bare() {
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!(size("500 kB"), Some(500_000));
        assert_eq!(size("7B"), Some(7));
        for wrong in ["64", "64mib", "MiB", "-1MiB", "99999999999999GiB", "1.5MiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_url_keeps_its_path_and_loses_its_last_slash() {
        assert_eq!(
            url("http://127.0.0.1:8080/"),
            Some(Value::Text("http://127.0.0.1:8080".into()))
        );
        for wrong in [
            "127.0.0.1:8080",
            "ftp://host",
            "https://",
            "https://user:secret@host",
            "https://a b",
        ] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn text_of_the_environment_stands_for_any_kind() {
        let loose = |text: &str| Raw::Loose(text.to_owned());
        assert_eq!(read(Kind::Flag, &loose("true")), Ok(Value::Flag(true)));
        assert_eq!(read(Kind::Count(1, 9), &loose("7")), Ok(Value::Count(7)));
        assert_eq!(
            read(Kind::List, &loose("a, b,")),
            Ok(Value::List(vec!["a".into(), "b".into()]))
        );
    }
}
