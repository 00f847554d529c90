//! What librdkafka calls back: rebalances, faults, figures, tokens. All but rebalances only pass things on.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::time::Instant;

use super::bearer::token;
use super::commit::commit;
use super::{Commit, Epoch, Event, Fault, Input, Place, Settings, Start};
use crate::fail;

/// How long a question to the brokers may take within a rebalance.
const ASK: Duration = Duration::from_secs(10);
/// What a revocation is given beyond `drain`: the answer itself takes a moment.
const MARGIN: Duration = Duration::from_secs(2);

/// What the thread and the callbacks share.
pub(super) struct Context {
    pub(super) settings: Arc<Settings>,
    pub(super) inputs: flume::Sender<Input>,
    /// Reading is paused: what is assigned meanwhile starts paused.
    pub(super) paused: AtomicBool,
    /// A rebalance failed: what it was about is not read until the client is made anew.
    pub(super) broken: AtomicBool,
    /// Rises with every rebalance.
    rebalances: AtomicU64,
    lasting: Arc<Lasting>,
    ours: Mutex<Ours>,
}

/// What outlives a client that is made anew.
#[derive(Default)]
pub(super) struct Lasting {
    epochs: AtomicU64,
    /// The partitions that each topic had when it was first assigned: later ones are read from their beginning.
    known: Mutex<BTreeMap<Arc<str>, BTreeSet<i32>>>,
}

/// What is assigned.
#[derive(Default)]
struct Ours {
    assigned: BTreeMap<Place, Assignment>,
    connected: Option<bool>,
}

/// A partition that is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment {
    pub(super) epoch: Epoch,
    /// The next offset to hand over.
    pub(super) next: i64,
    /// When it last came on, or was last looked at.
    pub(super) seen: Instant,
    /// Since when the log's end has been seen ahead and nothing came.
    pub(super) behind: Option<Instant>,
    /// It is not read any more, for good.
    pub(super) halted: bool,
}

/// How a partition stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The first offset to read.
    pub(super) from: i64,
    /// What the group has committed.
    pub(super) committed: Option<i64>,
    /// The log's first offset.
    pub(super) low: i64,
    /// The log's end.
    pub(super) high: i64,
}

impl Context {
    pub(super) fn new(settings: Arc<Settings>, inputs: flume::Sender<Input>, lasting: Arc<Lasting>) -> Self {
        Self {
            settings,
            inputs,
            paused: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            rebalances: AtomicU64::new(0),
            lasting,
            ours: Mutex::default(),
        }
    }

    pub(super) fn say(&self, event: Event) {
        // Nobody listens any more: then nobody wants to know.
        let _ = self.inputs.send(Input::Event(event));
    }

    pub(super) fn assignment(&self, place: &Place) -> Option<Assignment> {
        self.ours().assigned.get(place).copied()
    }

    pub(super) fn assigned(&self) -> Vec<(Place, Assignment)> {
        let ours = self.ours();
        ours.assigned
            .iter()
            .map(|(place, is)| (place.clone(), *is))
            .collect()
    }

    /// Everything below `next` was handed over, or is nothing to hand over.
    pub(super) fn passed(&self, place: &Place, next: i64) {
        if let Some(assignment) = self.ours().assigned.get_mut(place)
            && next > assignment.next
        {
            assignment.next = next;
            assignment.seen = Instant::now();
            assignment.behind = None;
        }
    }

    /// Transactions end with markers that are given out to nobody, yet count as offsets: the reader passes them, and
    /// so the log's end is reached. Only where everything given out has been handed over.
    pub(super) fn pass_markers(&self, consumer: &BaseConsumer<Self>) {
        let Ok(positions) = consumer.position() else {
            return;
        };
        for element in positions.elements() {
            if let Offset::Offset(next) = element.offset() {
                self.passed(&Place::new(element.topic(), element.partition()), next);
            }
        }
    }

    /// A partition was looked at: whether the log's end is ahead of what was handed over. Since when it has been.
    pub(super) fn looked_at(&self, place: &Place, ahead: bool) -> Option<Instant> {
        let now = Instant::now();
        let mut ours = self.ours();
        let assignment = ours.assigned.get_mut(place)?;
        assignment.seen = now;
        assignment.behind = ahead.then(|| assignment.behind.unwrap_or(now));
        assignment.behind
    }

    /// Nothing was read for a reason: no partition is behind yet.
    pub(super) fn start_anew(&self) {
        let now = Instant::now();
        for assignment in self.ours().assigned.values_mut() {
            assignment.seen = now;
            assignment.behind = None;
        }
    }

    /// A number that changes with every rebalance.
    pub(super) fn rebalances(&self) -> u64 {
        self.rebalances.load(Ordering::Relaxed)
    }

