//! Values for the function constants of a kernel.

use std::collections::BTreeMap;

/// The value of a function constant, which is a scalar. Its type has to be the one that the shader declares.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConstantValue {
    /// `bool`
    Bool(bool),
    /// `short`
    Short(i16),
    /// `ushort`
    UShort(u16),
    /// `int`
    Int(i32),
    /// `uint`
    UInt(u32),
    /// `long`
    Long(i64),
    /// `ulong`
    ULong(u64),
    /// `half`
    Half(half::f16),
    /// `float`
    Float(f32),
}

macro_rules! constant_value_from {
    ($($ty:ty => $variant:ident),* $(,)?) => {
        $(impl From<$ty> for ConstantValue {
            fn from(value: $ty) -> Self {
                ConstantValue::$variant(value)
            }
        })*
    };
}

constant_value_from! {
    bool => Bool,
    i16 => Short,
    u16 => UShort,
    i32 => Int,
    u32 => UInt,
    i64 => Long,
    u64 => ULong,
    half::f16 => Half,
    f32 => Float,
}

/// What the function constants of a kernel are set to: `MTLFunctionConstantValues`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionConstantValues {
    values: BTreeMap<u64, ConstantValue>,
}

impl FunctionConstantValues {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the constant with this `[[function_constant(index)]]`.
    pub fn set_constant_value_at_index(&mut self, index: u64, value: impl Into<ConstantValue>) {
        self.values.insert(index, value.into());
    }

    /// The same, to write values in a chain.
    #[must_use]
    pub fn with(mut self, index: u64, value: impl Into<ConstantValue>) -> Self {
        self.set_constant_value_at_index(index, value);
        self
    }

    /// Indices and values, by index.
    pub fn iter(&self) -> impl Iterator<Item = (u64, ConstantValue)> + '_ {
        self.values.iter().map(|(index, value)| (*index, *value))
    }
}
