//! Shaders by name: compiling, caching, replacing them, and what is said when something is not there.

use std::fs;

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;

fn host() -> Device {
    Device::host(HostOptions::default())
}

fn text<T>(result: Result<T, MetalError>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// A compiler for a directory with these files.
fn compiler(device: &Device, directory: &tempfile::TempDir, files: &[(&str, &str)]) -> ShaderCompiler {
    for (name, body) in files {
        fs::write(directory.path().join(name), body).expect("a temporary file");
    }
    let config = ShaderCompilerConfig {
        shader_directory: directory.path().to_owned(),
        ..ShaderCompilerConfig::default()
    };
    ShaderCompiler::new(device, config).expect("the directory is there")
}

/// Runs a kernel that takes one buffer over one element.
fn run(function: &Function) -> Result<f32, MetalError> {
    let device = function.device();
    let pipeline = device.new_compute_pipeline_state_with_function(function)?;
    let buffer = create_buffer(device, &[0.0f32])?;
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline);
    encoder.set_buffer(0, Some(&buffer), 0);
    dispatch_compute(&encoder, MTLSize::new(1, 1, 1), MTLSize::new(1, 1, 1));
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;
    Ok(read_buffer(&buffer)?[0])
}

fn constant(value: &str) -> String {
    format!("kernel void constant_value(device float *out [[buffer(0)]]) {{ out[0] = {value}; }}")
}

/// The built-in shaders, sorted.
fn built_in_names() -> Vec<&'static str> {
    let mut names: Vec<_> = kernels::SHADERS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_built_in_shaders_compile_and_hold_the_kernels_of_the_table() {
    on_each_device(|device| {
        let compiler = create_shader_compiler(device).expect("built in");
        let compiled = compiler.compile_all_shaders().unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<_> = compiled.keys().map(String::as_str).collect();
        assert_eq!(names, built_in_names());
        for row in kernels::TABLE {
            let function = compiler.get_compute_function(row.shader, row.name);
            assert_eq!(
                function.map(|f| f.name().to_owned()).map_err(|e| e.to_string()),
                Ok(row.name.to_owned())
            );
        }
    });
}

#[test]
fn the_default_library_has_the_kernels_of_all_shaders() {
    on_each_device(|device| {
        let library = device.new_default_library();
        let names = library.function_names().expect("built in");
        for row in kernels::TABLE {
            assert!(names.iter().any(|name| name == row.name), "{} is missing", row.name);
            assert_eq!(
                library.get_function(row.name, None).map(|f| f.name().to_owned()).ok().as_deref(),
                Some(row.name)
            );
        }
    });
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    on_each_device(|device| {
        let compiler = create_shader_compiler(device).expect("built in");
        let available = built_in_names().join(", ");
        assert_eq!(
            text(compiler.compile_shader("bitliner")),
            format!("Shader 'bitliner' not found; did you mean 'bitlinear'? (available: {available})")
        );
        let directory = tempfile::tempdir().expect("a temporary directory");
        let compiler = self::compiler(device, &directory, &[("own.metal", &constant("1.0f"))]);
        assert_eq!(
            text(compiler.compile_shader("bitlinear")),
            "Shader 'bitlinear' not found (available: own)"
        );
        assert_eq!(
            text(compiler.get_compute_function("own", "constant_valve")),
            "Function 'constant_valve' not found in shader 'own'; did you mean 'constant_value'? \
             (available: constant_value)"
        );
    });
}

#[test]
fn a_shader_that_does_not_compile_says_where() {
    on_each_device(|device| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let broken = "kernel void k(device float *out [[buffer(0)]]) {\n    out[0] = missing;\n}\n";
        let compiler =
            compiler(device, &directory, &[("broken.metal", broken), ("fine.metal", &constant("1.0f"))]);
        let error = compiler.compile_shader("broken").expect_err("an unknown name");
        let MetalError::CompilationFailed { shader, message, report } = &error else { panic!("{error:?}") };
        assert_eq!(shader, "broken");
        assert!(
            error.to_string().starts_with(&format!("Failed to compile shader 'broken': {message}\n")),
            "{error}"
        );
        assert!(report.contains("broken.metal:2:14") && report.contains("out[0] = missing;"), "{report}");
        assert!(compiler.compile_shader("fine").is_ok());
        assert!(compiler.compile_all_shaders().is_err());
    });
}

