//! What a launch by row refuses, and what it needs not be given.

use super::support::with_shaders;
use bitnet_core::metal::kernels::params::{
    BitLinearParams, DynamicQuantizeParams, ElementwiseParams, MixedPrecisionParams,
};
use bitnet_core::metal::kernels::{Arg, Grouping, Precision, Shape, encode, encode_in};
use bitnet_core::metal::{
    BitNetShaderFunction, BitNetShaders, Buffer, CompileOptions, Device, HostOptions, MetalError,
    create_buffer, read_buffer,
};
use bytemuck::bytes_of;

fn buffer(shaders: &BitNetShaders, elements: usize) -> Buffer {
    create_buffer(shaders.device(), &vec![1.0f32; elements]).expect("a small buffer")
}

fn launch(
    shaders: &BitNetShaders,
    function: BitNetShaderFunction,
    shape: &Shape,
    args: &[(u32, Arg<'_>)],
) -> Result<(), MetalError> {
    let command_buffer = shaders.device().new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encode(shaders, &encoder, function, shape, args)?;
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()
}

#[test]
fn a_launch_that_breaks_its_contract_is_refused_with_the_reason() {
    with_shaders(|shaders| {
        let (four, three) = (buffer(shaders, 4), buffer(shaders, 3));
        let params = ElementwiseParams { count: 4 };
        let (shape, bytes) = (Shape::elements(4), bytes_of(&params));
        let check = |shape: &Shape, args: &[(u32, Arg<'_>)], expect: &str| {
            let error = launch(shaders, BitNetShaderFunction::ReluForward, shape, args).expect_err(expect);
            assert!(matches!(error, MetalError::KernelContract { .. }), "{error:?}");
            assert_eq!(error.to_string(), format!("kernel 'relu_forward': {expect}"));
        };
        let (input, output, constants) =
            ((0, Arg::Buffer(&four, 0)), (1, Arg::Buffer(&four, 0)), (2, Arg::Bytes(bytes)));

        check(&shape, &[input, constants], "parameter 1 ('output') is not given");
        check(&shape, &[input, output], "parameter 2 takes the bytes of ElementwiseParams");
        check(&shape, &[input, output, constants, (7, Arg::Buffer(&four, 0))], "it has no parameter 7");
        check(&shape, &[input, output, constants, input], "parameter 0 is given twice");
        check(&shape, &[input, output, (2, Arg::Bytes(&bytes[..3]))], "ElementwiseParams has 4 bytes, not 3");
        check(
            &shape,
            &[input, (1, Arg::Buffer(&three, 0)), constants],
            "parameter 1 ('output') has 3 elements, but needs 4",
        );
        check(
            &shape,
            &[input, (1, Arg::Buffer(&four, 4)), constants],
            "parameter 1 ('output') has 3 elements, but needs 4",
        );
        check(
            &shape,
            &[input, (1, Arg::Buffer(&four, 2)), constants],
            "offset 2 of parameter 1 ('output') is not a multiple of 4",
        );
        check(
            &shape,
            &[input, (1, Arg::Buffer(&four, u64::MAX - 3)), constants],
            "parameter 1 ('output') has 0 elements, but needs 4",
        );
        check(
            &shape,
            &[(0, Arg::Bytes(bytes)), output, constants],
            "parameter 0 ('input') takes a buffer, not bytes",
        );
        let (five, four) = (Shape::elements(5), Shape::elements(4));
        let differ = format!("ElementwiseParams describes {four:?}, but the launch is for {five:?}");
        check(&five, &[input, output, constants], &differ);
    });
}

#[test]
fn a_group_size_that_splits_words_is_refused() {
    with_shaders(|shaders| {
        let params = BitLinearParams {
            input_size: 64,
            output_size: 1,
            batch_size: 1,
            group_size: 5,
            ..Default::default()
        };
        let shape = Shape::linear(1, 64, 1, Grouping::Columns(5));
        let result = launch(
            shaders,
            BitNetShaderFunction::BitLinearForward,
            &shape,
            &[(4, Arg::Bytes(bytes_of(&params)))],
        );
        let message = result.expect_err("a bad group size").to_string();
        assert!(
            message.ends_with("BitLinearParams has a group_size that is not a multiple of 32"),
            "{message}"
        );
    });
}

/// Sums of integers that would not fit are refused, not wrapped.
#[test]
fn more_columns_than_an_integer_sums_are_refused() {
    with_shaders(|shaders| {
        let columns = MixedPrecisionParams::MOST_COLUMNS;
        let refusal = |input_size: u32, group_size: u32| {
            let params = MixedPrecisionParams {
                input_size,
                output_size: 1,
                batch_size: 1,
                group_size,
                activation_scales: 2,
                ..Default::default()
            };
            let shape = Shape::linear(1, input_size, 1, Grouping::Row);
            let shape = shape.with_activations(Grouping::from_size(group_size).expect("a multiple of 32"));
            let args = [(6, Arg::Bytes(bytes_of(&params)))];
            let result = launch(shaders, BitNetShaderFunction::MixedPrecisionMatmul, &shape, &args);
            result.expect_err("there are no buffers").to_string()
        };
        let reason =
            "MixedPrecisionParams has groups of more than 2²² columns, whose sums do not fit into 32 bits";
        for (input_size, group_size, fits) in [
            (columns, 0, true),
            (columns + 1, 0, false),
            (2 * columns, columns, true),
            (2 * columns, columns + 32, false),
        ] {
            let message = refusal(input_size, group_size);
            assert_eq!(!message.ends_with(reason), fits, "{input_size} by {group_size}: {message}");
        }
    });
}

#[test]
fn a_tensor_is_quantised_in_one_call() {
    with_shaders(|shaders| {
        let input = create_buffer(shaders.device(), &[-1.0f32, 0.0, 1.0, 4.0]).expect("a small buffer");
        let bytes =
            |count: usize| create_buffer(shaders.device(), &vec![0u8; count]).expect("a small buffer");
        let (quantized, scale, zero_point, ranges) = (bytes(4), bytes(4), bytes(1), bytes(8));
        let launch = |params: DynamicQuantizeParams, ranges: Option<&Buffer>| {
            let mut args = vec![
                (0, Arg::Buffer(&input, 0)),
                (1, Arg::Buffer(&quantized, 0)),
                (2, Arg::Buffer(&scale, 0)),
                (3, Arg::Buffer(&zero_point, 0)),
                (4, Arg::Bytes(bytes_of(&params))),
            ];
            args.extend(ranges.map(|ranges| (5, Arg::Buffer(ranges, 0))));
            let shape = Shape::elements(4).with_activations(Grouping::Tensor);
            launch(shaders, BitNetShaderFunction::DynamicQuantizeActivations, &shape, &args)
        };
        let params = DynamicQuantizeParams::of(4);
        let message = launch(params, None).expect_err("no ranges").to_string();
        assert_eq!(message, "kernel 'dynamic_quantize_activations': parameter 5 ('ranges') is not given");
        let other = DynamicQuantizeParams { parts: 2, ..params };
        let message = launch(other, Some(&ranges)).expect_err("parts that do not fit").to_string();
        assert!(
            message.ends_with(
                "DynamicQuantizeParams has another number of parts than DynamicQuantizeParams::of gives"
            ),
            "{message}"
        );

        launch(params, Some(&ranges)).expect("a launch");
        assert_eq!(read_buffer::<u8>(&quantized).expect("its contents"), [0, 51, 102, 255]);
        assert_eq!(read_buffer::<f32>(&scale).expect("its contents"), [5.0 / 255.0]);
        assert_eq!(read_buffer::<u8>(&zero_point).expect("its contents"), [51]);
    });
}

#[test]
fn an_optional_buffer_must_be_there_when_the_parameters_ask_for_it() {
    with_shaders(|shaders| {
        let (x, y) = (buffer(shaders, 3), buffer(shaders, 2));
        let weights = create_buffer(shaders.device(), &[5u32, 2]).expect("a small buffer");
        let shape = Shape::linear(1, 3, 2, Grouping::Row);
        let launch = |has_bias, bias: Option<&Buffer>| {
            let params = BitLinearParams {
                input_size: 3,
                output_size: 2,
                batch_size: 1,
                has_bias,
                ..Default::default()
            };
            let mut args = vec![
                (0, Arg::Buffer(&x, 0)),
                (1, Arg::Buffer(&weights, 0)),
                (3, Arg::Buffer(&y, 0)),
                (4, Arg::Bytes(bytes_of(&params))),
            ];
            args.extend(bias.map(|bias| (2, Arg::Buffer(bias, 0))));
            launch(shaders, BitNetShaderFunction::BitLinearForward, &shape, &args)?;
            read_buffer::<f32>(&y)
        };
        let message = launch(1, None).expect_err("no bias").to_string();
        assert_eq!(message, "kernel 'bitlinear_forward': parameter 2 ('bias') is not given");
        assert_eq!(launch(1, Some(&buffer(shaders, 2))).expect("a bias"), [2.0, 0.0]);
        assert_eq!(launch(0, None).expect("no bias"), [1.0, -1.0]);
        assert_eq!(launch(0, Some(&buffer(shaders, 1))).expect("a bias that is not wanted"), [1.0, -1.0]);
    });
}

#[test]
fn offsets_are_where_operands_start() {
    with_shaders(|shaders| {
        let input = create_buffer(shaders.device(), &[-1.0f32, 2.0, -3.0, 4.0]).expect("a small buffer");
        let output = buffer(shaders, 4);
        let params = ElementwiseParams { count: 2 };
        let args =
            [(0, Arg::Buffer(&input, 4)), (1, Arg::Buffer(&output, 8)), (2, Arg::Bytes(bytes_of(&params)))];
        launch(shaders, BitNetShaderFunction::ReluForward, &Shape::elements(2), &args).expect("a launch");
        assert_eq!(read_buffer::<f32>(&output).expect("its contents"), [1.0, 1.0, 2.0, 0.0]);
    });
}

#[test]
fn a_version_that_there_is_not_is_refused() {
    with_shaders(|shaders| {
        let params = ElementwiseParams { count: 0 };
        let args = [(4, Arg::Bytes(bytes_of(&params)))];
        let command_buffer = shaders.device().new_command_queue().new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        let (adamw, shape) = (BitNetShaderFunction::AdamWStep, Shape::elements(0));
        let error =
            encode_in(Precision::Half, shaders, &encoder, adamw, &shape, &args).expect_err("no version");
        assert_eq!(error.to_string(), "kernel 'adamw_step_f16': it has no version in f16");
    });
}

#[test]
fn functions_that_the_device_lacks_are_refused() {
    let device = Device::host(HostOptions { simdgroup_reductions: false, ..HostOptions::default() });
    let source = |body: &str| {
        format!(
            "kernel void f(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {{ {body} }}"
        )
    };
    let pipeline = |body: &str| {
        let library = device.new_library_with_source(&source(body), &CompileOptions::default())?;
        device.new_compute_pipeline_state_with_function(&library.get_function("f", None)?)
    };
    let error = pipeline("x[i] = metal::simd_sum(x[i]);").expect_err("simd_sum").to_string();
    let reason = "it uses functions over the threads of a simdgroup, which this device does not have";
    assert_eq!(error, format!("Failed to create pipeline for function 'f': {reason}"));
    pipeline("x[i] = metal::quad_sum(x[i]);").expect("functions of quads are everywhere");
}

#[test]
fn nothing_to_do_needs_no_buffers() {
    with_shaders(|shaders| {
        let params = ElementwiseParams { count: 0 };
        let args = [(2, Arg::Bytes(bytes_of(&params)))];
        launch(shaders, BitNetShaderFunction::ReluForward, &Shape::elements(0), &args)
            .expect("nothing to do");
    });
}
