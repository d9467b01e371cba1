//! Names that the standard library declares in namespace `metal` and this front end has no use for. They matter for
//! look-up only: what a program declares under such a name is ambiguous with the library's as soon as
//! `using namespace metal;` makes both visible.
//!
//! Only names that the specification documents are here, and the function objects of `<metal_functional>`, which
//! `<metal_stdlib>` includes. A name too many would refuse programs that Metal takes.

/// What the library declares under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherName {
    /// A type.
    Type,
    /// A template of types.
    Template,
    /// A function of one parameter, of the type with this name.
    Function(&'static str),
}

use OtherName::{Function, Template, Type};

/// Names and what they are, sorted.
///
/// Sampler states, options of `texture.sample()` and accesses are types [MSL 2.9, 2.10, 6.12]; the packing functions
/// are in [MSL 6.13].
const NAMES: &[(&str, OtherName)] = &[
    ("access", Type),
    ("address", Type),
    ("bias", Type),
    ("border_color", Type),
    ("compare_func", Type),
    ("component", Type),
    ("coord", Type),
    ("filter", Type),
    ("gradient2d", Type),
    ("gradient3d", Type),
    ("gradientcube", Type),
    ("level", Type),
    ("lod_clamp", Type),
    ("mag_filter", Type),
    ("max_anisotropy", Type),
    ("min_filter", Type),
    ("minus", Template),
    ("mip_filter", Type),
    ("multiplies", Template),
    ("pack_float_to_snorm2x16", Function("float2")),
    ("pack_float_to_snorm4x8", Function("float4")),
    ("pack_float_to_srgb_unorm4x8", Function("float4")),
    ("pack_float_to_unorm10a2", Function("float4")),
    ("pack_float_to_unorm2x16", Function("float2")),
    ("pack_float_to_unorm4x8", Function("float4")),
    ("pack_float_to_unorm565", Function("float3")),
    ("pack_half_to_snorm2x16", Function("half2")),
    ("pack_half_to_snorm4x8", Function("half4")),
    ("pack_half_to_srgb_unorm4x8", Function("half4")),
    ("pack_half_to_unorm10a2", Function("half4")),
    ("pack_half_to_unorm2x16", Function("half2")),
    ("pack_half_to_unorm4x8", Function("half4")),
    ("pack_half_to_unorm565", Function("half3")),
    ("plus", Template),
    ("r_address", Type),
    ("s_address", Type),
    ("sampler", Type),
    ("t_address", Type),
    ("unpack_snorm2x16_to_float", Function("uint")),
    ("unpack_snorm2x16_to_half", Function("uint")),
    ("unpack_snorm4x8_to_float", Function("uint")),
    ("unpack_snorm4x8_to_half", Function("uint")),
    ("unpack_unorm10a2_to_float", Function("uint")),
    ("unpack_unorm10a2_to_half", Function("uint")),
    ("unpack_unorm2x16_to_float", Function("uint")),
    ("unpack_unorm2x16_to_half", Function("uint")),
    ("unpack_unorm4x8_srgb_to_float", Function("uint")),
    ("unpack_unorm4x8_srgb_to_half", Function("uint")),
    ("unpack_unorm4x8_to_float", Function("uint")),
    ("unpack_unorm4x8_to_half", Function("uint")),
    ("unpack_unorm565_to_float", Function("ushort")),
    ("unpack_unorm565_to_half", Function("ushort")),
];

/// The functions that `metal::fast` and `metal::precise` have beside those of `metal`, sorted [MSL 6.5].
const FAST_AND_PRECISE: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "clamp",
    "copysign",
    "cos",
    "cosh",
    "cospi",
    "distance",
    "exp",
    "exp10",
    "exp2",
    "fabs",
    "fdim",
    "floor",
    "fma",
    "fmax",
    "fmin",
    "fmod",
    "fract",
    "frexp",
    "ilogb",
    "ldexp",
    "length",
    "log",
    "log10",
    "log2",
    "max",
    "min",
    "modf",
    "normalize",
    "pow",
    "powr",
    "rint",
    "round",
    "rsqrt",
    "saturate",
    "sin",
    "sincos",
    "sinh",
    "sinpi",
    "sqrt",
    "tan",
    "tanh",
    "tanpi",
    "trunc",
];

/// What the library declares under a name, if it is one of these.
pub(crate) fn other_name(name: &str) -> Option<(&'static str, OtherName)> {
    let index = NAMES.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(NAMES[index])
}

/// Whether `metal::fast` and `metal::precise` are sure to have a function of this name, so that it may be ambiguous with
/// that of `metal`. Where a path names one of them, [`BuiltinFamily::is_in`](super::BuiltinFamily::is_in) takes more.
pub(crate) fn has_fast_version(name: &str) -> bool {
    FAST_AND_PRECISE.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::builtins::lookup;

    #[test]
    fn names_are_sorted_for_the_search() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| name));
        assert!(FAST_AND_PRECISE.is_sorted());
    }

    #[test]
    fn other_names_are_those_that_the_table_of_functions_lacks() {
        for (name, _) in NAMES {
            assert!(lookup(name).is_none(), "{name} is a built-in function");
        }
    }
}
