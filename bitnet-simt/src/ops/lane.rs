//! Functions over the lanes of a simdgroup or of its quads.
//!
//! Reductions combine the active lanes in a fixed tree: lane i with lane i + n/2, then n/4, … of the n lanes
//! of the scope, as the usual shuffle-down reduction does; inactive lanes are left out. Prefix operations go
//! from lane to lane. A lane that reads one that is inactive or outside its scope gets 0 (the specification
//! leaves that undefined), except for `shuffle_up`, `shuffle_down` and the like past the end, which keep
//! the lane's own value.

use bitnet_msl::ir::{LaneFn, LaneScope, Scalar};

use super::{float, half};

/// Lanes of a simdgroup.
pub(crate) const LANES: usize = 32;

/// Lanes of a scope.
pub(crate) fn scope_len(scope: LaneScope) -> usize {
    match scope {
        LaneScope::Simdgroup => LANES,
        LaneScope::Quad => 4,
    }
}

/// Whether all lanes of the scope get the same.
pub(crate) fn is_reduction(f: LaneFn) -> bool {
    !matches!(
        f,
        LaneFn::PrefixInclusiveSum
            | LaneFn::PrefixExclusiveSum
            | LaneFn::PrefixInclusiveProduct
            | LaneFn::PrefixExclusiveProduct
    )
}

/// What a reduction does with two 32-bit lanes.
pub(crate) fn combine(f: LaneFn, ty: Scalar, a: u32, b: u32) -> u32 {
    if ty.is_float() {
        let (x, y) = (f32::from_bits(a), f32::from_bits(b));
        let result = match kind(f) {
            Kind::Sum => x + y,
            Kind::Product => x * y,
            Kind::Min => float::min(x, y),
            _ => float::max(x, y),
        };
        return round(result.to_bits(), ty);
    }
    normalise(combine_long(f, ty, extend(a, ty), extend(b, ty)), ty)
}

/// What a reduction does with two 64-bit lanes.
pub(crate) fn combine_long(f: LaneFn, ty: Scalar, a: u64, b: u64) -> u64 {
    let signed = ty.is_signed();
    match kind(f) {
        Kind::Sum => a.wrapping_add(b),
        Kind::Product => a.wrapping_mul(b),
        Kind::Min if signed => (a as i64).min(b as i64) as u64,
        Kind::Min => a.min(b),
        Kind::Max if signed => (a as i64).max(b as i64) as u64,
        Kind::Max => a.max(b),
        Kind::And => a & b,
        Kind::Or => a | b,
        Kind::Xor => a ^ b,
    }
}

enum Kind {
    Sum,
    Product,
    Min,
    Max,
    And,
    Or,
    Xor,
}

fn kind(f: LaneFn) -> Kind {
    match f {
        LaneFn::Product | LaneFn::PrefixInclusiveProduct | LaneFn::PrefixExclusiveProduct => Kind::Product,
        LaneFn::Min => Kind::Min,
        LaneFn::Max => Kind::Max,
        LaneFn::And | LaneFn::All => Kind::And,
        LaneFn::Or | LaneFn::Any => Kind::Or,
        LaneFn::Xor => Kind::Xor,
        _ => Kind::Sum,
    }
}

fn extend(bits: u32, ty: Scalar) -> u64 {
    if ty.is_signed() { bits as i32 as u64 } else { u64::from(bits) }
}

fn normalise(value: u64, ty: Scalar) -> u32 {
    super::intmath::wrap(i128::from(value), ty) as u32
}

fn round(bits: u32, ty: Scalar) -> u32 {
    match ty {
        Scalar::F16 => half::round_half(bits),
        Scalar::BF16 => half::round_bfloat(bits),
        _ => bits,
    }
}

/// What an exclusive prefix operation gives the first lane.
pub(crate) fn identity(f: LaneFn, ty: Scalar) -> u32 {
    match (kind(f), ty.is_float()) {
        (Kind::Product, true) => 1f32.to_bits(),
        (Kind::Product, false) => 1,
        _ => 0,
    }
}

