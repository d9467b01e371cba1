//! Encoders that are opened for a kernel fill in what they are not told.

use super::support::{all_cases, name, with_shaders};
use super::{buffers, check, grid, outputs, record};
use bitnet_core::metal::BitNetShaderFunction as F;
use bitnet_core::metal::kernels::params::{BitLinearParams, SoftmaxParams};
use bitnet_core::metal::kernels::{Case, KernelRow, TABLE};
use bitnet_core::metal::*;

/// Binds the buffers of a case and nothing else. `None` if a buffer would have no bytes.
fn run_with_buffers_alone(
    shaders: &BitNetShaders,
    row: &KernelRow,
    case: &Case,
) -> Option<Result<Vec<(u32, kernels::case::Data)>, MetalError>> {
    let buffers = buffers(shaders.device(), row, case)?;
    let result = record(shaders, row, case, |function, encoder| {
        let (threads, threadgroup) = grid(shaders, function, case);
        for (index, buffer) in &buffers {
            encoder.set_buffer((*index).into(), Some(buffer), 0);
        }
        dispatch_compute(encoder, threads, threadgroup);
    });
    Some(result.map(|()| outputs(row, case, &buffers)))
}

#[test]
fn every_kernel_runs_with_its_buffers_alone_or_says_what_to_set() {
    with_shaders(|shaders| {
        let mut ran = Vec::new();
        for row in TABLE {
            let (index, layout) = row.constants();
            for case in all_cases(shaders.device(), row) {
                match run_with_buffers_alone(shaders, row, &case) {
                    None => {}
                    Some(Ok(outputs)) => {
                        check(row, &case, &outputs);
                        ran.push(row.function);
                    }
                    Some(Err(error)) => {
                        let start = format!(
                            "kernel '{}': buffer {index} ('params') is not set, and the lengths of the buffers do not \
                             determine {} (elements of ",
                            row.kernel_name(case.precision),
                            layout.name
                        );
                        let end = format!(
                            "; set it: set_compute_bytes(&encoder, &{} {{ … }}, {index})",
                            layout.name
                        );
                        let text = error.to_string();
                        assert!(
                            text.starts_with(&start) && text.ends_with(&end),
                            "{}: {text}",
                            name(row, &case)
                        );
                    }
                }
            }
        }
        ran.dedup();
        let derived = [
            F::BitLinearForward,
            F::BitLinearBackwardInput,
            F::BitLinearBackwardWeights,
            F::QuantizeActivations,
            F::DynamicQuantizeRanges,
            F::DynamicQuantizeActivations,
            F::MixedPrecisionMatmul,
            F::ReluForward,
            F::ReluBackward,
            F::GeluForward,
            F::TanhBackward,
        ];
        for function in derived {
            assert!(ran.contains(&function), "{function:?} is not derived");
        }
    });
}

struct Rows {
    input: Buffer,
    output: Buffer,
}

impl Rows {
    fn new(device: &Device) -> Self {
        let buffer = |values: [f32; 4]| create_buffer(device, &values).expect("there is memory");
        Self { input: buffer([1.0, 1.0, 5.0, 5.0]), output: buffer([0.0; 4]) }
    }

    fn bind(&self, encoder: &ComputeCommandEncoder) {
        encoder.set_buffer(0, Some(&self.input), 0);
        encoder.set_buffer(1, Some(&self.output), 0);
    }
}

const GRID: MTLSize = MTLSize::new(64, 1, 1);

fn single(function: F) -> (&'static KernelRow, Case) {
    let case = (function.row().cases)().remove(0);
    (function.row(), case)
}

