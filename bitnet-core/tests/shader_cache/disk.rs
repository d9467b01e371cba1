//! What is kept on disk: used, refused, replaced, done without.

use super::*;

/// The file of shader `own`.
fn entry(compiler: &ShaderCompiler) -> std::path::PathBuf {
    let key = compiler.cache_key("own").expect("it is there");
    compiler.disk_cache().expect("it was given one").entry_path(&key)
}

#[test]
fn a_warm_cache_is_used_by_the_next_compiler() {
    let (shaders, cache) = (shader("4.0f"), directory());
    let config = config(shaders.path(), cache.path());
    let first = compiler(config.clone());
    assert_eq!((value(&first), statistics(&first)), (4.0, (0, 0, 1)));
    assert!(entry(&first).exists());
    let second = compiler(config.clone());
    assert_eq!((value(&second), statistics(&second)), (4.0, (0, 1, 0)));
    assert_eq!((value(&second), statistics(&second)), (4.0, (1, 1, 0)));
    // Another text is another shader, and the one before is still there when it comes back.
    write(shaders.path(), "own.metal", "kernel void k(device float *out [[buffer(0)]]) { out[0] = 5.0f; }");
    assert_eq!((value(&second), statistics(&second)), (5.0, (1, 1, 1)));
    second.clear_cache().expect("it can be removed");
    let third = compiler(config);
    assert_eq!((value(&third), statistics(&third)), (5.0, (0, 0, 1)));
}

#[test]
fn clearing_forgets_memory_and_disk() {
    let (shaders, cache) = (shader("4.0f"), directory());
    let compiler = compiler(config(shaders.path(), cache.path()));
    value(&compiler);
    compiler.clear_cache().expect("it can be removed");
    assert_eq!(fs::read_dir(cache.path()).expect("it stays").count(), 0);
    assert_eq!((value(&compiler), statistics(&compiler)), (4.0, (0, 0, 2)));
}

#[test]
fn the_built_in_shaders_come_back_as_they_were() {
    let cache = directory();
    let config = ShaderCompilerConfig { cache_directory: Some(cache.path().into()), ..Default::default() };
    let [compiled, loaded] =
        [(); 2].map(|()| BitNetShaders::with_config(host(), config.clone()).expect("built in"));
    for row in kernels::TABLE {
        let case = (row.cases)().into_iter().next().expect("every row has cases");
        let [one, other] = [&compiled, &loaded].map(|shaders| {
            let outputs = kernels::run_case(shaders, row, &case).unwrap_or_else(|error| panic!("{error}"));
            outputs.into_iter().map(|(index, data)| (index, data.bytes().to_vec())).collect::<Vec<_>>()
        });
        assert_eq!(one, other, "{} ({})", row.name, case.label);
    }
    let statistics = |shaders: &BitNetShaders| {
        let statistics = shaders.compiler().cache_statistics();
        (statistics.disk_hits > 0, statistics.misses > 0)
    };
    assert_eq!([statistics(&compiled), statistics(&loaded)], [(false, true), (true, false)]);
}

#[test]
fn an_entry_that_is_of_no_use_is_replaced_with_a_warning_that_names_it() {
    let (shaders, cache) = (shader("4.0f"), directory());
    let config = config(shaders.path(), cache.path());
    let path = entry(&compiler(config.clone()));
    value(&compiler(config.clone()));
    let good = fs::read(&path).expect("just written");
    let other = shader("5.0f");
    let of_another = {
        let compiler = compiler(super::config(other.path(), cache.path()));
        value(&compiler);
        fs::read(entry(&compiler)).expect("just written")
    };
    let mut flipped = good.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    for (bytes, fault) in [
        (&good[..good.len() / 2], "its checksum does not match"),
        (&[], "it is not an entry of a shader cache, or only a part of one"),
        (b"somebody else's file", "it is not an entry of a shader cache, or only a part of one"),
        (&flipped, "its checksum does not match"),
        (&of_another, "it is the entry of another shader"),
        (&resealed(&good), "this is not an artifact"),
    ] {
        fs::write(&path, bytes).expect("it can be written");
        let compiler = compiler(config.clone());
        let (value, log) = logged(|| value(&compiler));
        assert_eq!((value, statistics(&compiler)), (4.0, (0, 0, 1)), "{fault}");
        let expect =
            format!(" WARN shader 'own' is compiled again, '{}' is of no use: {fault}", path.display());
        assert_eq!(log, [expect]);
        assert!(fs::read(&path).expect("written again") == good, "{fault}");
    }
}

/// The entry with a damaged artifact, and a checksum that holds.
fn resealed(good: &[u8]) -> Vec<u8> {
    let artifact = good.windows(6).position(|window| window == b"MSL-IR").expect("it holds an artifact");
    let mut bytes = good.to_vec();
    bytes[artifact] ^= 1;
    // Magic, format and key come before the checksum.
    let checksum = *blake3::hash(&bytes[76..]).as_bytes();
    bytes[44..76].copy_from_slice(&checksum);
    bytes
}

#[test]
fn a_directory_that_cannot_be_written_costs_one_warning() {
    let (shaders, parent) = (shader("4.0f"), directory());
    write(shaders.path(), "second.metal", "kernel void k() {}");
    // A file where the directory should be: refused whoever runs this.
    write(parent.path(), "file", "");
    let cache = parent.path().join("file").join("cache");
    let compiler = compiler(config(shaders.path(), &cache));
    let (value, log) = logged(|| {
        compiler.compile_shader("second").expect("it is right");
        value(&compiler)
    });
    assert_eq!((value, statistics(&compiler)), (4.0, (0, 0, 2)));
    let [warning] = log.as_slice() else { panic!("{log:?}") };
    let expect =
        format!(" WARN compiled shaders cannot be kept in '{}', going on without: ", cache.display());
    assert!(warning.starts_with(&expect), "{warning}");
}

#[test]
fn warnings_of_a_shader_are_given_again_when_it_comes_from_the_disk() {
    let (shaders, cache) = (shader("4.0f"), directory());
    write(
        shaders.path(),
        "own.metal",
        "#warning look here\nkernel void k(device float *out [[buffer(0)]]) { out[0] = 4; }\n",
    );
    let config = config(shaders.path(), cache.path());
    let [compiled, loaded] = [(); 2].map(|()| logged(|| value(&compiler(config.clone()))).1);
    assert!(compiled.iter().any(|line| line.contains("look here")), "{compiled:?}");
    assert_eq!(compiled, loaded);
}

#[test]
fn devices_with_other_limits_have_entries_of_their_own() {
    let (shaders, cache) = (shader("1.0f"), directory());
    let text = "kernel void k(device float *out [[buffer(0)]]) {\n\
                #ifdef BITNET_NO_SIMDGROUP_REDUCTIONS\n    out[0] = 1;\n#else\n    out[0] = 2;\n#endif\n}\n";
    write(shaders.path(), "own.metal", text);
    let on = |simdgroup_reductions: bool| {
        let device = Device::host(HostOptions { simdgroup_reductions, ..HostOptions::default() });
        value(&ShaderCompiler::new(&device, config(shaders.path(), cache.path())).expect("readable"))
    };
    assert_eq!([on(true), on(false), on(true), on(false)], [2.0, 1.0, 2.0, 1.0]);
}