/// Functions of one value a lane: reductions, prefix operations, `broadcast_first`.
pub(crate) fn unary<T: Copy + Default>(
    f: LaneFn,
    scope: LaneScope,
    active: u32,
    values: &[T; LANES],
    identity: T,
    combine: impl Fn(T, T) -> T,
) -> [T; LANES] {
    let mut out = *values;
    let len = scope_len(scope);
    for (i, group) in out.chunks_exact_mut(len).enumerate() {
        let active = (active >> (i * len)) & (u32::MAX >> (LANES - len));
        match f {
            LaneFn::BroadcastFirst => {
                let first = group.get(active.trailing_zeros() as usize).copied().unwrap_or_default();
                group.fill(first);
            }
            LaneFn::PrefixInclusiveSum | LaneFn::PrefixInclusiveProduct => {
                prefix(group, active, true, identity, &combine);
            }
            LaneFn::PrefixExclusiveSum | LaneFn::PrefixExclusiveProduct => {
                prefix(group, active, false, identity, &combine);
            }
            _ => {
                let total = reduce(group, active, &combine);
                group.fill(total);
            }
        }
    }
    out
}

fn reduce<T: Copy + Default>(group: &mut [T], mut active: u32, combine: &impl Fn(T, T) -> T) -> T {
    let mut half = group.len() / 2;
    while half > 0 {
        for i in 0..half {
            match (active >> i & 1, active >> (i + half) & 1) {
                (1, 1) => group[i] = combine(group[i], group[i + half]),
                (0, 1) => group[i] = group[i + half],
                _ => {}
            }
        }
        active |= active >> half;
        half /= 2;
    }
    group[0]
}

fn prefix<T: Copy>(group: &mut [T], active: u32, inclusive: bool, identity: T, combine: &impl Fn(T, T) -> T) {
    let mut so_far = None;
    for (i, value) in group.iter_mut().enumerate().filter(|(i, _)| active >> i & 1 == 1) {
        let _ = i;
        let before = so_far;
        let with_own = before.map_or(*value, |b| combine(b, *value));
        *value = if inclusive { with_own } else { before.unwrap_or(identity) };
        so_far = Some(with_own);
    }
}

/// Functions that read another lane: which one, and from where the value comes if there is none.
pub(crate) fn shuffle<T: Copy + Default>(
    f: LaneFn,
    scope: LaneScope,
    active: u32,
    values: &[T; LANES],
    fill: &[T; LANES],
    operand: &[u32; LANES],
) -> [T; LANES] {
    let len = scope_len(scope);
    std::array::from_fn(|lane| {
        let (start, own) = (lane / len * len, lane % len);
        let by = operand[lane] as usize & 0xffff;
        let read = |i: usize| if active >> (start + i) & 1 == 1 { values[start + i] } else { T::default() };
        match f {
            LaneFn::Broadcast | LaneFn::Shuffle if by < len => read(by),
            LaneFn::ShuffleXor if own ^ by < len => read(own ^ by),
            LaneFn::Broadcast | LaneFn::Shuffle | LaneFn::ShuffleXor => T::default(),
            LaneFn::RotateUp => read((own + len - by % len) % len),
            LaneFn::RotateDown => read((own + by) % len),
            LaneFn::ShuffleUp | LaneFn::ShuffleAndFillUp if own >= by => read(own - by),
            LaneFn::ShuffleDown | LaneFn::ShuffleAndFillDown if own + by < len => read(own + by),
            // The fill vector is shuffled along behind the data.
            LaneFn::ShuffleAndFillUp => fill[start + (own + len - by % len) % len],
            LaneFn::ShuffleAndFillDown => fill[start + (own + by) % len],
            _ => values[lane],
        }
    })
}

