//! The Integration Health page: one HTML text with its style in it, and a script that keeps it true. Nothing comes from
//! elsewhere.
//!
//! It brings itself up to date every few seconds, without a script by loading again. Where that does not work any more
//! it turns grey and says that it is old: a page left open must not stay green. Whatever parts reported is escaped.
//! What wants attention comes first.

use std::cmp::Reverse;
use std::fmt::Write;

use crate::health::{Report, Shown, State};
use crate::time::Time;

const STYLE: &str = include_str!("page.css");
/// What keeps an open page true.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// The page of `report`.
pub(super) fn render(report: &Report) -> String {
    let mut items: Vec<&Shown> = report.items.iter().collect();
    items.sort_by_key(|item| Reverse(attention(item.state)));
    let rows: String = items.into_iter().map(row).collect();
    let (badge, now) = (badge(report.state), time(report.time));
    let version = Escaped(&report.version);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{state}: Integration Health</title><link rel=\"icon\" href=\"data:,\">\n\
         <noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\
         <script src=\"page.js\" defer></script>\n<style>\n{STYLE}</style></head><body>\n\
         <main><h1>Integration Health {badge}</h1>\n\
         <p class=\"old\">This page is old: the agent answers no more. Nothing below is known to be true now.</p>\n\
         <table><thead><tr><th>Item</th><th>State</th><th>Since</th><th>Last OK</th><th>Detail</th></tr></thead>\
         <tbody>\n{rows}</tbody></table></main>\n\
         <footer>cic-conduit {version}, as of <span id=\"now\">{now}</span>; all times are UTC. \
         <a href=\"health.json\">health.json</a> <a href=\"metrics\">metrics</a></footer>\n</body></html>\n",
        state = report.state,
    )
}

/// How much it wants to be seen.
fn attention(state: State) -> u8 {
    match state {
        State::Error => 2,
        State::Warning => 1,
        State::Ok | State::Unknown => 0,
    }
}

fn row(shown: &Shown) -> String {
    let mut todo = String::new();
    if !shown.todo.is_empty() {
        // Writing into a String cannot fail.
        let _ = write!(todo, "<span class=\"todo\">{}</span>", Escaped(&shown.todo));
    }
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td>{}{}\
         <td>{}{todo}</td></tr>\n",
        Escaped(&shown.title),
        badge(shown.state),
        moment("Since", shown.since),
        moment("Last OK", shown.last_success),
        Escaped(&shown.detail),
    )
}

fn badge(state: State) -> String {
    let class = match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Error => "error",
        State::Unknown => "unknown",
    };
    format!("<span class=\"state {class}\">{state}</span>")
}

/// The cell of a time that may not be known.
fn moment(head: &str, at: Option<Time>) -> String {
    at.map_or_else(
        || "<td class=\"none\">–</td>".to_owned(),
        |at| format!("<td data-head=\"{head}\">{}</td>", time(at)),
    )
}

/// A time to the second.
fn time(time: Time) -> String {
    let text = time.to_string();
    let shown: String = text.chars().take(19).collect();
    format!("<time datetime=\"{text}\">{}</time>", shown.replace('T', " "))
}

/// Text that stays text in HTML.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}
