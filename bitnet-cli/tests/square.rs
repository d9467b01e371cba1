//! `square` against what it means, on each device there is.

use std::path::Path;

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;

/// Where the shader lies, from the crate's root.
const SHADERS: &str = "tests/shaders";
/// The shader, and its kernel.
const NAME: &str = "square";

/// What the kernel should give for an element.
fn expected(x: f32) -> f32 {
    x * x
}

/// What the kernel gives for these elements.
fn outputs(device: &Device, input: &[f32]) -> Result<Vec<f32>, MetalError> {
    let config = ShaderCompilerConfig {
        shader_directory: Path::new(env!("CARGO_MANIFEST_DIR")).join(SHADERS),
        ..ShaderCompilerConfig::default()
    };
    let function = ShaderCompiler::new(device, config)?.get_compute_function(NAME, NAME)?;
    let pipeline = device.new_compute_pipeline_state_with_function(&function)?;

    let from = create_buffer(device, input)?;
    let to = create_empty_buffer(device, size_of_val(input), MTLResourceOptions::StorageModeShared)?;
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline);
    encoder.set_buffer(0, Some(&from), 0);
    encoder.set_buffer(1, Some(&to), 0);
    set_compute_bytes(&encoder, &(input.len() as u32), 2);
    let group = pipeline.max_total_threads_per_threadgroup().min(256);
    dispatch_compute(&encoder, MTLSize::new(input.len() as u64, 1, 1), MTLSize::new(group, 1, 1));
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;
    read_buffer(&to)
}

#[test]
fn every_element_is_what_the_kernel_means() {
    on_each_device(|device| -> Result<(), MetalError> {
        for count in [1, 31, 32, 33, 1000, 5003] {
            let input: Vec<f32> = (0..count).map(|i| i as f32 / 8.0 - 60.0).collect();
            let expected: Vec<f32> = input.iter().copied().map(expected).collect();
            assert_eq!(outputs(device, &input)?, expected, "{count} elements");
        }
        Ok(())
    });
}

#[test]
fn what_is_no_number_stays_none() {
    on_each_device(|device| -> Result<(), MetalError> {
        let output = outputs(device, &[f32::NAN, f32::INFINITY, -0.0])?;
        assert!(output[0].is_nan() && output[1..] == [f32::INFINITY, 0.0], "{output:?}");
        Ok(())
    });
}
