//! The constants of the standard library: enumerators, infinities and `numeric_limits`.

use crate::check::const_eval::ConstValue;
use crate::ir::{MemFlags, Scalar};

/// Types of the standard library that the IR holds as integers: the enumerations that functions take, and the votes of
/// threads, classes around an integer that are to the checker what scoped enumerations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BuiltinEnum {
    /// `mem_flags`: `enum class`, held as `uint`; `|` joins flags.
    MemFlags,
    /// `memory_order`: unscoped, held as `int`.
    MemoryOrder,
    /// `simd_vote`: a class around a `ulong`.
    SimdVote,
    /// `quad_vote`: a class around a `ushort`.
    QuadVote,
}

impl BuiltinEnum {
    /// All of them.
    pub(crate) const ALL: &'static [BuiltinEnum] =
        &[BuiltinEnum::MemFlags, BuiltinEnum::MemoryOrder, BuiltinEnum::SimdVote, BuiltinEnum::QuadVote];

    /// Whether it is a class rather than an enumeration: it has no operators at all.
    pub(crate) fn is_class(self) -> bool {
        matches!(self, BuiltinEnum::SimdVote | BuiltinEnum::QuadVote)
    }

    /// Whether its values convert to nothing implicitly.
    pub(crate) fn is_scoped(self) -> bool {
        self != BuiltinEnum::MemoryOrder
    }

    /// The name, without namespace.
    pub(crate) fn msl_name(self) -> &'static str {
        match self {
            BuiltinEnum::MemFlags => "mem_flags",
            BuiltinEnum::MemoryOrder => "memory_order",
            BuiltinEnum::SimdVote => "simd_vote",
            BuiltinEnum::QuadVote => "quad_vote",
        }
    }

    /// The enumeration with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|e| e.msl_name() == name)
    }

    /// The integer that holds it.
    pub(crate) fn scalar(self) -> Scalar {
        match self {
            BuiltinEnum::MemFlags => Scalar::U32,
            BuiltinEnum::MemoryOrder => Scalar::I32,
            BuiltinEnum::SimdVote => Scalar::U64,
            BuiltinEnum::QuadVote => Scalar::U16,
        }
    }
}

/// A constant that the standard library names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NamedConstant {
    /// Its value.
    pub(crate) value: ConstValue,
    /// Its enumeration, for an enumerator.
    pub(crate) enumeration: Option<BuiltinEnum>,
}

/// Bits of `mem_flags`.
const MEM_DEVICE: u64 = 1;
const MEM_THREADGROUP: u64 = 2;
const MEM_TEXTURE: u64 = 4;

/// What a barrier orders, from the bits of a `mem_flags`. Textures hold no data here.
pub(crate) fn mem_flags_from_bits(bits: u64) -> MemFlags {
    MemFlags { device: bits & MEM_DEVICE != 0, threadgroup: bits & MEM_THREADGROUP != 0 }
}

/// Name, enumeration, value.
const ENUMERATORS: &[(&str, BuiltinEnum, u64)] = &[
    ("mem_flags::mem_none", BuiltinEnum::MemFlags, 0),
    ("mem_flags::mem_device", BuiltinEnum::MemFlags, MEM_DEVICE),
    ("mem_flags::mem_threadgroup", BuiltinEnum::MemFlags, MEM_THREADGROUP),
    ("mem_flags::mem_texture", BuiltinEnum::MemFlags, MEM_TEXTURE),
    ("memory_order_relaxed", BuiltinEnum::MemoryOrder, 0),
    ("memory_order::memory_order_relaxed", BuiltinEnum::MemoryOrder, 0),
];

/// The constant with this name, its parts joined by `::` and `metal::` left out.
///
/// `__bitnet_inf` and `__bitnet_nan` are what the macros INFINITY and NAN stand for.
pub(crate) fn named_constant(name: &str) -> Option<NamedConstant> {
    let float =
        |value| Some(NamedConstant { value: ConstValue::float(Scalar::F32, value), enumeration: None });
    match name {
        "__bitnet_inf" => return float(f64::INFINITY),
        "__bitnet_nan" => return float(f64::NAN),
        _ => {}
    }
    let &(_, enumeration, bits) = ENUMERATORS.iter().find(|(n, ..)| *n == name)?;
    let value = ConstValue { scalar: enumeration.scalar(), bits };
    Some(NamedConstant { value, enumeration: Some(enumeration) })
}

/// A member of `numeric_limits<T>` (MSL 2.8 and the C++ standard): its value, and whether it is a function.
pub(crate) fn numeric_limit(scalar: Scalar, member: &str) -> Option<(ConstValue, bool)> {
    if let Some(value) = limit_function(scalar, member) {
        return Some((value, true));
    }
    let int = |value: i128| ConstValue::int(Scalar::I32, value);
    let flag = |value: bool| ConstValue::int(Scalar::Bool, i128::from(value));
    let shape = FloatShape::of(scalar);
    let value = match member {
        "is_specialized" | "is_bounded" => flag(true),
        "is_signed" => flag(scalar.is_signed() || scalar.is_float()),
        "is_integer" | "is_exact" => flag(!scalar.is_float()),
        "is_iec559" | "has_infinity" | "has_quiet_NaN" => flag(scalar.is_float()),
        "is_modulo" => flag(scalar.is_int() && !scalar.is_signed()),
        "radix" => int(2),
        "digits" => int(i128::from(match &shape {
            Some(shape) => shape.mantissa_bits + 1,
            None if scalar == Scalar::Bool => 1,
            None => scalar.size_bytes() as i32 * 8 - i32::from(scalar.is_signed()),
        })),
        "max_exponent" => int(i128::from(shape?.max_exponent + 1)),
        "min_exponent" => int(i128::from(shape?.min_exponent + 1)),
        _ => return None,
    };
    Some((value, false))
}