/// For each lane, the active lanes of its scope as bits from the scope's first lane on.
pub(crate) fn scope_bits(bits: u32, scope: LaneScope, lane: usize) -> u32 {
    match scope {
        LaneScope::Simdgroup => bits,
        LaneScope::Quad => (bits >> (lane / 4 * 4)) & 0xf,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(f: LaneFn, ty: Scalar, scope: LaneScope, active: u32, values: [u32; LANES]) -> [u32; LANES] {
        unary(f, scope, active, &values, identity(f, ty), |a, b| combine(f, ty, a, b))
    }

    fn iota() -> [u32; LANES] {
        std::array::from_fn(|i| i as u32)
    }

    #[test]
    fn reductions_leave_inactive_lanes_out() {
        let sum = |active, scope| run(LaneFn::Sum, Scalar::U32, scope, active, iota());
        assert_eq!(sum(u32::MAX, LaneScope::Simdgroup), [496; LANES]);
        assert_eq!(sum(0b1010, LaneScope::Simdgroup)[1], 4);
        assert_eq!(sum(0x8000_0000, LaneScope::Simdgroup)[31], 31);
        assert_eq!(sum(u32::MAX, LaneScope::Quad)[5], 4 + 5 + 6 + 7);
        assert_eq!(sum(0b0110_0000, LaneScope::Quad)[5], 11);
        let min =
            run(LaneFn::Min, Scalar::I32, LaneScope::Simdgroup, 0xff00, iota().map(|i| 0u32.wrapping_sub(i)));
        assert_eq!(min[9] as i32, -15);
        let max = run(LaneFn::Max, Scalar::U32, LaneScope::Simdgroup, 0xff, iota());
        assert_eq!(max[3], 7);
        let xor = run(LaneFn::Xor, Scalar::U32, LaneScope::Simdgroup, 0b111, iota());
        assert_eq!(xor[0], 3);
        let product = run(LaneFn::Product, Scalar::I8, LaneScope::Quad, u32::MAX, [7; LANES]);
        assert_eq!(product[0] as i32, (7i32 * 7 * 7 * 7) as u8 as i8 as i32);
    }

    #[test]
    fn float_reductions_round_in_the_type() {
        let values = [1.0f32.to_bits(); LANES];
        assert_eq!(
            f32::from_bits(run(LaneFn::Sum, Scalar::F32, LaneScope::Simdgroup, u32::MAX, values)[0]),
            32.0
        );
        let big = [f32::to_bits(40_000.0); LANES];
        let half = run(LaneFn::Sum, Scalar::F16, LaneScope::Quad, u32::MAX, big);
        assert_eq!(f32::from_bits(half[0]), f32::INFINITY);
        let bf = [f32::to_bits(257.0 - 1.0), f32::to_bits(1.0)];
        assert_eq!(f32::from_bits(combine(LaneFn::Sum, Scalar::BF16, bf[0], bf[1])), 256.0);
    }

    #[test]
    fn prefixes_skip_inactive_lanes() {
        let inclusive = run(LaneFn::PrefixInclusiveSum, Scalar::U32, LaneScope::Simdgroup, 0b10110, iota());
        assert_eq!((inclusive[1], inclusive[2], inclusive[4]), (1, 3, 7));
        let exclusive = run(LaneFn::PrefixExclusiveSum, Scalar::U32, LaneScope::Simdgroup, 0b10110, iota());
        assert_eq!((exclusive[1], exclusive[2], exclusive[4]), (0, 1, 3));
        let product = run(LaneFn::PrefixExclusiveProduct, Scalar::U32, LaneScope::Quad, u32::MAX, [3; LANES]);
        assert_eq!(product[4..8], [1, 3, 9, 27]);
    }

    #[test]
    fn shuffles_read_active_lanes_of_their_scope() {
        let go = |f, scope, active, by: u32| shuffle(f, scope, active, &iota(), &[99; LANES], &[by; LANES]);
        let simd = LaneScope::Simdgroup;
        assert_eq!(go(LaneFn::Broadcast, simd, u32::MAX, 5), [5; LANES]);
        assert_eq!(go(LaneFn::Shuffle, simd, 0xff, 9)[0], 0);
        assert_eq!(go(LaneFn::Shuffle, simd, u32::MAX, 40)[0], 0);
        assert_eq!(go(LaneFn::ShuffleDown, simd, u32::MAX, 3)[1], 4);
        assert_eq!(go(LaneFn::ShuffleDown, simd, u32::MAX, 3)[30], 30);
        assert_eq!(go(LaneFn::ShuffleUp, simd, u32::MAX, 3)[5], 2);
        assert_eq!(go(LaneFn::ShuffleUp, simd, u32::MAX, 3)[2], 2);
        assert_eq!(go(LaneFn::ShuffleXor, simd, u32::MAX, 1)[6], 7);
        assert_eq!(go(LaneFn::RotateDown, simd, u32::MAX, 3)[30], 1);
        assert_eq!(go(LaneFn::RotateUp, simd, u32::MAX, 3)[1], 30);
        assert_eq!(go(LaneFn::ShuffleAndFillUp, simd, u32::MAX, 3)[1], 99);
        assert_eq!(go(LaneFn::ShuffleAndFillDown, simd, u32::MAX, 3)[30], 99);
        assert_eq!(go(LaneFn::ShuffleXor, LaneScope::Quad, u32::MAX, 2)[9], 11);
        assert_eq!(go(LaneFn::ShuffleDown, LaneScope::Quad, u32::MAX, 1)[7], 7);
        let first = run(LaneFn::BroadcastFirst, Scalar::U32, simd, 0b1100, iota());
        assert_eq!(first[3], 2);
    }
}
