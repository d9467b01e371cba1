//! The mathematical and lane functions, and logging.

use std::rc::Rc;

use bitnet_msl::ir::{LaneFn, LaneScope, MathFn, MessageId, Precision, Scalar, Type, Value};

use super::compile::{Compiler, Result};
use super::value::{Loc, Val};
use crate::bytecode::Inst;

impl Compiler<'_> {
    /// A function of the table, component by component.
    pub(super) fn math(&mut self, f: MathFn, precision: Precision, args: &[Value]) -> Result<Val> {
        let ty = self.scalar_of(args[0]);
        let operands: Vec<Rc<[Loc]>> =
            args.iter().map(|&arg| self.value_cells(arg)).collect::<Result<_>>()?;
        let precise = precision == Precision::Precise;
        let mut locs = Vec::with_capacity(operands[0].len());
        for i in 0..operands[0].len() {
            // The bit numbers of bit fields come once for all components.
            let component: Vec<Loc> = operands.iter().map(|cells| cells[i.min(cells.len() - 1)]).collect();
            locs.push(self.math_cell(f, ty, precise, &component));
        }
        Ok(Val::Cells(locs.into()))
    }

    fn math_cell(&mut self, f: MathFn, ty: Scalar, precise: bool, operands: &[Loc]) -> Loc {
        match *operands {
            [Loc::R(a)] if ty.is_float() => match f {
                MathFn::Abs => self.finish(Scalar::F32, |d| Inst::AbsF { d, a }),
                MathFn::Sqrt => self.finish(ty, |d| Inst::SqrtF { d, a }),
                _ => {
                    let rounds = if gives_float(f) { ty } else { Scalar::I32 };
                    self.finish(rounds, |d| Inst::Math1 { d, a, f, ty, precise })
                }
            },
            [Loc::R(a), Loc::R(b)] if ty.is_float() => match f {
                MathFn::Min => self.finish(Scalar::F32, |d| Inst::MinF { d, a, b }),
                MathFn::Max => self.finish(Scalar::F32, |d| Inst::MaxF { d, a, b }),
                MathFn::Fmod => self.finish(ty, |d| Inst::RemF { d, a, b }),
                _ => self.finish(ty, |d| Inst::Math2 { d, a, b, f, ty, precise }),
            },
            [Loc::R(a), Loc::R(b), Loc::R(c)] if f == MathFn::Fma => {
                self.finish(ty, |d| Inst::FmaF { d, a, b, c })
            }
            [Loc::R(a)] => self.finish(Scalar::I32, |d| Inst::Math1 { d, a, f, ty, precise }),
            [Loc::R(a), Loc::R(b)] => self.finish(Scalar::I32, |d| Inst::Math2 { d, a, b, f, ty, precise }),
            [Loc::R(a), Loc::R(b), Loc::R(c)] => {
                self.finish(Scalar::I32, |d| Inst::Math3 { d, a, b, c, f, ty })
            }
            [Loc::R(a), Loc::R(b), Loc::R(offset), Loc::R(bits)] => {
                self.finish(Scalar::I32, |d| Inst::InsertBits { d, a, b, offset, bits, ty })
            }
            _ => Loc::W(self.math_wide(f, ty, operands)),
        }
    }

    fn math_wide(&mut self, f: MathFn, ty: Scalar, operands: &[Loc]) -> crate::bytecode::W {
        let d = self.dest_w();
        match *operands {
            [Loc::W(a)] => self.b.emit(Inst::MathL1 { d, a, f, ty }),
            [Loc::W(a), Loc::W(b)] => self.b.emit(Inst::MathL2 { d, a, b, f, ty }),
            [Loc::W(a), Loc::W(b), Loc::W(c)] => self.b.emit(Inst::MathL3 { d, a, b, c, f, ty }),
            [Loc::W(a), Loc::R(offset), Loc::R(bits)] => {
                self.b.emit(Inst::ExtractBitsL { d, a, offset, bits, ty })
            }
            [Loc::W(a), Loc::W(b), Loc::R(offset), Loc::R(bits)] => {
                self.b.emit(Inst::InsertBitsL { d, a, b, offset, bits })
            }
            _ => {
                debug_assert!(false, "{f:?} has operands that the verifier refuses");
                0
            }
        };
        d
    }

    /// A function over lanes, component by component.
    pub(super) fn lane(&mut self, f: LaneFn, scope: LaneScope, args: &[Value]) -> Result<Val> {
        let one = |loc| Ok(Val::Cells(Rc::from([loc])));
        match f {
            LaneFn::Ballot => {
                let a = self.reg(args[0])?;
                let d = self.dest_w();
                self.b.emit(Inst::Ballot { d, a, scope });
                return one(Loc::W(d));
            }
            LaneFn::ActiveThreadsMask => {
                let d = self.dest_w();
                self.b.emit(Inst::ActiveMask { d, scope });
                return one(Loc::W(d));
            }
            LaneFn::ThreadsMask => {
                let d = self.dest_w();
                self.b.emit(Inst::ThreadsMask { d, scope });
                return one(Loc::W(d));
            }
            LaneFn::IsFirst => {
                let d = self.dest_r();
                self.b.emit(Inst::IsFirst { d, scope });
                return one(Loc::R(d));
            }
            _ => {}
        }
        let ty = self.scalar_of(args[0]);
        let operands: Vec<Rc<[Loc]>> =
            args.iter().map(|&arg| self.value_cells(arg)).collect::<Result<_>>()?;
        let mut locs = Vec::with_capacity(operands[0].len());
        for i in 0..operands[0].len() {
            let component: Vec<Loc> = operands.iter().map(|cells| cells[i.min(cells.len() - 1)]).collect();
            locs.push(self.lane_cell(f, scope, ty, &component));
        }
        Ok(Val::Cells(locs.into()))
    }

    /// Logs a message: its arguments' components, then the message.
    pub(super) fn log(&mut self, id: MessageId, args: &[Value]) -> Result<()> {
        let mut components = Vec::with_capacity(args.len());
        for &arg in args {
            let cells = self.value_cells(arg)?;
            components.push(cells.len() as u8);
            let signed = self.is_signed(arg);
            for &cell in &*cells {
                self.b.emit(match cell {
                    Loc::R(a) => Inst::LogArg { a, signed },
                    Loc::W(a) => Inst::LogArgL { a },
                });
            }
        }
        let message = self.new_message(id, components)?;
        self.b.emit(Inst::Log { message });
        Ok(())
    }

    fn is_signed(&self, value: Value) -> bool {
        match self.module.types.get(self.type_of(value)) {
            Type::Scalar(elem) | Type::Vector { elem, .. } => elem.is_signed(),
            _ => false,
        }
    }

    fn lane_cell(&mut self, f: LaneFn, scope: LaneScope, ty: Scalar, operands: &[Loc]) -> Loc {
        if let Loc::R(a) = operands[0] {
            let d = self.dest_r();
            match *operands {
                [_, Loc::R(b)] => self.b.emit(Inst::Lane2 { d, a, b, f, scope }),
                [_, Loc::R(fill), Loc::R(delta)] => {
                    self.b.emit(Inst::LaneFill { d, a, fill, delta, f, scope })
                }
                _ => self.b.emit(Inst::Lane1 { d, a, f, scope, ty }),
            };
            return Loc::R(d);
        }
        let d = self.dest_w();
        match *operands {
            [Loc::W(a)] => self.b.emit(Inst::LaneL1 { d, a, f, scope, ty }),
            [Loc::W(a), Loc::R(b)] => self.b.emit(Inst::LaneL2 { d, a, b, f, scope }),
            [Loc::W(a), Loc::W(fill), Loc::R(delta)] => {
                self.b.emit(Inst::LaneLFill { d, a, fill, delta, f, scope })
            }
            _ => {
                debug_assert!(false, "{f:?} has operands that the verifier refuses");
                0
            }
        };
        Loc::W(d)
    }
}

/// Whether a function of one float gives a float.
fn gives_float(f: MathFn) -> bool {
    !matches!(
        f,
        MathFn::IsFinite | MathFn::IsInf | MathFn::IsNan | MathFn::IsNormal | MathFn::SignBit | MathFn::Ilogb
    )
}
