//! Packed 1-bit weights with their scales.

use super::Grouping;
use super::tensor::{DataType, Tensor, described};
use crate::metal::MetalError;

/// Weights (N, K) of ±1, packed 32 to a word, and the scales that groups of them share, if there are any; without
/// scales every scale is 1.
#[derive(Debug)]
pub struct PackedWeights {
    words: Tensor,
    scales: Option<Tensor>,
    columns: usize,
    grouping: Grouping,
}

impl PackedWeights {
    /// From words (N, ⌈K/32⌉) of `u32`: bit i of word j of a row is column 32·j + i, 1 for +1 and 0 for −1; bits past
    /// the last column are 0. `scales` (N, groups of a row) of `f32`; a group over the whole tensor repeats its scale
    /// in each row.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if words or scales have another type or shape, or groups are not whole words.
    pub fn new(
        words: Tensor,
        columns: usize,
        scales: Option<Tensor>,
        grouping: Grouping,
    ) -> Result<Self, MetalError> {
        let op = "PackedWeights::new";
        let check = |operand, given: &Tensor, data_type, dims: &[usize]| {
            if given.data_type() == data_type && given.dims() == dims {
                return Ok(());
            }
            let (given, needed) = (given.describe(), described(data_type, dims));
            Err(MetalError::Operand { op, operand, given, needed })
        };
        if let Grouping::Columns(size) = grouping
            && (size == 0 || size % 32 != 0)
        {
            let (given, needed) = (format!("of {size} columns"), "a positive multiple of 32".to_owned());
            return Err(MetalError::Operand { op, operand: "grouping", given, needed });
        }
        check("words", &words, DataType::U32, &[words.rows(), columns.div_ceil(32)])?;
        let weights = Self { words, scales, columns, grouping };
        if let Some(scales) = &weights.scales {
            check("scales", scales, DataType::F32, &weights.scales_dims())?;
        }
        Ok(weights)
    }

    /// N: rows.
    pub fn rows(&self) -> usize {
        self.words.rows()
    }

    /// K: columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How weights share scales.
    pub fn grouping(&self) -> Grouping {
        self.grouping
    }

    /// The words, (N, ⌈K/32⌉).
    pub fn words(&self) -> &Tensor {
        &self.words
    }

    /// The scales, (N, groups of a row).
    pub fn scales(&self) -> Option<&Tensor> {
        self.scales.as_ref()
    }

    /// The dimensions that scales have.
    pub(super) fn scales_dims(&self) -> [usize; 2] {
        [self.rows(), groups_of_a_row(self.columns, self.grouping)]
    }

    /// The grouping as the kernels that read scales know it: a whole-tensor scale lies in every row.
    pub(super) fn group_size(&self) -> u32 {
        self.grouping.size()
    }

    /// What a kernel has packed.
    pub(super) fn packed(words: Tensor, scales: Tensor, columns: usize, grouping: Grouping) -> Self {
        Self { words, scales: Some(scales), columns, grouping }
    }
}

/// How many scales a row of so many columns has.
pub(super) fn groups_of_a_row(columns: usize, grouping: Grouping) -> usize {
    match grouping {
        Grouping::Row | Grouping::Tensor => 1,
        Grouping::Columns(size) => columns.div_ceil(size.max(1) as usize),
    }
}
