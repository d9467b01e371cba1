//! Overload resolution, against what Apple's compiler does with the same calls.

use super::*;
use crate::check::builtins::lookup;
use crate::check::builtins::table::TABLE;
use std::collections::HashSet;

/// A type by the name MSL gives it; `&` in front makes a writable `thread` variable, a space and `*` a pointer.
fn arg(types: &mut TypeTable, text: &str) -> ArgType {
    if let Some(name) = text.strip_prefix('&') {
        return ArgType { place: Some((AddressSpace::Thread, false)), ..arg(types, name) };
    }
    if let Some(enumeration) = BuiltinEnum::from_name(text) {
        let ty = types.intern(Type::Scalar(enumeration.scalar()));
        return ArgType { enumeration: Some(enumeration), ..ArgType::value(ty) };
    }
    ArgType::value(type_named(types, text))
}

fn type_named(types: &mut TypeTable, text: &str) -> TypeId {
    let spaces = [AddressSpace::Device, AddressSpace::Threadgroup, AddressSpace::Thread];
    for space in spaces {
        if let Some(rest) = text.strip_prefix(space.msl_name()).and_then(|r| r.strip_suffix('*')) {
            let (rest, is_const) = match rest.trim().strip_prefix("const ") {
                Some(rest) => (rest, true),
                None => (rest.trim(), false),
            };
            let pointee = type_named(types, rest);
            return types.intern(Type::Pointer { space, pointee, is_const });
        }
    }
    if let Some(name) = text.strip_prefix("atomic_") {
        let Type::Scalar(scalar) = scalar_named(name) else { unreachable!() };
        return types.intern(Type::Atomic(scalar));
    }
    if let Some((scalar, shape)) = text.split_at_checked(text.len().saturating_sub(3))
        && let [cols, b'x', rows] = shape.as_bytes()
        && let Type::Scalar(elem) = scalar_named(scalar)
    {
        return types.intern(Type::Matrix { elem, cols: cols - b'0', rows: rows - b'0' });
    }
    let (name, packed) = match text.strip_prefix("packed_") {
        Some(name) => (name, true),
        None => (text, false),
    };
    let len = name.chars().last().and_then(|c| c.to_digit(10));
    match (len, scalar_named(name.trim_end_matches(char::is_numeric))) {
        (Some(len), Type::Scalar(elem)) => types.intern(Type::Vector { elem, len: len as u8, packed }),
        (_, scalar) => types.intern(scalar),
    }
}

fn scalar_named(name: &str) -> Type {
    let scalar = Scalar::ALL.into_iter().find(|s| s.msl_name() == name);
    Type::Scalar(scalar.unwrap_or_else(|| panic!("no scalar is called {name}")))
}

/// The chosen function as text, or the kind of error.
fn outcome(name: &str, template_args: &[&str], args: &[&str]) -> String {
    outcome_in(Overloads::All, name, template_args, args)
}

fn outcome_in(overloads: Overloads, name: &str, template_args: &[&str], args: &[&str]) -> String {
    let mut types = TypeTable::default();
    let family = lookup(name).unwrap_or_else(|| panic!("the table has {name}"));
    let template_args: Vec<_> = template_args.iter().map(|a| type_named(&mut types, a)).collect();
    let args: Vec<_> = args.iter().map(|a| arg(&mut types, a)).collect();
    match resolve(family, overloads, &template_args, &args, &mut types) {
        Ok(resolved) => describe(name, &resolved, &types),
        Err(ResolveError::ArgumentCount { expected }) => format!("takes {expected:?}"),
        Err(ResolveError::NoMatch { .. }) => "no match".into(),
        Err(ResolveError::Ambiguous { candidates }) => format!("ambiguous: {}", candidates.join(" or ")),
        Err(ResolveError::TemplateArguments { expected }) => format!("{expected} template arguments"),
    }
}

#[track_caller]
fn check(name: &str, args: &[&str], expect: &str) {
    assert_eq!(outcome(name, &[], args), expect);
}

#[test]
fn names_are_unique() {
    let mut seen = HashSet::new();
    for family in TABLE {
        assert!(seen.insert(family.name), "{} has two rows", family.name);
        assert!(!family.signatures.is_empty());
    }
    assert!(lookup("no_such_function").is_none());
}

#[test]
fn every_function_named_in_the_measurements_has_a_row() {
    let frequent = "threadgroup_barrier min max as_type simd_sum simdgroup_barrier simd_max exp simd_shuffle_down \
        select abs clamp pow simd_shuffle_xor sqrt dot isnan log round clz floor tanh fma sin cos rsqrt popcount";
    for name in frequent.split_whitespace() {
        assert!(lookup(name).is_some(), "{name}");
    }
}