    fn ours(&self) -> MutexGuard<'_, Ours> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Partitions become ours: each is read from its commit on, or from where the settings say.
    fn assign(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> KafkaResult<()> {
        if list.count() > 0 {
            let committed = consumer.committed_offsets(list.clone(), ASK)?;
            let mut begun = Vec::new();
            let mut pinned = Vec::new();
            for element in committed.elements() {
                // An answer that failed is not the answer that there is no commit.
                element.error()?;
                let place = Place::new(element.topic(), element.partition());
                let found = self.begin(consumer, &place, element.offset())?;
                let metadata = element.metadata().to_owned();
                if !matches!(element.offset(), Offset::Offset(_)) && self.settings.start != Start::Earliest {
                    pinned.push(Commit {
                        place: place.clone(),
                        offset: found.from,
                        metadata: self.settings.pinned.clone(),
                    });
                }
                begun.push((found, place, metadata));
            }
            // Where the group begins is said at once: asked again after a crash, the log's end would have moved on,
            // and what lies between would be lost.
            commit(consumer, &pinned)?;
            for (found, place, _) in &begun {
                list.set_partition_offset(&place.topic, place.partition, Offset::Offset(found.from))?;
            }
            for (found, place, metadata) in begun {
                self.begun(place, found, metadata);
            }
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(list)?,
            _ => consumer.assign(list)?,
        }
        let mut pause = TopicPartitionList::new();
        for element in list.elements() {
            let place = Place::new(element.topic(), element.partition());
            let halted = self
                .assignment(&place)
                .is_some_and(|assignment| assignment.halted);
            if halted || self.paused.load(Ordering::Relaxed) {
                pause.add_partition(&place.topic, place.partition);
            }
        }
        if pause.count() > 0 {
            consumer.pause(&pause)?;
        }
        Ok(())
    }

    /// A partition is not to be read any more; whether it is ours, as it was under `epoch`.
    pub(super) fn halt(&self, place: &Place, epoch: Epoch) -> bool {
        let mut ours = self.ours();
        let assignment = ours.assigned.get_mut(place);
        let assignment = assignment.filter(|assignment| assignment.epoch == epoch);
        assignment.map(|assignment| assignment.halted = true).is_some()
    }

    /// A partition is ours and is read from where it was found on.
    pub(super) fn begun(&self, place: Place, found: Found, metadata: String) {
        let Found {
            from,
            committed,
            low,
            high,
        } = found;
        let epoch = self.lasting.epochs.fetch_add(1, Ordering::Relaxed);
        let assignment = Assignment {
            epoch,
            next: from,
            seen: Instant::now(),
            behind: None,
            halted: self.settings.stop_at_gap && committed.is_some_and(|committed| committed < low),
        };
        self.ours().assigned.insert(place.clone(), assignment);
        let assigned = Input::Assigned {
            place,
            epoch,
            from,
            committed,
            metadata,
            low,
            high,
        };
        let _ = self.inputs.send(assigned);
    }

    /// Where a partition is to be read from.
    pub(super) fn begin(
        &self,
        consumer: &BaseConsumer<Self>,
        place: &Place,
        committed: Offset,
    ) -> KafkaResult<Found> {
        // Asked in any case: what is there now is what later partitions are told apart from.
        let later = self.is_later(consumer, place)?;
        let (low, high) = consumer.fetch_watermarks(&place.topic, place.partition, ASK)?;
        let found = |from, committed| Found {
            from,
            committed,
            low,
            high,
        };
        if let Offset::Offset(from) = committed {
            let place = place.clone();
            if from < low {
                let (to, stopped) = (low, self.settings.stop_at_gap);
                self.say(Event::Gap {
                    place,
                    from,
                    to,
                    stopped,
                });
            } else if from > high {
                let end = high;
                self.say(Event::Beyond { place, from, end });
            }
            return Ok(found(from.clamp(low, high.max(low)), Some(from)));
        }
        let from = match self.settings.start {
            _ if later => low,
            Start::Earliest => low,
            Start::Latest => high,
            Start::At(time) => self.at(consumer, place, time)?.unwrap_or(high),
        };
        Ok(found(from, None))
    }

    /// The first record at or after a time.
    fn at(&self, consumer: &BaseConsumer<Self>, place: &Place, time: i64) -> KafkaResult<Option<i64>> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(&place.topic, place.partition, Offset::Offset(time))?;
        let found = consumer.offsets_for_times(asked, ASK)?;
        let Some(element) = found.find_partition(&place.topic, place.partition) else {
            return Ok(None);
        };
        element.error()?;
        match element.offset() {
            Offset::Offset(offset) => Ok(Some(offset)),
            _ => Ok(None),
        }
    }

