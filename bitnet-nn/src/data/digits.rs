//! The UCI handwritten digits, built into the library: 1,797 images of 8×8 pixels in 17 grey levels.
//!
//! E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
//! <https://doi.org/10.24432/C50P49>, CC BY 4.0; `bitnet-nn/data/README.md` says where the file comes from.
//!
//! **The split** is fixed for ever: the rows in the order of [`Stream`]`::new(0, Purpose::Split, 0)`, the
//! first 1,437 to learn from, the last 360 to test with. The file is ordered by writer; a shuffled split
//! measures new images by writers already seen, as scikit-learn's own examples do. A user's seed never
//! moves a row between the parts.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::{DataError, DataFault, Dataset, DatasetShape};
use crate::rng::{Purpose, Stream};

const FILE: &str = "digits.csv.gz";
const COMPRESSED: &[u8] = include_bytes!("../../data/digits.csv.gz");
const SIDE: usize = 8;
const FEATURES: usize = SIDE * SIDE;
const CLASSES: usize = 10;
const FULL_SCALE: u32 = 16;
const ROWS: usize = 1797;
const TRAIN_ROWS: usize = 1437;

/// The built-in data set, named "digits".
pub fn load() -> Dataset {
    parse(COMPRESSED).expect("the built-in file is whole: the tests of this module read it")
}

fn parse(compressed: &[u8]) -> Result<Dataset, DataError> {
    let error = |place: String, fault| DataError { file: FILE.to_owned(), place, fault };
    let mut text = String::new();
    MultiGzDecoder::new(compressed)
        .read_to_string(&mut text)
        .map_err(|source| error(String::new(), DataFault::Io(source)))?;
    let rows = text
        .lines()
        .enumerate()
        .map(|(index, line)| {
            parse_line(line).map_err(|what| error(format!("line {}", index + 1), DataFault::Text(what)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if rows.len() != ROWS {
        let what = format!("{} lines where {ROWS} are expected", rows.len());
        return Err(error(String::new(), DataFault::Text(what)));
    }
    let order = Stream::new(0, Purpose::Split, 0).permutation(ROWS as u32);
    let (train, test) = order.split_at(TRAIN_ROWS);
    let (train_levels, train_labels) = gather(&rows, train);
    let (test_levels, test_labels) = gather(&rows, test);
    let shape = DatasetShape {
        name: "digits".to_owned(),
        width: SIDE,
        height: SIDE,
        classes: CLASSES,
        full_scale: FULL_SCALE,
    };
    Dataset::new(shape, (&train_levels, train_labels), (&test_levels, test_labels))
}

struct Row {
    levels: [u8; FEATURES],
    label: u8,
}

fn parse_line(line: &str) -> Result<Row, String> {
    let mut row = Row { levels: [0; FEATURES], label: 0 };
    let mut fields = line.split(',');
    for slot in row.levels.iter_mut().chain([&mut row.label]) {
        let field = fields.next().ok_or("fewer than 65 fields")?;
        *slot = field.trim().parse().map_err(|_| format!("`{}` is no number from 0 to 255", field.trim()))?;
    }
    if fields.next().is_some() { Err("more than 65 fields".to_owned()) } else { Ok(row) }
}

fn gather(rows: &[Row], order: &[u32]) -> (Vec<u8>, Vec<u32>) {
    let picked = || order.iter().map(|&index| &rows[index as usize]);
    (picked().flat_map(|row| row.levels).collect(), picked().map(|row| u32::from(row.label)).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    // Reported results depend on the split: a change of this number is a change of the benchmark.
    const FINGERPRINT: u64 = 0x9304_5BAD_16CF_6C4A;

    #[test]
    fn the_built_in_file_holds_every_row_once_in_a_fixed_split() {
        let set = load();
        assert_eq!((set.train().len(), set.test().len()), (1437, 360));
        let mut per_class = [0; 10];
        set.train()
            .labels()
            .iter()
            .chain(set.test().labels())
            .for_each(|&label| per_class[label as usize] += 1);
        // Counted by the data set's documentation.
        assert_eq!(per_class, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(set.fingerprint(), FINGERPRINT);
    }

    #[test]
    fn each_class_is_in_the_test_part_about_as_often_as_in_the_whole() {
        let mut per_class = [0u32; 10];
        load().test().labels().iter().for_each(|&label| per_class[label as usize] += 1);
        assert!(per_class.iter().all(|n| (24..=48).contains(n)), "{per_class:?}");
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("writing to memory");
        encoder.finish().expect("writing to memory")
    }

    #[test]
    fn faults_name_the_line() {
        let good = "0,".repeat(64) + "3\n";
        let check = |text: String, expect: &str| {
            assert_eq!(parse(&gzip(&text)).unwrap_err().to_string(), format!("digits.csv.gz: {expect}"));
        };
        check(good.clone(), "1 lines where 1797 are expected");
        check(String::new(), "0 lines where 1797 are expected");
        check(good.clone() + "1,2,3\n", "line 2: fewer than 65 fields");
        check(good.clone() + &"0,".repeat(65) + "3", "line 2: more than 65 fields");
        check("0,".repeat(63) + "x,3\n", "line 1: `x` is no number from 0 to 255");
        check("0,".repeat(63) + "256,3\n", "line 1: `256` is no number from 0 to 255");
    }

    #[test]
    fn damaged_compression_is_an_error() {
        let cut = &COMPRESSED[..COMPRESSED.len() / 2];
        assert!(matches!(parse(cut).unwrap_err().fault, DataFault::Io(_)));
        assert!(matches!(parse(b"no gzip").unwrap_err().fault, DataFault::Io(_)));
    }
}