#[test]
fn the_same_types_pick_their_own_function() {
    check("max", &["float", "float"], "float max(float, float)");
    check("max", &["half4", "half4"], "half4 max(half4, half4)");
    check("min", &["ushort", "ushort"], "ushort min(ushort, ushort)");
    check("abs", &["long3"], "long3 abs(long3)");
    check("clamp", &["uint", "uint", "uint"], "uint clamp(uint, uint, uint)");
    check("isnan", &["float3"], "bool3 isnan(float3)");
    check("absdiff", &["int2", "int2"], "uint2 absdiff(int2, int2)");
    check("ldexp", &["float2", "int2"], "float2 ldexp(float2, int2)");
    check("dot", &["float3", "float3"], "float dot(float3, float3)");
    check("cross", &["half3", "half3"], "half3 cross(half3, half3)");
}

#[test]
fn an_int_literal_suits_a_function_of_floats_alone() {
    check("pow", &["float", "int"], "float pow(float, float)");
    check("fma", &["half", "half", "int"], "half fma(half, half, half)");
    check("fmax", &["float", "int"], "float fmax(float, float)");
}

#[test]
fn mixed_scalars_are_ambiguous_as_in_apples_compiler() {
    check("max", &["float", "int"], "ambiguous: float max(float, float) or int max(int, int)");
    check("min", &["uint", "int"], "ambiguous: int min(int, int) or uint min(uint, uint)");
    check("max", &["half", "float"], "ambiguous: half max(half, half) or float max(float, float)");
    check(
        "clamp",
        &["float", "int", "int"],
        "ambiguous: float clamp(float, float, float) or int clamp(int, int, int)",
    );
    check("exp", &["int"], "ambiguous: half exp(half) or float exp(float)");
}

#[test]
fn scalars_spread_over_vectors() {
    check("max", &["float4", "float"], "float4 max(float4, float4)");
    check("max", &["float4", "int"], "float4 max(float4, float4)");
    check("clamp", &["half2", "float", "float"], "half2 clamp(half2, half2, half2)");
    check("mix", &["float3", "float3", "float"], "float3 mix(float3, float3, float3)");
    check("step", &["float", "float2"], "float2 step(float2, float2)");
}

#[test]
fn vectors_do_not_convert() {
    check("max", &["float4", "half4"], "no match");
    check("max", &["float4", "float3"], "no match");
    check("dot", &["float", "float"], "no match");
    check("cross", &["float4", "float4"], "no match");
    check("normalize", &["int3"], "no match");
}

#[test]
fn small_integers_promote_to_int() {
    check("popcount", &["bool"], "int popcount(int)");
    check("mul24", &["short", "ushort"], "int mul24(int, int)");
    check("max", &["packed_float3", "packed_float3"], "float3 max(float3, float3)");
}

#[test]
fn bfloat_has_no_functions_of_its_own() {
    check("exp", &["bfloat"], "float exp(float)");
    check("max", &["bfloat", "float"], "float max(float, float)");
    check("simd_sum", &["bfloat"], "no match");
    assert_eq!(outcome("as_type", &["ushort"], &["bfloat"]), "ushort as_type(bfloat)");
}

#[test]
fn select_takes_a_bool_for_each_component() {
    check("select", &["float", "float", "bool"], "float select(float, float, bool)");
    check("select", &["int4", "int4", "bool4"], "int4 select(int4, int4, bool4)");
    check("select", &["float4", "float4", "bool"], "float4 select(float4, float4, bool4)");
    check("select", &["float4", "float4", "float4"], "no match");
}

#[test]
fn wrong_numbers_of_arguments_say_how_many() {
    check("max", &["float"], "takes [2]");
    check("simd_is_first", &["float"], "takes [0]");
}

#[test]
fn lane_functions_deduce_their_type() {
    check("simd_sum", &["float"], "float simd_sum(float)");
    check("simd_sum", &["half4"], "half4 simd_sum(half4)");
    check("simd_shuffle_down", &["float", "int"], "float simd_shuffle_down(float, ushort)");
    check("simd_shuffle_and_fill_up", &["float", "int", "ushort"], "no match");
    check("simd_and", &["float"], "no match");
    check("simd_sum", &["ulong"], "no match");
    check("simd_sum", &["bool"], "no match");
    check("simd_ballot", &["int"], "ulong simd_ballot(bool)");
    assert_eq!(outcome("simd_sum", &["float"], &["int"]), "float simd_sum(float)");
}

