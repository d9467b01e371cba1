//! Names that exist, for messages about one that does not.

use std::fmt;

/// What an error about an unknown name says after it: the nearest name, and all names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownNames {
    /// The known name nearest to the one asked for, if one is near enough to be meant.
    pub nearest: Option<String>,
    /// All known names, sorted.
    pub available: Vec<String>,
}

impl KnownNames {
    /// The names that exist, seen from the one that was asked for.
    pub fn for_unknown<S: Into<String>>(asked: &str, available: impl IntoIterator<Item = S>) -> Self {
        let mut available: Vec<String> = available.into_iter().map(Into::into).collect();
        available.sort();
        let most_edits = (asked.chars().count() / 3).max(1);
        let nearest = available
            .iter()
            .map(|name| (edit_distance(asked, name), name))
            .filter(|(edits, _)| *edits <= most_edits)
            .min_by_key(|(edits, _)| *edits)
            .map(|(_, name)| name.clone());
        Self { nearest, available }
    }
}

impl fmt::Display for KnownNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean '{nearest}'?")?;
        }
        match self.available.as_slice() {
            [] => write!(f, " (there are none)"),
            names => write!(f, " (available: {})", names.join(", ")),
        }
    }
}

/// How many characters must be inserted, deleted or replaced to make `b` of `a` (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        for (a, b, expect) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("relu", "relu", 0),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edit_distance(a, b), expect, "{a} to {b}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        let names = ["quantization", "bitlinear", "activation"];
        let check = |asked: &str, expect: &str| {
            assert_eq!(KnownNames::for_unknown(asked, names).to_string(), expect);
        };
        check("bitliner", "; did you mean 'bitlinear'? (available: activation, bitlinear, quantization)");
        check("matmul", " (available: activation, bitlinear, quantization)");
        assert_eq!(KnownNames::for_unknown("x", [""; 0]).to_string(), " (there are none)");
    }
}
