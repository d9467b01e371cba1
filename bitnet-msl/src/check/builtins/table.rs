//! The table (MSL specification, chapter 6). A row: `name { Class(parameters) -> result = lowering; … }`.

use super::expand::{geometry, math, matrix, memory, votes};
use super::signature::{BuiltinFamily, Class, Lowering, Signature, Slot};
use crate::ir::BarrierScope;
use crate::ir::LaneFn as L;
use crate::ir::LaneScope::{Quad, Simdgroup};
use crate::ir::MathFn as M;
use Lowering::{Barrier, Expand, Lane, Math};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Makes [`TABLE`] from rows.
macro_rules! families {
    ($($name:ident { $($class:ident($($slot:ident),*) -> $result:ident = $lowering:expr);+ })*) => {
        /// Every built-in function.
        pub(super) static TABLE: &[BuiltinFamily] = &[$(BuiltinFamily {
            name: stringify!($name),
            signatures: &[$(Signature {
                class: Class::$class,
                params: &[$(Slot::$slot),*],
                result: Slot::$result,
                lowering: $lowering,
            }),+],
        }),*];
    };
}

/// The built-in function with this name (without namespace).
pub(crate) fn lookup(name: &str) -> Option<&'static BuiltinFamily> {
    static BY_NAME: LazyLock<HashMap<&str, &BuiltinFamily>> =
        LazyLock::new(|| TABLE.iter().map(|family| (family.name, family)).collect());
    BY_NAME.get(name).copied()
}

/// The name of a built-in function that a misspelled one most probably meant.
pub(crate) fn closest_name(name: &str) -> Option<&'static str> {
    crate::check::suggest::closest(name, TABLE.iter().map(|family| family.name))
}

