//! A kernel's operands as data.

use super::row::{Element, KernelRow, Precision};
use super::shape::Shape;
#[cfg(doc)]
use crate::metal::DeviceLimits;
use crate::metal::{Buffer, Device, MetalError, read_buffer};
use bytemuck::NoUninit;
use half::f16;

/// Elements of a buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `float`
    F32(Vec<f32>),
    /// `uint`
    U32(Vec<u32>),
    /// `half`
    F16(Vec<f16>),
    /// `char`
    I8(Vec<i8>),
    /// `uchar`
    U8(Vec<u8>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::U32(v) => v.len(),
            Data::F16(v) => v.len(),
            Data::I8(v) => v.len(),
            Data::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in memory.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Data::F32(v) => bytemuck::cast_slice(v),
            Data::U32(v) => bytemuck::cast_slice(v),
            Data::F16(v) => bytemuck::cast_slice(v),
            Data::I8(v) => bytemuck::cast_slice(v),
            Data::U8(v) => v,
        }
    }

    /// `len` elements that no kernel means: what it does not overwrite shows.
    pub(super) fn poison(element: Element, precision: Precision, len: usize) -> Self {
        match (element, precision) {
            (Element::F32, _) | (Element::Real, Precision::Single) => {
                Data::F32(vec![f32::from_bits(0x7fc0_dead); len])
            }
            (Element::Real, Precision::Half) => Data::F16(vec![f16::from_bits(0x7ead); len]),
            (Element::U32, _) => Data::U32(vec![0xdead_beef; len]),
            (Element::I8, _) => Data::I8(vec![-128; len]),
            (Element::U8, _) => Data::U8(vec![0xad; len]),
        }
    }

    /// The contents of a buffer of such elements.
    ///
    /// # Errors
    /// If it does not hold a whole number of them, or is private.
    pub fn read(buffer: &Buffer, element: Element, precision: Precision) -> Result<Self, MetalError> {
        Ok(match (element, precision) {
            (Element::F32, _) | (Element::Real, Precision::Single) => Data::F32(read_buffer(buffer)?),
            (Element::Real, Precision::Half) => Data::F16(read_buffer(buffer)?),
            (Element::U32, _) => Data::U32(read_buffer(buffer)?),
            (Element::I8, _) => Data::I8(read_buffer(buffer)?),
            (Element::U8, _) => Data::U8(read_buffer(buffer)?),
        })
    }

    /// These elements over and over, `len` in all. There must be some, unless none are wanted.
    pub(super) fn repeated(&self, len: usize) -> Self {
        fn fill<T: Copy>(elements: &[T], len: usize) -> Vec<T> {
            elements.iter().copied().cycle().take(len).collect()
        }
        match self {
            Data::F32(v) => Data::F32(fill(v, len)),
            Data::U32(v) => Data::U32(fill(v, len)),
            Data::F16(v) => Data::F16(fill(v, len)),
            Data::I8(v) => Data::I8(fill(v, len)),
            Data::U8(v) => Data::U8(fill(v, len)),
        }
    }

    /// The elements rounded to half precision, if they are floats.
    fn to_half(&self) -> Self {
        match self {
            Data::F32(values) => Data::F16(values.iter().map(|&v| f16::from_f32(v)).collect()),
            other => other.clone(),
        }
    }
}

/// Operands of one launch.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is special about it.
    pub label: String,
    /// The version of the kernel that it is for.
    pub precision: Precision,
    /// The shape that `params` describes.
    pub shape: Shape,
    /// The bytes of the parameter struct.
    pub params: Vec<u8>,
    /// Contents of the buffers that the kernel reads, by index. Optional ones that `params` does not ask
    /// for are absent.
    pub buffers: Vec<(u32, Data)>,
}

impl Case {
    /// A case in single precision with these parameters and no buffers.
    pub fn new<P: NoUninit>(label: impl Into<String>, shape: Shape, params: &P) -> Self {
        Self {
            label: label.into(),
            precision: Precision::Single,
            shape,
            params: bytemuck::bytes_of(params).to_vec(),
            buffers: Vec::new(),
        }
    }

    /// The case for another version of the row's kernel: its operands rounded to that precision.
    #[must_use]
    pub fn in_precision(mut self, row: &KernelRow, precision: Precision) -> Self {
        self.precision = precision;
        if precision == Precision::Half {
            for (index, data) in &mut self.buffers {
                if row.param(*index).is_some_and(|param| param.element() == Some(Element::Real)) {
                    *data = data.to_half();
                }
            }
        }
        self
    }

