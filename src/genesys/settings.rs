//! Where Genesys Cloud is and who we are there.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// How a [`super::Client`] reaches one organization. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.{region host}`, without a slash at the end.
    pub api_url: String,
    /// `https://login.{region host}`, without a slash at the end.
    pub login_url: String,
    /// The OAuth client's id.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: SecretString,
    /// The proxy for every request; absent: what the environment says, but never for a loopback host.
    pub proxy: Option<String>,
    /// PEM file of authorities trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a request may take in all, its answer read.
    pub request_timeout: Duration,
}

impl Settings {
    /// The given organization with the default timeouts: 10 s to connect, 30 s in all.
    pub fn new(
        api_url: impl Into<String>,
        login_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: SecretString,
    ) -> Self {
        Self {
            api_url: api_url.into(),
            login_url: login_url.into(),
            client_id: client_id.into(),
            client_secret,
            proxy: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// Why no client could be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authority file cannot be read.
    #[error("cannot read [genesys] ca_file {path}: {source}; name a PEM file that the agent may read")]
    CaFile {
        /// As configured.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The authority file holds no certificate.
    #[error("[genesys] ca_file {path} holds no certificate; it must be PEM, with BEGIN CERTIFICATE lines")]
    NoCertificate {
        /// As configured.
        path: PathBuf,
    },
    /// A URL cannot be read.
    #[error("[genesys] {key} {value:?} is no URL of http or https; write it like https://api.mypurecloud.de")]
    Url {
        /// Which key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// The proxy cannot be read.
    #[error("[genesys] proxy {value:?} is no proxy: {reason}; write it like http://proxy.example.com:3128")]
    Proxy {
        /// As configured, credentials cut out.
        value: String,
        /// Why.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error(
        "cannot set up TLS for Genesys Cloud: {0}; check [genesys] ca_file and the system's certificates"
    )]
    Tls(String),
}
