//! Files of a cache by themselves: what is read, what is refused, what is removed.

use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::metal::compile_options::CompileOptions;
use crate::metal::device::Device;
use crate::metal::host_options::HostOptions;

fn key(name: &str) -> CacheKey {
    CacheKey::new(&Device::host(HostOptions::default()), name, "", &CompileOptions::default())
}

fn label() -> Label {
    Label::new("own", &CompileOptions::default())
}

fn cache() -> (tempfile::TempDir, ShaderCache) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = ShaderCache::at(directory.path().join("made").join("when needed"));
    (directory, cache)
}

fn loaded(cache: &ShaderCache, name: &str) -> Result<Option<Vec<u8>>, String> {
    cache.load(&key(name)).map_err(|fault| fault.to_string())
}

fn set_age(path: &Path, age: Duration) {
    let file = File::options().write(true).open(path).expect("the file is there");
    file.set_modified(SystemTime::now() - age).expect("the file system keeps times");
}

fn names(cache: &ShaderCache) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(cache.directory())
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("our names are ASCII"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_stored_is_loaded_and_the_last_writer_wins() {
    let (_directory, cache) = cache();
    assert_eq!(loaded(&cache, "a"), Ok(None));
    assert_eq!(cache.entries().map(|entries| entries.len()).map_err(|e| e.kind()), Ok(0));
    for artifact in [&b"first"[..], b"", b"third"] {
        cache.store(&key("a"), &label(), artifact);
        assert_eq!(loaded(&cache, "a"), Ok(Some(artifact.to_vec())));
    }
    assert_eq!(loaded(&cache, "b"), Ok(None));
    assert_eq!(names(&cache), [format!("{}.bitnet-shader", key("a"))]);
}

#[test]
fn no_changed_file_is_believed() {
    let (_directory, cache) = cache();
    cache.store(&key("a"), &label(), b"the artifact");
    let path = cache.entry_path(&key("a"));
    let good = fs::read(&path).expect("just written");
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, &bytes).expect("writable");
        assert!(loaded(&cache, "a").is_err(), "byte {at} was changed");
        fs::write(&path, &good[..at]).expect("writable");
        assert!(loaded(&cache, "a").is_err(), "only {at} bytes are left");
    }
    let check = |bytes: &[u8], fault: &str| {
        fs::write(&path, bytes).expect("writable");
        assert_eq!(loaded(&cache, "a"), Err(fault.to_owned()));
    };
    check(b"", "it is not an entry of a shader cache, or only a part of one");
    check(b"#!/bin/sh", "it is not an entry of a shader cache, or only a part of one");
    check(&[&good[..8], &[9], &good[9..]].concat(), "it has format 9, not 1");
    check(&[&good, &b"x"[..]].concat(), "its checksum does not match");
    check(&vec![0; entry::MAX_ENTRY_BYTES + 1], "it is longer than any entry");
    cache.store(&key("b"), &label(), b"another artifact");
    check(&fs::read(cache.entry_path(&key("b"))).expect("just written"), "it is the entry of another shader");
    // A label that claims to be longer than the file, with a checksum that holds.
    let rest = [u32::MAX.to_le_bytes(), [0; 4]].concat();
    let header = [&good[..44], blake3::hash(&rest).as_bytes(), &rest].concat();
    check(&header, "it is not an entry of a shader cache, or only a part of one");
    fs::write(&path, &good).expect("writable");
    assert_eq!(loaded(&cache, "a"), Ok(Some(b"the artifact".to_vec())));
}

#[test]
fn the_oldest_files_make_room() {
    let (_directory, cache) = cache();
    let cache = ShaderCache { limit_bytes: 2500, ..cache };
    let artifact = [7; 900];
    for (age, name) in [(30, "a"), (20, "b")] {
        cache.store(&key(name), &label(), &artifact);
        set_age(&cache.entry_path(&key(name)), Duration::from_secs(age));
    }
    let archive = cache.archive_path(&key("a"));
    fs::write(&archive, [1; 100]).expect("writable");
    set_age(&archive, Duration::from_secs(40));
    let foreign = cache.directory().join("notes.txt");
    fs::write(&foreign, [1; 4000]).expect("writable");
    set_age(&foreign, Duration::from_secs(50));
    cache.store(&key("c"), &label(), &artifact);
    assert!(!archive.exists(), "the oldest file");
    assert_eq!(loaded(&cache, "a"), Ok(None), "the next one");
    assert!(foreign.exists() && loaded(&cache, "b").is_ok_and(|b| b.is_some()));
    // One that is larger than the limit by itself is kept until the next one comes.
    cache.store(&key("large"), &label(), &[1; 4000]);
    assert_eq!(names(&cache), [format!("{}.bitnet-shader", key("large")), "notes.txt".to_owned()]);
}

