//! The HTTP client of one organization: TLS, proxy, timeouts, the token on every request.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap};
use reqwest::{Certificate, Method, Proxy, Url};

use super::limits::http_date;
use super::token::Tokens;
use super::{Answer, Error, Reply, Settings};
use crate::clock;
use crate::fail;
use crate::time::Time;

/// The largest answer that is read; the largest page of names is far below.
const LARGEST: usize = 32 * 1024 * 1024;

/// Sends one request at a time to one organization. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    api_url: Arc<str>,
    tokens: Arc<Tokens>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for the organization of `settings`. Nothing is sent yet.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let api = url("api_url", &settings.api_url)?;
        url("login_url", &settings.login_url)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("cic-conduit/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.request_timeout)
            // A POST that is redirected would arrive as a GET: a redirect is an answer like any other.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .tcp_keepalive(std::time::Duration::from_secs(30))
            // All requests share one HTTP/2 connection; one that is dead must not take every batch with it.
            .http2_keep_alive_interval(std::time::Duration::from_secs(15))
            .http2_keep_alive_timeout(std::time::Duration::from_secs(10))
            .http2_keep_alive_while_idle(true)
            .pool_idle_timeout(std::time::Duration::from_secs(55));
        if let Some(path) = &settings.ca_file {
            let pem = std::fs::read(path).map_err(|source| Error::CaFile {
                path: path.clone(),
                source,
            })?;
            let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if certificates.is_empty() {
                return Err(Error::NoCertificate { path: path.clone() });
            }
            builder = builder.tls_certs_merge(certificates);
        }
        builder = match &settings.proxy {
            Some(proxy) => builder.proxy(Proxy::all(proxy).map_err(|error| Error::Proxy {
                value: without_credentials(proxy),
                reason: error.without_url().to_string(),
            })?),
            None if loopback(&api) => builder.no_proxy(),
            None => builder,
        };
        let http = builder.build().map_err(|error| Error::Tls(chain(&error)))?;
        Ok(Self {
            tokens: Arc::new(Tokens::new(http.clone(), settings)),
            http,
            api_url: settings.api_url.trim_end_matches('/').into(),
        })
    }

    /// Asks `url` for nothing in particular and without a token: any answer proves that the way there is open. Gives
    /// the time that the answer carries.
    ///
    /// # Errors
    /// With what stands in the way.
    pub async fn reach(&self, url: &str) -> Result<Option<Time>, Box<Reply>> {
        let (_, headers, _) = exchange(self.http.get(url)).await?;
        Ok(headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?)))
    }

    /// Sends one request to `path` (it begins with `/api/`) and judges its answer. After a 401 it is sent once
    /// more with a new token; a second 401 is the answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Reply {
        let token = match self.tokens.get().await {
            Ok(token) => token,
            Err(reply) => return *reply,
        };
        let first = self.attempt(&method, path, body.clone(), &token.header).await;
        if first.answer != Answer::Unauthorized {
            return first;
        }
        self.tokens.refused(&token).await;
        let token = match self.tokens.get().await {
            Ok(token) => token,
            Err(reply) => return *reply,
        };
        let mut second = self.attempt(&method, path, body, &token.header).await;
        second.attempts = 2;
        second
    }

    /// Whether the credentials are good: fetches a token unless there is one.
    pub async fn authenticate(&self) -> Result<(), Box<Reply>> {
        self.tokens.get().await.map(|_| ())
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
        token: &reqwest::header::HeaderValue,
    ) -> Reply {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.api_url));
        request = request.header(AUTHORIZATION, token);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        match exchange(request).await {
            Ok((status, headers, body)) => Reply::judge(status, &headers, body, clock::now()),
            Err(reply) => *reply,
        }
    }
}

/// Sends `request` and reads its answer whole.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
) -> Result<(u16, HeaderMap, Bytes), Box<Reply>> {
    let mut response = request
        .send()
        .await
        .map_err(|error| Box::new(Reply::lost(describe(&error))))?;
    fail::at("sent");
    let status = response.status().as_u16();
    let lost = |what: String| {
        let mut reply = Reply::lost(what);
        reply.status = Some(status);
        Box::new(reply)
    };
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST => {
                return Err(lost(format!("the answer is larger than {LARGEST} bytes")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(lost(describe(&error))),
        }
    }
    Ok((status, std::mem::take(response.headers_mut()), body.into()))
}

/// What went wrong on the way, in words; never the URL, which may hold a proxy's password.
fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_dns() {
        "the host's name is not known"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request broke off"
    };
    let cause = chain(error);
    format!("{what}: {cause}")
}

/// The innermost causes of `error`, outermost left out where there are others: it only repeats the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.dedup();
    if causes.is_empty() {
        "no cause given".to_owned()
    } else {
        causes.join(": ")
    }
}

fn url(key: &'static str, value: &str) -> Result<Url, Error> {
    let wrong = || Error::Url {
        key,
        value: without_credentials(value),
    };
    let url = Url::parse(value).map_err(|_| wrong())?;
    if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() {
        Ok(url)
    } else {
        Err(wrong())
    }
}

fn loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn without_credentials(value: &str) -> String {
    match (value.find("://"), value.rfind('@')) {
        (Some(start), Some(at)) if start + 3 <= at => format!("{}{}", &value[..start + 3], &value[at + 1..]),
        (None, Some(at)) => value[at + 1..].to_owned(),
        _ => value.to_owned(),
    }
}
