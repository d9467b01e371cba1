//! Every field of the configuration, by its effect.

use super::*;

/// A change of a configuration.
type Change = fn(&mut ShaderCompilerConfig);

#[test]
fn the_configuration_of_the_documentation_compiles_as_written() {
    use std::path::PathBuf;

    let config = ShaderCompilerConfig {
        shader_directory: PathBuf::from("custom/shaders"),
        enable_caching: true,
        cache_directory: Some(PathBuf::from("target/shader_cache")),
        debug_info: false,
        optimization_level: OptimizationLevel::Full,
        compile_options: CompileOptions {
            language_version: LanguageVersion::Metal3_0,
            fast_math: true,
            defines: [("CUSTOM_DEFINE", "1")].into(),
            ..Default::default()
        },
    };
    assert_eq!(config.compile_options.defines.get("CUSTOM_DEFINE"), Some("1"));
    let error = ShaderCompiler::new(&host(), config).expect_err("there is no such directory");
    assert!(error.to_string().starts_with("cannot read shaders from 'custom/shaders': "), "{error}");
}

#[test]
fn debug_and_release_say_what_they_are_for() {
    let all = |config: &ShaderCompilerConfig| {
        (config.debug_info, config.optimization_level, config.compile_options.fast_math)
    };
    assert_eq!(all(&ShaderCompilerConfig::debug()), (true, OptimizationLevel::None, false));
    assert_eq!(all(&ShaderCompilerConfig::release()), (false, OptimizationLevel::Full, true));
    assert_eq!(all(&ShaderCompilerConfig::default()), (true, OptimizationLevel::Default, true));
    let cache = directory();
    for config in [ShaderCompilerConfig::debug(), ShaderCompilerConfig::release()] {
        assert!(config.enable_caching && config.shader_directory.as_os_str().is_empty());
        let compiler =
            compiler(ShaderCompilerConfig { cache_directory: Some(cache.path().into()), ..config });
        compiler.compile_all_shaders().unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn a_changed_shader_in_a_directory_is_what_runs() {
    on_each_device(|device| {
        let (cache, shaders) = (directory(), directory());
        let built_in =
            ShaderCompilerConfig { cache_directory: Some(cache.path().into()), ..Default::default() };
        let built_in = BitNetShaders::with_config(device.clone(), built_in).expect("built in");
        for name in built_in.compiler().shader_names().expect("built in") {
            let text = built_in.compiler().shader_source(&name).expect("built in");
            write(shaders.path(), &format!("{name}.metal"), &text);
        }
        let row = BitNetShaderFunction::BitLinearForward.row();
        let is_right = |shaders: &BitNetShaders| {
            (row.cases)().into_iter().map(|case| case.on_device(device)).all(|case| {
                let outputs =
                    kernels::run_case(shaders, row, &case).unwrap_or_else(|error| panic!("{error}"));
                kernels::compare(row, &case, &outputs).outputs.iter().all(|output| output.worst_error <= 1.0)
            })
        };
        let own = || {
            let mut config = config(shaders.path(), cache.path());
            config.compile_options.fast_math = false;
            BitNetShaders::with_config(device.clone(), config).expect("readable")
        };
        assert!(is_right(&built_in) && is_right(&own()), "the same text gives the same results");
        let changed = "kernel void bitlinear_forward(device float *output [[buffer(3)]],\n\
                       constant uint *sizes [[buffer(4)]], uint i [[thread_position_in_grid]]) {\n\
                           for (uint n = 0; i == 0 && n < sizes[1] * sizes[2]; n++) { output[n] = 1.0e6f; }\n\
                       }\n";
        write(shaders.path(), "bitlinear.metal", changed);
        assert!(!is_right(&own()), "the changed shader is not what ran");
        assert!(is_right(&built_in));
    });
}

#[test]
fn options_reach_the_shader() {
    on_each_device(|device| {
        let check = |expression: &str, change: Change, expect: [f32; 2]| {
            let (shaders, cache) = (shader(expression), directory());
            write(shaders.path(), "common.h", "#define COMMON 1\n");
            let mut changed = config(shaders.path(), cache.path());
            let before = value(&compiler_for(device, changed.clone()));
            change(&mut changed);
            assert_eq!([before, value(&compiler_for(device, changed))], expect, "{expression}");
        };
        let default = LanguageVersion::default().min(device.limits().language_version);
        check(
            "__METAL_VERSION__",
            |c| c.compile_options.language_version = LanguageVersion::Metal2_4,
            [default.number() as f32, 240.0],
        );
        // Whether Metal's compiler has the macro is not known.
        if device.kind() == DeviceKind::Host {
            check(
                "\n#ifdef __FAST_MATH__\n1\n#else\n2\n#endif\n",
                |c| c.compile_options.fast_math = false,
                [1.0, 2.0],
            );
        }
        check(
            "\n#ifdef CUSTOM_DEFINE\nCUSTOM_DEFINE\n#else\n0\n#endif\n",
            |c| c.compile_options.defines = [("CUSTOM_DEFINE", "1")].into(),
            [0.0, 1.0],
        );
        check(
            "0;\n#include \"common.h\"\n    out[0] = COMMON",
            |c| drop(c.compile_options.includes.insert("common.h".into(), "#define COMMON 2\n".into())),
            [1.0, 2.0],
        );
    });
}

#[test]
fn a_system_with_an_older_language_compiles_as_that_and_says_so_once() {
    let newest = LanguageVersion::Metal3_0;
    let device = Device::host(HostOptions { language_version: newest, ..HostOptions::default() });
    let shaders = shader("__METAL_VERSION__");
    let compiled_as = |language_version| {
        let mut config = config(shaders.path(), directory().path());
        config.compile_options.language_version = language_version;
        config.enable_caching = false;
        value(&compiler_for(&device, config))
    };
    let (versions, said) = logged(|| {
        [LanguageVersion::Metal4_0, LanguageVersion::default(), newest, LanguageVersion::Metal2_4]
            .map(compiled_as)
    });
    assert_eq!(versions, [300.0, 300.0, 300.0, 240.0]);
    let name = device.name();
    assert_eq!(said, [format!(" WARN {name} has Metal 3.0: sources are compiled as that, not as 4.0")]);
}

#[test]
fn built_in_shaders_are_compiled_exactly_whatever_is_asked_for() {
    let keys = |shader_directory: &Path| {
        [true, false].map(|fast_math| {
            let compile_options = CompileOptions { fast_math, ..CompileOptions::default() };
            let config = ShaderCompilerConfig {
                compile_options,
                shader_directory: shader_directory.to_owned(),
                ..ShaderCompilerConfig::default()
            };
            let compiler = compiler(config);
            let name = compiler.shader_names().expect("readable").remove(0);
            compiler.cache_key(&name).expect("it is there")
        })
    };
    let own = shader("1.0f");
    let [fast, exact] = keys(Path::new(""));
    assert_eq!(fast, exact);
    let [fast, exact] = keys(own.path());
    assert_ne!(fast, exact, "a directory's shaders get what the options say");
}

#[test]
fn debug_info_gives_traps_their_lines() {
    let (shaders, cache) = (shader("1.0f"), directory());
    write(
        shaders.path(),
        "own.metal",
        "kernel void k(device float *out [[buffer(0)]]) {\n    out[5] = 1.0f;\n}\n",
    );
    let trap = |debug_info: bool| {
        let config = ShaderCompilerConfig { debug_info, ..config(shaders.path(), cache.path()) };
        // Compiled, and then from the disk: what is kept has as many lines as what is compiled.
        let [compiled, loaded] = [(); 2].map(|()| {
            let function = compiler(config.clone()).get_compute_function("own", "k").expect("it is right");
            run(&function, 1).expect_err("past the end").to_string()
        });
        assert_eq!(compiled, loaded);
        compiled
    };
    let said = "kernel `k`: thread (0, 0, 0) of threadgroup (0, 0, 0) wrote 4 bytes at offset 20 of buffer 0 `out`, \
                which is 4 bytes long";
    assert_eq!(trap(true), format!("{said}, at own.metal:2:5"));
    assert_eq!(trap(false), said);
}

/// The least budget with which a kernel comes to its end.
fn instructions(shaders: &Path, cache: &Path, level: OptimizationLevel) -> u64 {
    let ends = |budget: u64| {
        let device = Device::host(HostOptions { max_instructions: Some(budget), ..HostOptions::default() });
        let config = ShaderCompilerConfig { optimization_level: level, ..config(shaders, cache) };
        let compiler = ShaderCompiler::new(&device, config).expect("readable");
        match run(&compiler.get_compute_function("own", "k").expect("it is right"), 1) {
            Ok(result) => {
                assert_eq!(result, 1800.0, "no level changes a result");
                true
            }
            Err(error) if error.trap().is_some_and(|trap| trap.kind == TrapKind::InstructionBudget) => false,
            Err(error) => panic!("{error}"),
        }
    };
    let (mut too_little, mut enough) = (0, 1 << 20);
    while enough - too_little > 1 {
        let middle = too_little + (enough - too_little) / 2;
        if ends(middle) { enough = middle } else { too_little = middle }
    }
    enough
}

#[test]
fn optimization_saves_instructions() {
    let (shaders, cache) = (directory(), directory());
    let text = "constant int scale = 3;\n\
                inline int scaled(int x) { int y = x * scale; return y + 0; }\n\
                kernel void k(device float *out [[buffer(0)]]) {\n\
                    int sum = 0;\n\
                    for (int i = 0; i < 100; i++) { sum += scaled(2) + scaled(2) + scaled(4 / 2); }\n\
                    out[0] = float(sum);\n\
                }\n";
    write(shaders.path(), "own.metal", text);
    let [none, default, full] =
        OptimizationLevel::ALL.map(|level| instructions(shaders.path(), cache.path(), level));
    println!("instructions: {none} without optimisation, {default} by default, {full} with all of it");
    assert!(none > default && default >= full, "{none}, {default}, {full}");
}

#[test]
fn caching_is_done_where_it_is_asked_for() {
    let (shaders, cache) = (shader("1.0f"), directory());
    let with = |enable_caching: bool| {
        let compiler =
            compiler(ShaderCompilerConfig { enable_caching, ..config(shaders.path(), cache.path()) });
        assert_eq!([value(&compiler), value(&compiler)], [1.0, 1.0]);
        let files = fs::read_dir(cache.path()).expect("readable").count();
        (statistics(&compiler), compiler.disk_cache().is_some(), files)
    };
    assert_eq!(with(false), ((0, 0, 2), false, 0));
    assert_eq!(with(true), ((1, 0, 1), true, 1));
}