    /// Whether a partition was not there yet when its topic was first assigned.
    fn is_later(&self, consumer: &BaseConsumer<Self>, place: &Place) -> KafkaResult<bool> {
        let known = || self.lasting.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(partitions) = known().get(&place.topic) {
            return Ok(!partitions.contains(&place.partition));
        }
        let metadata = consumer.fetch_metadata(Some(&place.topic), ASK)?;
        let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        let mut there: BTreeSet<i32> = partitions.map(MetadataPartition::id).collect();
        there.insert(place.partition);
        known().insert(place.topic.clone(), there);
        Ok(false)
    }

    /// Partitions are given back: whoever works on them says how far each has come, and that is committed.
    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let places = self.forget(list);
        if !places.is_empty() {
            fail::at("revoke begun");
            if consumer.assignment_lost() {
                let _ = self.inputs.send(Input::Lost { places });
            } else {
                self.drain(consumer, places, false);
            }
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        }
    }

    /// Everything is given back, by rule 9 when this is a stop, while the client can still commit: one that is closing
    /// cannot see whether its commit has arrived.
    pub(super) fn give_all_back(&self, consumer: &BaseConsumer<Self>, stopping: bool) {
        // Ours until they have ended: what is delivered until then needs commits.
        let places: Vec<Place> = self.ours().assigned.keys().cloned().collect();
        if !places.is_empty() {
            self.drain(consumer, places, stopping);
        }
        self.ours().assigned.clear();
    }

    fn drain(&self, consumer: &BaseConsumer<Self>, places: Vec<Place>, stopping: bool) {
        let (done, answer) = flume::bounded(1);
        let patience = match stopping {
            true => self.settings.grace,
            false => self.settings.drain,
        };
        let revoked = Input::Revoked {
            places,
            done,
            stopping,
        };
        if self.inputs.send(revoked).is_err() {
            return;
        }
        let Ok(commits) = answer.recv_timeout(patience + MARGIN) else {
            return self.say(Event::CommitFailed(
                "a revoked partition did not say in time how far it had come".into(),
            ));
        };
        if let Err(error) = commit(consumer, &commits) {
            self.say(Event::CommitFailed(error.to_string()));
        }
    }

    fn forget(&self, list: &TopicPartitionList) -> Vec<Place> {
        let mut ours = self.ours();
        list.elements()
            .iter()
            .map(|element| Place::new(element.topic(), element.partition()))
            .filter(|place| ours.assigned.remove(place).is_some())
            .collect()
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // A gap is said by itself, once it is known what is missing.
        if code != Some(RDKafkaErrorCode::AutoOffsetReset) {
            self.say(Event::Fault(Fault::judge(code, reason)));
        }
    }

    fn stats(&self, statistics: Statistics) {
        let up: HashSet<i32> = statistics
            .brokers
            .values()
            .filter(|broker| broker.nodeid >= 0 && broker.state == "UP")
            .map(|broker| broker.nodeid)
            .collect();
        let any = statistics.brokers.values().any(|broker| broker.state == "UP");
        if self.ours().connected.replace(any) != Some(any) {
            self.say(Event::Connected(any));
        }
        let mut lags = Vec::new();
        for (place, assignment) in self.assigned() {
            let figures = statistics
                .topics
                .get(&*place.topic)
                .and_then(|topic| topic.partitions.get(&place.partition));
            // Without a connection to the leader the end is only what it once was.
            let Some(figures) =
                figures.filter(|figures| figures.hi_offset >= 0 && up.contains(&figures.leader))
            else {
                continue;
            };
            let lag = (figures.hi_offset - assignment.next).max(0);
            if lag == 0 {
                let _ = self.inputs.send(Input::AtEnd {
                    place: place.clone(),
                    offset: assignment.next,
                });
            }
            lags.push((place, lag));
        }
        if !lags.is_empty() {
            self.say(Event::Lag(lags));
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn StdError>> {
        token(&self.settings)
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
        let ended = match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        };
        if let Err(error) = ended {
            // What could not be assigned is not read until the client is made anew.
            self.broken.store(true, Ordering::Relaxed);
            self.say(Event::Fault(Fault::judge(
                error.rdkafka_error_code(),
                format!("a rebalance failed: {error}"),
            )));
            let places = self.forget(list);
            if !places.is_empty() {
                let _ = self.inputs.send(Input::Lost { places });
            }
            let _ = match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative => consumer.incremental_assign(&TopicPartitionList::new()),
                _ => consumer.assign(&TopicPartitionList::new()),
            };
        }
    }
}
