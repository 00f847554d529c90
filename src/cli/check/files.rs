//! The files that the configuration names: whether they can be read and hold what they should.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::WRONG;
use super::sheet::{Sheet, counted};
use crate::config::Config;
use crate::names::{Directory, Kind};

/// Checks every file that is named.
pub(super) fn check<W: Write>(config: &Config, sheet: &mut Sheet<W>) -> io::Result<()> {
    if let Some(path) = &config.directory.file {
        directory(path, sheet)?;
    }
    let (kafka, genesys) = (&config.kafka, &config.genesys);
    for (item, path, holds) in [
        ("[kafka] ca_file", &kafka.ca_file, "CERTIFICATE"),
        ("[kafka] certificate_file", &kafka.certificate_file, "CERTIFICATE"),
        ("[kafka] key_file", &kafka.key_file, "PRIVATE KEY"),
        ("[genesys] ca_file", &genesys.ca_file, "CERTIFICATE"),
    ] {
        if let Some(path) = path {
            pem(item, path, holds, sheet)?;
        }
    }
    Ok(())
}

fn directory<W: Write>(path: &Path, sheet: &mut Sheet<W>) -> io::Result<()> {
    const ITEM: &str = "[directory] file";
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return unreadable(ITEM, path, &error, sheet),
    };
    match Directory::from_json(&text) {
        Ok(names) => {
            let count: usize = Kind::ALL.into_iter().map(|kind| names.count(kind)).sum();
            sheet.ok(ITEM, format!("{shown}, {}", counted(count, "name")))
        }
        Err(error) => {
            let told = error.to_string();
            let (what, todo) = super::sheet::split(&told);
            sheet.error(WRONG, ITEM, format!("{shown}: {what}"), todo)
        }
    }
}

fn pem<W: Write>(item: &str, path: &Path, holds: &str, sheet: &mut Sheet<W>) -> io::Result<()> {
    let shown = path.display();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return unreadable(item, path, &error, sheet),
    };
    let text = String::from_utf8_lossy(&bytes);
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.contains(holds);
    if !text.lines().any(begins) {
        let what = format!("{shown} holds no {}", holds.to_lowercase());
        let todo = format!("name a PEM file, with a line BEGIN {holds}");
        return sheet.error(WRONG, item, what, todo);
    }
    let open = std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0);
    if holds == "PRIVATE KEY" && open {
        let what = format!("others than its owner may read or write {shown}");
        return sheet.warning(item, what, "chmod 600, owned by the agent's user");
    }
    sheet.ok(item, shown.to_string())
}

fn unreadable<W: Write>(item: &str, path: &Path, error: &io::Error, sheet: &mut Sheet<W>) -> io::Result<()> {
    let what = format!("cannot read {}: {error}", path.display());
    sheet.error(WRONG, item, what, "name a file that the agent's user may read")
}
