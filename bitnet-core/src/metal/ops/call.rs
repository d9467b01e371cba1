//! One call of a kernel: operands are checked against its row by name, results are made, and it runs.

use super::tensor::{DataType, Tensor, described};
use super::{Ops, PackedWeights};
use crate::metal::kernels::params::KernelParams;
use crate::metal::kernels::row::{KernelRow, Param};
use crate::metal::kernels::{self, Arg, Precision};
use crate::metal::{BitNetShaderFunction, Buffer, MetalError};

/// A call that is being put together.
pub(super) struct Call<'a> {
    ops: &'a Ops,
    row: &'static KernelRow,
    precision: Precision,
    buffers: Vec<(u32, Buffer)>,
}

impl<'a> Call<'a> {
    /// A call of the version of a kernel that suits the type of one of its operands: half precision for `half`,
    /// if there is one, else single precision.
    pub(super) fn new(ops: &'a Ops, function: BitNetShaderFunction, by: &Tensor) -> Self {
        let row = function.row();
        let half = row.half && by.data_type() == DataType::F16;
        let precision = if half { Precision::Half } else { Precision::Single };
        Self { ops, row, precision, buffers: Vec::new() }
    }

    /// The same, of a version that the operands do not tell.
    pub(super) fn in_precision(ops: &'a Ops, function: BitNetShaderFunction, precision: Precision) -> Self {
        Self { ops, row: function.row(), precision, buffers: Vec::new() }
    }

    /// An operand that has these dimensions and the row's type. The kernel may read it, write it, or both.
    pub(super) fn take(
        &mut self,
        name: &'static str,
        tensor: &Tensor,
        dims: &[usize],
    ) -> Result<(), MetalError> {
        self.take_as(name, self.data_type(self.param(name)), tensor, dims)
    }

    /// An operand that has these dimensions and this type, which is as long as the row's.
    pub(super) fn take_as(
        &mut self,
        name: &'static str,
        data_type: DataType,
        tensor: &Tensor,
        dims: &[usize],
    ) -> Result<(), MetalError> {
        let param = self.param(name);
        if tensor.data_type() != data_type || tensor.dims() != dims {
            return Err(MetalError::Operand {
                op: self.row.name,
                operand: name,
                given: tensor.describe(),
                needed: described(data_type, dims),
            });
        }
        self.buffers.extend(tensor.buffer().map(|buffer| (param.index, buffer.clone())));
        Ok(())
    }

    /// The same for an operand that may be absent.
    pub(super) fn take_some(
        &mut self,
        name: &'static str,
        tensor: Option<&Tensor>,
        dims: &[usize],
    ) -> Result<(), MetalError> {
        tensor.map_or(Ok(()), |tensor| self.take(name, tensor, dims))
    }

    /// Packed weights, with their scales if they have any. Gives 1 if they have.
    pub(super) fn take_weights(
        &mut self,
        weights: &PackedWeights,
        scales: &'static str,
    ) -> Result<u32, MetalError> {
        self.take("weights", weights.words(), weights.words().dims())?;
        self.take_some(scales, weights.scales(), &weights.scales_dims())?;
        Ok(weights.scales().is_some().into())
    }

    /// The error about an operand that is not there.
    pub(super) fn absent(&self, name: &'static str, dims: &[usize]) -> MetalError {
        let needed = described(self.data_type(self.param(name)), dims);
        MetalError::Operand { op: self.row.name, operand: name, given: "absent".to_owned(), needed }
    }

    /// A result of these dimensions and the row's type.
    pub(super) fn make(&mut self, name: &'static str, dims: &[usize]) -> Result<Tensor, MetalError> {
        let param = self.param(name);
        let tensor = Tensor::zeros(self.ops.device(), self.data_type(param), dims)?;
        self.buffers.extend(tensor.buffer().map(|buffer| (param.index, buffer.clone())));
        Ok(tensor)
    }

    /// A size as the kernels count it.
    pub(super) fn size(&self, what: &'static str, value: usize) -> Result<u32, MetalError> {
        let size = u32::try_from(value).ok().filter(|size| u64::from(*size) <= kernels::MAX_EXTENT);
        size.ok_or(MetalError::SizeLimit { op: self.row.name, what, value })
    }

    /// Runs it and waits for its end.
    pub(super) fn run<P: KernelParams>(self, params: &P) -> Result<(), MetalError> {
        let bytes = (self.row.constants().0, Arg::Bytes(bytemuck::bytes_of(params)));
        let buffers = self.buffers.iter().map(|(index, buffer)| (*index, Arg::Buffer(buffer, 0)));
        let args: Vec<_> = buffers.chain([bytes]).collect();
        let shape = params.shape().unwrap_or_default();

        let command_buffer = self.ops.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        let function = self.row.function;
        kernels::encode_in(self.precision, self.ops.shaders(), &encoder, function, &shape, &args)?;
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()
    }

    fn param(&self, name: &str) -> &'static Param {
        let param = self.row.params.iter().find(|param| param.name == name);
        param.expect("operations use the names of the row, and a test runs them all")
    }

    fn data_type(&self, param: &Param) -> DataType {
        let element = param.element().expect("only buffers are taken and made");
        DataType::of(element, self.precision)
    }
}