#[test]
fn a_directory_replaces_the_built_in_shaders() {
    on_each_device(|device| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let common = "#define VALUE 42.0f\n";
        let own = format!("#include \"common.h\"\n{}", constant("VALUE"));
        let compiler = compiler(
            device,
            &directory,
            &[("common.h", common), ("own.metal", &own), ("notes.txt", "no shader")],
        );
        assert_eq!(compiler.shader_names().expect("readable"), ["own"]);
        let function =
            compiler.get_compute_function("own", "constant_value").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(run(&function).map_err(|error| error.to_string()), Ok(42.0));
    });
}

/// What is included is beside the shader, else built in.
#[test]
fn a_directorys_own_headers_go_before_the_built_in_ones() {
    on_each_device(|device| {
        let calls_words_of = format!("#include \"rows.h\"\n{}", constant("words_of(64)"));
        let value = |files: &[(&str, &str)]| {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let compiler = compiler(device, &directory, files);
            let function = compiler.get_compute_function("own", "constant_value");
            run(&function.unwrap_or_else(|error| panic!("{error}"))).map_err(|error| error.to_string())
        };
        assert_eq!(value(&[("own.metal", &calls_words_of)]), Ok(2.0));
        let own = "inline uint words_of(uint columns) { return columns; }\n";
        assert_eq!(value(&[("own.metal", &calls_words_of), ("rows.h", own)]), Ok(64.0));
    });
}

#[test]
fn what_has_not_changed_is_compiled_once() {
    on_each_device(|device| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let compiler = compiler(device, &directory, &[("own.metal", &constant("1.0f")), ("part.h", "")]);
        let library = || compiler.compile_shader("own").expect("it compiles").library().clone();
        assert!(library().is_same(&library()), "compiled again");
        for (file, body) in [("own.metal", constant("2.0f")), ("part.h", "// another text\n".to_owned())] {
            let before = library();
            fs::write(directory.path().join(file), body).expect("a temporary file");
            assert!(!before.is_same(&library()), "{file} has changed");
        }
        let function = compiler.get_compute_function("own", "constant_value").expect("it is there");
        assert_eq!(run(&function).map_err(|error| error.to_string()), Ok(2.0));
    });
}

#[test]
fn without_caching_everything_is_compiled_again() {
    on_each_device(|device| {
        let config = ShaderCompilerConfig { enable_caching: false, ..ShaderCompilerConfig::default() };
        let compiler = ShaderCompiler::new(device, config).expect("built in");
        let library = || compiler.compile_shader("activation").expect("built in").library().clone();
        assert!(!library().is_same(&library()));
    });
}

#[test]
fn a_directory_that_cannot_be_read_is_named() {
    on_each_device(|device| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let missing = directory.path().join("missing");
        let config =
            ShaderCompilerConfig { shader_directory: missing.clone(), ..ShaderCompilerConfig::default() };
        let error = ShaderCompiler::new(device, config).expect_err("there is none");
        let expect = format!("cannot read shaders from '{}': ", missing.display());
        assert!(error.to_string().starts_with(&expect), "{error}");
    });
}

