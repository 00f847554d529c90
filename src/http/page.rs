//! The Integration Health page: one HTML text, without scripts and without anything from elsewhere.
//!
//! It loads itself again every few seconds. Where that does not work any more, it turns grey by itself and says that
//! it is old: a page left open must not stay green. Whatever parts reported is escaped.

use std::fmt::Write;

use crate::health::{Report, Shown, State};
use crate::time::Time;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--ok:#1a7f37;--warning:#9a6700;--error:#cf222e;--unknown:#6e7781}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}
h1{font-size:1.4rem;display:flex;gap:.8rem;align-items:center;flex-wrap:wrap}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.5rem .8rem .5rem 0;border-bottom:1px solid var(--line)}
td{overflow-wrap:anywhere}
td:nth-child(3),td:nth-child(4){white-space:nowrap}
.state{border-radius:.3rem;padding:.1rem .5rem;color:#fff;font-weight:600;white-space:nowrap}
.ok{background:var(--ok)}.warning{background:var(--warning)}
.error{background:var(--error)}.unknown{background:var(--unknown)}
.todo{display:block;font-weight:600}
.old{visibility:hidden;color:var(--error);font-weight:600;animation:appear 0s 30s forwards}
main{animation:fade 0s 30s forwards}
footer{margin-top:1.5rem;opacity:.75}
@keyframes appear{to{visibility:visible}}
@keyframes fade{to{filter:grayscale(1);opacity:.55}}";

/// The page of `report`.
pub(super) fn render(report: &Report) -> String {
    let rows: String = report.items.iter().map(row).collect();
    let (badge, now) = (badge(report.state), time(Some(report.time)));
    let version = Escaped(&report.version);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"5\"><title>{state}: Integration Health</title>\
         <style>\n{STYLE}\n</style></head><body>\n<main><h1>Integration Health {badge}</h1>\n\
         <table><thead><tr><th>Item</th><th>State</th><th>Since</th><th>Last OK</th><th>Detail</th></tr></thead>\
         <tbody>\n{rows}</tbody></table></main>\n\
         <p class=\"old\">This page is old: the agent answers no more. Nothing above is known to be true now.</p>\n\
         <footer>cic-conduit {version}, as of {now} (UTC). \
         <a href=\"/health.json\">health.json</a> <a href=\"/metrics\">metrics</a></footer>\n</body></html>\n",
        state = report.state,
    )
}

fn row(shown: &Shown) -> String {
    let mut todo = String::new();
    if !shown.todo.is_empty() {
        // Writing into a String cannot fail.
        let _ = write!(todo, "<span class=\"todo\">{}</span>", Escaped(&shown.todo));
    }
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}{todo}</td></tr>\n",
        Escaped(&shown.title),
        badge(shown.state),
        time(shown.since),
        time(shown.last_success),
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

/// A time to the second.
fn time(time: Option<Time>) -> String {
    let text = time.map(|time| time.to_string());
    text.map_or_else(
        || "never".to_owned(),
        |text| text.chars().take(19).collect::<String>().replace('T', " "),
    )
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
