//! Functions of the table that work on whole registers: the choice of the loop for a function and type.

use bitnet_msl::ir::{LaneFn, LaneScope, MathFn, Scalar};

use super::lanes::{self, Reg, Wide};
use super::pattern::{OFFSET_BITS, OFFSET_MASK, advance};
use super::{Alloc, Exec, Simdgroup};
use crate::bytecode::{Inst, R, W};
use crate::observe::Observer;
use crate::ops::lane::LANES;
use crate::ops::{float, intmath, lane, math};

/// Sign- or zero-extends what a lane holds.
fn extend(bits: u32, ty: Scalar) -> u64 {
    if ty.is_signed() { bits as i32 as u64 } else { u64::from(bits) }
}

impl Simdgroup {
    pub(super) fn copy_wide(&mut self, d: W, a: W) {
        *self.wide_mut(d) = *self.wide(a);
    }

    pub(super) fn test_long(&mut self, d: R, a: W, b: W, f: impl Fn(u64, u64) -> bool) {
        let (x, y) = (self.wide(a), self.wide(b));
        let out = std::array::from_fn(|i| u32::from(f(x[i], y[i])));
        self.reg_mut(d).set_lanes(out);
    }

    pub(super) fn join_words(&mut self, d: W, low: R, high: R) {
        let (low, high) = (self.reg(low).to_lanes(), self.reg(high).to_lanes());
        *self.wide_mut(d) = std::array::from_fn(|i| u64::from(low[i]) | u64::from(high[i]) << 32);
    }

    pub(super) fn advance(&mut self, d: W, a: W, index: R, scale: u32, signed: bool) {
        let (pointers, index, scale) = (self.wide(a), self.reg(index).to_lanes(), u64::from(scale));
        *self.wide_mut(d) = std::array::from_fn(|i| {
            let index = if signed { index[i] as i32 as u64 } else { u64::from(index[i]) };
            advance(pointers[i], index.wrapping_mul(scale))
        });
    }
}

impl<O: Observer> Exec<'_, '_, O> {
    pub(super) fn math1(&mut self, d: R, a: R, f: MathFn, ty: Scalar, precise: bool) {
        let active = self.sg.active;
        let r = self.sg.regs();
        match f {
            MathFn::IsFinite
            | MathFn::IsInf
            | MathFn::IsNan
            | MathFn::IsNormal
            | MathFn::SignBit
            | MathFn::Ilogb => {
                lanes::un_active(r, d, a, active, |x| math::classify(f, ty, f32::from_bits(x)))
            }
            MathFn::Popcount if ty.size_bytes() == 4 => lanes::un(r, d, a, u32::count_ones),
            MathFn::Abs if ty.is_signed() => {
                lanes::un_active(r, d, a, active, |x| intmath::unary(f, ty, extend(x, ty)) as u32);
            }
            MathFn::Rsqrt => lanes::un_f(r, d, a, |x| (1.0 / f64::from(x).sqrt()) as f32),
            MathFn::Exp if !precise => {
                lanes::un_active(r, d, a, active, |x| libm::expf(f32::from_bits(x)).to_bits())
            }
            _ if ty.is_float() => {
                lanes::un_active(r, d, a, active, |x| {
                    math::unary(f, ty, precise, f32::from_bits(x)).to_bits()
                });
            }
            _ => lanes::un_active(r, d, a, active, |x| intmath::unary(f, ty, extend(x, ty)) as u32),
        }
    }

    pub(super) fn math2(&mut self, d: R, a: R, b: R, f: MathFn, ty: Scalar, precise: bool) {
        let active = self.sg.active;
        let r = self.sg.regs();
        match (f, ty.is_float(), ty.is_signed()) {
            (_, true, _) => {
                lanes::bin_active(r, d, a, b, active, |x, y| math::binary(f, ty, precise, x, y).to_bits());
            }
            (MathFn::Min, false, true) => lanes::bin(r, d, a, b, |x, y| (x as i32).min(y as i32) as u32),
            (MathFn::Max, false, true) => lanes::bin(r, d, a, b, |x, y| (x as i32).max(y as i32) as u32),
            (MathFn::Min, false, false) => lanes::bin(r, d, a, b, u32::min),
            (MathFn::Max, false, false) => lanes::bin(r, d, a, b, u32::max),
            _ => lanes::bin_active(r, d, a, b, active, |x, y| {
                intmath::binary(f, ty, extend(x, ty), extend(y, ty)) as u32
            }),
        }
    }