#[test]
fn what_is_set_counts_where_lengths_would_say_something_else() {
    with_shaders(|shaders| {
        let (row, case) = single(F::ReluForward);
        let rows = Rows::new(shaders.device());
        let result = record(shaders, row, &case, |_, encoder| {
            rows.bind(encoder);
            set_compute_bytes(encoder, &3u32, 2);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(result.map_err(|error| error.to_string()), Ok(()));
        assert_eq!(read_buffer::<f32>(&rows.output).expect("floats"), [1.0, 1.0, 5.0, 0.0]);
    });
}

#[test]
fn a_struct_that_is_set_makes_a_softmax_run() {
    with_shaders(|shaders| {
        let (row, case) = single(F::SoftmaxForward);
        let rows = Rows::new(shaders.device());
        let result = record(shaders, row, &case, |_, encoder| {
            rows.bind(encoder);
            set_compute_bytes(encoder, &SoftmaxParams { size: 2, rows: 2 }, 2);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(result.map_err(|error| error.to_string()), Ok(()));
        assert_eq!(read_buffer::<f32>(&rows.output).expect("floats"), [0.5; 4]);
    });
}

#[test]
fn what_was_derived_is_derived_anew_for_other_buffers() {
    with_shaders(|shaders| {
        let (row, case) = single(F::ReluForward);
        let (rows, device) = (Rows::new(shaders.device()), shaders.device());
        let longer = create_buffer(device, &[2.0f32; 9]).expect("there is memory");
        let result = record(shaders, row, &case, |_, encoder| {
            rows.bind(encoder);
            dispatch_compute(encoder, GRID, GRID);
            encoder.set_buffer(0, Some(&longer), 4);
            encoder.set_buffer(1, Some(&longer), 4);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(result.map_err(|error| error.to_string()), Ok(()));
        assert_eq!(read_buffer::<f32>(&rows.output).expect("floats"), [1.0, 1.0, 5.0, 5.0]);
        assert_eq!(read_buffer::<f32>(&longer).expect("floats"), [2.0; 9]);
    });
}

fn refused(shaders: &BitNetShaders, function: F, encode: impl Fn(&ComputeCommandEncoder)) -> String {
    let (row, case) = single(function);
    record(shaders, row, &case, |_, encoder| encode(encoder)).expect_err("it is refused").to_string()
}

#[test]
fn lengths_that_contradict_each_other_are_named() {
    with_shaders(|shaders| {
        let (rows, device) = (Rows::new(shaders.device()), shaders.device());
        let short = create_buffer(device, &[0.0f32; 3]).expect("there is memory");
        let text = refused(shaders, F::ReluForward, |encoder| {
            rows.bind(encoder);
            encoder.set_buffer(1, Some(&short), 0);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(
            text,
            "kernel 'relu_forward': buffer 2 ('params') is not set, and no ElementwiseParams suits the lengths of the \
             buffers (elements of input: 4, output: 3); set it: set_compute_bytes(&encoder, &ElementwiseParams { … }, 2)"
        );
    });
}

#[test]
fn a_buffer_that_is_needed_is_asked_for_before_the_struct() {
    with_shaders(|shaders| {
        let rows = Rows::new(shaders.device());
        let text = refused(shaders, F::BitLinearForward, |encoder| {
            encoder.set_buffer(0, Some(&rows.input), 0);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(text, "kernel 'bitlinear_forward': buffer 1 ('weights') is not set");
    });
}

#[test]
fn an_optional_buffer_that_the_struct_asks_for_is_not_optional() {
    with_shaders(|shaders| {
        let rows = Rows::new(shaders.device());
        let weights = create_buffer(shaders.device(), &[1u32; 2]).expect("there is memory");
        let params = BitLinearParams {
            input_size: 2,
            output_size: 2,
            batch_size: 2,
            has_bias: 1,
            ..Default::default()
        };
        let text = refused(shaders, F::BitLinearForward, |encoder| {
            encoder.set_buffer(0, Some(&rows.input), 0);
            encoder.set_buffer(1, Some(&weights), 0);
            encoder.set_buffer(3, Some(&rows.output), 0);
            set_compute_bytes(encoder, &params, 4);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(text, "kernel 'bitlinear_forward': buffer 2 ('bias') is not set");
    });
}

#[test]
fn a_pipeline_set_by_hand_is_filled_in_nothing() {
    with_shaders(|shaders| {
        let pipeline = shaders.get_pipeline(F::ReluForward).expect("it compiles");
        let rows = Rows::new(shaders.device());
        let text = refused(shaders, F::ReluForward, |encoder| {
            encoder.set_compute_pipeline_state(&pipeline);
            rows.bind(encoder);
            dispatch_compute(encoder, GRID, GRID);
        });
        assert_eq!(text, "kernel 'relu_forward': buffer 2 ('params') is not set");
    });
}
