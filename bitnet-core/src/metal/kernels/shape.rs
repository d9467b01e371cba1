//! The sizes that a kernel works on.

/// How the elements of a matrix share scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Grouping {
    /// One group a row.
    #[default]
    Row,
    /// Groups of so many consecutive columns of one row, a multiple of 32; the last may be short.
    Columns(u32),
    /// One group over the whole matrix.
    Tensor,
}

impl Grouping {
    /// The grouping that a `group_size` field means: 0 is one group a row. `None` unless it is a multiple
    /// of 32, since a packed word must lie in one group.
    pub fn from_size(group_size: u32) -> Option<Self> {
        match group_size {
            0 => Some(Self::Row),
            size if size % 32 == 0 => Some(Self::Columns(size)),
            _ => None,
        }
    }

    /// The value of a `group_size` field; 0 for a whole row and for the tensor.
    pub fn size(self) -> u32 {
        match self {
            Self::Columns(size) => size,
            Self::Row | Self::Tensor => 0,
        }
    }

    /// Groups of a row of so many columns. A group over the whole matrix counts as one.
    pub fn of_row(self, columns: u64) -> u64 {
        match self {
            Self::Row | Self::Tensor => 1,
            Self::Columns(size) => columns.div_ceil(size.into()),
        }
    }
}

/// The sizes of a kernel's operands. What a kernel has no use for is 0 (1 for the batch of element-wise
/// kernels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    /// M: rows of activations.
    pub batch: u64,
    /// K: columns of activations and weights; elements of a row; elements.
    pub input: u64,
    /// N: rows of the weights.
    pub output: u64,
    /// How the weights share scales.
    pub grouping: Grouping,
    /// How activations (or gradients) share scales, and zero points where they have them.
    pub activation_grouping: Grouping,
}

impl Shape {
    /// Of element-wise kernels: `count` elements.
    pub fn elements(count: u32) -> Self {
        Self::rows(1, count)
    }

    /// Of kernels that work row by row: `rows` rows of `size` elements.
    pub fn rows(rows: u32, size: u32) -> Self {
        Self { batch: rows.into(), input: size.into(), ..Self::default() }
    }

    /// Of kernels with weights `[output, input]`, for `batch` rows of activations (0 where there are none).
    pub fn linear(batch: u32, input: u32, output: u32, grouping: Grouping) -> Self {
        Self { batch: batch.into(), input: input.into(), output: output.into(), grouping, ..Self::default() }
    }

    /// The shape with activations that share scales this way.
    #[must_use]
    pub fn with_activations(self, activation_grouping: Grouping) -> Self {
        Self { activation_grouping, ..self }
    }

    /// Words of a packed row of weights: ceil(K / 32).
    pub fn words(&self) -> u64 {
        self.input.div_ceil(32)
    }

    /// Elements of the activations, M·K.
    pub fn inputs(&self) -> u64 {
        self.batch * self.input
    }

    /// Elements of the results of a linear layer, M·N.
    pub fn outputs(&self) -> u64 {
        self.batch * self.output
    }

    /// Weights, N·K.
    pub fn weights(&self) -> u64 {
        self.output * self.input
    }

    /// Words of packed weights, N·ceil(K / 32).
    pub fn packed(&self) -> u64 {
        self.output * self.words()
    }

    /// Words of a mask with one bit for each of [`Shape::inputs`].
    pub fn mask_words(&self) -> u64 {
        self.inputs().div_ceil(32)
    }

    /// Scales of a row of weights. A whole-tensor group repeats its scale in each row.
    pub fn groups(&self) -> u64 {
        self.grouping.of_row(self.input)
    }

    /// Scales of all rows.
    pub fn scales(&self) -> u64 {
        self.output * self.groups()
    }

    /// Scales of all activations: one for the tensor, or those of every row.
    pub fn activation_scales(&self) -> u64 {
        match self.activation_grouping {
            Grouping::Tensor => 1,
            grouping => self.batch * grouping.of_row(self.input),
        }
    }
}
