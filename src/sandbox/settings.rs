//! How a sandbox is set up, and why it could not be.

use super::Directory;
use std::path::PathBuf;
use std::time::Duration;

/// How a sandbox behaves, from its start to its end.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to write the journal; absent: the last lines are kept in memory only.
    pub journal: Option<PathBuf>,
    /// The names that it knows.
    pub directory: Directory,
    /// Requests per token and window; 0: no limit.
    pub rate_limit: u32,
    /// Length of a rate limit's window, from a token's first request in it.
    pub rate_window: Duration,
    /// How long a token lives.
    pub token_lifetime: Duration,
    /// The OAuth client's id and secret; absent: any client gets a token.
    pub client: Option<(String, String)>,
    /// Breaking a rule is counted, and the event accepted all the same. A wrong shape is refused even so.
    pub lenient: bool,
    /// Parse nothing and judge nothing, count events only: for measuring the other end.
    pub count_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            journal: None,
            directory: Directory::any(),
            rate_limit: 300,
            rate_window: Duration::from_secs(60),
            token_lifetime: Duration::from_secs(24 * 60 * 60),
            client: None,
            lenient: false,
            count_only: false,
        }
    }
}

/// Why a sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal cannot be written.
    #[error("cannot write the journal {path}; name a file in a folder that exists")]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