    /// The case as a device computes it: where float32 [subnormals are zeros](DeviceLimits::flushes_subnormals), with zeros
    /// of their sign in place of them. The reference of such a case is what the device has to come to.
    #[must_use]
    pub fn on_device(self, device: &Device) -> Self {
        if device.limits().flushes_subnormals { self.with_zeros_for_subnormals() } else { self }
    }

    fn with_zeros_for_subnormals(mut self) -> Self {
        let floats = self.buffers.iter_mut().filter_map(|(_, data)| match data {
            Data::F32(values) => Some(values),
            _ => None,
        });
        for value in floats.flatten().filter(|value| value.is_subnormal()) {
            *value = 0f32.copysign(*value);
        }
        self
    }

    /// The case with one buffer more.
    #[must_use]
    pub fn with(mut self, index: u32, data: Data) -> Self {
        self.buffers.push((index, data));
        self
    }

    /// The contents of a buffer; `None` if it is absent.
    pub fn data(&self, index: u32) -> Option<&Data> {
        self.buffers.iter().find(|(at, _)| *at == index).map(|(_, data)| data)
    }

    /// The floats of a buffer in double precision; none if it is absent or holds something else.
    pub fn floats(&self, index: u32) -> Vec<f64> {
        match self.data(index) {
            Some(Data::F32(values)) => values.iter().map(|&v| v.into()).collect(),
            Some(Data::F16(values)) => values.iter().map(|&v| v.into()).collect(),
            _ => Vec::new(),
        }
    }

    /// The words of a buffer; none if it is absent or holds something else.
    pub fn words(&self, index: u32) -> &[u32] {
        match self.data(index) {
            Some(Data::U32(values)) => values,
            _ => &[],
        }
    }
}

/// What a buffer should hold after a launch.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The parameter.
    pub index: u32,
    /// Its contents.
    pub values: Values,
}

/// Contents that a reference expects.
#[derive(Clone, Debug)]
pub enum Values {
    /// Floats.
    Floats {
        /// Terms of the longest sum behind each, the roundings of a product or quotient counted with them.
        terms: f64,
        /// The values.
        elements: Vec<Float>,
    },
    /// Integers, before rounding.
    Rounded(Vec<f64>),
    /// Bits.
    Bits {
        /// The words.
        words: Vec<u32>,
        /// Bits that may come out either way, since they lie on the border.
        undecided: Vec<u32>,
    },
}

/// A float that a reference expects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Float {
    /// The value.
    pub value: f64,
    /// Σ|terms|: the magnitudes that add up to it, which its rounding errors are in proportion to.
    pub magnitude: f64,
    /// More that it may be off by, for another reason than rounding.
    pub slack: f64,
}

impl From<f64> for Float {
    fn from(value: f64) -> Self {
        Self { value, magnitude: value.abs(), slack: 0.0 }
    }
}

impl Expected {
    /// Floats that are each the sum of so many terms.
    pub(crate) fn sums(index: u32, terms: f64, elements: Vec<Float>) -> Self {
        Self { index, values: Values::Floats { terms, elements } }
    }

    /// Floats that no sum stands behind.
    pub(crate) fn floats(index: u32, values: impl IntoIterator<Item = f64>) -> Self {
        Self::sums(index, 1.0, values.into_iter().map(Float::from).collect())
    }

    /// Words that must be met bit by bit.
    pub(crate) fn bits(index: u32, words: Vec<u32>) -> Self {
        let undecided = vec![0; words.len()];
        Self { index, values: Values::Bits { words, undecided } }
    }
}

/// A function whose derivative a kernel computes.
pub struct Derivative {
    /// The kernel's parameter that holds the derivative.
    pub index: u32,
    /// Where it is taken.
    pub at: Vec<f64>,
    /// The function.
    pub function: Function,
}

/// A function of many variables.
pub type Function = Box<dyn Fn(&[f64]) -> f64>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metal::HostOptions;

    #[test]
    fn a_device_that_keeps_subnormals_gets_them() {
        let tiny = vec![1e-40, -1e-40, f32::MIN_POSITIVE, f32::NAN, 0.0];
        let case = Case::new("tiny", Shape::elements(5), &5u32).with(0, Data::F32(tiny.clone()));
        let bits = |case: &Case| match case.data(0) {
            Some(Data::F32(values)) => values.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let kept = case.clone().on_device(&Device::host(HostOptions::default()));
        assert_eq!(bits(&kept), bits(&case));
        let flushed = case.clone().with_zeros_for_subnormals();
        let expect = [0.0, -0.0, f32::MIN_POSITIVE, f32::NAN, 0.0];
        assert_eq!(bits(&flushed), expect.map(f32::to_bits));
    }
}
