//! Starts the parts in their order, commits while they run, and stops them (rule 9).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::gauge;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::dispatch::{Assigned, Dispatch, Patience, lock};
use super::news::News;
use super::partition::Shared;
use super::settings;
use super::sites::Sites;
use super::states::States;
use super::store::Kafka;
use super::{token, worker};
use crate::clock;
use crate::config::{self, Config, OnMismatch};
use crate::deliver::{Delivery, Governor};
use crate::directory::Names;
use crate::genesys::{self, Answer, Client, Lookup};
use crate::health::{Board, Item};
use crate::kafka::{self, Consumer, Credits, DeadLetters, Snapshots};
use crate::metrics::{BYTES_BOUND, BYTES_IN_FLIGHT, OLDEST_RECORD_AGE, OPEN_CONVERSATIONS};

/// Inputs that may wait between the reader's thread and the dispatch.
const INPUTS: usize = 64;

/// How often what partitions say of themselves is measured.
const EVERY: Duration = Duration::from_secs(1);
/// A longer silence of that loop is a fault.
const SILENCE: Duration = Duration::from_secs(60);

/// What a stop may take beyond `shutdown_grace`, to commit and to leave the group.
const LEAVING: Duration = Duration::from_secs(15);

/// Why the agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration lacks something.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The directory file cannot be used.
    #[error("{0}")]
    Directory(String),
    /// The client for Genesys Cloud.
    #[error(transparent)]
    Genesys(#[from] genesys::Error),
    /// The client for Kafka.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// Genesys Cloud refuses the OAuth client.
    #[error("{0}; check [genesys] client_id and client_secret_file, and that the OAuth client is active")]
    Credentials(String),
}

/// A running agent.
pub struct Agent {
    consumer: Consumer,
    dispatch: JoinHandle<()>,
    shared: Arc<Shared>,
    /// Looks after the token until the agent stops.
    token: JoinHandle<()>,
    assigned: Assigned,
    /// How long a stop may take in all.
    patience: Duration,
}

impl Agent {
    /// Starts reading and delivering on the current runtime.
    ///
    /// # Errors
    /// When the configuration does not do, or Genesys Cloud refuses the credentials. What merely does not answer is
    /// waited for.
    pub async fn start(config: &Config, board: Board) -> Result<Self, Error> {
        let client = Client::new(&settings::genesys(config)?)?;
        if let Err(reply) = client.authenticate().await {
            if reply.answer == Answer::Unauthorized {
                return Err(Error::Credentials(reply.message));
            }
            tracing::warn!(reason = reply.message, "Genesys Cloud gives no token yet");
        }
        let governor = Governor::new();
        let names = names(config, &client, &governor, &board)?;
        let token = token::watch(client.clone(), board.clone());
        let kafka = settings::kafka(config);
        let session = kafka.session();
        let letters = DeadLetters::open(kafka.clone(), "")?;
        let delivery = Delivery::start(
            settings::delivery(config),
            Arc::new(client),
            governor,
            board.clone(),
        );
        let credits = Arc::new(Credits::new(
            usize::try_from(config.memory.bound).unwrap_or(usize::MAX),
        ));
        let (say, inputs) = flume::bounded(INPUTS);
        let snapshots = {
            let config = config.clone();
            Snapshots::open(&kafka, move |input| config.state_topic(input))?
        };
        let consumer = Consumer::start(kafka, credits.clone(), say)?;
        let shared = Arc::new(Shared {
            settings: Arc::new(worker(config)),
            credits,
            delivery,
            names,
            letter_topic: {
                let config = config.clone();
                Box::new(move |input| config.dead_letter_topic(input))
            },
            board: board.clone(),
            sites: Sites::new(board.clone()),
            store: Arc::new(Kafka {
                snapshots,
                remote: consumer.remote(),
                letters,
            }),
            states: States::new(board.clone(), Item::State),
            postbox: States::new(board.clone(), Item::DeadLetters),
            interval: config.state.interval,
            session,
            fresh: config.state.on_mismatch == OnMismatch::Fresh,
        });
        let assigned = Assigned::default();
        let patience = Patience {
            drain: config.kafka.drain,
            grace: config.kafka.shutdown_grace,
        };
        let dispatch = Dispatch::new(shared.clone(), patience, assigned.clone(), News::new(board));
        let dispatch = tokio::spawn(dispatch.run(inputs));
        let token = tokio::spawn(token);
        Ok(Self {
            consumer,
            dispatch,
            shared,
            token,
            assigned,
            patience: config.kafka.shutdown_grace + LEAVING,
        })
    }

    /// Measures until `stop`; then stops as rule 9 says.
    pub async fn run(self, stop: CancellationToken) {
        let heart = self.shared.board.heart("the loop that measures", SILENCE);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {
                    self.measure();
                    heart.beat();
                }
            }
        }
        drop(heart);
        self.stop().await;
    }

    /// Stops reading, delivers what is under way, commits, leaves the group.
    async fn stop(self) {
        let began = Instant::now();
        tracing::info!("stopping");
        self.shared.delivery.flush();
        self.token.abort();
        // Without a broker librdkafka may wait for ever for the answer to the last commit.
        if timeout(self.patience, self.consumer.stop()).await.is_err() {
            tracing::warn!(
                "Kafka does not answer: stopped without a last commit; what it misses is sent again"
            );
            return;
        }
        let _ = self.dispatch.await;
        tracing::info!(seconds = began.elapsed().as_secs_f64(), "stopped");
    }

    fn measure(&self) {
        let (mut oldest, mut conversations) = (i64::MAX, 0);
        for progress in lock(&self.assigned).values() {
            let time = progress.oldest.load(Ordering::Relaxed);
            if time > 0 {
                oldest = oldest.min(time);
            }
            conversations += progress.conversations.load(Ordering::Relaxed);
        }
        let age = match oldest {
            i64::MAX => 0,
            oldest => (clock::now().millis() - oldest).max(0),
        };
        gauge!(OLDEST_RECORD_AGE).set(age as f64 / 1000.0);
        gauge!(OPEN_CONVERSATIONS).set(conversations as f64);
        let credits = &self.shared.credits;
        gauge!(BYTES_IN_FLIGHT).set(credits.used() as f64);
        gauge!(BYTES_BOUND).set(credits.bound() as f64);
        let mebibytes = |bytes| bytes as f64 / 1_048_576.0;
        let (used, bound) = (mebibytes(credits.used()), mebibytes(credits.bound()));
        let used = format!("{used:.1} of {bound:.1} MiB");
        match credits.starved() {
            false => self.shared.board.ok(Item::Memory, used),
            true => self.shared.board.warning(
                Item::Memory,
                format!("{used}: reading waits until events are accepted"),
                "look at the lanes; where they keep up, raise [memory] bound",
            ),
        }
    }
}

fn worker(config: &Config) -> worker::Settings {
    worker::Settings {
        conversion: Arc::new(settings::conversion(config)),
        names: settings::names(config, true),
        default_source: config.cic.default_source.clone(),
        max_skew: settings::millis(config.cic.max_skew),
        resolve_timeout: config.directory.resolve_timeout,
    }
}

fn names(config: &Config, client: &Client, governor: &Governor, board: &Board) -> Result<Names, Error> {
    let file = config.directory.file.as_deref().map(settings::directory_file);
    let file = file.transpose().map_err(Error::Directory)?;
    let lookup = Lookup::new(client.clone(), Arc::new(governor.clone()));
    Ok(Names::start(
        settings::directory(config),
        lookup,
        file,
        board.clone(),
    ))
}
