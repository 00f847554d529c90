//! Keeps what is counted, and writes it as Prometheus reads it.
//!
//! In: whatever the `metrics` macros are told. Out: one text per scrape, the process's own figures included. It
//! listens nowhere, and no series of it ever goes away.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{set_global_recorder, with_local_recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tokio::time::MissedTickBehavior;

use super::{ALL, Kind, describe, touch};

/// Samples of histograms pile up until this is done.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Histograms of the table are wrong.
    #[error("the table of metrics is wrong: {0}")]
    Table(#[from] BuildError),
    /// The process has one.
    #[error("this process counts its metrics elsewhere already; install one recorder only")]
    Taken,
}

/// A recorder of every metric of [`ALL`]. Clones are the same one.
#[derive(Clone)]
pub struct Recorder {
    kept: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    process: metrics_process::Collector,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder in which every metric is described and every series of a closed label set exists. Nothing is
    /// told to it yet.
    pub fn new() -> Result<Self, Error> {
        let mut builder = PrometheusBuilder::new();
        for metric in ALL {
            // Without bounds a histogram would become a summary, which cannot be added up over agents.
            if let Kind::Histogram(bounds) = metric.kind {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
            }
        }
        let kept = Arc::new(builder.build_recorder());
        let recorder = Self {
            handle: kept.handle(),
            process: metrics_process::Collector::default(),
            kept,
        };
        recorder.hear(|| {
            describe();
            recorder.process.describe();
        });
        Ok(recorder)
    }

    /// The recorder of this process: all threads count in it from now on.
    pub fn install() -> Result<Self, Error> {
        let recorder = Self::new()?;
        set_global_recorder(Arc::clone(&recorder.kept)).map_err(|_| Error::Taken)?;
        Ok(recorder)
    }

    /// Makes a metric's series exist for label values that this module may not know, such as reasons.
    pub fn present<'a>(
        &self,
        name: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = &'a str>,
    ) {
        let Some(metric) = ALL.iter().find(|metric| metric.name == name) else {
            return;
        };
        self.hear(|| {
            for value in values {
                touch(metric, vec![::metrics::Label::new(label, value.to_owned())]);
            }
        });
    }

    /// Runs `work`; what it counts on this thread is counted here.
    pub fn hear<T>(&self, work: impl FnOnce() -> T) -> T {
        with_local_recorder(&*self.kept, work)
    }

    /// Everything as Prometheus reads it.
    pub fn render(&self) -> String {
        self.hear(|| self.process.collect());
        self.handle.render()
    }

    /// Folds samples of histograms together every few seconds, without end: spawn it. Where nobody scrapes, memory
    /// would grow otherwise.
    pub fn upkeep(&self) -> impl Future<Output = ()> + Send + use<> {
        let handle = self.handle.clone();
        async move {
            let mut every = tokio::time::interval(UPKEEP);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                handle.run_upkeep();
            }
        }
    }
}