/// The members that are functions.
fn limit_function(scalar: Scalar, member: &str) -> Option<ConstValue> {
    let Some(shape) = FloatShape::of(scalar) else {
        let (least, greatest) = crate::ir::int_range(scalar)?;
        return match member {
            "min" | "lowest" => Some(ConstValue::int(scalar, least)),
            "max" => Some(ConstValue::int(scalar, greatest)),
            "epsilon" | "round_error" | "infinity" | "quiet_NaN" | "signaling_NaN" | "denorm_min" => {
                Some(ConstValue::int(scalar, 0))
            }
            _ => None,
        };
    };
    let power = |exponent: i32| 2f64.powi(exponent);
    let greatest = (2.0 - power(-shape.mantissa_bits)) * power(shape.max_exponent);
    let value = match member {
        "min" => power(shape.min_exponent),
        "max" => greatest,
        "lowest" => -greatest,
        "epsilon" => power(-shape.mantissa_bits),
        "round_error" => 0.5,
        "denorm_min" => power(shape.min_exponent - shape.mantissa_bits),
        "infinity" => f64::INFINITY,
        "quiet_NaN" | "signaling_NaN" => f64::NAN,
        _ => return None,
    };
    Some(ConstValue::float(scalar, value))
}

/// A binary floating-point format.
struct FloatShape {
    mantissa_bits: i32,
    max_exponent: i32,
    min_exponent: i32,
}

impl FloatShape {
    fn of(scalar: Scalar) -> Option<Self> {
        let (mantissa_bits, max_exponent) = match scalar {
            Scalar::F16 => (10, 15),
            Scalar::BF16 => (7, 127),
            Scalar::F32 => (23, 127),
            _ => return None,
        };
        Some(Self { mantissa_bits, max_exponent, min_exponent: 1 - max_exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scalar: Scalar, member: &str, bits: u64) {
        let (value, _) = numeric_limit(scalar, member).expect("the member exists");
        assert_eq!(value.bits, bits, "{} {member}", scalar.msl_name());
    }

    #[test]
    fn limits_of_floats_have_the_bits_of_ieee_754() {
        check(Scalar::F32, "max", u64::from(f32::MAX.to_bits()));
        check(Scalar::F32, "lowest", u64::from(f32::MIN.to_bits()));
        check(Scalar::F32, "min", u64::from(f32::MIN_POSITIVE.to_bits()));
        check(Scalar::F32, "epsilon", u64::from(f32::EPSILON.to_bits()));
        check(Scalar::F32, "denorm_min", 1);
        check(Scalar::F32, "infinity", u64::from(f32::INFINITY.to_bits()));
        check(Scalar::F16, "max", 0x7bff);
        check(Scalar::F16, "min", 0x0400);
        check(Scalar::F16, "denorm_min", 1);
        check(Scalar::F16, "infinity", 0x7c00);
        check(Scalar::BF16, "max", 0x7f7f);
        check(Scalar::BF16, "epsilon", 0x3c00);
        check(Scalar::F32, "digits", 24);
        check(Scalar::F16, "max_exponent", 16);
    }

    #[test]
    fn limits_of_integers_are_their_ranges() {
        check(Scalar::I8, "min", 0x80);
        check(Scalar::I32, "max", 0x7fff_ffff);
        check(Scalar::U64, "max", u64::MAX);
        check(Scalar::I64, "lowest", 1 << 63);
        check(Scalar::U16, "digits", 16);
        check(Scalar::I16, "digits", 15);
        check(Scalar::Bool, "max", 1);
    }

    #[test]
    fn functions_and_constants_of_numeric_limits_are_told_apart() {
        assert!(numeric_limit(Scalar::F32, "max").is_some_and(|(_, is_function)| is_function));
        assert!(numeric_limit(Scalar::F32, "digits").is_some_and(|(_, is_function)| !is_function));
        assert_eq!(numeric_limit(Scalar::F32, "maximum"), None);
    }

    #[test]
    fn enumerators_know_their_enumeration() {
        let flags = named_constant("mem_flags::mem_threadgroup").expect("the name exists");
        assert_eq!(flags.enumeration, Some(BuiltinEnum::MemFlags));
        assert_eq!(mem_flags_from_bits(flags.value.bits), MemFlags { device: false, threadgroup: true });
        assert_eq!(named_constant("mem_threadgroup"), None, "mem_flags is a scoped enumeration");
        let order = named_constant("memory_order_relaxed").expect("the name exists");
        assert_eq!(order.enumeration, Some(BuiltinEnum::MemoryOrder));
    }
}
