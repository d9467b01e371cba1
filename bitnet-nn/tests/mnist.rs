//! MNIST's files: what is whole is read, raw or compressed; every fault is named with file and place.

use std::fs;
use std::io::Write;
use std::path::Path;

use bitnet_nn::data::mnist;
use flate2::Compression;
use flate2::write::GzEncoder;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

fn idx(magic: u32, sizes: &[u32], items: &[u8]) -> Vec<u8> {
    let header = [&[magic], sizes].concat();
    header.iter().flat_map(|word| word.to_be_bytes()).chain(items.iter().copied()).collect()
}

fn images(count: u32, height: u32, width: u32, items: &[u8]) -> Vec<u8> {
    idx(0x0803, &[count, height, width], items)
}

fn labels(items: &[u8]) -> Vec<u8> {
    idx(0x0801, &[items.len() as u32], items)
}

/// Two training images and one test image of two rows and three columns.
fn write_whole(folder: &Path) {
    let levels: Vec<u8> = (0..12).map(|x| x * 23).collect();
    write(folder, TRAIN_IMAGES, &images(2, 2, 3, &levels));
    write(folder, TRAIN_LABELS, &labels(&[7, 0]));
    write(folder, TEST_IMAGES, &images(1, 2, 3, &[255, 0, 51, 0, 0, 102]));
    write(folder, TEST_LABELS, &labels(&[9]));
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("a temporary directory is writable");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("kind-of-mnist").tempdir().expect("a temporary directory");
    write_whole(folder.path());
    folder
}

#[test]
fn raw_files_are_read() {
    let folder = folder();
    let set = mnist::load(folder.path()).expect("whole");
    let shape = set.shape();
    assert_eq!((shape.width, shape.height, shape.classes, shape.full_scale), (3, 2, 10, 255));
    assert!(shape.name.starts_with("kind-of-mnist"), "{}", shape.name);
    assert_eq!((set.train().len(), set.train().labels()), (2, [7, 0].as_slice()));
    assert_eq!(set.train().image(1).map(|image| image[5]), Some(253.0 / 255.0));
    assert_eq!(set.test().images(), [1.0, 0.0, 0.2, 0.0, 0.0, 0.4]);
}

#[test]
fn compressed_files_and_names_with_a_dot_are_read_alike() {
    let (plain, packed) = (folder(), tempfile::tempdir().expect("a temporary directory"));
    for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        let bytes = fs::read(plain.path().join(name)).expect("written above");
        write(packed.path(), &format!("{}.gz", name.replace("-idx", ".idx")), &gzip(&bytes));
    }
    let (plain, packed) =
        (mnist::load(plain.path()).expect("whole"), mnist::load(packed.path()).expect("whole"));
    assert_eq!((plain.train(), plain.test()), (packed.train(), packed.test()));
}

/// The error after one file of a whole set is replaced (or, by `None`, removed); the folder's name left out.
fn fault(name: &str, bytes: Option<&[u8]>) -> String {
    let folder = folder();
    match bytes {
        Some(bytes) => write(folder.path(), name, bytes),
        None => fs::remove_file(folder.path().join(name)).expect("written above"),
    }
    let error = mnist::load(folder.path()).expect_err("a fault").to_string();
    error.replace(&folder.path().display().to_string(), "DIR")
}

fn check(name: &str, bytes: &[u8], expect: &str) {
    assert_eq!(fault(name, Some(bytes)), format!("DIR/{name}: {expect}"));
}

#[test]
fn a_missing_file_is_named_with_all_names_that_would_do() {
    assert_eq!(
        fault(TEST_LABELS, None),
        "DIR: no such file; looked for t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte.gz, \
         t10k-labels.idx1-ubyte, t10k-labels.idx1-ubyte.gz"
    );
    let missing = Path::new("/does/not/exist");
    let error = mnist::load(missing).expect_err("nothing there").to_string();
    assert!(error.starts_with("/does/not/exist: no such file; looked for train-images"), "{error}");
}

#[test]
fn truncated_files_are_named_with_the_byte() {
    let whole = images(1, 2, 3, &[1, 2, 3, 4, 5, 6]);
    check(TEST_IMAGES, &[], "byte 0: the file ends after 0 bytes of 4");
    check(TEST_IMAGES, &whole[..10], "byte 8: the file ends after 2 bytes of 4");
    check(TEST_IMAGES, &whole[..20], "byte 16: the file ends after 4 bytes of 6");
    check(TEST_LABELS, &labels(&[1])[..8], "byte 8: the file ends after 0 bytes of 1");
}

#[test]
fn bytes_after_the_last_item_are_a_fault() {
    let mut long = images(1, 2, 3, &[1, 2, 3, 4, 5, 6]);
    long.push(0);
    check(TEST_IMAGES, &long, "byte 22: bytes follow after the last item");
    check(TEST_LABELS, &idx(0x0801, &[1], &[1, 2]), "byte 9: bytes follow after the last item");
}

#[test]
fn files_of_another_type_are_told_apart() {
    let magic = "byte 0: the magic number is";
    check(
        TRAIN_IMAGES,
        &labels(&[1, 2]),
        &format!(
            "{magic} 0x00000801 where 0x00000803 (unsigned bytes in three dimensions: images) is expected"
        ),
    );
    check(
        TRAIN_LABELS,
        b"PNG image",
        &format!("{magic} 0x504e4720 where 0x00000801 (unsigned bytes in one dimension: labels) is expected"),
    );
}

#[test]
fn sizes_that_cannot_be_are_refused_without_reading_on() {
    check(TRAIN_IMAGES, &images(0, 2, 3, &[]), "byte 4: no images");
    let limits = "sides may be 1 to 1024, all pixels together 2^30";
    let check_size = |count, height, width| {
        let what = format!("byte 4: {count} images of {height} rows × {width} columns: {limits}");
        check(TRAIN_IMAGES, &images(count, height, width, &[]), &what);
    };
    check_size(1, 0, 3);
    check_size(1, 2, 0);
    check_size(1, 2, 1025);
    check_size(u32::MAX, u32::MAX, u32::MAX);
    check_size(2000, 1000, 1000);
    // Allowed sizes that the file does not keep: no more memory than the file has.
    let claim = images(1024, 1024, 1024, &[1, 2, 3]);
    check(TRAIN_IMAGES, &claim, "byte 16: the file ends after 3 bytes of 1073741824");
}

#[test]
fn labels_must_match_the_images_in_number_and_be_classes() {
    check(TRAIN_LABELS, &labels(&[1, 2, 3]), "byte 4: 2 images but 3 labels");
    check(TRAIN_LABELS, &labels(&[1, 10]), "byte 9: label 10, but classes are numbered 0 to 9");
}

#[test]
fn test_images_must_have_the_size_of_the_training_images() {
    check(
        TEST_IMAGES,
        &images(1, 3, 2, &[1, 2, 3, 4, 5, 6]),
        "byte 8: images of 3 rows × 2 columns, but the training images are 2 × 3",
    );
}

#[test]
fn damaged_compression_is_an_error_that_names_the_file() {
    let packed = gzip(&labels(&[9]));
    let cut = fault(TEST_LABELS, Some(&packed[..packed.len() - 3]));
    assert!(cut.starts_with("DIR/t10k-labels-idx1-ubyte: byte "), "{cut}");
    assert!(cut.contains("cannot be read: "), "{cut}");
    let garbage = fault(TEST_LABELS, Some(&[packed.as_slice(), b"garbage"].concat()));
    assert!(garbage.starts_with("DIR/t10k-labels-idx1-ubyte: byte "), "{garbage}");
}
