//! `check`: would the agent work here? A verdict per item, and what to do.
//!
//! In: the configuration. Out: for each item a line with OK, WARNING, ERROR or SKIPPED and what was found, and under
//! it what to do. It joins no group, reads no record and injects no event: permission to inject is probed by a batch
//! without events, which Genesys Cloud answers by 403 when the permission is missing, and by anything else when it is
//! there.
//!
//! Exit codes, of several the first: 70 a fault of this program; 78 the configuration is wrong, or names what is not there; 77 credentials are
//! refused, or a permission is missing; 69 Kafka or Genesys Cloud cannot be reached; 0 all is well, or wants attention
//! only.

mod files;
mod genesys;
pub(super) mod kafka;
mod permissions;
mod sheet;
mod source;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::exit::CONFIG;
use crate::config::{Config, Part, Sources};
use sheet::Sheet;

/// `check --config FILE [--offline]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's configuration; without it the environment alone
    #[arg(long)]
    config: Option<PathBuf>,
    /// Check the configuration and the files that it names, and ask nobody
    #[arg(long)]
    offline: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut sheet = Sheet::new(io::stdout());
    let sources = Sources::process(args.config);
    let shown = sources.file.as_deref().map(|path| path.display().to_string());
    let config = match Config::load(&sources) {
        Ok(config) => config,
        Err(error) => {
            for problem in &error.0 {
                sheet.problem(problem)?;
            }
            sheet.skipped("everything else", "the configuration cannot be used")?;
            return Ok(sheet.code());
        }
    };
    for warning in &config.warnings {
        let (what, todo) = sheet::split(warning);
        sheet.warning("configuration", what, todo)?;
    }
    let mut complete = true;
    for part in [Part::Kafka, Part::Genesys] {
        for problem in config.require(&[part]).err().iter().flat_map(|error| &error.0) {
            complete = false;
            sheet.problem(problem)?;
        }
    }
    if complete {
        sheet.ok(
            "configuration",
            shown.unwrap_or_else(|| "from the environment".into()),
        )?;
    }
    files::check(&config, &mut sheet)?;
    if args.offline {
        sheet.skipped("Kafka, Genesys Cloud", "--offline")?;
        return Ok(sheet.code());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if config.require(&[Part::Kafka]).is_ok() {
        runtime.block_on(kafka::check(&config, &mut sheet))?;
    } else {
        sheet.skipped("Kafka", "its configuration is not complete")?;
    }
    if config.require(&[Part::Genesys]).is_ok() {
        runtime.block_on(genesys::check(&config, &mut sheet))?;
    } else {
        sheet.skipped("Genesys Cloud", "its configuration is not complete")?;
    }
    Ok(sheet.code())
}

/// The configuration is wrong, or names what is not there.
const WRONG: u8 = CONFIG;
