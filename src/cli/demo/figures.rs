//! What the agent has counted, read from its own `/metrics` text, as a scraper would.

use std::collections::BTreeMap;

/// One reading of the metrics.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<(String, f64)>);

impl Figures {
    /// Reads Prometheus' text form.
    pub(super) fn read(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let read = series.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self(read.collect())
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(series, value)| {
            let labels = series.strip_prefix(name)?;
            (labels.is_empty() || labels.starts_with('{')).then_some((labels, *value))
        })
    }

    /// The sum of a metric's series.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.of(name).map(|(_, value)| value).sum()
    }

    /// A metric by the values of one label, zeros left out.
    pub(super) fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut values = BTreeMap::new();
        for (labels, value) in self.of(name).filter(|(_, value)| *value > 0.0) {
            if let Some(text) = label_of(labels, label) {
                *values.entry(text.to_owned()).or_default() += value;
            }
        }
        values
    }

    /// The bound below which `share` of a histogram's values lie, all its series together.
    pub(super) fn quantile(&self, name: &str, share: f64) -> Option<f64> {
        let mut buckets: BTreeMap<u64, f64> = BTreeMap::new();
        for (labels, count) in self.of(&format!("{name}_bucket")) {
            let bound: f64 = label_of(labels, "le")?.parse().ok()?;
            // Positive floats are in the order of their bits.
            *buckets.entry(bound.to_bits()).or_default() += count;
        }
        let (_, total) = buckets.last_key_value().filter(|(_, total)| **total > 0.0)?;
        let (bound, _) = buckets.iter().find(|(_, count)| **count >= total * share)?;
        Some(f64::from_bits(*bound))
    }
}

fn label_of<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let from = labels.find(&format!("{name}=\""))? + name.len() + 2;
    labels[from..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE a counter\na{lane=\"x\"} 2\na{lane=\"y\"} 3\nab 9\n\
        d_bucket{lane=\"x\",le=\"0.5\"} 90\nd_bucket{lane=\"x\",le=\"1\"} 99\nd_bucket{lane=\"x\",le=\"+Inf\"} 100\n";

    #[test]
    fn sums_labels_and_quantiles_are_read() {
        let figures = Figures::read(TEXT);
        assert_eq!(figures.sum("a"), 5.0);
        assert_eq!(
            figures.by("a", "lane"),
            BTreeMap::from([("x".into(), 2.0), ("y".into(), 3.0)])
        );
        assert_eq!(figures.quantile("d", 0.5), Some(0.5));
        assert_eq!(figures.quantile("d", 0.99), Some(1.0));
        assert_eq!(figures.quantile("d", 1.0), Some(f64::INFINITY));
        assert_eq!(figures.quantile("none", 0.5), None);
    }
}
