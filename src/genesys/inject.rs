//! Sends a prepared body to a lane's endpoint.

use std::future::Future;

use bytes::Bytes;
use reqwest::Method;

use super::{Answer, Client, Reply};
use crate::event::{Id, Lane};

/// A request as a lane makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose endpoint takes it.
    pub lane: Lane,
    /// The batch; for out of office the one event, its `userId` inside.
    pub body: Bytes,
}

/// Whoever takes requests: the client, or a stand-in within the process.
pub trait Inject: Send + Sync + 'static {
    /// Sends one request and says how it ended. Ends within a bounded time.
    fn inject(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

impl Inject for Client {
    async fn inject(&self, request: Request) -> Reply {
        let path = match request.lane {
            Lane::Conversations => "/api/v2/events/conversations",
            Lane::Presence => "/api/v2/events/users/presence",
            Lane::RoutingStatus => "/api/v2/events/users/routingstatus",
            Lane::OutOfOffice => return self.out_of_office(&request.body).await,
        };
        self.call(Method::POST, path, Some(request.body)).await
    }
}

impl Client {
    async fn out_of_office(&self, event: &[u8]) -> Reply {
        let Some((user, body)) = split(event) else {
            let mut reply =
                Reply::lost("an out-of-office event without a userId; this is a fault of the agent");
            reply.answer = Answer::Bad;
            return reply;
        };
        let mut reply = self
            .call(
                Method::PUT,
                &format!("/api/v2/users/{user}/outofoffice"),
                Some(body),
            )
            .await;
        // The address names the user: with an ErrorBody, 404 speaks of this one event and not of us.
        let known = reply.status == Some(404) && serde_json::from_slice::<ErrorBody>(&reply.body).is_ok();
        if known {
            reply.answer = Answer::Bad;
        }
        reply
    }
}

#[derive(serde::Deserialize)]
struct ErrorBody {
    #[serde(rename = "code")]
    _code: String,
}

/// Takes out what is ours: the user stands in the address, and a PUT has no eventId or eventDateTime.
fn split(event: &[u8]) -> Option<(Id, Bytes)> {
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(event).ok()?;
    let user = Id::parse(object.remove("userId")?.as_str()?)?;
    object.remove("eventId");
    object.remove("eventDateTime");
    Some((user, serde_json::to_vec(&object).ok()?.into()))
}
