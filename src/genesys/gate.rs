//! The governor as lookups see it. It is `deliver`'s, which this module may not know; so it is handed in.

use std::future::Future;
use std::pin::Pin;

use super::Reply;

/// Lets requests through at the pace that Genesys Cloud allows, and learns from their answers.
pub trait Gate: Send + Sync {
    /// Returns when one lookup may be sent. Every call must be followed by [`Gate::left`].
    fn enter(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Says how that request ended.
    fn left(&self, reply: &Reply);
}

/// Lets everything through at once: for a single check by hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Free;

impl Gate for Free {
    fn enter(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn left(&self, _: &Reply) {}
}
