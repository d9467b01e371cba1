//! The code that the shaders' README shows, wrapped in functions.

use bitnet_core::metal::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn using_the_shader_compilation_pipeline() -> Outcome {
    // Initialize Metal context
    let (device, command_queue, _) = initialize_metal_context()?;
    let (input_size, output_size, batch_size) = (40u32, 3u32, 2u32);
    let input: Vec<f32> = (0..batch_size * input_size).map(|i| i as f32).collect();
    let input_buffer = create_buffer(&device, &input)?;
    // Every weight is +1, in words of 32 columns; bits past the last column are 0.
    let weights_buffer = create_buffer(&device, &[u32::MAX, 0xff].repeat(output_size as usize))?;
    let output_len = (batch_size * output_size) as usize;
    let output_buffer = create_empty_buffer(&device, output_len * 4, MTLResourceOptions::StorageModeShared)?;
    let data_size = output_len;

    // Create BitNet shader collection
    let shaders = BitNetShaders::new(device.clone())?;

    // Get a compute pipeline for BitLinear forward pass
    let pipeline = shaders.get_pipeline(BitNetShaderFunction::BitLinearForward)?;
    assert_eq!(pipeline.thread_execution_width(), 32);

    // Create command buffer and encoder
    let command_buffer = command_queue.new_command_buffer();
    let encoder = shaders
        .create_compute_encoder_with_pipeline(&command_buffer, BitNetShaderFunction::BitLinearForward)?;

    // Set buffers and dispatch
    encoder.set_buffer(0, Some(&input_buffer), 0);
    encoder.set_buffer(1, Some(&weights_buffer), 0);
    encoder.set_buffer(3, Some(&output_buffer), 0);
    // What the text leaves out: no bias, no scales, and the sizes.
    encoder.set_buffer(2, None, 0);
    encoder.set_buffer(5, None, 0);
    let params = kernels::params::BitLinearParams {
        input_size,
        output_size,
        batch_size,
        group_size: 0,
        has_bias: 0,
        has_scales: 0,
    };
    set_compute_bytes(&encoder, &params, 4);

    let (threads, threadgroup) =
        shaders.calculate_dispatch_params(BitNetShaderFunction::BitLinearForward, data_size)?;
    dispatch_compute(&encoder, threads, threadgroup);

    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;

    let sums: Vec<f32> = input.chunks(input_size as usize).map(|row| row.iter().sum()).collect();
    let expect: Vec<f32> = sums.iter().flat_map(|&sum| [sum; 3]).collect();
    assert_eq!(read_buffer::<f32>(&output_buffer)?, expect);
    Ok(())
}

#[test]
fn using_the_shader_compiler_directly() -> Outcome {
    let device = create_metal_device()?;

    // Create shader compiler
    let compiler = create_shader_compiler(&device)?;

    // Compile all shaders in the directory
    let compiled_shaders = compiler.compile_all_shaders()?;

    // Get a specific compute function
    let function = compiler.get_compute_function("bitlinear", "bitlinear_forward")?;

    // Create pipeline state
    let pipeline = device.new_compute_pipeline_state_with_function(&function)?;

    assert!(compiled_shaders.contains_key("bitlinear"));
    assert_eq!(pipeline.max_total_threads_per_threadgroup(), 1024);
    Ok(())
}
