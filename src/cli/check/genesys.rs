//! Genesys Cloud: the way there, the clock, the token, and then what the token may do.

use std::io::{self, Write};
use std::sync::Arc;

use super::sheet::Sheet;
use super::{WRONG, permissions, source};
use crate::agent::settings;
use crate::cli::exit::{CREDENTIALS, UNAVAILABLE};
use crate::clock;
use crate::config::Config;
use crate::genesys::{Answer, Client, Free, Lookup, Reply};
use crate::time::Time;

/// A clock further off than this, in milliseconds, wants attention.
const STRANGE: i64 = 5_000;
/// A clock further off than this is wrong.
const OFF: i64 = 60_000;

/// Checks all that the organization is needed for.
pub(super) async fn check<W: Write>(config: &Config, sheet: &mut Sheet<W>) -> io::Result<()> {
    let settings = match settings::genesys(config) {
        Ok(settings) => settings,
        Err(error) => return error.0.iter().try_for_each(|problem| sheet.problem(problem)),
    };
    let client = match Client::new(&settings) {
        Ok(client) => client,
        Err(error) => {
            let told = error.to_string();
            let (what, todo) = super::sheet::split(&told);
            return sheet.error(WRONG, "Genesys Cloud", what, todo);
        }
    };
    let login = reach(&client, "login host", &settings.login_url, sheet).await?;
    let api = reach(&client, "API host", &settings.api_url, sheet).await?;
    if let Some((date, now)) = api.flatten().or(login.flatten()) {
        clock(date, now, sheet)?;
    }
    if login.is_none() || api.is_none() {
        return sheet.skipped("token, permissions, presence source", "a host is not reached");
    }
    let lookup = Lookup::new(client.clone(), Arc::new(Free));
    if token(&lookup, sheet).await? {
        permissions::inject(config, &client, sheet).await?;
        permissions::read(config, &lookup, sheet).await?;
        source::check(config, &lookup, sheet).await?;
    } else {
        sheet.skipped("permissions, presence source", "there is no token")?;
    }
    Ok(())
}

/// The server's time and ours when it answered, inside whether it answered at all.
type Reached = Option<Option<(Time, Time)>>;

async fn reach<W: Write>(
    client: &Client,
    item: &str,
    url: &str,
    sheet: &mut Sheet<W>,
) -> io::Result<Reached> {
    match client.reach(url).await {
        Ok(date) => {
            sheet.ok(item, format!("{url} answers"))?;
            Ok(Some(date.map(|date| (date, clock::now()))))
        }
        Err(reply) => {
            let todo = way(&reply.message);
            sheet.error(
                UNAVAILABLE,
                item,
                format!("{url} cannot be reached: {}", reply.message),
                todo,
            )?;
            Ok(None)
        }
    }
}

/// What to do about a way that is closed.
fn way(message: &str) -> &'static str {
    let lower = message.to_lowercase();
    if lower.contains("certificate") || lower.contains("tls") {
        "name the authority that signs for this host, or for the proxy between, in [genesys] ca_file"
    } else if lower.contains("proxy") || lower.contains("tunnel") {
        "check [genesys] proxy, and that it lets the agent through"
    } else if lower.contains("name is not known") {
        "check [genesys] region or api_url and login_url, and the machine's DNS"
    } else {
        "check the network, the firewall, and whether a [genesys] proxy is needed"
    }
}

fn clock<W: Write>(date: Time, now: Time, sheet: &mut Sheet<W>) -> io::Result<()> {
    // The header has whole seconds: on average half of one has passed since.
    let ahead = now.millis() - date.millis() - 500;
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let what = format!("{:.0} s {direction} Genesys Cloud's", ahead.abs() as f64 / 1000.0);
    let todo =
        "have it set by NTP: events are stamped with CIC's time, and what is late is measured by this clock";
    match ahead.abs() {
        OFF.. => sheet.error(WRONG, "clock", what, todo),
        STRANGE.. => sheet.warning("clock", what, todo),
        _ => sheet.ok("clock", what),
    }
}

/// Whether there is a token.
async fn token<W: Write>(lookup: &Lookup, sheet: &mut Sheet<W>) -> io::Result<bool> {
    let reply = match lookup.me().await {
        Ok(me) => {
            sheet.ok("token", me.client.unwrap_or_else(|| "granted".into()))?;
            sheet.ok(
                "organization",
                format!("{} ({})", me.organization, me.organization_id),
            )?;
            return Ok(true);
        }
        Err(reply) => reply,
    };
    if reply.message.starts_with("no access token") {
        failed("token", &reply, sheet)?;
        return Ok(false);
    }
    // A token that may not ask whose it is may still do what the agent needs.
    sheet.ok("token", "granted")?;
    failed("organization", &reply, sheet)?;
    Ok(reply.answer != Answer::Unauthorized)
}

/// An answer that is not the one hoped for.
pub(super) fn failed<W: Write>(item: &str, reply: &Reply, sheet: &mut Sheet<W>) -> io::Result<()> {
    let mut what = reply.message.clone();
    if let Some(id) = &reply.correlation_id {
        what.push_str(&format!(" (correlation id {id})"));
    }
    match (&reply.answer, reply.status) {
        (Answer::Unauthorized, _) => sheet.error(
            CREDENTIALS,
            item,
            what,
            "check [genesys] client_id and client_secret_file, that the OAuth client is active and of grant client \
             credentials, and that the region is the organization's",
        ),
        (Answer::Stop, Some(403)) => sheet.error(
            CREDENTIALS,
            item,
            what,
            "give a role of the OAuth client this permission",
        ),
        (Answer::RateLimited { .. }, _) => sheet.warning(
            item,
            what,
            "wait a minute and check again: the budget is used up, by this OAuth client's other users too",
        ),
        (Answer::RetryLater, _) => sheet.error(
            UNAVAILABLE,
            item,
            what,
            "check again later, and Genesys Cloud's status page if it stays",
        ),
        _ => sheet.error(
            WRONG,
            item,
            what,
            "check [genesys] region, or api_url: this is not the answer of Genesys Cloud's API",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ahead: i64) -> String {
        let mut out = Vec::new();
        let (date, now) = (Time::from_millis(1_000_000), Time::from_millis(1_000_500 + ahead));
        clock(date, now, &mut Sheet::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_clock_that_is_off_is_a_warning_and_then_an_error() {
        assert_eq!(told(900), "OK       clock: 1 s ahead of Genesys Cloud's\n");
        assert_eq!(told(-4_999), "OK       clock: 5 s behind Genesys Cloud's\n");
        assert!(
            told(-5_000).starts_with("WARNING  clock: 5 s behind"),
            "{}",
            told(-5_000)
        );
        assert!(told(59_000).starts_with("WARNING  clock: 59 s ahead of"));
        assert!(told(60_000).starts_with("ERROR    clock: 60 s ahead of"));
    }

    #[test]
    fn a_closed_way_says_what_may_open_it() {
        for (message, word) in [
            (
                "no connection: invalid peer certificate: UnknownIssuer",
                "ca_file",
            ),
            ("the host's name is not known: dns error", "DNS"),
            ("no connection: tunnel error: unsuccessful", "proxy"),
            ("no answer in time: x", "firewall"),
        ] {
            assert!(way(message).contains(word), "{message}");
        }
    }
}
