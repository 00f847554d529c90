//! What the token may do: inject on each lane, and read what the directory needs.

use std::io::{self, Write};

use super::genesys::failed;
use super::sheet::Sheet;
use crate::agent::settings;
use crate::config::Config;
use crate::directory::Users;
use crate::event::Lane;
use crate::genesys::lookup::List;
use crate::genesys::{Answer, Client, Inject, Lookup, Reply, Request};
use crate::names::Kind;

/// A batch without events for each lane that takes batches, and the permission that it needs.
const EMPTY: [(Lane, &str, &str); 3] = [
    (
        Lane::Conversations,
        r#"{"externalEstablishedEvents":[]}"#,
        "conversation:conversation:inject",
    ),
    (
        Lane::Presence,
        r#"{"userPresenceEvents":[]}"#,
        "presence:userPresence:inject",
    ),
    (
        Lane::RoutingStatus,
        r#"{"userRoutingStatusEvents":[]}"#,
        "routing:routingstatus:inject",
    ),
];

/// Probes each lane that is switched on by a batch without events: it changes nothing, whoever answers.
pub(super) async fn inject<W: Write>(
    config: &Config,
    client: &Client,
    sheet: &mut Sheet<W>,
) -> io::Result<()> {
    let off = settings::names(config, false).lanes_off;
    for (lane, body, permission) in EMPTY {
        let item = format!("inject {}", lane.as_str());
        if off.contains(&lane) {
            sheet.skipped(&item, "the lane is switched off")?;
            continue;
        }
        let body = body.into();
        let reply = client.inject(Request { lane, body }).await;
        match reply.answer {
            Answer::Accepted { .. } => sheet.ok(&item, permission)?,
            // Somebody who may not inject is not told what is wrong with the batch.
            Answer::Bad => sheet.ok(
                &item,
                format!("{permission}; a batch without events is refused as such"),
            )?,
            _ => failed(&item, &needs(reply, permission), sheet)?,
        }
    }
    if !off.contains(&Lane::OutOfOffice) {
        let why = "nothing harmless shows whether the token may set it";
        sheet.skipped(&format!("set {}", Lane::OutOfOffice.as_str()), why)?;
    }
    Ok(())
}

/// Reads once what the directory reads.
pub(super) async fn read<W: Write>(config: &Config, lookup: &Lookup, sheet: &mut Sheet<W>) -> io::Result<()> {
    let directory = settings::directory(config);
    let item = "read users";
    match users(&directory.users, lookup).await {
        Ok(found) => sheet.ok(item, found)?,
        Err(reply) => failed(item, &needs(*reply, "directory:user:view"), sheet)?,
    }
    for kind in directory.lists {
        let (list, words, permission) = match kind {
            Kind::Queues => (List::Queues, "queues", "routing:queue:view"),
            Kind::WrapUpCodes => (List::WrapUpCodes, "wrap-up codes", "routing:wrapupCode:view"),
            Kind::Skills => (List::Skills, "skills", ""),
            Kind::Languages => (List::Languages, "languages", ""),
            Kind::Stations => {
                stations(lookup, sheet).await?;
                continue;
            }
            Kind::PresenceDefinitions => {
                presences(lookup, sheet).await?;
                continue;
            }
            Kind::Users => continue,
        };
        let item = format!("read {words}");
        match lookup.all(list).await {
            Ok(found) => sheet.ok(&item, format!("{} {words}", found.len()))?,
            Err(reply) => failed(&item, &needs(*reply, permission), sheet)?,
        }
    }
    Ok(())
}

/// Looks for users as the directory does.
async fn users(users: &Users, lookup: &Lookup) -> Result<String, Box<Reply>> {
    let nobody = "cic-conduit-check";
    Ok(match users {
        Users::Email { domain } => {
            let email = format!("{nobody}@{}", domain.trim_start_matches('@'));
            lookup.users_by_email(&[email]).await?;
            format!(
                "by email, the CIC user jsmith as jsmith@{}",
                domain.trim_start_matches('@')
            )
        }
        Users::BeforeAt => {
            let count = lookup.users().await?.len();
            format!("{count} users, by what stands before the @ of their email")
        }
        Users::ExternalId { authority } => {
            lookup.user_by_external_id(authority, nobody).await?;
            format!("by external id of {authority}")
        }
    })
}

async fn presences<W: Write>(lookup: &Lookup, sheet: &mut Sheet<W>) -> io::Result<()> {
    let item = "read presence definitions";
    match lookup.presence_definitions().await {
        Ok(found) => sheet.ok(item, format!("{} definitions", found.len())),
        Err(reply) => failed(item, &needs(*reply, "presence:presenceDefinition:view"), sheet),
    }
}

/// Without stations events carry none; nothing else is lost.
async fn stations<W: Write>(lookup: &Lookup, sheet: &mut Sheet<W>) -> io::Result<()> {
    let item = "read stations";
    match lookup.all(List::Stations).await {
        Ok(found) => sheet.ok(item, format!("{} stations", found.len())),
        Err(reply) if reply.answer == Answer::Stop => sheet.warning(
            item,
            &reply.message,
            "nothing, unless events should name the station of a user",
        ),
        Err(reply) => failed(item, &reply, sheet),
    }
}

/// Names the permission where the answer does not.
fn needs(mut reply: Reply, permission: &str) -> Reply {
    if reply.status == Some(403) && !permission.is_empty() && !reply.message.contains(permission) {
        reply.message = format!("{}; it needs {permission}", reply.message);
    }
    reply
}
