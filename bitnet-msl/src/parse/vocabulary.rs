//! The words of the language: keywords, and the names that the standard library declares as types and
//! templates. Functions are not here: the parser need not know them.

use super::names::Class;

/// Words that are never names of the program's things.
const KEYWORDS: &[&str] = &[
    "alignas",
    "alignof",
    "asm",
    "break",
    "case",
    "catch",
    "char16_t",
    "char32_t",
    "class",
    "const",
    "const_cast",
    "constant",
    "constexpr",
    "continue",
    "decltype",
    "default",
    "delete",
    "device",
    "do",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "for",
    "fragment",
    "friend",
    "goto",
    "if",
    "inline",
    "kernel",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "nullptr",
    "operator",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "return",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread",
    "thread_local",
    "threadgroup",
    "threadgroup_imageblock",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "union",
    "using",
    "vertex",
    "virtual",
    "volatile",
    "wchar_t",
    "while",
];

/// Words that name types and cannot be declared again.
const TYPE_KEYWORDS: &[&str] = &[
    "auto", "bool", "char", "double", "float", "half", "int", "long", "short", "signed", "unsigned", "void",
];

/// Types without parameters that are neither vectors nor matrices.
const TYPES: &[&str] = &[
    "void",
    "bool",
    "char",
    "uchar",
    "short",
    "ushort",
    "int",
    "uint",
    "long",
    "ulong",
    "half",
    "bfloat",
    "float",
    "double",
    "size_t",
    "ptrdiff_t",
    "int8_t",
    "uint8_t",
    "int16_t",
    "uint16_t",
    "int32_t",
    "uint32_t",
    "int64_t",
    "uint64_t",
    "intptr_t",
    "uintptr_t",
    "nullptr_t",
    "atomic_int",
    "atomic_uint",
    "atomic_bool",
    "atomic_float",
    "atomic_ulong",
    "mem_flags",
    "thread_scope",
    "memory_order",
    "sampler",
    "true_type",
    "false_type",
    "simd_vote",
    "quad_vote",
    "r8unorm",
    "r8snorm",
    "r16unorm",
    "r16snorm",
    "rg8unorm",
    "rg8snorm",
    "rg16unorm",
    "rg16snorm",
    "rgba8unorm",
    "rgba8snorm",
    "rgba16unorm",
    "rgba16snorm",
    "rgb10a2",
    "rg11b10f",
    "rgb9e5",
    "command_buffer",
    "render_command",
    "compute_command",
    "compute_pipeline_state",
    "render_pipeline_state",
    "depth_stencil_state",
    "access",
    "interpolant_perspective",
];

/// Type templates.
const TYPE_TEMPLATES: &[&str] = &[
    "vec",
    "packed_vec",
    "matrix",
    "atomic",
    "array",
    "array_ref",
    "numeric_limits",
    "simdgroup_matrix",
    "simdgroup_matrix_storage",
    "integral_constant",
    "bool_constant",
    "enable_if",
    "enable_if_t",
    "conditional",
    "conditional_t",
    "is_same",
    "is_integral",
    "is_floating_point",
    "is_arithmetic",
    "is_signed",
    "is_unsigned",
    "is_scalar",
    "is_vector",
    "is_void",
    "is_pointer",
    "is_reference",
    "is_array",
    "is_const",
    "is_convertible",
    "is_constructible",
    "is_empty",
    "is_enum",
    "is_class",
    "is_union",
    "is_base_of",
    "is_trivially_copyable",
    "remove_const",
    "remove_const_t",
    "remove_volatile",
    "remove_cv",
    "remove_cv_t",
    "remove_reference",
    "remove_reference_t",
    "remove_pointer",
    "remove_pointer_t",
    "remove_extent",
    "remove_addrspace",
    "remove_addrspace_t",
    "add_const",
    "decay",
    "decay_t",
    "make_unsigned",
    "make_unsigned_t",
    "make_signed",
    "make_signed_t",
    "make_scalar",
    "make_scalar_t",
    "make_vector",
    "make_vector_t",
    "underlying_type",
    "common_type",
    "common_type_t",
    "type_identity",
    "type_identity_t",
    "conjunction",
    "disjunction",
    "negation",
    "void_t",
    "integer_sequence",
    "index_sequence",
    "make_index_sequence",
    "function_ref",
    "tensor",
    "extents",
    "dextents",
    "imageblock",
    "patch_control_point",
    "visible_function_table",
    "intersection_function_table",
    "intersector",
    "intersection_query",
    "intersection_result",
    "interpolant",
    "mesh",
    "mesh_grid_properties",
    "indirect_command_buffer",
    "uniform",
    "cooperative_tensor",
];

