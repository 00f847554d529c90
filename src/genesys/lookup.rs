//! Questions about names: what a directory needs of the organization, and what `check` asks.
//!
//! Lists are read page by page; each page passes the [`Gate`] on its own. A failure ends the list with the reply
//! that caused it: a list is whole or it is not there.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, Client, Gate, Reply};
use crate::metrics;

/// Names on a page; the platform gives no more.
const PAGE: usize = 100;
/// Pages read at most: a list that never ends must not either fill the memory or use up the budget.
const PAGES: usize = 1000;

/// A thing with a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its Genesys Cloud id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `active`, `inactive` or `deleted`, where it has one.
    #[serde(default)]
    pub state: Option<String>,
}

/// A list of things with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Queues.
    Queues,
    /// Wrap-up codes.
    WrapUpCodes,
    /// Skills.
    Skills,
    /// Languages.
    Languages,
    /// Stations.
    Stations,
}

impl List {
    fn path(self) -> &'static str {
        match self {
            Self::Queues => "/api/v2/routing/queues",
            Self::WrapUpCodes => "/api/v2/routing/wrapupcodes",
            Self::Skills => "/api/v2/routing/skills",
            Self::Languages => "/api/v2/routing/languages",
            Self::Stations => "/api/v2/stations",
        }
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The Genesys Cloud id.
    pub id: String,
    /// The display name.
    #[serde(default)]
    pub name: String,
    /// The address that he logs in with.
    #[serde(default)]
    pub email: Option<String>,
    /// `active`, `inactive` or `deleted`.
    #[serde(default)]
    pub state: Option<String>,
}

/// A presence definition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceDefinition {
    /// The Genesys Cloud id.
    pub id: String,
    /// `System` or `User`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// Language, for instance `en_US`, → label.
    #[serde(default)]
    pub language_labels: std::collections::BTreeMap<String, String>,
    /// `Available`, `OnQueue` and so on.
    #[serde(default)]
    pub system_presence: Option<String>,
    /// No longer in use.
    #[serde(default)]
    pub deactivated: bool,
}

/// A presence source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// The sourceId.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// No longer in use.
    #[serde(default)]
    pub deactivated: bool,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The organization's id.
    pub organization_id: String,
    /// The organization's name.
    pub organization: String,
    /// The OAuth client's name, where the answer says.
    pub client: Option<String>,
}