#[test]
fn options_reach_the_front_end() {
    on_each_device(|device| {
        let source =
            "kernel void k(device float *out [[buffer(0)]]) { out[0] = CUSTOM_DEFINE + __METAL_VERSION__; }";
        let options = CompileOptions {
            language_version: LanguageVersion::Metal3_0,
            fast_math: true,
            defines: [("CUSTOM_DEFINE", "1")].into(),
            ..Default::default()
        };
        let library =
            device.new_library_with_source(source, &options).unwrap_or_else(|error| panic!("{error}"));
        let function = library.get_function("k", None).expect("it is there");
        assert_eq!(run(&function).map_err(|error| error.to_string()), Ok(301.0));
        let error =
            device.new_library_with_source(source, &CompileOptions::default()).expect_err("not defined");
        assert!(error.to_string().starts_with("Failed to compile shader 'program_source': "), "{error}");
    });
}

#[test]
fn function_constants_reach_the_kernel() {
    on_each_device(|device| {
        let source = "
            constant float factor [[function_constant(3)]];
            constant uint count [[function_constant(4)]];
            kernel void k(device float *out [[buffer(0)]]) { out[0] = factor * float(count); }";
        let library = device.new_library_with_source(source, &CompileOptions::default());
        let library = library.unwrap_or_else(|error| panic!("{error}"));
        let result = |values: Option<FunctionConstantValues>| {
            run(&library.get_function("k", values)?).map_err(|error| match error {
                MetalError::PipelineFailed { .. } => error,
                other => panic!("{other}"),
            })
        };
        let values = FunctionConstantValues::new().with(3, 1.5f32).with(4, 4u32);
        assert_eq!(result(Some(values)).map_err(|error| error.to_string()), Ok(6.0));
        let check = |values: Option<FunctionConstantValues>, reason: &str| {
            assert_eq!(text(result(values)), format!("Failed to create pipeline for function 'k': {reason}"));
        };
        // Metal says so in words of its own.
        match device.kind() {
            DeviceKind::Host => {
                check(None, "function constant `factor` [[function_constant(3)]] has no value");
            }
            DeviceKind::Metal => assert!(result(None).is_err()),
        }
        check(
            Some(FunctionConstantValues::new().with(3, 1.5f32).with(4, true)),
            "function constant 'count' is of type 'uint', but a 'bool' was given",
        );
    });
}

#[test]
fn the_system_default_is_one_device_and_host_devices_are_many() {
    let (first, second) =
        (Device::system_default().expect("a device"), create_metal_device().expect("a device"));
    assert_eq!(first, second);
    assert_ne!(host(), host());
    let limits = *host().limits();
    assert_eq!(
        (limits.max_total_threads_per_threadgroup, limits.max_threadgroup_memory_length),
        (1024, 32768)
    );
    assert_eq!(limits.thread_execution_width, 32);
}

#[test]
fn pipelines_of_the_table_are_made_once_and_shared() {
    on_each_device(|device| {
        let shaders = BitNetShaders::new(device.clone()).expect("built in");
        let again = shaders.clone();
        for row in kernels::TABLE {
            let pipeline = shaders.get_pipeline(row.function).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(pipeline.reflection().name, row.name);
            assert!(std::ptr::eq(
                pipeline.reflection(),
                again.get_pipeline(row.function).expect("made").reflection()
            ));
        }
    });
}

#[test]
fn dispatch_params_cover_the_data_within_the_devices_limits() {
    on_each_device(|device| {
        let shaders = BitNetShaders::new(device.clone()).expect("built in");
        let width = shaders.device().limits().thread_execution_width;
        for row in kernels::TABLE {
            for data_size in [0, 1, 31, 32, 1000, 1 << 20] {
                let (threads, threadgroup) = shaders
                    .calculate_dispatch_params(row.function, data_size)
                    .unwrap_or_else(|error| panic!("{error}"));
                let pipeline = shaders.get_pipeline(row.function).expect("built in");
                assert!(threadgroup.count() <= pipeline.max_total_threads_per_threadgroup(), "{}", row.name);
                assert!(threadgroup.width.is_multiple_of(width) && threadgroup.width > 0, "{}", row.name);
                assert_eq!(threads.count() == 0, data_size == 0, "{}", row.name);
            }
        }
    });
}
