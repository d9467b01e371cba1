//! The interpreter loop.

use bitnet_msl::ir::LaneFn;

use super::control::related;
use super::lanes::truth;
use super::{Exec, Fault, Stop, lanes, pattern};
use crate::bytecode::Inst;
use crate::observe::{Instruction, Observer};
use crate::ops::{convert, float, half, int, long};
use crate::trap::TrapKind;

impl<O: Observer> Exec<'_, '_, O> {
    /// Runs until a threadgroup barrier or the end. Going on after a barrier is calling again.
    pub(super) fn run(&mut self) -> Result<Stop, Box<Fault>> {
        let code = self.cx.code;
        let mut pc = self.sg.pc;
        loop {
            let inst = &code.insts[pc as usize];
            self.observer.instruction(Instruction(inst), self.sg.active);
            pc = match *inst {
                Inst::If { c, slot, other } => {
                    let taken = truth(self.sg.reg_mut(c));
                    self.branch(taken, slot, pc + 1, other)
                }
                Inst::IfRel { a, b, rel, slot, other } => {
                    let taken = related(self.sg.regs(), a, b, rel);
                    self.branch(taken, slot, pc + 1, other)
                }
                Inst::Else { slot, end } => self.sg.swap_sides(slot, pc + 1, end),
                Inst::Join { slot, skip } => self.sg.join(slot, pc + 1, skip),
                Inst::Leave { slot, skip } => self.sg.leave_all(slot, pc + 1, skip),
                Inst::LeaveIf { c, when, slot, skip } => {
                    let holds = truth(self.sg.reg_mut(c));
                    self.leave_where(if when { holds } else { !holds }, slot, pc + 1, skip)
                }
                Inst::LeaveRel { a, b, rel, when, slot, skip } => {
                    let holds = related(self.sg.regs(), a, b, rel);
                    self.leave_where(if when { holds } else { !holds }, slot, pc + 1, skip)
                }
                Inst::Continuing { slot, end } => self.sg.continuing(slot, pc + 1, end),
                Inst::Repeat { start } => self.repeat(pc, start)?,
                Inst::Section { slot, next } => self.sg.join(slot, pc + 1, next),
                Inst::Call { .. } => self.call(pc, inst)?,
                Inst::Return {} => self.return_to_caller(),
                Inst::Barrier { threadgroup } => {
                    if let Some(stop) = self.barrier(pc, threadgroup)? {
                        self.sg.pc = pc + 1;
                        return Ok(stop);
                    }
                    pc + 1
                }
                Inst::Exit {} => return Ok(Stop::End),
                _ => {
                    self.step(pc, inst)?;
                    pc + 1
                }
            };
        }
    }

