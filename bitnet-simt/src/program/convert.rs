//! Conversions: of numbers to other types, and of bits to other types of the same size.

use std::rc::Rc;

use bitnet_msl::ir::{Scalar, TypeId, Value};

use super::compile::{Compiler, Result};
use super::layout::{Cell, CellType};
use super::value::{Loc, Val};
use crate::bytecode::{Inst, R, W};

impl Compiler<'_> {
    /// Numeric conversion, component by component.
    pub(super) fn convert(&mut self, a: Value, ty: TypeId) -> Result<Val> {
        let (from, to) = (self.scalar_of(a), self.scalar_of_type(ty));
        let cells = self.value_cells(a)?;
        let locs: Vec<Loc> = cells.iter().map(|&cell| self.convert_cell(cell, from, to)).collect();
        Ok(Val::Cells(locs.into()))
    }

    fn convert_cell(&mut self, a: Loc, from: Scalar, to: Scalar) -> Loc {
        match a {
            _ if from == to => a,
            Loc::R(a) if to == Scalar::Bool => self.nonzero(a, from),
            Loc::R(a) if from.is_float() && to.is_float() => self.float_to_float(a, from, to),
            Loc::R(a) if from.is_float() => self.float_to_int(a, to),
            Loc::R(a) if to.is_float() => self.int_to_float(a, from, to),
            Loc::R(a) if to.size_bytes() == 8 => self.widen(a, from),
            Loc::R(a) => self.int_to_int(a, from, to),
            Loc::W(a) => self.convert_long(a, from, to),
        }
    }

    fn nonzero(&mut self, a: R, from: Scalar) -> Loc {
        let zero = self.b.constant(0);
        if from.is_float() {
            return self.finish(Scalar::Bool, |d| Inst::NeF { d, a, b: zero });
        }
        match self.b.constant_of(a) {
            Some(known) => Loc::R(self.b.constant(u32::from(known != 0))),
            None => self.finish(Scalar::Bool, |d| Inst::NeI { d, a, b: zero }),
        }
    }

    fn float_to_float(&mut self, a: R, from: Scalar, to: Scalar) -> Loc {
        match (from, to) {
            (_, Scalar::F32) => Loc::R(a),
            (_, Scalar::F16) => self.finish(Scalar::F32, |d| Inst::RoundHalf { d, a }),
            _ => self.finish(Scalar::F32, |d| Inst::RoundBfloat { d, a }),
        }
    }

    fn float_to_int(&mut self, a: R, to: Scalar) -> Loc {
        if to.size_bytes() == 8 {
            let d = self.dest_w();
            self.b.emit(Inst::FToL { d, a, to });
            return Loc::W(d);
        }
        self.finish(Scalar::I32, |d| Inst::FToI { d, a, to })
    }

    fn int_to_float(&mut self, a: R, from: Scalar, to: Scalar) -> Loc {
        let signed = from.is_signed();
        if to == Scalar::BF16 {
            // By way of float32 it would be rounded twice.
            return self.finish(Scalar::F32, |d| match signed {
                true => Inst::SToBfloat { d, a },
                false => Inst::UToBfloat { d, a },
            });
        }
        if let Some(known) = self.b.constant_of(a).filter(|_| to == Scalar::F32) {
            let value = if signed { known as i32 as f32 } else { known as f32 };
            return Loc::R(self.b.constant(value.to_bits()));
        }
        self.finish(to, |d| if signed { Inst::SToF { d, a } } else { Inst::UToF { d, a } })
    }

    /// A wide integer; that it comes from a narrow one is remembered for addresses.
    fn widen(&mut self, a: R, from: Scalar) -> Loc {
        let signed = from.is_signed();
        if let Some(known) = self.b.constant_of(a) {
            let value = if signed { known as i32 as u64 } else { u64::from(known) };
            return Loc::W(self.b.wide_constant(value));
        }
        let is_new = self.inst.hint.is_none();
        let d = self.dest_w();
        self.b.emit(if signed { Inst::WidenS { d, a } } else { Inst::WidenU { d, a } });
        if is_new {
            self.widened.insert(d, (a, signed));
        }
        Loc::W(d)
    }

    fn int_to_int(&mut self, a: R, from: Scalar, to: Scalar) -> Loc {
        // A value of the smaller type, extended, is one of the larger type too, but for a sign.
        let fits = from.size_bytes() < to.size_bytes() && (!from.is_signed() || to.is_signed());
        if fits || to.size_bytes() == 4 || from == Scalar::Bool {
            return Loc::R(a);
        }
        self.finish(Scalar::I32, |d| match to {
            Scalar::I8 => Inst::Sext8 { d, a },
            Scalar::U8 => Inst::Zext8 { d, a },
            Scalar::I16 => Inst::Sext16 { d, a },
            _ => Inst::Zext16 { d, a },
        })
    }

    fn convert_long(&mut self, a: W, from: Scalar, to: Scalar) -> Loc {
        if to.size_bytes() == 8 {
            return Loc::W(a);
        }
        if to.is_float() {
            return self.finish(Scalar::F32, |d| Inst::LToF { d, a, from, to });
        }
        if to == Scalar::Bool {
            let b = self.b.wide_constant(0);
            return self.finish(Scalar::Bool, |d| Inst::NeL { d, a, b });
        }
        if let Some(known) = self.b.wide_constant_of(a).filter(|_| to.size_bytes() == 4) {
            return Loc::R(self.b.constant(known as u32));
        }
        self.finish(to, |d| Inst::LowWord { d, a })
    }

    /// The same bits as another type.
    pub(super) fn bitcast(&mut self, a: Value, ty: TypeId) -> Result<Val> {
        let (from, to) = (self.scalar_of(a), self.scalar_of_type(ty));
        let cells = self.value_cells(a)?;
        // `as_type` counts components, not the room that they take in memory.
        let tight = |scalar: Scalar, count: usize| -> Vec<Cell> {
            let size = scalar.size_bytes();
            (0..count as u32).map(|i| Cell { ty: CellType::Scalar(scalar), offset: i * size }).collect()
        };
        let source = tight(from, cells.len());
        let wanted = tight(to, self.cells(ty)?.len());
        Ok(Val::Cells(self.reinterpret(&source, &cells, &wanted)))
    }

    /// The bytes of some cells read as other cells.
    pub(super) fn reinterpret(&mut self, source: &[Cell], from: &[Loc], wanted: &[Cell]) -> Rc<[Loc]> {
        let is_single = wanted.len() == 1;
        let hint = self.inst.hint.take();
        let locs = wanted.iter().map(|cell| {
            let same = source
                .iter()
                .position(|s| s.offset == cell.offset && s.ty.size_bytes() == cell.ty.size_bytes());
            if let Some(i) = same {
                return self.retype(from[i], source[i].ty, cell.ty);
            }
            if cell.ty.is_wide() {
                let (lo, hi) =
                    (self.word_at(source, from, cell.offset), self.word_at(source, from, cell.offset + 4));
                let d = self.temp_w();
                self.b.emit(Inst::JoinWords { d, lo, hi });
                return Loc::W(d);
            }
            let word = self.word_at(source, from, cell.offset / 4 * 4);
            let bits = self.shifted(word, (cell.offset % 4 * 8) as u8, false);
            self.of_bits(bits, cell.ty)
        });
        let locs: Rc<[Loc]> = locs.collect();
        self.inst.hint = hint.filter(|_| is_single);
        locs
    }

    /// A cell as another type of the same size.
    fn retype(&mut self, a: Loc, from: CellType, to: CellType) -> Loc {
        match a {
            Loc::W(_) => a,
            Loc::R(_) if from == to => a,
            Loc::R(reg) => {
                let bits = self.bits_of(reg, from);
                self.of_bits(bits, to)
            }
        }
    }

    /// The bits of a cell of up to 32 bits, zero-extended.
    fn bits_of(&mut self, a: R, ty: CellType) -> R {
        let CellType::Scalar(scalar) = ty else { return a };
        let make = |d| match scalar {
            Scalar::F16 | Scalar::BF16 => Some(Inst::FloatToBits { d, a, from: scalar }),
            Scalar::I8 => Some(Inst::Zext8 { d, a }),
            Scalar::I16 => Some(Inst::Zext16 { d, a }),
            _ => None,
        };
        if make(a).is_none() {
            return a;
        }
        let d = self.temp_r();
        if let Some(inst) = make(d) {
            self.b.emit(inst);
        }
        d
    }

    /// A cell of up to 32 bits from the low bits of a register.
    fn of_bits(&mut self, a: R, ty: CellType) -> Loc {
        let CellType::Scalar(scalar) = ty else { return Loc::R(a) };
        if scalar.size_bytes() == 4 {
            return Loc::R(a);
        }
        let d = self.temp_r();
        self.b.emit(Inst::BitsToFloat { d, a, to: scalar });
        Loc::R(d)
    }

    /// The word at an offset, put together from the cells that have parts of it.
    fn word_at(&mut self, source: &[Cell], from: &[Loc], offset: u32) -> R {
        let mut word = None;
        for (cell, &loc) in source.iter().zip(from) {
            let end = cell.offset + cell.ty.size_bytes();
            if cell.offset >= offset + 4 || end <= offset {
                continue;
            }
            let part = match loc {
                Loc::W(a) => {
                    let d = self.temp_r();
                    let is_high = offset > cell.offset;
                    self.b.emit(if is_high { Inst::HighWord { d, a } } else { Inst::LowWord { d, a } });
                    d
                }
                Loc::R(reg) => {
                    let bits = self.bits_of(reg, cell.ty);
                    self.shifted(bits, (cell.offset.saturating_sub(offset) * 8) as u8, true)
                }
            };
            word = Some(match word {
                None => part,
                Some(a) => {
                    let d = self.temp_r();
                    self.b.emit(Inst::Or { d, a, b: part });
                    d
                }
            });
        }
        word.unwrap_or_else(|| self.b.constant(0))
    }

    fn shifted(&mut self, a: R, n: u8, left: bool) -> R {
        if n == 0 {
            return a;
        }
        let d = self.temp_r();
        self.b.emit(if left { Inst::ShlImm { d, a, n } } else { Inst::ShrUImm { d, a, n } });
        d
    }
}