    pub(super) fn math3(&mut self, d: R, [a, b, c]: [R; 3], f: MathFn, ty: Scalar) {
        // The operands after the first of `extract_bits` are unsigned, of `mad24` and `madsat` of the type.
        let rest = if f == MathFn::ExtractBits { Scalar::U32 } else { ty };
        lanes::tern(self.sg.regs(), d, [a, b, c], |x, y, z| {
            intmath::ternary(f, ty, extend(x, ty), extend(y, rest), extend(z, rest)) as u32
        });
    }

    pub(super) fn insert_bits(&mut self, inst: &Inst) {
        let Inst::InsertBits { d, a, b, offset, bits, ty } = *inst else { return };
        let [base, insert, offset, bits] = [a, b, offset, bits].map(|reg| self.sg.reg(reg).to_lanes());
        let out = std::array::from_fn(|i| {
            intmath::insert_bits(ty, extend(base[i], ty), u64::from(insert[i]), offset[i], bits[i]) as u32
        });
        self.sg.reg_mut(d).set_lanes(out);
    }

    pub(super) fn bits_long(&mut self, inst: &Inst) {
        let (d, out): (W, Wide) = match *inst {
            Inst::ExtractBitsL { d, a, offset, bits, ty } => {
                let (x, [offset, bits]) =
                    (self.sg.wide(a), [offset, bits].map(|reg| self.sg.reg(reg).to_lanes()));
                (d, std::array::from_fn(|i| intmath::extract_bits(ty, x[i], offset[i], bits[i])))
            }
            Inst::InsertBitsL { d, a, b, offset, bits } => {
                let (x, y) = (self.sg.wide(a), self.sg.wide(b));
                let [offset, bits] = [offset, bits].map(|reg| self.sg.reg(reg).to_lanes());
                let insert = |i: usize| intmath::insert_bits(Scalar::U64, x[i], y[i], offset[i], bits[i]);
                (d, std::array::from_fn(insert))
            }
            _ => return,
        };
        *self.sg.wide_mut(d) = out;
    }

    pub(super) fn math1_long(&mut self, d: W, a: W, f: MathFn, ty: Scalar) {
        lanes::un_w(self.sg.wides(), d, a, |x| intmath::unary(f, ty, x));
    }

    pub(super) fn math2_long(&mut self, d: W, a: W, b: W, f: MathFn, ty: Scalar) {
        lanes::bin_w(self.sg.wides(), d, a, b, |x, y| intmath::binary(f, ty, x, y));
    }

    pub(super) fn math3_long(&mut self, d: W, [a, b, c]: [W; 3], f: MathFn, ty: Scalar) {
        lanes::tern_w(self.sg.wides(), d, a, b, c, |x, y, z| intmath::ternary(f, ty, x, y, z));
    }

    /// Pointers for comparison: those into buffers to which nothing is bound are null.
    pub(super) fn pointer_keys(&mut self, d: W, a: W) {
        let pointers = *self.sg.wide(a);
        let key = |p: u64| if matches!(self.resolve(p), Alloc::Unbound) { p & OFFSET_MASK } else { p };
        *self.sg.wide_mut(d) = pointers.map(key);
    }

    /// The address of a variable of the current call.
    pub(super) fn stack_address(&mut self, d: W, offset: u32) {
        let start = self.sg.stack_base - self.cx.code.stack_start() + offset as usize;
        *self.sg.wide_mut(d) = [u64::from(self.cx.code.stack_alloc) << OFFSET_BITS | start as u64; LANES];
    }

