//! MNIST and its kin (Fashion-MNIST, KMNIST, …): the IDX files a user has, raw or gzip-compressed.
//!
//! The format: a big-endian magic number (0, 0, type, dimensions), one 32-bit length a dimension, then the
//! items; here bytes (type 8), three dimensions for images (count, rows, columns), one for labels. Ten
//! classes, grey levels 0 to 255. Anything else is an error that names the file and the byte: a data set
//! that is read wrongly trains well enough to go unnoticed.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{DataError, DataFault, Dataset, DatasetShape};

const CLASSES: usize = 10;
const FULL_SCALE: u32 = 255;
const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;
const MAX_SIDE: u32 = 1024;
const MAX_PIXELS: u64 = 1 << 30;

/// Reads the four files of `directory`: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
/// `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, each also with a dot before `idx` and with `.gz`
/// behind. The data set is named after the directory.
///
/// # Errors
/// A file that is missing, damaged, of the wrong type, too short or too long, without images, of absurd
/// size; labels that do not match the images in number or are not below 10; test images of another size
/// than the training images.
pub fn load(directory: &Path) -> Result<Dataset, DataError> {
    let train = read_part(directory, "train")?;
    let test = read_part(directory, "t10k")?;
    if (train.width, train.height) != (test.width, test.height) {
        return Err(DataError {
            file: test.images_file,
            place: "byte 8".to_owned(),
            fault: DataFault::OtherSize {
                height: test.height,
                width: test.width,
                train_height: train.height,
                train_width: train.width,
            },
        });
    }
    let name =
        directory.file_name().map_or_else(|| "mnist".into(), |name| name.to_string_lossy().into_owned());
    let shape = DatasetShape {
        name,
        width: train.width as usize,
        height: train.height as usize,
        classes: CLASSES,
        full_scale: FULL_SCALE,
    };
    Dataset::new(shape, (&train.levels, train.labels), (&test.levels, test.labels))
}

struct Part {
    images_file: String,
    width: u32,
    height: u32,
    levels: Vec<u8>,
    labels: Vec<u32>,
}

fn read_part(directory: &Path, prefix: &str) -> Result<Part, DataError> {
    let mut images = Idx::open(directory, prefix, "images", 3)?;
    images.expect_magic(IMAGES_MAGIC, "unsigned bytes in three dimensions: images")?;
    let [count, height, width] = [images.length()?, images.length()?, images.length()?];
    let sides = 1..=MAX_SIDE;
    let pixels = u64::from(count).saturating_mul(u64::from(height)).saturating_mul(u64::from(width));
    if count == 0 {
        return Err(images.error(4, DataFault::NoImages));
    }
    if !sides.contains(&height) || !sides.contains(&width) || pixels > MAX_PIXELS {
        return Err(images.error(4, DataFault::Size { count, height, width }));
    }
    let levels = images.items(pixels)?;

    let mut labels = Idx::open(directory, prefix, "labels", 1)?;
    labels.expect_magic(LABELS_MAGIC, "unsigned bytes in one dimension: labels")?;
    let label_count = labels.length()?;
    if label_count != count {
        let fault = DataFault::CountMismatch { images: count as usize, labels: label_count as usize };
        return Err(labels.error(4, fault));
    }
    let values = labels.items(u64::from(label_count))?;
    if let Some(at) = values.iter().position(|&label| usize::from(label) >= CLASSES) {
        let fault = DataFault::Label { label: u32::from(values[at]), classes: CLASSES };
        return Err(labels.error(8 + at as u64, fault));
    }
    let labels = values.into_iter().map(u32::from).collect();
    Ok(Part { images_file: images.file, width, height, levels, labels })
}

/// An open IDX file and the position in its (uncompressed) bytes.
struct Idx {
    file: String,
    reader: Box<dyn Read>,
    offset: u64,
}

impl Idx {
    fn open(directory: &Path, prefix: &str, what: &str, dimensions: u32) -> Result<Self, DataError> {
        let stems = [
            format!("{prefix}-{what}-idx{dimensions}-ubyte"),
            format!("{prefix}-{what}.idx{dimensions}-ubyte"),
        ];
        let names: Vec<String> = stems.iter().flat_map(|stem| [stem.clone(), format!("{stem}.gz")]).collect();
        let Some(path) = names.iter().map(|name| directory.join(name)).find(|path| path.exists()) else {
            return Err(DataError {
                file: directory.display().to_string(),
                place: String::new(),
                fault: DataFault::Missing { looked_for: names },
            });
        };
        let reader = open_maybe_compressed(&path).map_err(|source| DataError {
            file: path.display().to_string(),
            place: String::new(),
            fault: DataFault::Io(source),
        })?;
        Ok(Self { file: path.display().to_string(), reader, offset: 0 })
    }

    fn error(&self, offset: u64, fault: DataFault) -> DataError {
        DataError { file: self.file.clone(), place: format!("byte {offset}"), fault }
    }

    fn expect_magic(&mut self, expected: u32, meaning: &'static str) -> Result<(), DataError> {
        let found = self.length()?;
        if found == expected {
            return Ok(());
        }
        Err(self.error(0, DataFault::Magic { found, expected, meaning }))
    }

    fn length(&mut self) -> Result<u32, DataError> {
        let bytes = self.bytes(4)?;
        Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    /// `count` bytes that end the file.
    fn items(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let bytes = self.bytes(count)?;
        let mut rest = [0];
        match self.reader.read(&mut rest) {
            Ok(0) => Ok(bytes),
            Ok(_) => Err(self.error(self.offset, DataFault::Trailing)),
            Err(source) => Err(self.error(self.offset, DataFault::Io(source))),
        }
    }

    /// **Invariant:** memory grows with the bytes that are there, not with what a header claims.
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(count).read_to_end(&mut bytes);
        read.map_err(|source| self.error(self.offset, DataFault::Io(source)))?;
        let found = bytes.len() as u64;
        if found < count {
            return Err(self.error(self.offset, DataFault::Truncated { expected: count, found }));
        }
        self.offset += count;
        Ok(bytes)
    }
}

/// Compression is told by the content (gzip begins with 1f 8b, IDX with 0), for names lie.
fn open_maybe_compressed(path: &PathBuf) -> std::io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start)?;
    let compressed = start == [0x1F, 0x8B];
    let whole = BufReader::new(Cursor::new(start).chain(file));
    Ok(if compressed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}