#[test]
fn files_that_a_killed_process_left_are_removed_when_they_are_old() {
    let (_directory, cache) = cache();
    cache.store(&key("a"), &label(), b"x");
    let [old, young] =
        ["old", "young"].map(|name| cache.directory().join(format!(".bitnet-{name}.unfinished")));
    for (path, age) in [(&old, 2 * 60 * 60), (&young, 60)] {
        fs::write(path, b"half an ent").expect("writable");
        set_age(path, Duration::from_secs(age));
    }
    cache.store(&key("b"), &label(), b"x");
    assert!(!old.exists() && young.exists());
}

#[test]
fn clearing_removes_the_caches_files_and_nothing_else() {
    let (_directory, cache) = cache();
    assert_eq!(cache.clear().map_err(|e| e.kind()), Ok(Cleared::default()), "there is no directory yet");
    cache.store(&key("a"), &label(), b"x");
    let unfinished_archive = cache.archive_path(&key("a")).with_extension("123-0.tmp");
    let ours =
        [cache.archive_path(&key("a")), cache.directory().join(".bitnet-Ab3.unfinished"), unfinished_archive];
    let others = ["notes.txt", "a.bitnet-shader", ".bitnet-x", "ABCDEF.bitnet-archive", "a.tmp"];
    for name in others {
        fs::write(cache.directory().join(name), b"y").expect("writable");
    }
    ours.iter().for_each(|path| fs::write(path, b"z").expect("writable"));
    // A directory is not a file of ours, whatever it is called.
    fs::create_dir(cache.entry_path(&key("b"))).expect("writable");
    let cleared = cache.clear().expect("all of it may be removed");
    assert_eq!(cleared.files, 4);
    let mut left: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
    left.push(format!("{}.bitnet-shader", key("b")));
    left.sort();
    assert_eq!(names(&cache), left);
}

#[test]
fn entries_are_listed_with_what_is_wrong_with_them() {
    let (_directory, cache) = cache();
    let module =
        bitnet_msl::compile("own.metal", "kernel void k() {}\n", &bitnet_msl::CompileOptions::default());
    let artifact =
        bitnet_msl::artifact::encode(&module.module.expect("it is right"), "").expect("it is small");
    cache.store(&key("good"), &label(), &artifact);
    cache.store(&key("no artifact"), &label(), b"x");
    fs::copy(cache.entry_path(&key("good")), cache.entry_path(&key("renamed"))).expect("writable");
    fs::write(cache.archive_path(&key("good")), b"the driver's").expect("writable");
    fs::write(cache.directory().join(".bitnet-1.unfinished"), b"half").expect("writable");
    let states: Vec<(String, EntryState)> = cache
        .entries()
        .expect("readable")
        .into_iter()
        .map(|entry| (entry.path.file_name().expect("a file").to_string_lossy().into_owned(), entry.state))
        .collect();
    let state = |path: PathBuf| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        states.iter().find(|(listed, _)| *listed == name).map(|(_, state)| state.clone())
    };
    let Label { shader, options } = label();
    assert_eq!(options, "MSL 3.2, default, fast math, lines");
    assert_eq!(state(cache.entry_path(&key("good"))), Some(EntryState::Valid { shader, options }));
    assert_eq!(
        state(cache.entry_path(&key("no artifact"))),
        Some(EntryState::Faulty(EntryFault::Artifact("this is not an artifact".to_owned())))
    );
    assert_eq!(state(cache.entry_path(&key("renamed"))), Some(EntryState::Faulty(EntryFault::OtherKey)));
    assert_eq!(state(cache.archive_path(&key("good"))), Some(EntryState::Archive));
    assert_eq!(state(".bitnet-1.unfinished".into()), Some(EntryState::Unfinished));
    assert_eq!(states.len(), 5);
}

#[test]
fn everything_that_a_compilation_depends_on_changes_the_key() {
    let device = Device::host(HostOptions::default());
    let of =
        |name: &str, source: &str, options: &CompileOptions| CacheKey::new(&device, name, source, options);
    let with = |change: fn(&mut CompileOptions)| {
        let mut options = CompileOptions::default();
        change(&mut options);
        of("a", "text", &options)
    };
    let keys = [
        with(|_| {}),
        of("b", "text", &CompileOptions::default()),
        of("a", "other text", &CompileOptions::default()),
        with(|options| options.language_version = crate::metal::LanguageVersion::Metal3_0),
        with(|options| options.fast_math = false),
        with(|options| options.optimization_level = crate::metal::OptimizationLevel::Full),
        with(|options| options.debug_info = false),
        with(|options| options.defines = [("A", "1")].into()),
        with(|options| options.defines = [("A", "2")].into()),
        with(|options| options.defines = [("A1", "")].into()),
        with(|options| drop(options.includes.insert("A".into(), "1".into()))),
        with(|options| drop(options.includes.insert("A".into(), "2".into()))),
    ];
    let distinct: std::collections::HashSet<CacheKey> = keys.into_iter().collect();
    assert_eq!(distinct.len(), keys.len());
    // The number of threads makes no difference, and neither does which device it is.
    let other = Device::host(HostOptions { threads: Some(1), ..HostOptions::default() });
    assert_eq!(CacheKey::new(&other, "a", "text", &CompileOptions::default()), keys[0]);
}