    pub(super) fn lane1(&mut self, d: R, a: R, f: LaneFn, scope: LaneScope, ty: Scalar) {
        self.observer.lane_op(f, self.sg.active);
        let (active, x) = (self.sg.active, &self.sg.reg(a).to_lanes());
        let identity = lane::identity(f, ty);
        let floats = |g: fn(f32, f32) -> f32| {
            lane::unary(f, scope, active, x, identity, |a, b| {
                g(f32::from_bits(a), f32::from_bits(b)).to_bits()
            })
        };
        let out = match (f, ty) {
            (LaneFn::Sum, Scalar::F32) => floats(float::add),
            (LaneFn::Max, Scalar::F32) => floats(float::max),
            (LaneFn::Min, Scalar::F32) => floats(float::min),
            _ => lane::unary(f, scope, active, x, identity, |a, b| lane::combine(f, ty, a, b)),
        };
        let same = scope == LaneScope::Simdgroup && lane::is_reduction(f);
        match same {
            true => self.sg.reg_mut(d).set_uniform(out[0]),
            false => self.sg.reg_mut(d).set_lanes(out),
        }
    }

    pub(super) fn lane1_long(&mut self, d: W, a: W, f: LaneFn, scope: LaneScope, ty: Scalar) {
        self.observer.lane_op(f, self.sg.active);
        let identity = u64::from(lane::identity(f, ty));
        let out = lane::unary(f, scope, self.sg.active, self.sg.wide(a), identity, |a, b| {
            lane::combine_long(f, ty, a, b)
        });
        *self.sg.wide_mut(d) = out;
    }

    pub(super) fn shuffle(&mut self, d: R, [a, fill, by]: [R; 3], f: LaneFn, scope: LaneScope) {
        self.observer.lane_op(f, self.sg.active);
        let sg = &mut *self.sg;
        let to_one = matches!(f, LaneFn::Broadcast | LaneFn::Shuffle) && scope == LaneScope::Simdgroup;
        let all_read_one = to_one && sg.reg(by).uniform().is_some();
        let [a, fill, by] = [a, fill, by].map(|reg| sg.reg(reg).to_lanes());
        let out = lane::shuffle(f, scope, sg.active, &a, &fill, &by);
        match all_read_one {
            true => sg.reg_mut(d).set_uniform(out[0]),
            false => sg.reg_mut(d).set_lanes(out),
        }
    }

    pub(super) fn shuffle_long(&mut self, d: W, [a, fill]: [W; 2], by: R, f: LaneFn, scope: LaneScope) {
        self.observer.lane_op(f, self.sg.active);
        let sg = &mut *self.sg;
        let out = lane::shuffle(f, scope, sg.active, sg.wide(a), sg.wide(fill), &sg.reg(by).to_lanes());
        *sg.wide_mut(d) = out;
    }

    pub(super) fn ballot(&mut self, d: W, votes: u32, f: LaneFn, scope: LaneScope) {
        self.observer.lane_op(f, self.sg.active);
        let votes = votes & self.sg.active;
        *self.sg.wide_mut(d) = std::array::from_fn(|i| u64::from(lane::scope_bits(votes, scope, i)));
    }

    pub(super) fn threads_mask(&mut self, d: W, scope: LaneScope) {
        let exist = self.sg.exist;
        *self.sg.wide_mut(d) = std::array::from_fn(|i| u64::from(lane::scope_bits(exist, scope, i)));
    }

    pub(super) fn is_first(&mut self, d: R, scope: LaneScope) {
        self.observer.lane_op(LaneFn::IsFirst, self.sg.active);
        let active = self.sg.active;
        let len = lane::scope_len(scope);
        let first = |i: usize| lane::scope_bits(active, scope, i).trailing_zeros() as usize == i % len;
        let out: Reg = std::array::from_fn(|i| u32::from(first(i)));
        self.sg.reg_mut(d).set_lanes(out);
    }
}
