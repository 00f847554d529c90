//! The real text of a scrape, read as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Families of a scrape: name to kind, as its `# TYPE` lines say.
fn families(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect()
}

fn helped(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| Some(line.strip_prefix("# HELP ")?.split_once(' ')?.0))
        .collect()
}

#[test]
fn every_closed_series_is_present_and_described_before_anything_is_counted() {
    let text = Recorder::new().unwrap().render();
    let (families, helped) = (families(&text), helped(&text));
    for metric in ALL {
        if matches!(metric.label, Open(_)) && metric.name != BUILD_INFO {
            continue;
        }
        let kind = match metric.kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram(_) => "histogram",
        };
        assert_eq!(families.get(metric.name), Some(&kind), "{}", metric.name);
        assert!(helped.contains(metric.name), "{} is not described", metric.name);
    }
    for series in [
        "cic_conduit_events_accepted_total{lane=\"outOfOffice\"} 0",
        "cic_conduit_connection_changes_total{to=\"genesys_cloud\",change=\"lost\"} 0",
        "cic_conduit_bytes_in_flight 0",
        concat!(
            "cic_conduit_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} is not in\n{text}"
        );
    }
}

#[test]
fn a_scrape_tells_of_nothing_but_the_table_and_the_process() {
    let text = Recorder::new().unwrap().render();
    let known: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    for family in families(&text).into_keys() {
        assert!(
            known.contains(family) || family.starts_with("process_"),
            "{family}"
        );
    }
    assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
}

#[test]
fn values_that_only_others_know_are_present_once_they_are_named() {
    let recorder = Recorder::new().unwrap();
    recorder.present(RECORDS_SKIPPED, "reason", ["no_change", "too_late"]);
    let text = recorder.render();
    for reason in ["no_change", "too_late"] {
        let series = format!("{RECORDS_SKIPPED}{{reason=\"{reason}\"}} 0");
        assert!(
            text.lines().any(|line| line == series),
            "{series} is not in\n{text}"
        );
    }
}

#[test]
fn histograms_have_the_buckets_of_the_table() {
    let recorder = Recorder::new().unwrap();
    recorder.hear(|| histogram!(DELIVERY_DELAY, "lane" => "presence").record(0.03));
    let text = recorder.render();
    let bucket = |bound| format!("{DELIVERY_DELAY}_bucket{{lane=\"presence\",le=\"{bound}\"}}");
    assert!(text.contains(&format!("{} 0", bucket("0.025"))), "{text}");
    assert!(text.contains(&format!("{} 1", bucket("0.05"))), "{text}");
    assert!(!text.contains("quantile="), "{text}");
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let mut seen = BTreeSet::new();
    for Metric {
        name,
        kind,
        label,
        help,
    } in ALL
    {
        assert!(seen.insert(name), "{name} stands twice");
        let plain = |text: &str| {
            text.chars()
                .all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
        };
        assert!(plain(name), "{name}");
        assert_eq!(
            *kind == Counter,
            name.ends_with("_total"),
            "{name}: only a counter ends in _total"
        );
        for unit in ["_ms", "milliseconds", "_mb", "kilobytes", "minutes", "percent"] {
            assert!(!name.contains(unit), "{name} is not in base units");
        }
        for ending in ["_bucket", "_sum", "_count"] {
            assert!(
                !name.ends_with(ending),
                "{name} would be taken for a part of a histogram"
            );
        }
        for label in label.names() {
            assert!(
                plain(label) && !matches!(label, "le" | "quantile" | "job" | "instance"),
                "{name}: {label}"
            );
        }
        assert!(!help.is_empty() && !help.ends_with('.'), "{name}: {help}");
        if let Histogram(bounds) = kind {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{name}: {bounds:?}");
        }
    }
}

#[test]
fn every_metric_has_its_row_in_the_table() {
    let table = markdown();
    assert_eq!(table.lines().count(), ALL.len() + 2);
    for metric in ALL {
        assert!(
            table.contains(&format!("| `{}` | ", metric.name)),
            "{}",
            metric.name
        );
    }
}

#[tokio::test(start_paused = true)]
async fn upkeep_goes_on_until_it_is_dropped() {
    let upkeep = Recorder::new().unwrap().upkeep();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), upkeep).await;
    assert!(ended.is_err());
}
