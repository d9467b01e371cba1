//! The code that the READMEs show runs as it is written there, only wrapped in functions. It takes the default device,
//! the Metal GPU where there is one, so that elsewhere each test is one that Metal has not run.

use bitnet_core::metal::testing::{name_of, on_each_device_as};
use bitnet_core::metal::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Operands of a linear layer: two rows of 40 columns, three rows of weights that are all +1, a bias.
#[derive(Clone)]
struct Layer {
    input: Vec<f32>,
    input_buffer: Buffer,
    weights_buffer: Buffer,
    bias_buffer: Buffer,
    output_buffer: Buffer,
}

const INPUT_SIZE: u32 = 40;
const OUTPUT_SIZE: u32 = 3;
const BATCH_SIZE: u32 = 2;
const BIAS: [f32; OUTPUT_SIZE as usize] = [0.5, -0.25, 8.0];

impl Layer {
    fn new() -> Result<Self, MetalError> {
        let device = create_metal_device()?;
        let input: Vec<f32> = (0..BATCH_SIZE * INPUT_SIZE).map(|i| i as f32).collect();
        let output_bytes = (4 * BATCH_SIZE * OUTPUT_SIZE) as usize;
        Ok(Self {
            input_buffer: create_buffer(&device, &input)?,
            // In words of 32 columns; bits past the last column are 0.
            weights_buffer: create_buffer(&device, &[u32::MAX, 0xff].repeat(OUTPUT_SIZE as usize))?,
            bias_buffer: create_buffer(&device, &BIAS)?,
            output_buffer: create_empty_buffer(&device, output_bytes, MTLResourceOptions::StorageModeShared)?,
            input,
        })
    }

    fn check(&self, bias: [f32; 3]) -> Result<(), MetalError> {
        let sums = self.input.chunks(INPUT_SIZE as usize).map(|row| row.iter().sum::<f32>());
        let expect: Vec<f32> = sums.flat_map(|sum| bias.map(|bias| sum + bias)).collect();
        assert_eq!(read_buffer::<f32>(&self.output_buffer)?, expect);
        Ok(())
    }
}

/// Counts the test that the closure is in as one that Metal has not run, unless there is Metal: then it is the default
/// device, and has run it.
fn counts_for_metal<F: Fn()>(_: F) {
    on_each_device_as(name_of::<F>(), |_| ());
}

#[test]
#[rustfmt::skip]
#[allow(unused_variables, unused_must_use, reason = "as the text has it")]
fn using_the_shader_compilation_pipeline() -> Outcome {
    counts_for_metal(|| {});
    let layer = Layer::new()?;
    let Layer { input_buffer, weights_buffer, output_buffer, .. } = layer.clone();
    let data_size = (BATCH_SIZE * OUTPUT_SIZE) as usize;

    use bitnet_core::metal::*;

    // Initialize Metal context
    let (device, command_queue, _) = initialize_metal_context()?;

    // Create BitNet shader collection
    let shaders = BitNetShaders::new(device.clone())?;

    // Get a compute pipeline for BitLinear forward pass
    let pipeline = shaders.get_pipeline(BitNetShaderFunction::BitLinearForward)?;

    // Create command buffer and encoder
    let command_buffer = command_queue.new_command_buffer();
    let encoder = shaders.create_compute_encoder_with_pipeline(
        &command_buffer, 
        BitNetShaderFunction::BitLinearForward
    )?;

    // Set buffers and dispatch
    encoder.set_buffer(0, Some(&input_buffer), 0);
    encoder.set_buffer(1, Some(&weights_buffer), 0);
    encoder.set_buffer(3, Some(&output_buffer), 0);

    let (threads, threadgroup) = shaders.calculate_dispatch_params(
        BitNetShaderFunction::BitLinearForward, 
        data_size
    )?;
    dispatch_compute(&encoder, threads, threadgroup);

    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed();

    layer.check([0.0; 3])?;
    Ok(())
}

#[test]
#[rustfmt::skip]
#[allow(unused_variables, reason = "as the text has it")]
fn using_the_shader_compiler_directly() -> Outcome {
    counts_for_metal(|| {});
    let device = create_metal_device()?;

    use bitnet_core::metal::*;

    // Create shader compiler
    let compiler = create_shader_compiler(&device)?;

    // Compile all shaders in the directory
    let compiled_shaders = compiler.compile_all_shaders()?;

    // Get a specific compute function
    let function = compiler.get_compute_function("bitlinear", "bitlinear_forward")?;

    // Create pipeline state
    let pipeline = device.new_compute_pipeline_state_with_function(&function)?;

    assert!(["activation", "bitlinear", "quantization"].iter().all(|name| compiled_shaders.contains_key(*name)));
    assert!(pipeline.max_total_threads_per_threadgroup() >= pipeline.thread_execution_width());
    Ok(())
}