    /// An instruction after which the next one follows. One call an arm.
    #[inline(always)]
    fn step(&mut self, pc: u32, inst: &Inst) -> Result<(), Box<Fault>> {
        let mask = self.sg.write_mask();
        let sg = &mut *self.sg;
        match *inst {
            Inst::Mov { d, a } => lanes::mov(sg.regs(), d, a),
            Inst::MovMasked { d, a } => lanes::mov_masked(sg.regs(), d, a, mask),
            Inst::MovW { d, a } => sg.copy_wide(d, a),
            Inst::MovWMasked { d, a } => lanes::mov_w_masked(sg.wides(), d, a, mask),
            Inst::Select { d, c, a, b } => lanes::select(sg.regs(), d, c, a, b),
            Inst::SelectW { d, c, a, b } => {
                let chosen = truth(sg.reg_mut(c));
                *sg.wide_mut(d) = lanes::blend(chosen, sg.wide(a), sg.wide(b));
            }

            Inst::AddI { d, a, b } => lanes::add(sg.regs(), d, a, b),
            Inst::SubI { d, a, b } => lanes::sub(sg.regs(), d, a, b),
            Inst::MulI { d, a, b } => lanes::mul(sg.regs(), d, a, b),
            Inst::DivS { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::div_s),
            Inst::DivU { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::div_u),
            Inst::RemS { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::rem_s),
            Inst::RemU { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::rem_u),
            Inst::Shl { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::shl),
            Inst::ShrS { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::shr_s),
            Inst::ShrU { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::shr_u),
            Inst::ShlImm { d, a, n } => lanes::shl_imm(sg.regs(), d, a, n),
            Inst::ShrSImm { d, a, n } => lanes::un(sg.regs(), d, a, |x| int::shr_s(x, n.into())),
            Inst::ShrUImm { d, a, n } => lanes::un(sg.regs(), d, a, |x| int::shr_u(x, n.into())),
            Inst::And { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::and),
            Inst::Or { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::or),
            Inst::Xor { d, a, b } => lanes::bin(sg.regs(), d, a, b, int::xor),
            Inst::NegI { d, a } => lanes::un(sg.regs(), d, a, int::neg),
            Inst::NotI { d, a } => lanes::un(sg.regs(), d, a, int::not),
            Inst::NotB { d, a } => lanes::un(sg.regs(), d, a, int::not_bool),
            Inst::Sext8 { d, a } => lanes::un(sg.regs(), d, a, int::sext8),
            Inst::Zext8 { d, a } => lanes::un(sg.regs(), d, a, int::zext8),
            Inst::Sext16 { d, a } => lanes::un(sg.regs(), d, a, int::sext16),
            Inst::Zext16 { d, a } => lanes::un(sg.regs(), d, a, int::zext16),
            Inst::EqI { d, a, b } => lanes::test(sg.regs(), d, a, b, int::eq),
            Inst::NeI { d, a, b } => lanes::test(sg.regs(), d, a, b, int::ne),
            Inst::LtS { d, a, b } => lanes::test(sg.regs(), d, a, b, int::lt_s),
            Inst::LeS { d, a, b } => lanes::test(sg.regs(), d, a, b, int::le_s),
            Inst::LtU { d, a, b } => lanes::test(sg.regs(), d, a, b, int::lt_u),
            Inst::LeU { d, a, b } => lanes::test(sg.regs(), d, a, b, int::le_u),
            Inst::AddIMasked { d, a, b } => lanes::add_masked(sg.regs(), d, a, b, mask),

            Inst::AddF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::add),
            Inst::SubF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::sub),
            Inst::MulF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::mul),
            Inst::DivF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::div),
            Inst::RemF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::rem),
            Inst::NegF { d, a } => lanes::un(sg.regs(), d, a, |x| x ^ (1 << 31)),
            Inst::RoundHalf { d, a } => lanes::un(sg.regs(), d, a, half::round_half),
            Inst::RoundBfloat { d, a } => lanes::un(sg.regs(), d, a, half::round_bfloat),
            Inst::EqF { d, a, b } => lanes::test_f(sg.regs(), d, a, b, float::eq),
            Inst::NeF { d, a, b } => lanes::test_f(sg.regs(), d, a, b, float::ne),
            Inst::LtF { d, a, b } => lanes::test_f(sg.regs(), d, a, b, float::lt),
            Inst::LeF { d, a, b } => lanes::test_f(sg.regs(), d, a, b, float::le),
            Inst::AddFMasked { d, a, b } => lanes::bin_f_masked(sg.regs(), d, a, b, mask, float::add),
            Inst::SubFMasked { d, a, b } => lanes::bin_f_masked(sg.regs(), d, a, b, mask, float::sub),
            Inst::MulFMasked { d, a, b } => lanes::bin_f_masked(sg.regs(), d, a, b, mask, float::mul),
            Inst::AbsF { d, a } => lanes::un(sg.regs(), d, a, |x| x & !(1 << 31)),
            Inst::MinF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::min),
            Inst::MaxF { d, a, b } => lanes::bin_f(sg.regs(), d, a, b, float::max),
            Inst::FmaF { d, a, b, c } => lanes::fma(sg.regs(), d, [a, b, c], u32::MAX),
            Inst::FmaFMasked { d, a, b, c } => lanes::fma(sg.regs(), d, [a, b, c], mask),
            Inst::SqrtF { d, a } => lanes::un_f(sg.regs(), d, a, f32::sqrt),

            Inst::AddL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::add),
            Inst::SubL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::sub),
            Inst::MulL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::mul),
            Inst::DivLS { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::div_s),
            Inst::DivLU { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::div_u),
            Inst::RemLS { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::rem_s),
            Inst::RemLU { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::rem_u),
            Inst::ShlL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::shl),
            Inst::ShrLS { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::shr_s),
            Inst::ShrLU { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::shr_u),
            Inst::AndL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::and),
            Inst::OrL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::or),
            Inst::XorL { d, a, b } => lanes::bin_w(sg.wides(), d, a, b, long::xor),
            Inst::NegL { d, a } => lanes::un_w(sg.wides(), d, a, long::neg),
            Inst::NotL { d, a } => lanes::un_w(sg.wides(), d, a, long::not),
            Inst::EqL { d, a, b } => sg.test_long(d, a, b, long::eq),
            Inst::NeL { d, a, b } => sg.test_long(d, a, b, long::ne),
            Inst::LtLS { d, a, b } => sg.test_long(d, a, b, long::lt_s),
            Inst::LeLS { d, a, b } => sg.test_long(d, a, b, long::le_s),
            Inst::LtLU { d, a, b } => sg.test_long(d, a, b, long::lt_u),
            Inst::LeLU { d, a, b } => sg.test_long(d, a, b, long::le_u),

            Inst::SToF { d, a } => lanes::un(sg.regs(), d, a, |x| (x as i32 as f32).to_bits()),
            Inst::UToF { d, a } => lanes::un(sg.regs(), d, a, |x| (x as f32).to_bits()),
            Inst::SToBfloat { d, a } => lanes::un(sg.regs(), d, a, |x| {
                convert::integer_to_bfloat(u64::from((x as i32).unsigned_abs()), (x as i32) < 0)
            }),
            Inst::UToBfloat { d, a } => {
                lanes::un(sg.regs(), d, a, |x| convert::integer_to_bfloat(u64::from(x), false));
            }
            Inst::FToI { d, a, to } => lanes::float_to_int(sg.regs(), d, a, to),
            Inst::FToL { d, a, to } => {
                *sg.wide_mut(d) =
                    lanes::widen(sg.reg_mut(a).lanes(), |x| convert::float_to_long(f32::from_bits(x), to));
            }
            Inst::LToF { d, a, from, to } => {
                let out = lanes::narrow(sg.wide(a), |x| convert::long_to_float(x, from, to));
                sg.reg_mut(d).set_lanes(out);
            }
            Inst::WidenS { d, a } => {
                *sg.wide_mut(d) = lanes::widen(sg.reg_mut(a).lanes(), |x| x as i32 as u64)
            }
            Inst::WidenU { d, a } => *sg.wide_mut(d) = lanes::widen(sg.reg_mut(a).lanes(), u64::from),
            Inst::LowWord { d, a } => {
                let out = lanes::narrow(sg.wide(a), |x| x as u32);
                sg.reg_mut(d).set_lanes(out);
            }
            Inst::HighWord { d, a } => {
                let out = lanes::narrow(sg.wide(a), |x| (x >> 32) as u32);
                sg.reg_mut(d).set_lanes(out);
            }
            Inst::JoinWords { d, lo, hi } => sg.join_words(d, lo, hi),
            Inst::FloatToBits { d, a, from } => lanes::un(sg.regs(), d, a, |x| convert::encode(x, from)),
            Inst::BitsToFloat { d, a, to } => lanes::un(sg.regs(), d, a, |x| convert::decode(x, to)),

            Inst::Math1 { d, a, f, ty, precise } => self.math1(d, a, f, ty, precise),
            Inst::Math2 { d, a, b, f, ty, precise } => self.math2(d, a, b, f, ty, precise),
            Inst::Math3 { d, a, b, c, f, ty } => self.math3(d, [a, b, c], f, ty),
            Inst::InsertBits { .. } => self.insert_bits(inst),
            Inst::MathL1 { d, a, f, ty } => self.math1_long(d, a, f, ty),
            Inst::MathL2 { d, a, b, f, ty } => self.math2_long(d, a, b, f, ty),
            Inst::MathL3 { d, a, b, c, f, ty } => self.math3_long(d, [a, b, c], f, ty),
            Inst::ExtractBitsL { .. } | Inst::InsertBitsL { .. } => self.bits_long(inst),

            Inst::Lane1 { d, a, f, scope, ty } => self.lane1(d, a, f, scope, ty),
            Inst::Lane2 { d, a, b, f, scope } => self.shuffle(d, [a, a, b], f, scope),
            Inst::LaneFill { d, a, fill, delta, f, scope } => self.shuffle(d, [a, fill, delta], f, scope),
            Inst::LaneL1 { d, a, f, scope, ty } => self.lane1_long(d, a, f, scope, ty),
            Inst::LaneL2 { d, a, b, f, scope } => self.shuffle_long(d, [a, a], b, f, scope),
            Inst::LaneLFill { d, a, fill, delta, f, scope } => {
                self.shuffle_long(d, [a, fill], delta, f, scope)
            }
            Inst::Ballot { d, a, scope } => {
                let votes = truth(self.sg.reg_mut(a));
                self.ballot(d, votes, LaneFn::Ballot, scope);
            }
            Inst::ActiveMask { d, scope } => self.ballot(d, u32::MAX, LaneFn::ActiveThreadsMask, scope),
            Inst::ThreadsMask { d, scope } => self.threads_mask(d, scope),
            Inst::IsFirst { d, scope } => self.is_first(d, scope),

            Inst::Load { d, addr, ty, align } => return self.load(pc, d, addr, ty, align),
            Inst::LoadW { d, addr, align } => return self.load_wide(pc, d, addr, align),
            Inst::Store { addr, v, ty, align } => return self.store(pc, addr, v, ty, align),
            Inst::StoreW { addr, v, align } => return self.store_wide(pc, addr, v, align),
            Inst::AddrOf { d, addr } => {
                let pointers = self.sg.pointers(addr);
                *self.sg.wide_mut(d) = pointers;
            }
            Inst::AddrAddL { d, a, index, scale } => lanes::bin_w(sg.wides(), d, a, index, |p, i| {
                pattern::advance(p, i.wrapping_mul(scale.into()))
            }),
            Inst::AddrAdd { d, a, index, scale, signed } => sg.advance(d, a, index, scale, signed),
            Inst::AddrAddImm { d, a, offset } => {
                lanes::un_w(sg.wides(), d, a, |p| pattern::advance(p, offset as u64));
            }
            Inst::AddrDiff { d, a, b, size } => lanes::bin_w(sg.wides(), d, a, b, |a, b| {
                (pattern::signed_offset(a.wrapping_sub(b)) / i64::from(size.max(1))) as u64
            }),
            Inst::AddrKey { d, a } => self.pointer_keys(d, a),
            Inst::StackAddr { d, offset } => self.stack_address(d, offset),
            Inst::AtomicRmw { d, p, v, f, ty } => return self.atomic_rmw(pc, d, p, v, f, ty),
            Inst::AtomicRmwL { d, p, v, f, ty } => return self.atomic_rmw_long(pc, d, p, v, f, ty),
            Inst::AtomicCas { .. } => return self.atomic_cas(pc, inst),
            Inst::AtomicCasL { .. } => return self.atomic_cas_long(pc, inst),
            Inst::CheckIndex { a, len } => return self.check_index(pc, a, len),

            Inst::LogArg { a, signed } => self.log_arg(a, signed),
            Inst::LogArgL { a } => self.log_arg_wide(a),
            Inst::Log { message } => self.log(message),

            Inst::ClearMask { slot } => *sg.mask(slot) = 0,
            Inst::Loop { slot } => sg.start_loop(slot),
            Inst::Switch { sel, table, slot } => self.switch(sel, table, slot),
            Inst::SwitchL { sel, table, slot } => self.switch_long(sel, table, slot),
            Inst::If { .. }
            | Inst::IfRel { .. }
            | Inst::Else { .. }
            | Inst::Join { .. }
            | Inst::Leave { .. }
            | Inst::LeaveIf { .. }
            | Inst::LeaveRel { .. }
            | Inst::Continuing { .. }
            | Inst::Repeat { .. }
            | Inst::Section { .. }
            | Inst::Call { .. }
            | Inst::Return {}
            | Inst::Barrier { .. }
            | Inst::Exit {} => {}
        }
        Ok(())
    }

    /// Traps if an index of an active lane is not below `len`.
    fn check_index(&mut self, pc: u32, a: crate::bytecode::R, len: u8) -> Result<(), Box<Fault>> {
        let index = self.sg.reg(a).to_lanes();
        let past = lanes::mask_where(|i| index[i] >= u32::from(len)) & self.sg.active;
        let Some(lane) = lanes::lanes(past).next() else { return Ok(()) };
        let message = format!("took component {} of a vector of {len}", index[lane] as i32);
        Err(Box::new(Fault { kind: TrapKind::IndexPastEnd, lane, pc, message, related: None }))
    }
}
