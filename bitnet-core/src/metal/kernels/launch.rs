//! A kernel made ready to run on a case's operands, as often as wanted.

use std::time::Duration;

use super::case::{Case, Data};
use super::encode::{Arg, encode_in};
use super::row::{Element, KernelRow, ParamKind};
use crate::metal::{BitNetShaders, Buffer, CommandQueue, MetalError, create_buffer};

/// The version of a kernel that a case is for, with the case's operands in buffers of the device.
#[derive(Debug)]
pub struct Launch<'a> {
    shaders: &'a BitNetShaders,
    row: &'a KernelRow,
    case: &'a Case,
    queue: CommandQueue,
    /// By index; what has no elements has no buffer.
    buffers: Vec<(u32, Buffer)>,
    /// What the kernel writes.
    outputs: Vec<(u32, Element, Option<Buffer>)>,
}

impl<'a> Launch<'a> {
    /// Makes the buffers: exactly as many elements as the row says, so that a write past the end is an error
    /// and one left out shows.
    ///
    /// # Errors
    /// If the device has no room for them.
    pub fn new(shaders: &'a BitNetShaders, row: &'a KernelRow, case: &'a Case) -> Result<Self, MetalError> {
        let (mut buffers, mut outputs) = (Vec::new(), Vec::new());
        for param in row.params {
            let ParamKind::Buffer { element, least, .. } = param.kind else { continue };
            if !param.is_used(&case.params) {
                continue;
            }
            let given = case.data(param.index).cloned();
            let poison = || Data::poison(element, case.precision, least(&case.shape) as usize);
            let data = given.unwrap_or_else(poison);
            let buffer = match data.is_empty() {
                true => None,
                false => Some(create_buffer(shaders.device(), data.bytes())?),
            };
            if param.tolerance().is_some() {
                outputs.push((param.index, element, buffer.clone()));
            }
            buffers.extend(buffer.map(|buffer| (param.index, buffer)));
        }
        let queue = shaders.device().new_command_queue();
        Ok(Self { shaders, row, case, queue, buffers, outputs })
    }

    /// Runs the kernel and waits for it; says how long the device worked. What an earlier run left in buffers
    /// that are updated in place is what the next one starts from.
    ///
    /// # Errors
    /// What [`encode_in`] gives, or what went wrong while the kernel ran.
    pub fn run(&self) -> Result<Duration, MetalError> {
        let mut args: Vec<_> =
            self.buffers.iter().map(|(index, buffer)| (*index, Arg::Buffer(buffer, 0))).collect();
        args.push((self.row.constants().0, Arg::Bytes(&self.case.params)));
        let command_buffer = self.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        let (row, case) = (self.row, self.case);
        encode_in(case.precision, self.shaders, &encoder, row.function, &case.shape, &args)?;
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()?;
        Ok(command_buffer.gpu_duration().unwrap_or_default())
    }

    /// The contents of what the kernel writes, by index.
    ///
    /// # Errors
    /// If a buffer cannot be read.
    pub fn outputs(&self) -> Result<Vec<(u32, Data)>, MetalError> {
        let precision = self.case.precision;
        let contents = |(index, element, buffer): &(u32, Element, Option<Buffer>)| {
            let data = match buffer {
                Some(buffer) => Data::read(buffer, *element, precision)?,
                None => Data::poison(*element, precision, 0),
            };
            Ok((*index, data))
        };
        self.outputs.iter().map(contents).collect()
    }
}

/// Runs the version of a kernel that a case is for, once. Gives the contents of what it writes, by index.
///
/// # Errors
/// As [`Launch::new`] and [`Launch::run`].
pub fn run_case(
    shaders: &BitNetShaders,
    row: &KernelRow,
    case: &Case,
) -> Result<Vec<(u32, Data)>, MetalError> {
    let launch = Launch::new(shaders, row, case)?;
    launch.run()?;
    launch.outputs()
}
