//! Loops over the 32 lanes of registers. Each takes one operation as a function and becomes vector code for
//! it: operands are read in place and the whole result is written at the end, so that the destination may be
//! an operand and the optimiser needs no alias checks. Operands with one value in all lanes stay one value.

use bitnet_msl::ir::Scalar;

pub(crate) use super::register::{Reg, Register, Wide};
use crate::bytecode::{R, W};
use crate::ops::lane::LANES;
use crate::ops::{convert, float};

/// The bit of each lane in a mask.
const BITS: Reg = {
    let mut bits = [0; LANES];
    let mut lane = 0;
    while lane < LANES {
        bits[lane] = 1 << lane;
        lane += 1;
    }
    bits
};

/// The lanes of a mask, in order.
pub(crate) fn lanes(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}

/// The lanes whose predicate holds, as a mask.
#[inline(always)]
pub(crate) fn mask_where(predicate: impl Fn(usize) -> bool) -> u32 {
    let mut mask = 0;
    for (lane, bit) in BITS.iter().enumerate() {
        mask |= if predicate(lane) { *bit } else { 0 };
    }
    mask
}

/// Lanes of `new` where the mask is set, of `old` elsewhere.
#[inline(always)]
pub(crate) fn blend<T: Copy>(mask: u32, new: &[T; LANES], old: &[T; LANES]) -> [T; LANES] {
    std::array::from_fn(|i| if mask & BITS[i] != 0 { new[i] } else { old[i] })
}

/// The index of a register.
fn at(reg: R) -> usize {
    usize::from(reg.0)
}

/// Makes the lanes of registers valid.
#[inline(always)]
fn fill<const N: usize>(r: &mut [Register], regs: [R; N]) {
    for reg in regs {
        r[at(reg)].fill();
    }
}

/// d = f(a)
#[inline(never)]
pub(crate) fn un(r: &mut [Register], d: R, a: R, f: impl Fn(u32) -> u32) {
    match r[at(a)].uniform() {
        Some(x) => r[at(d)].set_uniform(f(x)),
        None => {
            let x = r[at(a)].lanes();
            let out = std::array::from_fn(|i| f(x[i]));
            r[at(d)].set_lanes(out);
        }
    }
}

/// d = f(a, b)
#[inline(never)]
pub(crate) fn bin(r: &mut [Register], d: R, a: R, b: R, f: impl Fn(u32, u32) -> u32) {
    let out = match (r[at(a)].uniform(), r[at(b)].uniform()) {
        (Some(x), Some(y)) => return r[at(d)].set_uniform(f(x, y)),
        (Some(x), None) => {
            let y = r[at(b)].lanes();
            std::array::from_fn(|i| f(x, y[i]))
        }
        (None, Some(y)) => {
            let x = r[at(a)].lanes();
            std::array::from_fn(|i| f(x[i], y))
        }
        (None, None) => {
            fill(r, [a, b]);
            let (x, y) = (r[at(a)].filled(), r[at(b)].filled());
            std::array::from_fn(|i| f(x[i], y[i]))
        }
    };
    r[at(d)].set_lanes(out);
}

/// d = f(a, b, c)
#[inline(never)]
pub(crate) fn tern(r: &mut [Register], d: R, [a, b, c]: [R; 3], f: impl Fn(u32, u32, u32) -> u32) {
    if let (Some(x), Some(y), Some(z)) = (r[at(a)].uniform(), r[at(b)].uniform(), r[at(c)].uniform()) {
        return r[at(d)].set_uniform(f(x, y, z));
    }
    fill(r, [a, b, c]);
    let [x, y, z] = [a, b, c].map(|reg| r[at(reg)].filled());
    let out = std::array::from_fn(|i| f(x[i], y[i], z[i]));
    r[at(d)].set_lanes(out);
}

/// d = f(a, b) as a `bool`
#[inline(always)]
pub(crate) fn test(r: &mut [Register], d: R, a: R, b: R, f: impl Fn(u32, u32) -> bool) {
    bin(r, d, a, b, |x, y| f(x, y).into());
}

/// d = f(a), on floats
#[inline(always)]
pub(crate) fn un_f(r: &mut [Register], d: R, a: R, f: impl Fn(f32) -> f32) {
    un(r, d, a, |x| f(f32::from_bits(x)).to_bits());
}

/// d = f(a, b), on floats
#[inline(always)]
pub(crate) fn bin_f(r: &mut [Register], d: R, a: R, b: R, f: impl Fn(f32, f32) -> f32) {
    bin(r, d, a, b, |x, y| f(f32::from_bits(x), f32::from_bits(y)).to_bits());
}

