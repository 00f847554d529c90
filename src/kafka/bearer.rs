//! What every client of ours does at least: it fetches a token where the brokers ask for one.

use std::error::Error;
use std::sync::Arc;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::ConsumerContext;
use secrecy::ExposeSecret;

use super::Settings;

/// A client that does nothing else.
pub(super) struct Bearer(pub(super) Arc<Settings>);

impl ClientContext for Bearer {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token(&self.0)
    }
}

impl ConsumerContext for Bearer {}

/// A token by the settings' source.
pub(super) fn token(settings: &Settings) -> Result<OAuthToken, Box<dyn Error>> {
    let login = settings.login.as_ref();
    let source = login.and_then(|login| login.tokens.as_ref());
    let token = source.ok_or("no [kafka] oauth_token_url is set")?()?;
    Ok(OAuthToken {
        token: token.token.expose_secret().to_owned(),
        principal_name: token.principal,
        lifetime_ms: token.expires,
    })
}
