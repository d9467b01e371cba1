//! Tensors: buffers that know the type and the dimensions of what they hold.

use std::fmt;

use bytemuck::Pod;
use half::f16;

use crate::metal::kernels::row::{Element, Precision};
use crate::metal::{Buffer, Device, MTLResourceOptions, MetalError, create_buffer};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// `float`
    F32,
    /// `half`
    F16,
    /// `uint`
    U32,
    /// `char`
    I8,
    /// `uchar`
    U8,
}

impl DataType {
    /// Size of an element in bytes.
    pub fn size_bytes(self) -> usize {
        match self {
            DataType::F32 | DataType::U32 => 4,
            DataType::F16 => 2,
            DataType::I8 | DataType::U8 => 1,
        }
    }

    /// What a version of a kernel takes where its row says `element`.
    pub(super) fn of(element: Element, precision: Precision) -> Self {
        match (element, precision) {
            (Element::F32, _) | (Element::Real, Precision::Single) => DataType::F32,
            (Element::Real, Precision::Half) => DataType::F16,
            (Element::U32, _) => DataType::U32,
            (Element::I8, _) => DataType::I8,
            (Element::U8, _) => DataType::U8,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DataType::F32 => "f32",
            DataType::F16 => "f16",
            DataType::U32 => "u32",
            DataType::I8 => "i8",
            DataType::U8 => "u8",
        })
    }
}

/// Rust's types of a tensor's elements.
pub trait TensorElement: Pod + sealed::Sealed {
    /// The same as a value.
    const DATA_TYPE: DataType;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! tensor_elements {
    ($($rust:ty => $data_type:ident),+) => {$(
        impl sealed::Sealed for $rust {}
        impl TensorElement for $rust {
            const DATA_TYPE: DataType = DataType::$data_type;
        }
    )+};
}
tensor_elements!(f32 => F32, f16 => F16, u32 => U32, i8 => I8, u8 => U8);

/// Elements of one type on a device, in row-major order. The last dimension is that of a row; all others
/// together count the rows. A dimension may be 0.
///
/// ```
/// # use bitnet_core::metal::ops::{DataType, Ops};
/// # use bitnet_core::metal::{Device, HostOptions};
/// let ops = Ops::new(&Device::host(HostOptions::default()))?;
/// let tensor = ops.tensor(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2])?;
/// assert_eq!((tensor.data_type(), tensor.rows(), tensor.columns()), (DataType::F32, 3, 2));
/// assert_eq!(tensor.reshape([6])?.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// let error = ops.tensor(&[1.0f32; 5], [3, 2]).unwrap_err().to_string();
/// assert_eq!(error, "Tensor::from_slice: 'elements' is f32 [5], but f32 [3, 2] is needed");
/// # Ok::<(), bitnet_core::metal::MetalError>(())
/// ```
#[derive(Debug)]
pub struct Tensor {
    data_type: DataType,
    dims: Vec<usize>,
    /// None where there are no elements: no buffer is that short.
    buffer: Option<Buffer>,
}

impl Tensor {
    /// A copy of these elements, as many as the product of the dimensions.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if they are more or fewer; what allocation gives.
    pub fn from_slice<T: TensorElement>(
        device: &Device,
        elements: &[T],
        dims: impl Into<Vec<usize>>,
    ) -> Result<Self, MetalError> {
        let dims = dims.into();
        check_length("Tensor::from_slice", T::DATA_TYPE, &dims, elements.len())?;
        let buffer = if elements.is_empty() { None } else { Some(create_buffer(device, elements)?) };
        Ok(Self { data_type: T::DATA_TYPE, dims, buffer })
    }

    /// A view of all of a buffer: the tensor and whoever else has the buffer share its elements.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if the dimensions do not make as many elements as the buffer holds.
    pub fn from_buffer(
        buffer: Buffer,
        data_type: DataType,
        dims: impl Into<Vec<usize>>,
    ) -> Result<Self, MetalError> {
        let dims = dims.into();
        let (bytes, size) = (buffer.length(), data_type.size_bytes() as u64);
        if !bytes.is_multiple_of(size) {
            return Err(MetalError::ElementSize { buffer_length: bytes, element_size: size as usize });
        }
        check_length("Tensor::from_buffer", data_type, &dims, (bytes / size) as usize)?;
        Ok(Self { data_type, dims, buffer: Some(buffer) })
    }

    /// Zeros.
    ///
    /// # Errors
    /// What allocation gives.
    pub fn zeros(
        device: &Device,
        data_type: DataType,
        dims: impl Into<Vec<usize>>,
    ) -> Result<Self, MetalError> {
        let dims = dims.into();
        let bytes = count(&dims).and_then(|count| count.checked_mul(data_type.size_bytes()));
        let buffer = match bytes {
            Some(0) => None,
            // More than can be counted is more than any device has.
            bytes => {
                let bytes = bytes.map_or(u64::MAX, |bytes| bytes as u64);
                Some(device.new_buffer(bytes, MTLResourceOptions::StorageModeShared)?)
            }
        };
        Ok(Self { data_type, dims, buffer })
    }

    /// The type of the elements.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The dimensions.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements of a row: the last dimension, and 1 where there is none.
    pub fn columns(&self) -> usize {
        self.dims.last().copied().unwrap_or(1)
    }

    /// Number of rows: the product of all dimensions but the last.
    pub fn rows(&self) -> usize {
        self.dims.split_last().map_or(1, |(_, rows)| rows.iter().product())
    }

    /// The buffer that holds the elements; `None` if there are none.
    pub fn buffer(&self) -> Option<&Buffer> {
        self.buffer.as_ref()
    }

    /// A copy of the elements.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if they are of another type; what reading the buffer gives.
    pub fn to_vec<T: TensorElement>(&self) -> Result<Vec<T>, MetalError> {
        if self.data_type != T::DATA_TYPE {
            let needed = described(T::DATA_TYPE, &self.dims);
            let given = self.describe();
            return Err(MetalError::Operand { op: "Tensor::to_vec", operand: "self", given, needed });
        }
        let mut elements = vec![T::zeroed(); self.len()];
        if let Some(buffer) = &self.buffer {
            buffer.read(0, bytemuck::cast_slice_mut(&mut elements))?;
        }
        Ok(elements)
    }

    /// The same elements under other dimensions of the same product.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if the product is another one.
    pub fn reshape(self, dims: impl Into<Vec<usize>>) -> Result<Self, MetalError> {
        let dims = dims.into();
        check_length("Tensor::reshape", self.data_type, &dims, self.len())?;
        Ok(Self { dims, ..self })
    }

    /// Type and dimensions, for people: "f32 [2, 40]".
    pub(super) fn describe(&self) -> String {
        described(self.data_type, &self.dims)
    }
}

/// Type and dimensions, for people.
pub(super) fn described(data_type: DataType, dims: &[usize]) -> String {
    format!("{data_type} {dims:?}")
}

/// The product of dimensions.
fn count(dims: &[usize]) -> Option<usize> {
    // A dimension of 0 counts before the others overflow.
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))
}

fn check_length(
    op: &'static str,
    data_type: DataType,
    dims: &[usize],
    length: usize,
) -> Result<(), MetalError> {
    if count(dims) == Some(length) {
        return Ok(());
    }
    let (given, needed) = (described(data_type, &[length]), described(data_type, dims));
    Err(MetalError::Operand { op, operand: "elements", given, needed })
}