/// d = f(a, b) as a `bool`, on floats
#[inline(always)]
pub(crate) fn test_f(r: &mut [Register], d: R, a: R, b: R, f: impl Fn(f32, f32) -> bool) {
    bin(r, d, a, b, |x, y| f(f32::from_bits(x), f32::from_bits(y)).into());
}

/// d = a + b, with lines kept
#[inline(never)]
pub(crate) fn add(r: &mut [Register], d: R, a: R, b: R) {
    match (r[at(a)].line(), r[at(b)].line()) {
        (Some((x, dx)), Some((y, dy))) => r[at(d)].set_line(x.wrapping_add(y), dx.wrapping_add(dy)),
        _ => bin(r, d, a, b, u32::wrapping_add),
    }
}

/// d = a − b, with lines kept
#[inline(never)]
pub(crate) fn sub(r: &mut [Register], d: R, a: R, b: R) {
    match (r[at(a)].line(), r[at(b)].line()) {
        (Some((x, dx)), Some((y, dy))) => r[at(d)].set_line(x.wrapping_sub(y), dx.wrapping_sub(dy)),
        _ => bin(r, d, a, b, u32::wrapping_sub),
    }
}

/// d = a · b, with lines times one value kept
#[inline(never)]
pub(crate) fn mul(r: &mut [Register], d: R, a: R, b: R) {
    match (r[at(a)].line(), r[at(b)].line()) {
        (Some((x, dx)), Some((y, 0))) | (Some((y, 0)), Some((x, dx))) => {
            r[at(d)].set_line(x.wrapping_mul(y), dx.wrapping_mul(y));
        }
        _ => bin(r, d, a, b, u32::wrapping_mul),
    }
}

/// d = a << n, with lines kept
#[inline(never)]
pub(crate) fn shl_imm(r: &mut [Register], d: R, a: R, n: u8) {
    match r[at(a)].line() {
        Some((x, dx)) => r[at(d)].set_line(x.wrapping_shl(n.into()), dx.wrapping_shl(n.into())),
        None => un(r, d, a, |x| x.wrapping_shl(n.into())),
    }
}

/// d = f(a) in the lanes of the mask, for functions too slow to be wasted on others
#[inline(never)]
pub(crate) fn un_active(r: &mut [Register], d: R, a: R, mask: u32, f: impl Fn(u32) -> u32) {
    if let Some(x) = r[at(a)].uniform() {
        return r[at(d)].set_uniform(f(x));
    }
    let mut out = *r[at(a)].lanes();
    for lane in lanes(mask) {
        out[lane] = f(out[lane]);
    }
    r[at(d)].set_lanes(out);
}

/// d = f(a, b) in the lanes of the mask
#[inline(never)]
pub(crate) fn bin_active(r: &mut [Register], d: R, a: R, b: R, mask: u32, f: impl Fn(u32, u32) -> u32) {
    if let (Some(x), Some(y)) = (r[at(a)].uniform(), r[at(b)].uniform()) {
        return r[at(d)].set_uniform(f(x, y));
    }
    let (mut out, y) = (*r[at(a)].lanes(), r[at(b)].lanes());
    for lane in lanes(mask) {
        out[lane] = f(out[lane], y[lane]);
    }
    r[at(d)].set_lanes(out);
}

/// d = a
#[inline(always)]
pub(crate) fn mov(r: &mut [Register], d: R, a: R) {
    match r[at(a)].line() {
        Some((base, step)) => r[at(d)].set_line(base, step),
        None => {
            let lanes = *r[at(a)].filled();
            r[at(d)].set_lanes(lanes);
        }
    }
}

/// d = a in the lanes of the mask
#[inline(never)]
pub(crate) fn mov_masked(r: &mut [Register], d: R, a: R, mask: u32) {
    if mask == u32::MAX {
        return mov(r, d, a);
    }
    fill(r, [a, d]);
    let out = blend(mask, r[at(a)].filled(), r[at(d)].filled());
    r[at(d)].set_lanes(out);
}

/// d = a in the lanes of the mask, 64-bit
#[inline(never)]
pub(crate) fn mov_w_masked(w: &mut [Wide], d: W, a: W, mask: u32) {
    let out = blend(mask, &w[usize::from(a.0)], &w[usize::from(d.0)]);
    w[usize::from(d.0)] = out;
}

/// d = a + b in the lanes of the mask, on 32-bit integers
#[inline(never)]
pub(crate) fn add_masked(r: &mut [Register], d: R, a: R, b: R, mask: u32) {
    if mask == u32::MAX {
        return add(r, d, a, b);
    }
    fill(r, [a, b, d]);
    let [x, y, old] = [a, b, d].map(|reg| r[at(reg)].filled());
    let out = std::array::from_fn(|i| if mask & BITS[i] != 0 { x[i].wrapping_add(y[i]) } else { old[i] });
    r[at(d)].set_lanes(out);
}