#[test]
#[rustfmt::skip]
fn high_level_convenience_functions() -> Outcome {
    counts_for_metal(|| {});
    let layer = Layer::new()?;
    let Layer { input_buffer, weights_buffer, bias_buffer, output_buffer, .. } = layer.clone();
    let (input_size, output_size, batch_size) = (INPUT_SIZE, OUTPUT_SIZE, BATCH_SIZE);
    let device = create_metal_device()?;
    let shaders = BitNetShaders::new(device.clone())?;
    let (threads, threadgroup) =
        shaders.calculate_dispatch_params(BitNetShaderFunction::BitLinearForward, 6)?;
    let command_buffer = device.new_command_queue().new_command_buffer();

    use bitnet_core::metal::*;

    // Initialize global shader instance
    initialize_global_shaders(device)?;

    // Use convenience functions
    let encoder = create_bitlinear_forward_encoder(&shaders, &command_buffer)?;

    dispatch_bitlinear_forward(
        &encoder,
        &input_buffer,
        &weights_buffer,
        Some(&bias_buffer),
        &output_buffer,
        input_size,
        output_size,
        batch_size,
        threads,
        threadgroup,
    );

    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;
    layer.check(BIAS)?;
    assert_eq!(get_global_shaders()?.device(), shaders.device());
    Ok(())
}

#[test]
#[rustfmt::skip]
fn custom_configuration() -> Outcome {
    counts_for_metal(|| {});
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

    let device = create_metal_device()?;
    let missing = ShaderCompiler::new(&device, config.clone()).expect_err("there is no such directory");
    assert!(missing.to_string().starts_with("cannot read shaders from 'custom/shaders': "), "{missing}");
    runs_a_shader_of_its_own(&device, config)
}

/// The same configuration, its directories where they exist: its shader runs, its define counts, its cache fills.
fn runs_a_shader_of_its_own(device: &Device, config: ShaderCompilerConfig) -> Outcome {
    let custom = tempfile::tempdir()?;
    let (shaders, cache) = (custom.path().join("shaders"), custom.path().join("cache"));
    std::fs::create_dir(&shaders)?;
    let text =
        "kernel void fill(device uint *out [[buffer(0)]]) { out[0] = CUSTOM_DEFINE + __METAL_VERSION__; }";
    std::fs::write(shaders.join("own.metal"), text)?;
    let config =
        ShaderCompilerConfig { shader_directory: shaders, cache_directory: Some(cache.clone()), ..config };
    let compiler = ShaderCompiler::new(device, config)?;
    let function = compiler.get_compute_function("own", "fill")?;
    let pipeline = device.new_compute_pipeline_state_with_function(&function)?;
    let out = create_buffer(device, &[0u32])?;
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline);
    encoder.set_buffer(0, Some(&out), 0);
    dispatch_compute(&encoder, MTLSize::new(1, 1, 1), MTLSize::new(1, 1, 1));
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;
    assert_eq!(read_buffer::<u32>(&out)?, [301]);
    // Metal keeps machine code when a pipeline of the table is made, the host device what it has compiled.
    assert!(device.kind() == DeviceKind::Metal || std::fs::read_dir(&cache)?.count() > 0);
    Ok(())
}

/// "Debug Mode" and "Release Mode": both run the first kernel of the text with the same result.
#[test]
fn debug_and_release_configurations() -> Outcome {
    counts_for_metal(|| {});
    let device = create_metal_device()?;
    for (config, exact) in [(ShaderCompilerConfig::debug(), true), (ShaderCompilerConfig::release(), false)] {
        assert_eq!((config.debug_info, config.compile_options.fast_math), (exact, !exact));
        // Nothing is left behind on the machine that tests.
        let config = ShaderCompilerConfig { enable_caching: false, ..config };
        let shaders = BitNetShaders::with_config(device.clone(), config)?;
        let layer = Layer::new()?;
        let command_buffer = device.new_command_queue().new_command_buffer();
        let encoder = create_bitlinear_forward_encoder(&shaders, &command_buffer)?;
        encoder.set_buffer(0, Some(&layer.input_buffer), 0);
        encoder.set_buffer(1, Some(&layer.weights_buffer), 0);
        encoder.set_buffer(2, Some(&layer.bias_buffer), 0);
        encoder.set_buffer(3, Some(&layer.output_buffer), 0);
        let (threads, threadgroup) =
            shaders.calculate_dispatch_params(BitNetShaderFunction::BitLinearForward, 6)?;
        dispatch_compute(&encoder, threads, threadgroup);
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()?;
        layer.check(BIAS)?;
    }
    Ok(())
}