families! {
    // 6.2 Common functions.
    clamp { Float(T, T, T) -> T = Expand(math::clamp); Int(T, T, T) -> T = Expand(math::clamp) }
    mix { Float(T, T, T) -> T = Expand(math::mix) }
    saturate { Float(T) -> T = Expand(math::saturate) }
    sign { Float(T) -> T = Math(M::Sign) }
    smoothstep { Float(T, T, T) -> T = Expand(math::smoothstep) }
    step { Float(T, T) -> T = Expand(math::step) }

    // 6.3 Integer functions. `abs`, `max`, `min` and their kin are among the mathematical functions.
    absdiff { Int(T, T) -> UnsignedOf = Math(M::AbsDiff) }
    addsat { Int(T, T) -> T = Math(M::AddSat) }
    clz { Int(T) -> T = Math(M::Clz) }
    ctz { Int(T) -> T = Math(M::Ctz) }
    extract_bits { Int(T, Uint, Uint) -> T = Math(M::ExtractBits) }
    hadd { Int(T, T) -> T = Math(M::Hadd) }
    insert_bits { Int(T, T, Uint, Uint) -> T = Math(M::InsertBits) }
    mad24 { Int32(T, T, T) -> T = Math(M::Mad24) }
    madhi { Int(T, T, T) -> T = Expand(math::madhi) }
    madsat { Int(T, T, T) -> T = Math(M::MadSat) }
    mul24 { Int32(T, T) -> T = Math(M::Mul24) }
    mulhi { Int(T, T) -> T = Math(M::Mulhi) }
    popcount { Int(T) -> T = Math(M::Popcount) }
    reverse_bits { Int(T) -> T = Math(M::ReverseBits) }
    rhadd { Int(T, T) -> T = Math(M::Rhadd) }
    rotate { Int(T, T) -> T = Math(M::Rotate) }
    subsat { Int(T, T) -> T = Math(M::SubSat) }

    // 6.4 Relational functions.
    all { Bool(T) -> Bool = Expand(math::all) }
    any { Bool(T) -> Bool = Expand(math::any) }
    isfinite { Float(T) -> BoolOf = Math(M::IsFinite) }
    isinf { Float(T) -> BoolOf = Math(M::IsInf) }
    isnan { Float(T) -> BoolOf = Math(M::IsNan) }
    isnormal { Float(T) -> BoolOf = Math(M::IsNormal) }
    isordered { Float(T, T) -> BoolOf = Expand(math::isordered) }
    isunordered { Float(T, T) -> BoolOf = Expand(math::isunordered) }
    // `not` is a C++ operator; the library's `!` on vectors is the operator too.
    select { Any(T, T, BoolOf) -> T = Expand(math::select) }
    signbit { Float(T) -> BoolOf = Math(M::SignBit) }

    // 6.5 Mathematical functions.
    abs { Float(T) -> T = Math(M::Abs); Int(T) -> T = Math(M::Abs) }
    acos { Float(T) -> T = Math(M::Acos) }
    acosh { Float(T) -> T = Math(M::Acosh) }
    asin { Float(T) -> T = Math(M::Asin) }
    asinh { Float(T) -> T = Math(M::Asinh) }
    atan { Float(T) -> T = Math(M::Atan) }
    atan2 { Float(T, T) -> T = Math(M::Atan2) }
    atanh { Float(T) -> T = Math(M::Atanh) }
    ceil { Float(T) -> T = Math(M::Ceil) }
    copysign { Float(T, T) -> T = Math(M::Copysign) }
    cos { Float(T) -> T = Math(M::Cos) }
    cosh { Float(T) -> T = Math(M::Cosh) }
    cospi { Float(T) -> T = Math(M::Cospi) }
    divide { Float(T, T) -> T = Expand(math::divide) }
    exp { Float(T) -> T = Math(M::Exp) }
    exp10 { Float(T) -> T = Math(M::Exp10) }
    exp2 { Float(T) -> T = Math(M::Exp2) }
    fabs { Float(T) -> T = Math(M::Abs) }
    fdim { Float(T, T) -> T = Math(M::Fdim) }
    floor { Float(T) -> T = Math(M::Floor) }
    fma { Float(T, T, T) -> T = Math(M::Fma) }
    fmax { Float(T, T) -> T = Math(M::Max) }
    fmax3 { Float(T, T, T) -> T = Expand(math::max3) }
    fmedian3 { Float(T, T, T) -> T = Expand(math::median3) }
    fmin { Float(T, T) -> T = Math(M::Min) }
    fmin3 { Float(T, T, T) -> T = Expand(math::min3) }
    fmod { Float(T, T) -> T = Math(M::Fmod) }
    fract { Float(T) -> T = Math(M::Fract) }
    frexp { Float(T, OutInt) -> T = Expand(math::frexp) }
    ilogb { Float(T) -> IntOf = Math(M::Ilogb) }
    ldexp { Float(T, IntOf) -> T = Math(M::Ldexp) }
    log { Float(T) -> T = Math(M::Log) }
    log10 { Float(T) -> T = Math(M::Log10) }
    log2 { Float(T) -> T = Math(M::Log2) }
    max { Float(T, T) -> T = Math(M::Max); Int(T, T) -> T = Math(M::Max) }
    max3 { Float(T, T, T) -> T = Expand(math::max3); Int(T, T, T) -> T = Expand(math::max3) }
    median3 { Float(T, T, T) -> T = Expand(math::median3); Int(T, T, T) -> T = Expand(math::median3) }
    min { Float(T, T) -> T = Math(M::Min); Int(T, T) -> T = Math(M::Min) }
    min3 { Float(T, T, T) -> T = Expand(math::min3); Int(T, T, T) -> T = Expand(math::min3) }
    modf { Float(T, OutT) -> T = Expand(math::modf) }
    nextafter { Float(T, T) -> T = Math(M::Nextafter) }
    pow { Float(T, T) -> T = Math(M::Pow) }
    powr { Float(T, T) -> T = Math(M::Powr) }
    rint { Float(T) -> T = Math(M::Rint) }
    round { Float(T) -> T = Math(M::Round) }
    rsqrt { Float(T) -> T = Math(M::Rsqrt) }
    sin { Float(T) -> T = Math(M::Sin) }
    sincos { Float(T, OutT) -> T = Expand(math::sincos) }
    sinh { Float(T) -> T = Math(M::Sinh) }
    sinpi { Float(T) -> T = Math(M::Sinpi) }
    sqrt { Float(T) -> T = Math(M::Sqrt) }
    tan { Float(T) -> T = Math(M::Tan) }
    tanh { Float(T) -> T = Math(M::Tanh) }
    tanpi { Float(T) -> T = Math(M::Tanpi) }
    trunc { Float(T) -> T = Math(M::Trunc) }

    // 6.6 Matrix functions.
    determinant { SquareMatrix(T) -> Elem = Expand(matrix::determinant) }
    transpose { Matrix(T) -> Transposed = Expand(matrix::transpose) }

    // 6.7 Geometric functions.
    cross { FloatVector3(T, T) -> T = Expand(geometry::cross) }
    distance { FloatVector(T, T) -> Elem = Expand(geometry::distance) }
    distance_squared { FloatVector(T, T) -> Elem = Expand(geometry::distance_squared) }
    dot { FloatVector(T, T) -> Elem = Expand(geometry::dot) }
    faceforward { FloatVector(T, T, T) -> T = Expand(geometry::faceforward) }
    length { FloatVector(T) -> Elem = Expand(geometry::length) }
    length_squared { FloatVector(T) -> Elem = Expand(geometry::length_squared) }
    normalize { FloatVector(T) -> T = Expand(geometry::normalize) }
    reflect { FloatVector(T, T) -> T = Expand(geometry::reflect) }
    refract { FloatVector(T, T, Elem) -> T = Expand(geometry::refract) }

    // 6.9.1 Barriers.
    threadgroup_barrier { Fixed(MemFlags) -> Void = Barrier(BarrierScope::Threadgroup) }
    simdgroup_barrier { Fixed(MemFlags) -> Void = Barrier(BarrierScope::Simdgroup) }

    // 6.9.2 SIMD-group functions.
    simd_active_threads_mask { Fixed() -> SimdVote = Lane(L::ActiveThreadsMask, Simdgroup) }
    simd_all { Fixed(Bool) -> Bool = Lane(L::All, Simdgroup) }
    simd_and { LaneInt(T) -> T = Lane(L::And, Simdgroup) }
    simd_any { Fixed(Bool) -> Bool = Lane(L::Any, Simdgroup) }
    simd_ballot { Fixed(Bool) -> SimdVote = Lane(L::Ballot, Simdgroup) }
    simd_broadcast { Lane(T, Ushort) -> T = Lane(L::Broadcast, Simdgroup) }
    simd_broadcast_first { Lane(T) -> T = Lane(L::BroadcastFirst, Simdgroup) }
    simd_is_first { Fixed() -> Bool = Lane(L::IsFirst, Simdgroup) }
    simd_max { Lane(T) -> T = Lane(L::Max, Simdgroup) }
    simd_min { Lane(T) -> T = Lane(L::Min, Simdgroup) }
    simd_or { LaneInt(T) -> T = Lane(L::Or, Simdgroup) }
    simd_prefix_exclusive_product { Lane(T) -> T = Lane(L::PrefixExclusiveProduct, Simdgroup) }
    simd_prefix_exclusive_sum { Lane(T) -> T = Lane(L::PrefixExclusiveSum, Simdgroup) }
    simd_prefix_inclusive_product { Lane(T) -> T = Lane(L::PrefixInclusiveProduct, Simdgroup) }
    simd_prefix_inclusive_sum { Lane(T) -> T = Lane(L::PrefixInclusiveSum, Simdgroup) }
    simd_product { Lane(T) -> T = Lane(L::Product, Simdgroup) }
    simd_shuffle { Lane(T, Ushort) -> T = Lane(L::Shuffle, Simdgroup) }
    simd_shuffle_and_fill_down { Lane(T, T, Ushort) -> T = Lane(L::ShuffleAndFillDown, Simdgroup) }
    simd_shuffle_and_fill_up { Lane(T, T, Ushort) -> T = Lane(L::ShuffleAndFillUp, Simdgroup) }
    simd_shuffle_down { Lane(T, Ushort) -> T = Lane(L::ShuffleDown, Simdgroup) }
    simd_shuffle_rotate_down { Lane(T, Ushort) -> T = Lane(L::RotateDown, Simdgroup) }
    simd_shuffle_rotate_up { Lane(T, Ushort) -> T = Lane(L::RotateUp, Simdgroup) }
    simd_shuffle_up { Lane(T, Ushort) -> T = Lane(L::ShuffleUp, Simdgroup) }
    simd_shuffle_xor { Lane(T, Ushort) -> T = Lane(L::ShuffleXor, Simdgroup) }
    simd_sum { Lane(T) -> T = Lane(L::Sum, Simdgroup) }
    simd_xor { LaneInt(T) -> T = Lane(L::Xor, Simdgroup) }

    // 6.9.3 Quad-group functions.
    quad_active_threads_mask { Fixed() -> QuadVote = Expand(votes::quad_active_threads_mask) }
    quad_all { Fixed(Bool) -> Bool = Lane(L::All, Quad) }
    quad_and { LaneInt(T) -> T = Lane(L::And, Quad) }
    quad_any { Fixed(Bool) -> Bool = Lane(L::Any, Quad) }
    quad_ballot { Fixed(Bool) -> QuadVote = Expand(votes::quad_ballot) }
    quad_broadcast { Lane(T, Ushort) -> T = Lane(L::Broadcast, Quad) }
    quad_broadcast_first { Lane(T) -> T = Lane(L::BroadcastFirst, Quad) }
    quad_is_first { Fixed() -> Bool = Lane(L::IsFirst, Quad) }
    quad_max { Lane(T) -> T = Lane(L::Max, Quad) }
    quad_min { Lane(T) -> T = Lane(L::Min, Quad) }
    quad_or { LaneInt(T) -> T = Lane(L::Or, Quad) }
    quad_prefix_exclusive_product { Lane(T) -> T = Lane(L::PrefixExclusiveProduct, Quad) }
    quad_prefix_exclusive_sum { Lane(T) -> T = Lane(L::PrefixExclusiveSum, Quad) }
    quad_prefix_inclusive_product { Lane(T) -> T = Lane(L::PrefixInclusiveProduct, Quad) }
    quad_prefix_inclusive_sum { Lane(T) -> T = Lane(L::PrefixInclusiveSum, Quad) }
    quad_product { Lane(T) -> T = Lane(L::Product, Quad) }
    quad_shuffle { Lane(T, Ushort) -> T = Lane(L::Shuffle, Quad) }
    quad_shuffle_and_fill_down { Lane(T, T, Ushort) -> T = Lane(L::ShuffleAndFillDown, Quad) }
    quad_shuffle_and_fill_up { Lane(T, T, Ushort) -> T = Lane(L::ShuffleAndFillUp, Quad) }
    quad_shuffle_down { Lane(T, Ushort) -> T = Lane(L::ShuffleDown, Quad) }
    quad_shuffle_rotate_down { Lane(T, Ushort) -> T = Lane(L::RotateDown, Quad) }
    quad_shuffle_rotate_up { Lane(T, Ushort) -> T = Lane(L::RotateUp, Quad) }
    quad_shuffle_up { Lane(T, Ushort) -> T = Lane(L::ShuffleUp, Quad) }
    quad_shuffle_xor { Lane(T, Ushort) -> T = Lane(L::ShuffleXor, Quad) }
    quad_sum { Lane(T) -> T = Lane(L::Sum, Quad) }
    quad_xor { LaneInt(T) -> T = Lane(L::Xor, Quad) }

    // 6.15 Atomic functions.
    atomic_load_explicit { Atomic(ConstAtomicPtr, MemoryOrder) -> T = Expand(memory::atomic_load) }
    atomic_store_explicit { Atomic(AtomicPtr, T, MemoryOrder) -> Void = Expand(memory::atomic_store) }
    atomic_exchange_explicit { Atomic(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_exchange) }
    atomic_compare_exchange_weak_explicit {
        Atomic(AtomicPtr, PtrT, T, MemoryOrder, MemoryOrder) -> Bool = Expand(memory::atomic_compare_exchange)
    }
    atomic_fetch_add_explicit { AtomicNumber(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_add) }
    atomic_fetch_sub_explicit { AtomicNumber(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_sub) }
    atomic_fetch_min_explicit { AtomicInt(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_min) }
    atomic_fetch_max_explicit { AtomicInt(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_max) }
    atomic_fetch_and_explicit { AtomicInt(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_and) }
    atomic_fetch_or_explicit { AtomicInt(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_or) }
    atomic_fetch_xor_explicit { AtomicInt(AtomicPtr, T, MemoryOrder) -> T = Expand(memory::atomic_xor) }
    atomic_min_explicit { AtomicUlong(DeviceAtomicPtr, T, MemoryOrder) -> Void = Expand(memory::atomic_min_only) }
    atomic_max_explicit { AtomicUlong(DeviceAtomicPtr, T, MemoryOrder) -> Void = Expand(memory::atomic_max_only) }

    // 2.22 Type conversion.
    as_type { Bits(SameSize) -> T = Expand(memory::as_type) }
}