/// d = f(a, b) in the lanes of the mask, on floats
#[inline(always)]
pub(crate) fn bin_f_masked(r: &mut [Register], d: R, a: R, b: R, mask: u32, f: impl Fn(f32, f32) -> f32) {
    if mask == u32::MAX {
        return bin_f(r, d, a, b, f);
    }
    bin_f_partial(r, d, a, b, mask, f);
}

#[inline(never)]
fn bin_f_partial(r: &mut [Register], d: R, a: R, b: R, mask: u32, f: impl Fn(f32, f32) -> f32) {
    fill(r, [a, b, d]);
    let [x, y, old] = [a, b, d].map(|reg| r[at(reg)].filled());
    let new: Reg = std::array::from_fn(|i| f(f32::from_bits(x[i]), f32::from_bits(y[i])).to_bits());
    let out = blend(mask, &new, old);
    r[at(d)].set_lanes(out);
}

/// d = a · b + c in the lanes of the mask, rounded once
#[inline(never)]
pub(crate) fn fma(r: &mut [Register], d: R, [a, b, c]: [R; 3], mask: u32) {
    fill(r, [a, b, c, d]);
    let [x, y, z, old] = [a, b, c, d].map(|reg| r[at(reg)].filled());
    let new: Reg = std::array::from_fn(|i| {
        float::fma(f32::from_bits(x[i]), f32::from_bits(y[i]), f32::from_bits(z[i])).to_bits()
    });
    let out = blend(mask, &new, old);
    r[at(d)].set_lanes(out);
}

/// d = a, truncated and saturated to an integer type
pub(crate) fn float_to_int(r: &mut [Register], d: R, a: R, to: Scalar) {
    match to {
        Scalar::I32 => un(r, d, a, |x| f32::from_bits(x) as i32 as u32),
        Scalar::U32 => un(r, d, a, |x| f32::from_bits(x) as u32),
        _ => un(r, d, a, |x| convert::float_to_int(f32::from_bits(x), to)),
    }
}

/// d = c ? a : b
#[inline(never)]
pub(crate) fn select(r: &mut [Register], d: R, c: R, a: R, b: R) {
    match r[at(c)].uniform() {
        Some(0) => mov(r, d, b),
        Some(_) => mov(r, d, a),
        None => tern(r, d, [c, a, b], |c, a, b| if c != 0 { a } else { b }),
    }
}

/// The lanes of a register that are not zero, as a mask.
#[inline(never)]
pub(crate) fn truth(c: &mut Register) -> u32 {
    match c.uniform() {
        Some(value) => u32::from(value != 0).wrapping_neg(),
        None => {
            let c = c.lanes();
            mask_where(|i| c[i] != 0)
        }
    }
}

/// The lanes for which the relation holds, as a mask.
#[inline(never)]
pub(crate) fn mask_of(r: &mut [Register], a: R, b: R, f: impl Fn(u32, u32) -> bool) -> u32 {
    match (r[at(a)].uniform(), r[at(b)].uniform()) {
        (Some(x), Some(y)) => u32::from(f(x, y)).wrapping_neg(),
        (None, Some(y)) => {
            let x = r[at(a)].lanes();
            mask_where(|i| f(x[i], y))
        }
        (Some(x), None) => {
            let y = r[at(b)].lanes();
            mask_where(|i| f(x, y[i]))
        }
        (None, None) => {
            fill(r, [a, b]);
            let (x, y) = (r[at(a)].filled(), r[at(b)].filled());
            mask_where(|i| f(x[i], y[i]))
        }
    }
}

/// d = f(a), 64-bit
#[inline(never)]
pub(crate) fn un_w(w: &mut [Wide], d: W, a: W, f: impl Fn(u64) -> u64) {
    let x = &w[usize::from(a.0)];
    let out = std::array::from_fn(|i| f(x[i]));
    w[usize::from(d.0)] = out;
}

/// d = f(a, b), 64-bit
#[inline(never)]
pub(crate) fn bin_w(w: &mut [Wide], d: W, a: W, b: W, f: impl Fn(u64, u64) -> u64) {
    let (x, y) = (&w[usize::from(a.0)], &w[usize::from(b.0)]);
    let out = std::array::from_fn(|i| f(x[i], y[i]));
    w[usize::from(d.0)] = out;
}

/// d = f(a, b, c), 64-bit
#[inline(never)]
pub(crate) fn tern_w(w: &mut [Wide], d: W, a: W, b: W, c: W, f: impl Fn(u64, u64, u64) -> u64) {
    let (x, y, z) = (&w[usize::from(a.0)], &w[usize::from(b.0)], &w[usize::from(c.0)]);
    let out = std::array::from_fn(|i| f(x[i], y[i], z[i]));
    w[usize::from(d.0)] = out;
}

