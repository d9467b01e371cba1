//! Processes that write to one cache: killed in the middle of it, and in crowds.
//!
//! The processes are this test program itself, told by environment variables to run one function of this file.

use std::env;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::*;

/// Where a process writes.
const CACHE: &str = "BITNET_TEST_CACHE";
/// What number it starts with.
const START: &str = "BITNET_TEST_START";

/// A shader that is quickly compiled and slowly written: 1 MiB of constants. `k` gives `NUMBER`.
fn big_shader() -> TempDir {
    let directory = directory();
    let text = "constant char table[1 << 20] = {};\n\
                kernel void k(device float *out [[buffer(0)]]) { out[0] = NUMBER + table[NUMBER]; }\n";
    write(directory.path(), "own.metal", text);
    directory
}

/// The big shader with a number.
fn numbered(shaders: &Path, cache: &Path, number: u32) -> ShaderCompiler {
    let mut config = config(shaders, cache);
    config.compile_options.defines.insert("NUMBER", number.to_string());
    compiler(config)
}

fn entry_of(compiler: &ShaderCompiler) -> PathBuf {
    let key = compiler.cache_key("own").expect("it is there");
    compiler.disk_cache().expect("it was given one").entry_path(&key)
}

/// The entries that are valid and the files that are not finished. Anything else is a failure.
fn census(cache: &Path) -> (usize, usize) {
    let entries = ShaderCache::at(cache).entries().expect("the directory can be read");
    let faulty: Vec<_> =
        entries.iter().filter(|entry| matches!(entry.state, EntryState::Faulty(_))).collect();
    assert!(faulty.is_empty(), "{faulty:?}");
    let unfinished = entries.iter().filter(|entry| entry.state == EntryState::Unfinished).count();
    (entries.len() - unfinished, unfinished)
}

/// Starts this program again to run one of its tests with these variables.
fn start(test: &str, variables: &[(&str, String)]) -> Child {
    Command::new(env::current_exe().expect("it is running"))
        .args(["--exact", &format!("processes::{test}")])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts again")
}

/// Fills a cache with entries. By itself it writes two and looks at them; told where, it writes until it is killed.
#[test]
fn a_writer_leaves_valid_entries() {
    let shaders = big_shader();
    let fill = |cache: &Path, number: u32| {
        let compiler = numbered(shaders.path(), cache, number);
        assert_eq!(
            compiler.compile_shader("own").map(|shader| shader.name().to_owned()).ok().as_deref(),
            Some("own")
        );
    };
    if let Some(cache) = env::var_os(CACHE) {
        let start = env::var(START).expect("it comes with the cache").parse().expect("a number");
        (start..u32::MAX).for_each(|number| fill(Path::new(&cache), number));
    }
    let cache = directory();
    (0..2).for_each(|number| fill(cache.path(), number));
    assert_eq!(census(cache.path()), (2, 0));
}

#[test]
fn killing_a_writer_never_breaks_the_next_start() {
    const INTERRUPTED: usize = 10;
    let (shaders, cache) = (big_shader(), directory());
    let (mut kills, mut interrupted) = (0u32, 0);
    while interrupted < INTERRUPTED {
        kills += 1;
        assert!(kills <= 300, "only {interrupted} of {kills} kills came in the middle of a write");
        let number = kills * 1000;
        let variables = [(CACHE, cache.path().display().to_string()), (START, number.to_string())];
        let mut writer = start("a_writer_leaves_valid_entries", &variables);
        let first = entry_of(&numbered(shaders.path(), cache.path(), number));
        // Its first entry says that it is at work, a new unfinished file that it is in the middle of a write. Some
        // are killed at any other moment.
        let is_time =
            || first.exists() && (kills.is_multiple_of(4) || unfinished(cache.path()) > interrupted);
        while !is_time() {
            assert_eq!(writer.try_wait().expect("it can be asked"), None, "the writer ended by itself");
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(u64::from(kills * 797 % 3000)));
        writer.kill().expect("it can be killed");
        writer.wait().expect("it ends");
        let (_, left) = census(cache.path());
        assert!(left >= interrupted, "nobody removes young files");
        interrupted = left;
        // The next start: what was written is used, or made again, and right.
        for number in [number, number + 1, 0] {
            assert_eq!(value(&numbered(shaders.path(), cache.path(), number)), number as f32);
        }
    }
    println!("{interrupted} of {kills} kills came in the middle of a write");
    let left = ShaderCache::at(cache.path());
    left.clear().expect("it can be removed");
    assert_eq!(fs::read_dir(cache.path()).expect("it stays").count(), 0);
}

/// How many files are being written, or were when their writer was killed.
fn unfinished(cache: &Path) -> usize {
    let files = fs::read_dir(cache).expect("the directory can be read");
    files
        .filter(|file| file.as_ref().is_ok_and(|f| f.path().extension().is_some_and(|e| e == "unfinished")))
        .count()
}

/// Eight threads compile one shader at once, each with a compiler of its own. By itself into an own cache; told
/// where, into that one.
#[test]
fn a_crowd_of_threads_writes_one_entry() {
    let own = directory();
    let cache = env::var_os(CACHE).map_or_else(|| own.path().to_owned(), PathBuf::from);
    let shaders = big_shader();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let compiler = numbered(shaders.path(), &cache, 3);
                assert_eq!(value(&compiler), 3.0);
            });
        }
    });
    assert_eq!(value(&numbered(shaders.path(), &cache, 3)), 3.0);
    if own.path() == cache {
        assert_eq!(census(&cache), (1, 0));
    }
}

#[test]
fn a_crowd_of_processes_writes_one_entry() {
    let cache = directory();
    let variables = [(CACHE, cache.path().display().to_string())];
    let crowd: Vec<Child> =
        (0..4).map(|_| start("a_crowd_of_threads_writes_one_entry", &variables)).collect();
    for mut process in crowd {
        assert!(process.wait().expect("it ends").success(), "a process of the crowd failed");
    }
    assert_eq!(census(cache.path()), (1, 0));
}