#[test]
fn fast_and_precise_have_functions_of_float_alone() {
    let outcome = |name, args: &[&str]| outcome_in(Overloads::Float, name, &[], args);
    assert_eq!(outcome("exp", &["half"]), "float exp(float)");
    assert_eq!(outcome("exp", &["int"]), "float exp(float)");
    assert_eq!(outcome("max", &["float", "int"]), "float max(float, float)");
    assert_eq!(outcome("normalize", &["float3"]), "float3 normalize(float3)");
    assert_eq!(outcome("exp", &["half4"]), "no match");
    assert!(!lookup("popcount").expect("the table has it").is_in(Overloads::Float));
    assert!(lookup("dot").expect("the table has it").is_in(Overloads::Float));
}

#[test]
fn matrix_functions_deduce_the_shape() {
    check("transpose", &["float2x3"], "float3x2 transpose(float2x3)");
    check("determinant", &["half4x4"], "half determinant(half4x4)");
    check("determinant", &["float2x3"], "no match");
    check("transpose", &["float4"], "no match");
    assert_eq!(outcome("transpose", &["float"], &["float2x2"]), "0 template arguments");
}

#[test]
fn atomics_convert_the_operand_but_not_the_pointer() {
    check(
        "atomic_fetch_add_explicit",
        &["device atomic_uint*", "int", "memory_order"],
        "uint atomic_fetch_add_explicit(device atomic_uint *, uint, int)",
    );
    check(
        "atomic_load_explicit",
        &["device const atomic_int*", "memory_order"],
        "int atomic_load_explicit(device const atomic_int *, int)",
    );
    let no_match: &[(&str, &[&str])] = &[
        ("atomic_store_explicit", &["device const atomic_int*", "int", "memory_order"]),
        ("atomic_fetch_add_explicit", &["device uint*", "uint", "memory_order"]),
        ("atomic_fetch_add_explicit", &["threadgroup atomic_float*", "float", "memory_order"]),
        ("atomic_fetch_max_explicit", &["device atomic_float*", "float", "memory_order"]),
        ("atomic_fetch_add_explicit", &["device atomic_int*", "int", "int"]),
        ("atomic_max_explicit", &["threadgroup atomic_ulong*", "ulong", "memory_order"]),
    ];
    for (name, args) in no_match {
        check(name, args, "no match");
    }
    check(
        "atomic_compare_exchange_weak_explicit",
        &["threadgroup atomic_uint*", "thread uint*", "uint", "memory_order", "memory_order"],
        "bool atomic_compare_exchange_weak_explicit(threadgroup atomic_uint *, thread uint *, uint, int, int)",
    );
}

#[test]
fn barriers_take_mem_flags_and_nothing_else() {
    check("threadgroup_barrier", &["mem_flags"], "void threadgroup_barrier(uint)");
    check("threadgroup_barrier", &["uint"], "no match");
    check("threadgroup_barrier", &["memory_order"], "no match");
    check("popcount", &["mem_flags"], "no match");
}

#[test]
fn results_by_reference_need_a_thread_variable_of_the_type() {
    check("sincos", &["float", "&float"], "float sincos(float, thread float *)");
    check("frexp", &["half2", "&int2"], "half2 frexp(half2, thread int2 *)");
    check("sincos", &["float", "float"], "no match");
    check("modf", &["half", "&float"], "float modf(float, thread float *)");
}

#[test]
fn as_type_keeps_the_number_of_bits() {
    assert_eq!(outcome("as_type", &["uint"], &["float"]), "uint as_type(float)");
    assert_eq!(outcome("as_type", &["half4"], &["uint2"]), "half4 as_type(uint2)");
    assert_eq!(outcome("as_type", &["ushort"], &["float"]), "no match");
    assert_eq!(outcome("as_type", &["float4"], &["float3"]), "no match");
    assert_eq!(outcome("as_type", &["uchar"], &["bool"]), "no match");
    assert_eq!(outcome("as_type", &[], &["float"]), "1 template arguments");
    assert_eq!(outcome("max", &["float"], &["float", "float"]), "0 template arguments");
}

#[test]
fn candidates_of_a_failed_call_state_their_patterns() {
    let mut types = TypeTable::default();
    let args = [arg(&mut types, "float4"), arg(&mut types, "half4")];
    let family = lookup("max").expect("the table has max");
    let Err(ResolveError::NoMatch { candidates }) = resolve(family, Overloads::All, &[], &args, &mut types)
    else {
        panic!("float4 and half4 have no common function");
    };
    assert_eq!(candidates[0], "T max(T, T), where T is half, float or a vector of them");
}
