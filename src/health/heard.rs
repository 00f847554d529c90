//! For tests that read the log: their thread's log is heard, whatever other threads do.

use std::sync::LazyLock;

use tracing::Subscriber;
use tracing::dispatcher::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};

/// What this thread logs goes to `subscriber` until the guard is dropped.
///
/// Where there is one subscriber only, tracing asks the thread that is first at a place in the code whether it is heard
/// there, and believes it for all threads. A second one, which hears nothing, makes it ask them all.
pub(crate) fn hear(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
    LazyLock::force(&SECOND);
    set_default(subscriber)
}
