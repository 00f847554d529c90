//! The thread that reads.
//!
//! A [`Consumer`] is the handle; the thread makes one client after another ([`open`]) and reads with each until it is
//! told to stop or the client stands still ([`super::reading`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::context::{Context, Lasting};
use super::reading::{Ended, Reading};
use super::{Credits, Error, Event, Fault, Input, Remote, Settings};

/// How long to wait before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) type Reader = BaseConsumer<Context>;

/// Reads until it is stopped. Dropping it without [`Consumer::stop`] leaves without a commit.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the thread share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) credits: Arc<Credits>,
    pub(super) inputs: flume::Sender<Input>,
    lasting: Arc<Lasting>,
    stop: AtomicBool,
    slot: Arc<Slot>,
}

/// The client as it is now: another one after a rebuild, none once it is closing.
#[derive(Default)]
pub(super) struct Slot(RwLock<Option<Arc<Reader>>>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// Joins the group and begins to read.
    ///
    /// # Errors
    /// When librdkafka does not take the settings.
    pub fn start(
        settings: Settings,
        credits: Arc<Credits>,
        inputs: flume::Sender<Input>,
    ) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let lasting = Arc::new(Lasting::default());
        let reader = Arc::new(open(&settings, &inputs, &lasting)?);
        let shared = Arc::new(Shared {
            settings,
            credits,
            inputs,
            lasting,
            stop: AtomicBool::new(false),
            slot: Arc::default(),
        });
        shared.slot.put(Some(reader.clone()));
        let reading = shared.clone();
        let thread = std::thread::Builder::new()
            .name("kafka".into())
            .spawn(move || run(&reading, reader))?;
        Ok(Self {
            remote: Remote::start(shared.slot.clone())?,
            shared,
            thread: Some(thread),
        })
    }

    /// What others may do with it.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Pauses everything behind the thread's back: what a client looks like that has stopped reading by itself.
    #[cfg(test)]
    pub(super) fn stand_still(&self) {
        let reader = self.shared.slot.reader().expect("a client is there");
        let assigned = reader.assignment().expect("it knows what it has");
        reader.pause(&assigned).expect("it pauses");
    }

    /// Stops reading, lets the partitions end as rule 9 says, leaves the group. Ends when all of that is done.
    pub async fn stop(mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// Whether to stop: told so, or nobody listens any more.
    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.inputs.is_disconnected()
    }
}

impl Slot {
    pub(super) fn reader(&self) -> Option<Arc<Reader>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, reader: Option<Arc<Reader>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = reader;
    }
}

fn open(
    settings: &Arc<Settings>,
    inputs: &flume::Sender<Input>,
    lasting: &Arc<Lasting>,
) -> Result<Reader, Error> {
    let context = Context::new(settings.clone(), inputs.clone(), lasting.clone());
    let reader: Reader = settings.consumer().create_with_context(context)?;
    let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    reader.subscribe(&topics)?;
    Ok(reader)
}

/// Reads until it is told to stop, with one client after another.
fn run(shared: &Arc<Shared>, mut reader: Arc<Reader>) {
    loop {
        let ended = Reading::new(shared, &reader).run();
        let told = ended == Ended::Told;
        reader.context().give_all_back(&reader, told);
        shared.slot.put(None);
        close(reader);
        if told {
            return;
        }
        if ended == Ended::Broken {
            std::thread::park_timeout(PAUSE);
        }
        let Some(opened) = open_again(shared) else {
            return;
        };
        reader = Arc::new(opened);
        shared.slot.put(Some(reader.clone()));
        reader.context().say(Event::Rebuilt);
    }
}

/// Calls back for what is still assigned, and leaves the group. Here and nowhere else: whoever answers a revocation
/// may be the one who is just committing, and must not be made to wait for itself.
fn close(mut reader: Arc<Reader>) {
    loop {
        match Arc::try_unwrap(reader) {
            Ok(reader) => return drop(reader),
            Err(shared) => {
                reader = shared;
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
    }
}

/// Another client; none when it is time to stop.
fn open_again(shared: &Shared) -> Option<Reader> {
    while !shared.stopping() {
        match open(&shared.settings, &shared.inputs, &shared.lasting) {
            Ok(reader) => return Some(reader),
            // It was possible once, so it is something that passes, like a file that is being replaced.
            Err(error) => {
                let fault = Fault::judge(None, error.to_string());
                let _ = shared.inputs.send(Input::Event(Event::Fault(fault)));
                std::thread::park_timeout(PAUSE);
            }
        }
    }
    None
}
