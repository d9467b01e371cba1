//! The kernels by the ways that are easier than a launch by row: encoders that fill in what is not set, dispatch
//! helpers, operations on tensors. Each way runs every case of every kernel and is held against the references.

mod dispatch;
mod inferred;
mod ops;
#[path = "../support/mod.rs"]
mod support;

use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::geometry::{self, GridLimits};
use bitnet_core::metal::kernels::row::ParamKind;
use bitnet_core::metal::kernels::{Case, KernelRow, compare};
use bitnet_core::metal::*;
use support::name;

/// A buffer for every parameter that a case uses, exactly as long as it needs it. What the kernel only writes holds
/// a pattern that no kernel writes. `None` if one would have no bytes, since no buffer is that short.
fn buffers(device: &Device, row: &KernelRow, case: &Case) -> Option<Vec<(u32, Buffer)>> {
    let used = row.params.iter().filter(|param| param.is_used(&case.params));
    used.filter_map(|param| {
        let ParamKind::Buffer { element, least, .. } = param.kind else { return None };
        let length = least(&case.shape) * element.size_bytes(case.precision);
        let bytes = match case.data(param.index) {
            Some(data) => data.bytes().to_vec(),
            None => vec![0xa5; length as usize],
        };
        Some((length > 0).then(|| (param.index, create_buffer(device, &bytes).expect("there is memory"))))
    })
    .collect()
}

/// What a kernel has left in the buffers that it writes.
fn outputs(row: &KernelRow, case: &Case, buffers: &[(u32, Buffer)]) -> Vec<(u32, Data)> {
    let written = buffers.iter().filter_map(|(index, buffer)| {
        let param = row.param(*index)?;
        param.tolerance()?;
        let data = Data::read(buffer, param.element()?, case.precision);
        Some((*index, data.expect("whole elements")))
    });
    written.collect()
}

/// Threads and threadgroup as the table has them.
fn grid(shaders: &BitNetShaders, function: BitNetShaderFunction, case: &Case) -> (MTLSize, MTLSize) {
    let pipeline = shaders.get_pipeline_in(function, case.precision).expect("every version is there");
    geometry::for_shape(function.row(), &case.shape, GridLimits::of(&pipeline))
}

/// Records with an encoder that is opened for a version of a kernel, and before that with one for the kernel that
/// has to come first, if there is one. Runs both and gives the command buffer's error.
fn record(
    shaders: &BitNetShaders,
    row: &KernelRow,
    case: &Case,
    encode: impl Fn(BitNetShaderFunction, &ComputeCommandEncoder),
) -> Result<(), MetalError> {
    let command_buffer = shaders.device().new_command_queue().new_command_buffer();
    for function in row.prologue().into_iter().chain([row.function]) {
        let encoder =
            shaders.create_compute_encoder_with_pipeline_in(&command_buffer, function, case.precision)?;
        encode(function, &encoder);
        encoder.end_encoding();
    }
    command_buffer.commit();
    command_buffer.wait_until_completed()
}

#[track_caller]
fn check(row: &KernelRow, case: &Case, outputs: &[(u32, Data)]) {
    let verdict = compare(row, case, outputs);
    assert!(verdict.is_ok(), "{}: {verdict:?}", name(row, case));
}
