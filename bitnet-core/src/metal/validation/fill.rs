//! What an encoder that was opened for a kernel of the table fills in at a dispatch.
//!
//! Its row says which buffers are optional and what the parameter struct is, so a buffer that was not set is
//! one that is not there, and the struct follows from the lengths of the others where these determine it.
//! What was set is never replaced, and what is filled in holds for one dispatch: the next one may have other
//! buffers.

use bitnet_msl::reflect::{KernelInfo, ParamInfo};

use super::{EncoderState, KernelParameter, Slot, Slots, ValidationError};
use crate::metal::kernels::row::{KernelRow, Precision};
use crate::metal::kernels::{BitNetShaderFunction, infer};

/// The kernel that an encoder was opened for.
#[derive(Debug)]
pub(super) struct TableKernel {
    row: &'static KernelRow,
    precision: Precision,
    /// The parameter struct, if it was set as bytes.
    params: Vec<u8>,
}

/// What is to be bound beside what is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    /// Index of the binding.
    pub(crate) slot: usize,
    /// The parameter struct, or no buffer.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl TableKernel {
    pub(super) fn new(function: BitNetShaderFunction, precision: Precision) -> Self {
        Self { row: function.row(), precision, params: Vec::new() }
    }

    /// Keeps the bytes that were set at an index, if that is the parameter struct's.
    pub(super) fn note(&mut self, slot: usize, bytes: &[u8]) {
        if slot == self.row.constants().0 as usize {
            self.params = bytes.to_vec();
        }
    }
}

impl EncoderState {
    /// What is to be filled in for a dispatch.
    pub(super) fn fills(&self, kernel: &KernelInfo) -> Result<Vec<Fill>, ValidationError> {
        let Some(opened) = &self.opened_for else { return Ok(Vec::new()) };
        let (index, layout) = opened.row.constants();
        let mut fills = Vec::new();
        let params = match self.slots[index as usize] {
            Slot::Bytes { .. } => opened.params.clone(),
            // A shader of the user's own may have another struct, about which the row says nothing.
            Slot::Unset => match reference(kernel, index) {
                Some(param) if param.size_bytes as usize == layout.size_bytes => {
                    let bytes = self.infer(kernel, param, opened)?;
                    fills.push(Fill { slot: index as usize, bytes: Some(bytes.clone()) });
                    bytes
                }
                _ => Vec::new(),
            },
            Slot::Nil | Slot::Buffer { .. } => Vec::new(),
        };
        // A struct that nobody can look into, in a buffer, asks for nothing: a kernel that reads an absent
        // buffer traps.
        for param in opened.row.params {
            let slot = param.index as usize;
            let wanted = params.len() == layout.size_bytes && param.is_used(&params);
            if param.is_optional() && self.slots[slot] == Slot::Unset && !wanted {
                fills.push(Fill { slot, bytes: None });
            }
        }
        Ok(fills)
    }

    fn infer(
        &self,
        kernel: &KernelInfo,
        param: &ParamInfo,
        opened: &TableKernel,
    ) -> Result<Vec<u8>, ValidationError> {
        let (index, layout) = opened.row.constants();
        let slot = |index: u32| self.slots[index as usize];
        // The buffers that the kernel cannot do without come first: the struct is not to blame for them.
        let mut needed = opened.row.params.iter().filter(|p| p.index != index && !p.is_optional());
        if let Some(missing) = needed.find(|param| slot(param.index) == Slot::Unset)
            && let Some(missing) = kernel.params.iter().find(|p| p.index == Some(missing.index))
        {
            let parameter = KernelParameter::of(kernel, missing);
            return Err(ValidationError::MissingBuffer { parameter });
        }
        let bytes = |index| match slot(index) {
            Slot::Buffer { length, .. } | Slot::Bytes { length } => Some(length),
            Slot::Unset | Slot::Nil => None,
        };
        infer::infer(opened.row, opened.precision, &bytes).map_err(|reason| ValidationError::ParamsNotSet {
            parameter: KernelParameter::of(kernel, param),
            struct_name: layout.name,
            reason,
        })
    }
}

/// The bindings with what is filled in.
pub(super) fn filled(mut slots: Slots, fills: &[Fill]) -> Slots {
    for fill in fills {
        slots[fill.slot] = match &fill.bytes {
            Some(bytes) => Slot::Bytes { length: bytes.len() as u64 },
            None => Slot::Nil,
        };
    }
    slots
}

/// The kernel's `constant` reference at an index.
fn reference(kernel: &KernelInfo, index: u32) -> Option<&ParamInfo> {
    kernel.params.iter().find(|param| param.is_reference && param.index == Some(index))
}
