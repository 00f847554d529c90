//! Keeps the access token alive while nothing is sent, and says on the board how it is.
//!
//! Delivery fetches a token when it needs one; in a quiet night nobody would, and an operator should hear in the
//! evening, not with the first call, that the client's secret was withdrawn.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::genesys::{Answer, Client};
use crate::health::{Board, Item};

/// How often the token is looked at. One that lives long yet costs no request.
const EVERY: Duration = Duration::from_secs(30);

/// Looks at the token of `client` for ever: spawn it, or select on it.
pub(super) async fn watch(client: Client, board: Board) {
    board.expect(Item::Token, EVERY * 6);
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        look(&client, &board).await;
    }
}

async fn look(client: &Client, board: &Board) {
    let Err(reply) = client.authenticate().await else {
        board.ok(Item::Token, "valid, and renewed before it ends");
        return;
    };
    let todo = match reply.answer {
        Answer::Unauthorized => {
            "check [genesys] client_id, its secret and the region; the client may be disabled"
        }
        _ => "check the network, the proxy and [genesys] login_url; it is tried again by itself",
    };
    board.error(Item::Token, reply.message, todo);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesys::Settings;
    use crate::health::State;

    /// The item as it is after one look at a login that answers `status`.
    async fn after(status: u16, body: &'static str) -> (State, String, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        let login = axum::Router::new().fallback(move || async move { (status, body) });
        tokio::spawn(async { axum::serve(listener, login).await });
        let settings = Settings::new(url.clone(), url, "me", "s3cret".into());
        let board = Board::default();
        look(&Client::new(&settings).expect("sound settings"), &board).await;
        let report = board.read();
        let token = report.items.into_iter().find(|item| item.name == "token");
        let token = token.expect("every item is shown");
        (token.state, token.detail, token.todo)
    }

    #[tokio::test]
    async fn a_token_that_is_given_is_ok() {
        let (state, ..) = after(200, r#"{"access_token":"t0ken","expires_in":86400}"#).await;
        assert_eq!(state, State::Ok);
    }

    #[tokio::test]
    async fn refused_credentials_are_an_error_that_names_the_keys_and_no_secret() {
        let (state, detail, todo) = after(401, r#"{"error":"invalid_client"}"#).await;
        assert_eq!(state, State::Error);
        assert!(todo.contains("[genesys] client_id"), "{todo}");
        assert!(!detail.contains("s3cret"), "{detail}");
    }

    #[tokio::test]
    async fn a_login_that_fails_is_an_error_that_mends_itself() {
        let (state, _, todo) = after(503, "").await;
        assert_eq!(state, State::Error);
        assert!(todo.contains("tried again"), "{todo}");
    }
}