/// The lanes of a register from those of a wide one.
#[inline(never)]
pub(crate) fn narrow(x: &Wide, f: impl Fn(u64) -> u32) -> Reg {
    std::array::from_fn(|i| f(x[i]))
}

/// The lanes of a wide register from those of a register.
#[inline(never)]
pub(crate) fn widen(x: &Reg, f: impl Fn(u32) -> u64) -> Wide {
    std::array::from_fn(|i| f(x[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_lanes_agree() {
        for mask in [0, 1, 0x8000_0000, 0xa5a5_5a5a, u32::MAX] {
            assert_eq!(mask_where(|lane| mask >> lane & 1 == 1), mask);
            assert_eq!(lanes(mask).fold(0u32, |m, lane| m | 1 << lane), mask);
            assert!(lanes(mask).is_sorted());
        }
    }

    /// Registers that hold the same lanes in different forms: uniform, line, lanes.
    fn forms() -> Vec<Register> {
        let mut forms = Vec::new();
        for (base, step) in [(0, 0), (5, 0), (3, 1), (40, u32::MAX), (1 << 31, 7)] {
            let mut line = Register::uniform_of(0);
            line.set_line(base, step);
            let mut lanes = line;
            lanes.set_lanes(line.to_lanes());
            forms.extend([line, lanes]);
        }
        forms
    }

    /// Every operation gives the same lanes for every form of its operands, and for a destination that is one.
    fn check(op: impl Fn(&mut [Register]), reference: impl Fn(u32, u32) -> u32) {
        for a in forms() {
            for b in forms() {
                let mut r = [Register::uniform_of(9), a, b];
                op(&mut r);
                let (x, y) = (a.to_lanes(), b.to_lanes());
                let expect: Reg = std::array::from_fn(|i| reference(x[i], y[i]));
                assert_eq!(r[0].to_lanes(), expect, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn the_form_of_operands_does_not_matter() {
        let (d, a, b) = (R(0), R(1), R(2));
        check(|r| add(r, d, a, b), u32::wrapping_add);
        check(|r| sub(r, d, a, b), u32::wrapping_sub);
        check(|r| mul(r, d, a, b), u32::wrapping_mul);
        check(|r| bin(r, d, a, b, |x, y| x ^ y), |x, y| x ^ y);
        check(|r| shl_imm(r, d, a, 3), |x, _| x << 3);
        check(|r| un(r, d, a, |x| !x), |x, _| !x);
        check(|r| un_active(r, d, a, u32::MAX, |x| x / 3), |x, _| x / 3);
        check(|r| bin_active(r, d, a, b, u32::MAX, |x, y| x / (y | 1)), |x, y| x / (y | 1));
        check(|r| select(r, d, a, b, a), |x, y| if x != 0 { y } else { x });
        check(|r| tern(r, d, [a, b, a], |x, y, z| x ^ (y & !z)), |x, y| x ^ (y & !x));
        check(|r| mov_masked(r, d, a, u32::MAX), |x, _| x);
        for form in forms() {
            let expect = mask_where(|i| form.to_lanes()[i] != 0);
            assert_eq!(truth(&mut form.clone()), expect);
        }
    }

    #[test]
    fn masked_operations_leave_other_lanes() {
        for mask in [1, 0xffff, 0xa5a5_a5a5] {
            for a in forms() {
                for b in forms() {
                    let expect = |f: fn(u32, u32) -> u32, old: u32| -> Reg {
                        let (x, y) = (a.to_lanes(), b.to_lanes());
                        std::array::from_fn(|i| if mask >> i & 1 == 1 { f(x[i], y[i]) } else { old })
                    };
                    let mut r = [Register::uniform_of(9), a, b];
                    add_masked(&mut r, R(0), R(1), R(2), mask);
                    assert_eq!(r[0].to_lanes(), expect(u32::wrapping_add, 9));
                    mov_masked(&mut r, R(0), R(2), mask);
                    assert_eq!(r[0].to_lanes(), expect(|_, y| y, 9));
                }
            }
        }
    }

    #[test]
    fn destinations_may_be_operands() {
        for a in forms() {
            let x = a.to_lanes();
            let mut r = [a];
            add(&mut r, R(0), R(0), R(0));
            assert_eq!(r[0].to_lanes(), x.map(|x| x.wrapping_add(x)));
            let mut r = [a];
            bin(&mut r, R(0), R(0), R(0), |x, y| x & !y);
            assert_eq!(r[0].to_lanes(), [0; LANES]);
            let mut r = [a, Register::uniform_of(1)];
            select(&mut r, R(0), R(0), R(1), R(0));
            assert_eq!(r[0].to_lanes(), x.map(|x| u32::from(x != 0)));
        }
    }
}