/// Asks one organization. Cheap to clone.
#[derive(Clone)]
pub struct Lookup {
    client: Client,
    gate: Arc<dyn Gate>,
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Lookup {
    /// Asks through `client`, as often as `gate` allows.
    pub fn new(client: Client, gate: Arc<dyn Gate>) -> Self {
        Self { client, gate }
    }

    /// The users whose email is one of `emails`, without regard to case. Ask for at most 100 at a time.
    pub async fn users_by_email(&self, emails: &[String]) -> Result<Vec<User>, Box<Reply>> {
        let body = |page: usize| {
            json!({"pageSize": PAGE, "pageNumber": page,
                "query": [{"type": "EXACT", "fields": ["email"], "values": emails}]})
        };
        let mut users = Vec::new();
        for page in 1..=PAGES {
            let body = Bytes::from(body(page).to_string());
            let page_of: Page<User> = read(
                self.call(Method::POST, "/api/v2/users/search", Some(body))
                    .await?,
            )?;
            let full = page_of.full(page);
            users.extend(page_of.results);
            if !full {
                break;
            }
        }
        Ok(users)
    }

    /// The user with an external id, or `None` where there is none. `key` matters with its case.
    pub async fn user_by_external_id(&self, authority: &str, key: &str) -> Result<Option<User>, Box<Reply>> {
        let path = format!("/api/v2/users/externalid/{}/{}", segment(authority), segment(key));
        match self.call(Method::GET, &path, None).await {
            Ok(reply) => read(reply).map(Some),
            // Without an ErrorBody a 404 is not the platform's: a wrong address must not pass for a missing user.
            Err(reply) if reply.status == Some(404) && platform(&reply) => Ok(None),
            Err(reply) => Err(reply),
        }
    }

    /// All active users.
    pub async fn users(&self) -> Result<Vec<User>, Box<Reply>> {
        self.list("/api/v2/users?state=active").await
    }

    /// The whole of a list.
    pub async fn all(&self, list: List) -> Result<Vec<Named>, Box<Reply>> {
        self.list(&format!("{}?", list.path())).await
    }

    /// What a list has under `name`, and what begins like it: the platform compares loosely.
    pub async fn like(&self, list: List, name: &str) -> Result<Vec<Named>, Box<Reply>> {
        self.list(&format!("{}?name={}", list.path(), segment(name)))
            .await
    }

    /// All presence definitions in use, system and secondary.
    pub async fn presence_definitions(&self) -> Result<Vec<PresenceDefinition>, Box<Reply>> {
        let path = "/api/v2/presence/definitions?deactivated=false&localeCode=ALL";
        let page: Page<PresenceDefinition> = read(self.call(Method::GET, path, None).await?)?;
        Ok(page.entities)
    }

    /// All presence sources.
    pub async fn sources(&self) -> Result<Vec<Source>, Box<Reply>> {
        let page: Page<Source> = read(self.call(Method::GET, "/api/v2/presence/sources", None).await?)?;
        Ok(page.entities)
    }

    /// Whose token it is: the cheapest proof that address and credentials are good.
    pub async fn me(&self) -> Result<Owner, Box<Reply>> {
        let value: Value = read(self.call(Method::GET, "/api/v2/tokens/me", None).await?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let client = value["OAuthClient"]["name"].as_str().map(str::to_owned);
        let organization = &value["organization"];
        Ok(Owner {
            organization_id: text(&organization["id"]),
            organization: text(&organization["name"]),
            client,
        })
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Box<Reply>> {
        let mut entities = Vec::new();
        for page in 1..=PAGES {
            let joint = if path.ends_with('?') { "" } else { "&" };
            let path = format!("{path}{joint}pageSize={PAGE}&pageNumber={page}");
            let page_of: Page<T> = read(self.call(Method::GET, &path, None).await?)?;
            let full = page_of.full(page);
            entities.extend(page_of.entities);
            if !full {
                break;
            }
        }
        Ok(entities)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Reply, Box<Reply>> {
        self.gate.enter().await;
        let mut left = Left {
            gate: &*self.gate,
            reply: None,
        };
        let begun = Instant::now();
        let reply = self.client.call(method, path, body).await;
        count(&reply, begun.elapsed());
        left.reply = Some(reply.clone());
        drop(left);
        match reply.answer {
            Answer::Accepted { .. } => Ok(reply),
            _ => Err(Box::new(reply)),
        }
    }
}

fn count(reply: &Reply, took: Duration) {
    let status = reply
        .status
        .map_or_else(|| "none".to_owned(), |status| status.to_string());
    ::metrics::counter!(metrics::REQUESTS, "endpoint" => "directory", "status" => status).increment(1);
    ::metrics::histogram!(metrics::REQUEST_DURATION, "endpoint" => "directory").record(took.as_secs_f64());
}

/// Says how a request ended, also where nobody waits for it any more.
struct Left<'a> {
    gate: &'a dyn Gate,
    reply: Option<Reply>,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let reply = self.reply.take();
        self.gate
            .left(&reply.unwrap_or_else(|| Reply::lost("given up by the one who asked")));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    entities: Vec<T>,
    #[serde(default = "Vec::new")]
    results: Vec<T>,
    page_count: Option<usize>,
}

impl<T> Page<T> {
    /// Whether another page follows this one, the `number`-th.
    fn full(&self, number: usize) -> bool {
        let count = self.entities.len() + self.results.len();
        count > 0 && self.page_count.map_or(count == PAGE, |pages| number < pages)
    }
}

fn read<T: DeserializeOwned>(reply: Reply) -> Result<T, Box<Reply>> {
    serde_json::from_slice(&reply.body).map_err(|error| {
        let mut reply = reply;
        reply.answer = Answer::RetryLater;
        reply.message = format!("the answer is not what was asked for: {error}");
        Box::new(reply)
    })
}

fn platform(reply: &Reply) -> bool {
    serde_json::from_slice::<Value>(&reply.body).is_ok_and(|body| body["code"].is_string())
}

/// `text` as one segment of a path, or one value of a query.
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
