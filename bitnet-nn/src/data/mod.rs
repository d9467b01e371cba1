//! Data sets: labelled grey images, divided into training and test rows.
//!
//! [`digits`] is built in; [`mnist`] reads the files a user has. Both give a [`Dataset`], whose contents
//! are checked once, on construction, so that training and evaluation need not look again.

use std::fmt;

pub mod digits;
pub mod mnist;

/// Labelled images of one part (training or test) of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    images: Vec<f32>, // (rows, features), 0 to 1
    labels: Vec<u32>, // (rows)
    features: usize,
}

impl Samples {
    /// The pixels of all images, row-major (rows, features), from 0 (paper) to 1 (ink).
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// The class of each image, each less than the data set's `classes`.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The number of images; never 0.
    #[allow(clippy::len_without_is_empty)] // **Invariant:** a part of a data set holds at least one image
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The pixels of image `index`, or `None` past the last.
    pub fn image(&self, index: usize) -> Option<&[f32]> {
        self.images.chunks_exact(self.features).nth(index)
    }
}

/// A data set: its shape, its training rows and its test rows.
///
/// **Invariant:** every image has `width × height` finite pixels, every label is less than `classes`,
/// neither part is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    shape: DatasetShape,
    train: Samples,
    test: Samples,
}

/// What is known of a data set beside its rows. Model files carry it too.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetShape {
    /// What the data set is called, as in "digits".
    pub name: String,
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// How many classes there are; labels are below it.
    pub classes: usize,
    /// The normalisation: the grey level of the file that became 1.0 (16 for the digits, 255 for MNIST).
    pub full_scale: u32,
}

impl DatasetShape {
    /// Pixels of one image.
    ///
    /// ```
    /// assert_eq!(bitnet_nn::data::digits::load().shape().features(), 64);
    /// ```
    pub fn features(&self) -> usize {
        self.width.saturating_mul(self.height)
    }
}

impl Dataset {
    /// A data set from rows of grey levels (row-major, `width × height` a row) and labels, divided by
    /// `full_scale`.
    ///
    /// # Errors
    /// If a part is empty, lengths disagree, a label is not below `classes` or a level is above `full_scale`.
    pub fn new(
        shape: DatasetShape,
        train: (&[u8], Vec<u32>),
        test: (&[u8], Vec<u32>),
    ) -> Result<Self, DataError> {
        let train = samples(&shape, "training rows", train)?;
        let test = samples(&shape, "test rows", test)?;
        Ok(Self { shape, train, test })
    }

    /// Name, sizes and normalisation.
    pub fn shape(&self) -> &DatasetShape {
        &self.shape
    }

    /// The rows to learn from.
    pub fn train(&self) -> &Samples {
        &self.train
    }

    /// The rows to measure with.
    pub fn test(&self) -> &Samples {
        &self.test
    }

    /// A 64-bit FNV-1a hash of shape, pixels and labels. A checkpoint carries it: going on with other data
    /// would silently give other losses.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
        for part in [&self.train, &self.test] {
            for size in [self.shape.width, self.shape.height, self.shape.classes, part.len()] {
                hash.add(&(size as u64).to_le_bytes());
            }
            part.images.iter().for_each(|x| hash.add(&x.to_bits().to_le_bytes()));
            part.labels.iter().for_each(|y| hash.add(&y.to_le_bytes()));
        }
        hash.0
    }
}

struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

fn samples(
    shape: &DatasetShape,
    part: &str,
    (levels, labels): (&[u8], Vec<u32>),
) -> Result<Samples, DataError> {
    let error = |place: String, fault| DataError { file: shape.name.clone(), place, fault };
    if labels.is_empty() || shape.features() == 0 {
        return Err(error(part.to_owned(), DataFault::NoImages));
    }
    if levels.len() / shape.features() != labels.len() || levels.len() % shape.features() != 0 {
        let fault =
            DataFault::CountMismatch { images: levels.len() / shape.features(), labels: labels.len() };
        return Err(error(part.to_owned(), fault));
    }
    if let Some(row) = labels.iter().position(|&label| label as usize >= shape.classes) {
        let fault = DataFault::Label { label: labels[row], classes: shape.classes };
        return Err(error(format!("{part}, label {row}"), fault));
    }
    if let Some(at) = levels.iter().position(|&level| u32::from(level) > shape.full_scale) {
        let fault = DataFault::Level { level: u32::from(levels[at]), full_scale: shape.full_scale };
        return Err(error(format!("{part}, image {}", at / shape.features()), fault));
    }
    let full_scale = shape.full_scale as f32;
    let images = levels.iter().map(|&level| f32::from(level) / full_scale).collect();
    Ok(Samples { images, labels, features: shape.features() })
}

/// What is wrong with data, and where.
#[derive(Debug, thiserror::Error)]
pub struct DataError {
    /// The file, or the data set's name where no file is meant.
    pub file: String,
    /// The place in it: a byte offset, a line, an image.
    pub place: String,
    /// What is wrong there.
    #[source]
    pub fault: DataFault,
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            write!(f, "{}: {}", self.file, self.fault)
        } else {
            write!(f, "{}: {}: {}", self.file, self.place, self.fault)
        }
    }
}

