//! The presence source: every presence and every interaction names it.

use std::io::{self, Write};

use super::WRONG;
use super::genesys::failed;
use super::sheet::Sheet;
use crate::config::Config;
use crate::genesys::Answer;
use crate::genesys::lookup::{Lookup, Source};

const ITEM: &str = "presence source";

/// Checks that `[genesys] source_id` is one of the organization's, and in use.
pub(super) async fn check<W: Write>(
    config: &Config,
    lookup: &Lookup,
    sheet: &mut Sheet<W>,
) -> io::Result<()> {
    let sources = match lookup.sources().await {
        Ok(sources) => sources,
        Err(reply) if reply.answer == Answer::Stop && reply.status == Some(403) => {
            let todo = "give a role of the OAuth client presence:source:view, or compare the id by hand";
            return sheet.warning(ITEM, &reply.message, todo);
        }
        Err(reply) => return failed(ITEM, &reply, sheet),
    };
    let Some(id) = &config.genesys.source_id else {
        let what = "[genesys] source_id is not set; one is made from each site's name, which Genesys Cloud does not know";
        return sheet.warning(ITEM, what, choose(&sources));
    };
    match sources.iter().find(|source| source.id.eq_ignore_ascii_case(id)) {
        Some(source) if source.deactivated => {
            let what = format!("{} ({id}) is deactivated", source.name);
            sheet.error(WRONG, ITEM, what, choose(&sources))
        }
        Some(source) => sheet.ok(ITEM, format!("{} ({id})", source.name)),
        None => {
            let what = format!("[genesys] source_id {id} is none of the organization's");
            sheet.error(WRONG, ITEM, what, choose(&sources))
        }
    }
}

/// What to write instead.
fn choose(sources: &[Source]) -> String {
    let active: Vec<String> = sources
        .iter()
        .filter(|source| !source.deactivated)
        .map(|source| format!("{} ({})", source.id, source.name))
        .collect();
    if active.is_empty() {
        "create one by POST /api/v2/presence/sources and write its id as [genesys] source_id".into()
    } else {
        format!("write one of these as [genesys] source_id: {}", active.join(", "))
    }
}
