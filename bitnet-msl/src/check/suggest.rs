//! "Did you mean": the closest name by edit distance.

/// The candidate that the name most probably meant, if one is close.
pub(super) fn closest<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = match name.chars().count() {
        // Nobody mistypes a name this long by three letters, and the distance costs its square.
        65.. => return None,
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name && candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, where exchanging two neighbours counts as one edit.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substitution = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substitution.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, candidates: &[&str], expect: Option<&str>) {
        assert_eq!(closest(name, candidates.iter().copied()), expect);
    }

    #[test]
    fn close_names_are_suggested_and_far_ones_are_not() {
        check(
            "thread_positon_in_grid",
            &["thread_position_in_grid", "threads_per_grid"],
            Some("thread_position_in_grid"),
        );
        check("bufer", &["buffer", "threadgroup"], Some("buffer"));
        check("lenght", &["length", "width"], Some("length"));
        check("x", &["y", "value"], None);
        check("alpha", &["omega", "zeta"], None);
        check("same", &["same"], None);
    }
}
