//! Tokens for OAUTHBEARER by client credentials: one POST per token.
//!
//! librdkafka asks for a token before the last one ends, on a thread of its own, and waits. A token and the client's
//! secret stand in no log and in no error.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Token, TokenSource};
use crate::clock;

/// How long a token may take: reading stands still meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a token without `expires_in` is taken to live.
const SHORTEST: Duration = Duration::from_secs(300);

/// Who asks where.
#[derive(Clone, Debug)]
pub struct Client {
    /// The token endpoint.
    pub url: String,
    /// The client's id.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The scope to ask for.
    pub scope: Option<String>,
    /// Further authorities to trust (PEM).
    pub ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

/// What RFC 6749 lets a refusal say.
#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Client {
    /// Fetches a token whenever it is called; blocks for as long as that takes.
    pub fn source(self) -> TokenSource {
        Arc::new(move || self.fetch())
    }

    fn fetch(&self) -> Result<Token, String> {
        let failed = |error: &dyn std::fmt::Display| format!("no token from {}: {error}", self.url);
        // A thread of its own, because the caller may be inside a runtime.
        std::thread::scope(|scope| {
            let fetching = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| failed(&error))?;
                runtime.block_on(self.ask()).map_err(|error| failed(&error))
            });
            fetching
                .join()
                .unwrap_or_else(|_| Err(failed(&"the request broke off")))
        })
    }

    async fn ask(&self) -> Result<Token, String> {
        let mut form = vec![("grant_type", "client_credentials")];
        if let Some(scope) = &self.scope {
            form.push(("scope", scope));
        }
        let request = self
            .http()?
            .post(&self.url)
            .basic_auth(&self.id, Some(self.secret.expose_secret()))
            .form(&form);
        let response = request.send().await.map_err(|error| chain(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| chain(&error))?;
        if status != StatusCode::OK {
            return Err(refusal(status, &body));
        }
        let granted: Granted =
            serde_json::from_slice(&body).map_err(|_| "the answer is no OAuth token".to_owned())?;
        let lives = granted.expires_in.map_or(SHORTEST, Duration::from_secs);
        let lives = i64::try_from(lives.as_millis()).unwrap_or(i64::MAX);
        Ok(Token {
            token: granted.access_token.into(),
            principal: self.id.clone(),
            expires: clock::now().millis().saturating_add(lives),
        })
    }

    /// Whether the endpoint is on this machine, where no proxy leads.
    fn is_here(&self) -> bool {
        let url = reqwest::Url::parse(&self.url).ok();
        url.as_ref()
            .and_then(reqwest::Url::host_str)
            .is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
    }

    fn http(&self) -> Result<reqwest::Client, String> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("cic-conduit/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE);
        if let Some(path) = &self.ca_file {
            let pem = std::fs::read(path).map_err(|error| format!("ca_file {}: {error}", path.display()))?;
            let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if certificates.is_empty() {
                return Err(format!("ca_file {} holds no certificate (PEM)", path.display()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        if self.is_here() {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| chain(&error))
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> String {
    let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
    let words = [refused.error, refused.error_description];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let told = format!("{status} {}", words.join(": "));
    let check = match status {
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => {
            "check [kafka] oauth_client_id, oauth_client_secret_file and oauth_scope"
        }
        _ => "check [kafka] oauth_token_url",
    };
    format!("{}; {check}", told.trim_end())
}

/// The error and what caused it, without the URL, which the caller says.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