#[test]
#[rustfmt::skip]
fn without_encoders() -> Outcome {
    counts_for_metal(|| {});
    let device = create_metal_device()?;

    use bitnet_core::metal::ops::{Grouping, Ops};

    let ops = Ops::new(&device)?;
    let latent = ops.tensor(&[0.5, -0.25, 1.0, -2.0], [2, 2])?;
    let weights = ops.binarize_weights(&latent, Grouping::Row)?;
    let input = ops.tensor(&[1.0, 2.0], [1, 2])?;
    let output = ops.bitlinear_forward(&input, &weights, None)?;
    assert_eq!(output.to_vec::<f32>()?, [-0.375, -1.5]);
    Ok(())
}

#[test]
#[rustfmt::skip]
fn from_the_readme() -> Outcome {
    counts_for_metal(|| {});
    use bitnet_core::metal::ops::{Grouping, Ops};
    use bitnet_core::metal::{MetalError, create_metal_device};

    fn layer() -> Result<Vec<f32>, MetalError> {
        let ops = Ops::new(&create_metal_device()?)?;
        let latent = ops.tensor(&[0.5, -0.25, 1.0, -2.0], [2, 2])?; // two neurons with two inputs each
        let weights = ops.binarize_weights(&latent, Grouping::Row)?; // a bit a weight, a scale a row
        let input = ops.tensor(&[1.0, 2.0], [1, 2])?;
        ops.relu_forward(&ops.bitlinear_forward(&input, &weights, None)?)?.to_vec()
    }

    assert_eq!(layer()?, [0.0, 0.0]);
    Ok(())
}

/// The enumeration as it is once its reader has added a kernel of their own.
mod with_a_new_function {
    use bitnet_core::metal::{BitNetShaders, create_metal_device};

    struct BitNetShaderFunction;

    #[allow(non_upper_case_globals, reason = "it stands for a variant")]
    impl BitNetShaderFunction {
        const NewFunction: bitnet_core::metal::BitNetShaderFunction =
            bitnet_core::metal::BitNetShaderFunction::ReluForward;
    }

    #[rustfmt::skip]
    #[allow(unused_variables, reason = "as the text has it")]
    mod as_written {
        use super::{BitNetShaderFunction, BitNetShaders, create_metal_device};

        #[test]
        fn test_new_shader() {
            let device = create_metal_device().unwrap();
            let shaders = BitNetShaders::new(device).unwrap();
            let pipeline = shaders.get_pipeline(BitNetShaderFunction::NewFunction).unwrap();
            // Test pipeline...
        }
    }
}

/// The texts that the above is taken from, and how many blocks of Rust they have.
const TEXTS: [(&str, &str, usize); 2] = [
    ("the shaders' README", include_str!("../src/metal/shaders/README.md"), 6),
    ("README", include_str!("../../README.md"), 1),
];

/// The fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == fence) {
        blocks.push(lines.by_ref().take_while(|line| *line != "```").map(str::trim).collect());
    }
    blocks
}

#[test]
fn every_block_of_rust_in_the_texts_is_in_this_file() {
    let tested: Vec<&str> = include_str!("api_snippets.rs").lines().map(str::trim).collect();
    for (name, text, count) in TEXTS {
        let blocks = blocks(text, "rust");
        assert_eq!(blocks.len(), count, "{name}");
        for block in blocks {
            let found = tested.windows(block.len()).any(|lines| lines == block);
            assert!(found, "{name}: not in the tests as it is written:\n{}", block.join("\n"));
        }
    }
}

/// The README lists the kernels of each shader under its name: all that there are, and no others.
#[test]
fn the_readme_of_the_shaders_lists_the_kernels() {
    let (_, text, _) = TEXTS[0];
    let files = text.split("\n## ").find(|section| section.starts_with("Shader files")).expect("it is there");
    for (shader, _) in kernels::SHADERS {
        let heading = format!("[`{shader}.metal`]");
        let section = files.split("\n### ").find(|section| section.starts_with(&heading));
        let items =
            section.expect(shader).lines().filter(|line| line.starts_with("- ") || line.starts_with("  "));
        let mut listed: Vec<&str> = items.flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
        let table = kernels::TABLE.iter().filter(|row| row.shader == *shader);
        let mut known: Vec<&str> = table.map(|row| row.name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known, "{shader}");
    }
}
