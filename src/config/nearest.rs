//! The known word that an unknown one was probably meant to be.

/// The candidate with the fewest edits from `word`, when they are few enough to be a slip.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(edits, candidate)| edits <= allowed || shares_stem(word, candidate))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// `retry_after` for `max_retry_after`: one holds the other whole.
fn shares_stem(word: &str, candidate: &str) -> bool {
    word.len() >= 4 && candidate.len() >= 4 && (candidate.contains(word) || word.contains(candidate))
}

/// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                let swapped: &Vec<usize> = &before_last;
                row[j] = row[j].min(swapped[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["linger", "client_id", "max_retry_after", "region"];

    #[test]
    fn a_slip_finds_its_word() {
        for (word, meant) in [
            ("lingre", "linger"),
            ("clientid", "client_id"),
            ("retry_after", "max_retry_after"),
            ("regoin", "region"),
        ] {
            assert_eq!(nearest(word, KNOWN), Some(meant), "{word}");
        }
    }

    #[test]
    fn another_word_altogether_finds_none() {
        assert_eq!(nearest("colour", KNOWN), None);
    }
}
