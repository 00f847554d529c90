//! What a command needs that has no default, asked for before it begins.

use super::error::{Error, Origin, Problem};
use super::region::Region;
use super::types::Config;

/// A part of the agent that must be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Brokers and topics.
    Kafka,
    /// An address, a client and its secret.
    Genesys,
}

impl Config {
    /// Says everything that is missing for those parts to work.
    pub fn require(&self, parts: &[Part]) -> Result<(), Error> {
        let mut missing = Vec::new();
        if parts.contains(&Part::Kafka) {
            if self.kafka.brokers.is_empty() {
                missing.push("kafka.brokers is not set; name at least one broker as host:port");
            }
            if self.kafka.topics.is_empty() {
                missing.push("kafka.topics is not set; name the topic that CIC's events are in");
            }
        }
        if parts.contains(&Part::Genesys) {
            if self.api_url().is_none() || self.login_url().is_none() {
                missing.push(
                    "genesys.region is not set; name the organization's region, or api_url and login_url",
                );
            }
            if self.genesys.client_id.is_none() {
                missing.push(
                    "genesys.client_id is not set; name an OAuth client with the grant client credentials",
                );
            }
            if self.genesys.client_secret.is_none() {
                missing.push(
                    "genesys.client_secret_file is not set; name a file that holds the OAuth client's secret, \
                     or set CONDUIT_GENESYS_CLIENT_SECRET",
                );
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let problem = |message: &str| Problem {
            origin: Origin::Missing,
            message: message.to_owned(),
        };
        Err(Error(missing.into_iter().map(problem).collect()))
    }

    /// Where the API is, without a slash at the end.
    pub fn api_url(&self) -> Option<String> {
        self.genesys
            .api_url
            .clone()
            .or_else(|| self.region().map(Region::api_url))
    }

    /// Where tokens come from, without a slash at the end.
    pub fn login_url(&self) -> Option<String> {
        self.genesys
            .login_url
            .clone()
            .or_else(|| self.region().map(Region::login_url))
    }

    fn region(&self) -> Option<Region> {
        self.genesys.region.as_deref().and_then(Region::find)
    }

    /// Where the state of that input topic is kept.
    pub fn state_topic(&self, input: &str) -> String {
        named(&self.state.topic, input, &self.kafka.group)
    }

    /// Where what was refused of that input topic goes.
    pub fn dead_letter_topic(&self, input: &str) -> String {
        named(&self.kafka.dead_letter_topic, input, &self.kafka.group)
    }
}

fn named(pattern: &str, topic: &str, group: &str) -> String {
    pattern.replace("{group}", group).replace("{topic}", topic)
}