/// Function and variable templates whose arguments are written out. A trait's `_v` form is one as well.
const VALUE_TEMPLATES: &[&str] =
    &["as_type", "make_filled_simdgroup_matrix", "declval", "bit_cast", "make_array", "make_uniform"];

/// Namespaces of the standard library.
const NAMESPACES: &[&str] = &["metal", "fast", "precise", "simd", "raytracing"];

/// Scalars that have vectors `T2` to `T4`.
const VECTOR_SCALARS: &[&str] =
    &["bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "bfloat", "float"];

/// Whether the word belongs to the language and cannot name anything.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

/// Whether the word is a type that cannot be declared again.
pub(super) fn is_type_keyword(word: &str) -> bool {
    TYPE_KEYWORDS.contains(&word)
}

/// Whether the word is a type that is a keyword of C++ too, so that no namespace can have it.
pub(super) fn is_cpp_type_keyword(word: &str) -> bool {
    is_type_keyword(word) && word != "half"
}

/// Whether the word is part of a built-in integer type that may have several words.
pub(super) fn is_integer_word(word: &str) -> bool {
    matches!(word, "unsigned" | "signed" | "short" | "long" | "int" | "char")
}

/// Whether the word qualifies a type: constness or address space.
pub(super) fn is_type_qualifier(word: &str) -> bool {
    matches!(
        word,
        "const" | "volatile" | "device" | "constant" | "threadgroup" | "thread" | "threadgroup_imageblock"
    )
}

/// Whether the word says how a variable or function is stored or linked.
pub(super) fn is_storage_word(word: &str) -> bool {
    matches!(word, "static" | "constexpr" | "extern" | "inline" | "thread_local" | "register" | "alignas")
}

/// Whether a namespace of this name belongs to the standard library.
pub(super) fn is_standard_namespace(name: &str) -> bool {
    NAMESPACES.contains(&name)
}

/// What a name is when the program has not declared it.
pub(super) fn standard(name: &str) -> Class {
    if TYPES.contains(&name) || is_vector_or_matrix(name) {
        Class::Type
    } else if TYPE_TEMPLATES.contains(&name) || is_texture(name) {
        Class::TypeTemplate
    } else if VALUE_TEMPLATES.contains(&name) || is_trait_value(name) {
        Class::ValueTemplate
    } else if is_standard_namespace(name) {
        Class::Namespace
    } else {
        Class::Unknown
    }
}

/// What a member of a type is: those of the library's that are types.
pub(super) fn standard_member(owner: &str, name: &str) -> Class {
    match (owner, name) {
        ("simd_vote" | "quad_vote", "vote_t") => Class::Type,
        _ => Class::Value,
    }
}

/// `is_same_v` and kin.
fn is_trait_value(name: &str) -> bool {
    name.strip_suffix("_v").is_some_and(|stem| TYPE_TEMPLATES.contains(&stem))
}

/// `texture2d`, `depth2d_array` and kin.
fn is_texture(name: &str) -> bool {
    let shape = name.strip_prefix("texture").or_else(|| name.strip_prefix("depth"));
    shape.is_some_and(|s| ["1d", "2d", "3d", "cube", "_buffer"].iter().any(|p| s.starts_with(p)))
}

/// `float4`, `packed_half3`, `float4x4`, `simdgroup_float8x8`.
fn is_vector_or_matrix(name: &str) -> bool {
    let is_size = |s: &str| matches!(s, "2" | "3" | "4");
    let plain = name.strip_prefix("packed_").unwrap_or(name);
    if let Some(tile) = plain.strip_prefix("simdgroup_") {
        return matches!(tile, "float8x8" | "half8x8" | "bfloat8x8");
    }
    let Some(digit) = plain.find(|c: char| c.is_ascii_digit()) else { return false };
    let (scalar, shape) = plain.split_at(digit);
    match shape.split_once('x') {
        Some((columns, rows)) => matches!(scalar, "float" | "half") && is_size(columns) && is_size(rows),
        None => VECTOR_SCALARS.contains(&scalar) && is_size(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn standard_names_are_classified() {
        let check = |class: Class, names: &[&str]| {
            for name in names {
                assert_eq!(standard(name), class, "{name}");
            }
        };
        check(Class::Type, &["float", "uint4", "packed_half3", "float2x4", "simdgroup_bfloat8x8", "sampler"]);
        check(Class::TypeTemplate, &["vec", "texture2d", "depth2d_array", "texturecube", "texture_buffer"]);
        check(Class::ValueTemplate, &["as_type", "is_same_v"]);
        check(Class::Namespace, &["metal", "fast"]);
        check(
            Class::Unknown,
            &["float5", "int2x2", "float4x", "exp", "double2", "packed_x", "texture", "é2"],
        );
    }
}
