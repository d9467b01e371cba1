//! The launch by row: what a kernel is given is checked against its row before anything is encoded.

use super::geometry::{self, GridLimits};
use super::row::{KernelRow, Param, ParamKind, Precision};
use super::shape::Shape;
use super::table::BitNetShaderFunction;
use crate::metal::{BitNetShaders, Buffer, ComputeCommandEncoder, MetalError};

/// An argument of a launch.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// A buffer, from an offset in bytes on.
    Buffer(&'a Buffer, u64),
    /// The bytes of the parameter struct.
    Bytes(&'a [u8]),
}

/// Encodes a launch of a kernel in single precision: [`encode_in`].
///
/// # Errors
/// As [`encode_in`].
pub fn encode(
    shaders: &BitNetShaders,
    encoder: &ComputeCommandEncoder,
    function: BitNetShaderFunction,
    shape: &Shape,
    args: &[(u32, Arg<'_>)],
) -> Result<(), MetalError> {
    encode_in(Precision::Single, shaders, encoder, function, shape, args)
}

/// Encodes a launch of a version of a kernel: its pipeline, its arguments by index, and the grid that suits
/// the shape.
///
/// `shape` is what the caller believes; the parameter struct is what the shader believes. Both must say the
/// same, and every buffer that the parameter struct asks for must be there and long enough for it. Buffers
/// that are not needed (no bias, no elements) may be left out.
///
/// A kernel that works on what another one makes ([`KernelRow::prologue`]) is one call all the same: both are
/// encoded, and the second sees what the first has written, since an encoder keeps the order of its dispatches.
///
/// A shape without work encodes nothing.
///
/// # Errors
/// [`MetalError::KernelContract`] if the arguments do not meet the row's contract; what
/// [`BitNetShaders::get_pipeline`] gives; a misuse of the encoder.
pub fn encode_in(
    precision: Precision,
    shaders: &BitNetShaders,
    encoder: &ComputeCommandEncoder,
    function: BitNetShaderFunction,
    shape: &Shape,
    args: &[(u32, Arg<'_>)],
) -> Result<(), MetalError> {
    let row = function.row();
    let broken = |reason: String| MetalError::KernelContract {
        kernel: row.kernel_name(precision).into_owned(),
        reason,
    };
    check_arguments(row, precision, shape, args).map_err(broken)?;

    for row in row.prologue().map(BitNetShaderFunction::row).into_iter().chain([row]) {
        dispatch(row, precision, shaders, encoder, shape, args)?;
    }
    encoder.error().map_or(Ok(()), Err)
}

/// One kernel of a launch, whose arguments have been checked.
fn dispatch(
    row: &KernelRow,
    precision: Precision,
    shaders: &BitNetShaders,
    encoder: &ComputeCommandEncoder,
    shape: &Shape,
    args: &[(u32, Arg<'_>)],
) -> Result<(), MetalError> {
    let pipeline = shaders.get_pipeline_in(row.function, precision)?;
    let (threads, threadgroup) = geometry::for_shape(row, shape, GridLimits::of(&pipeline));
    if threads.is_empty() {
        return Ok(());
    }
    encoder.set_compute_pipeline_state(&pipeline);
    for param in row.params {
        match find(args, param.index) {
            Some(Arg::Buffer(buffer, offset)) => {
                encoder.set_buffer(param.index.into(), Some(buffer), offset);
            }
            Some(Arg::Bytes(bytes)) => encoder.set_bytes(param.index.into(), bytes),
            None => encoder.set_buffer(param.index.into(), None, 0),
        }
    }
    encoder.dispatch_threads(threads, threadgroup);
    Ok(())
}

fn find<'a>(args: &[(u32, Arg<'a>)], index: u32) -> Option<Arg<'a>> {
    args.iter().find(|(at, _)| *at == index).map(|(_, arg)| *arg)
}

/// What is wrong with the arguments, if anything.
pub(crate) fn check_arguments(
    row: &KernelRow,
    precision: Precision,
    shape: &Shape,
    args: &[(u32, Arg<'_>)],
) -> Result<(), String> {
    if !row.precisions().contains(&precision) {
        return Err(format!("it has no version in {precision}"));
    }
    for (place, (index, _)) in args.iter().enumerate() {
        if row.param(*index).is_none() {
            return Err(format!("it has no parameter {index}"));
        }
        if args[..place].iter().any(|(earlier, _)| earlier == index) {
            return Err(format!("parameter {index} is given twice"));
        }
    }
    let constants = check_constants(row, shape, args)?;
    geometry::check_extent(row, shape)?;
    row.params
        .iter()
        .try_for_each(|param| check_buffer(param, precision, shape, constants, find(args, param.index)))
}

/// The bytes of the parameter struct, which are of the right length and describe `shape`.
fn check_constants<'a>(row: &KernelRow, shape: &Shape, args: &[(u32, Arg<'a>)]) -> Result<&'a [u8], String> {
    let (index, layout) = row.constants();
    let (name, size) = (layout.name, layout.size_bytes);
    let Some(Arg::Bytes(bytes)) = find(args, index) else {
        return Err(format!("parameter {index} takes the bytes of {name}"));
    };
    if bytes.len() != size {
        return Err(format!("{name} has {size} bytes, not {}", bytes.len()));
    }
    match (layout.shape)(bytes) {
        Ok(described) if described == *shape => Ok(bytes),
        Ok(described) => Err(format!("{name} describes {described:?}, but the launch is for {shape:?}")),
        Err(unfit) => Err(format!("{name} {unfit}")),
    }
}

fn check_buffer(
    param: &Param,
    precision: Precision,
    shape: &Shape,
    constants: &[u8],
    arg: Option<Arg<'_>>,
) -> Result<(), String> {
    let ParamKind::Buffer { element, least, .. } = param.kind else { return Ok(()) };
    let (index, name) = (param.index, param.name);
    let least = if param.is_used(constants) { least(shape) } else { 0 };
    let (buffer, offset) = match arg {
        Some(Arg::Buffer(buffer, offset)) => (buffer, offset),
        Some(Arg::Bytes(_)) => return Err(format!("parameter {index} ('{name}') takes a buffer, not bytes")),
        None if least == 0 => return Ok(()),
        None => return Err(format!("parameter {index} ('{name}') is not given")),
    };
    let size = element.size_bytes(precision);
    if offset % size != 0 {
        return Err(format!("offset {offset} of parameter {index} ('{name}') is not a multiple of {size}"));
    }
    let elements = buffer.length().saturating_sub(offset) / size;
    if elements < least {
        return Err(format!("parameter {index} ('{name}') has {elements} elements, but needs {least}"));
    }
    Ok(())
}