/// The ways in which data can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum DataFault {
    /// None of the file names that would do is there.
    #[error("no such file; looked for {}", looked_for.join(", "))]
    Missing {
        /// The names tried.
        looked_for: Vec<String>,
    },
    /// The operating system refused, or the compressed data is damaged.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
    /// The file ends too soon.
    #[error("the file ends after {found} bytes of {expected}")]
    Truncated {
        /// Bytes that should follow.
        expected: u64,
        /// Bytes that do.
        found: u64,
    },
    /// There is more in the file than its header says.
    #[error("bytes follow after the last item")]
    Trailing,
    /// The file is of another type.
    #[error("the magic number is {found:#010x} where {expected:#010x} ({meaning}) is expected")]
    Magic {
        /// What the file begins with.
        found: u32,
        /// What it should begin with.
        expected: u32,
        /// What the expected number says.
        meaning: &'static str,
    },
    /// An image without pixels, or sizes beyond any real data set.
    #[error(
        "{count} images of {height} rows × {width} columns: sides may be 1 to 1024, all pixels together 2^30"
    )]
    Size {
        /// Images declared.
        count: u32,
        /// Rows of each.
        height: u32,
        /// Columns of each.
        width: u32,
    },
    /// Training and test images differ in size.
    #[error(
        "images of {height} rows × {width} columns, but the training images are {train_height} × {train_width}"
    )]
    OtherSize {
        /// Rows here.
        height: u32,
        /// Columns here.
        width: u32,
        /// Rows of a training image.
        train_height: u32,
        /// Columns of a training image.
        train_width: u32,
    },
    /// There is nothing to learn from.
    #[error("no images")]
    NoImages,
    /// Not as many labels as images.
    #[error("{images} images but {labels} labels")]
    CountMismatch {
        /// Images.
        images: usize,
        /// Labels.
        labels: usize,
    },
    /// A label that names no class.
    #[error("label {label}, but classes are numbered 0 to {}", classes.saturating_sub(1))]
    Label {
        /// The label.
        label: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// A grey level beyond full scale.
    #[error("grey level {level}, but levels go from 0 to {full_scale}")]
    Level {
        /// The level.
        level: u32,
        /// The highest.
        full_scale: u32,
    },
    /// A line of text that is not what the format says.
    #[error("{0}")]
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> DatasetShape {
        DatasetShape { name: "toy".into(), width: 2, height: 1, classes: 3, full_scale: 16 }
    }

    #[test]
    fn rows_are_checked_and_the_fault_names_the_part_and_the_row() {
        let good: (&[u8], Vec<u32>) = (&[0, 8], vec![1]);
        let check = |bad: (&[u8], Vec<u32>), expect: &str| {
            let as_test = Dataset::new(shape(), good.clone(), bad.clone()).unwrap_err().to_string();
            assert_eq!(as_test, format!("toy: test rows{expect}"));
            let as_train = Dataset::new(shape(), bad, good.clone()).unwrap_err().to_string();
            assert_eq!(as_train, format!("toy: training rows{expect}"));
        };
        check((&[], vec![]), ": no images");
        check((&[1, 2], vec![]), ": no images");

        check((&[1, 2, 3, 4], vec![0]), ": 2 images but 1 labels");
        check((&[1, 2, 3, 4], vec![0, 3]), ", label 1: label 3, but classes are numbered 0 to 2");
        check((&[1, 2, 3, 17], vec![0, 2]), ", image 1: grey level 17, but levels go from 0 to 16");
    }

    #[test]
    fn levels_become_fractions_of_full_scale() {
        let set = Dataset::new(shape(), (&[0, 8], vec![1]), (&[16, 4, 2, 1], vec![2, 0])).unwrap();
        assert_eq!(set.train().images(), [0.0, 0.5]);
        assert_eq!(set.test().image(0), Some([1.0, 0.25].as_slice()));
        assert_eq!(set.test().image(1), Some([0.125, 0.0625].as_slice()));
        assert_eq!(set.test().image(2), None);
        assert_eq!(set.test().len(), 2);
    }

    #[test]
    fn the_fingerprint_sees_pixels_labels_and_shape() {
        let of = |name: &str, width, levels: &[u8], label| {
            let shape = DatasetShape { name: name.into(), width, height: 4 / width, ..shape() };
            Dataset::new(shape, (levels, vec![label]), (&[0; 4], vec![0])).unwrap().fingerprint()
        };
        let base = of("a", 2, &[1, 2, 3, 4], 1);
        assert_eq!(base, of("another name", 2, &[1, 2, 3, 4], 1));
        assert_ne!(base, of("a", 2, &[1, 2, 3, 5], 1));
        assert_ne!(base, of("a", 2, &[1, 2, 3, 4], 2));
        assert_ne!(base, of("a", 1, &[1, 2, 3, 4], 1));
    }
}
