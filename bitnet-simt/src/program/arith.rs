//! Instructions for the ops: arithmetic, comparisons, conversions and the rearranging of components, which
//! needs no code.

use std::rc::Rc;

use bitnet_msl::ir::{
    BarrierScope, BinaryOp, CompareOp, Inst as IrInst, Op, Scalar, Type, TypeId, UnaryOp, Value,
};

use super::analysis::LocalPlan;
use super::compile::{Compiler, Result, Test};
use super::layout::{Cell, CellType};
use super::value::{AddrExpr, Loc, Val};
use crate::bytecode::{Base, Inst, R, Relation, W};
use crate::ops::int;

impl Compiler<'_> {
    /// The code of an instruction and where its value is; `None` for one without a value.
    pub(super) fn op(&mut self, value: Value, inst: &IrInst) -> Result<Option<Val>> {
        Ok(Some(match &inst.op {
            Op::Const(bits) => self.constant(*bits, inst.ty),
            Op::Zero => self.zero_value(inst.ty)?,
            Op::Param(index) => self.inst.params[*index as usize].clone(),
            Op::FunctionConstant(id) => {
                let bytes = self.function_constant(*id)?;
                self.constant_from_bytes(&bytes, inst.ty)?
            }
            Op::IsFunctionConstantDefined(id) => {
                let defined = self.is_function_constant_defined(*id);
                Val::Cells(Rc::from([Loc::R(self.b.constant(defined.into()))]))
            }
            Op::GlobalAddr(id) => Val::Addr(AddrExpr::new(Base::Alloc(self.global(*id)?))),
            Op::LocalAddr(id) => self.local_address(*id)?,
            Op::LocalGet(id) => self.local_get(value, id.0 as usize)?,
            Op::Splat(a) => self.splat(*a, inst.ty)?,
            Op::Compose(parts) => self.compose(parts)?,
            Op::Extract(a, index) => self.extract(*a, *index, inst.ty)?,
            Op::ExtractDynamic(a, index) => self.extract_dynamic(*a, *index)?,
            Op::Insert(whole, part, index) => self.insert(*whole, *part, *index)?,
            Op::Swizzle(a, order) => {
                let (cells, count) = (self.value_cells(*a)?, self.cells(inst.ty)?.len());
                Val::Cells(order[..count].iter().map(|&i| cells[usize::from(i)]).collect())
            }
            Op::FieldAddr(ptr, field) => self.field_address(*ptr, *field)?,
            Op::ElementAddr(ptr, index) => self.element_address(*ptr, *index)?,
            Op::PtrAdd(ptr, index) => self.pointer_add(*ptr, *index)?,
            Op::PtrDiff(a, b) => self.pointer_diff(*a, *b)?,
            Op::PtrCast(a) => self.value(*a)?,
            Op::Load(ptr) => self.load(*ptr, inst.ty)?,
            Op::Unary(op, a) => self.unary(*op, *a)?,
            Op::Binary(op, a, b) => self.binary(*op, *a, *b)?,
            Op::Compare(op, a, b) => self.compare(*op, *a, *b)?,
            Op::Select(cond, a, b) => self.select(*cond, *a, *b)?,
            Op::Convert(a) => self.convert(*a, inst.ty)?,
            Op::Bitcast(a) => self.bitcast(*a, inst.ty)?,
            Op::Math(f, precision, args) => self.math(*f, *precision, args)?,
            Op::Lane(f, scope, args) => self.lane(*f, *scope, args)?,
            Op::Barrier(scope, _) => {
                self.b.emit(Inst::Barrier { threadgroup: *scope == BarrierScope::Threadgroup });
                return Ok(None);
            }
            Op::Atomic(f, ptr, operand) => {
                let is_used = self.inst.analysis.uses[value.0 as usize] > 0;
                self.atomic(*f, *ptr, *operand, is_used)?
            }
            Op::AtomicLoad(ptr) => self.atomic_load(*ptr)?,
            Op::AtomicStore(ptr, stored) => {
                self.atomic_store(*ptr, *stored)?;
                return Ok(None);
            }
            Op::AtomicCompareExchange(ptr, expected, desired) => {
                self.compare_exchange(*ptr, *expected, *desired)?
            }
            Op::Log(message, args) => {
                self.log(*message, args)?;
                return Ok(None);
            }
            Op::Call(func, args) => self.call(*func, args)?,
        }))
    }

    /// Where a value is.
    pub(super) fn value(&mut self, value: Value) -> Result<Val> {
        if let Some(val) = &self.inst.values[value.0 as usize] {
            return Ok(val.clone());
        }
        // Only code that no lane reaches reads what nothing has computed.
        self.zero_value(self.type_of(value))
    }

    /// The cells of a value in registers.
    pub(super) fn value_cells(&mut self, value: Value) -> Result<Rc<[Loc]>> {
        Ok(match self.value(value)? {
            Val::Cells(locs) => locs,
            Val::Addr(expr) => Rc::from([Loc::W(self.materialise(expr))]),
        })
    }

    /// The only cell of a value.
    pub(super) fn single(&mut self, value: Value) -> Result<Loc> {
        let cells = self.value_cells(value)?;
        let zero = self.zero(false);
        Ok(cells.first().copied().unwrap_or(zero))
    }

    /// The register of a scalar of up to 32 bits.
    pub(super) fn reg(&mut self, value: Value) -> Result<R> {
        Ok(match self.single(value)? {
            Loc::R(reg) => reg,
            Loc::W(_) => self.b.constant(0),
        })
    }

    /// A register that is free again after the statement, unless the statement's value keeps it.
    pub(super) fn temp(&mut self, wide: bool) -> Loc {
        let loc = self.b.alloc(wide);
        self.allocated.push(loc);
        loc
    }

    pub(super) fn temp_r(&mut self) -> R {
        let reg = self.b.alloc_r();
        self.allocated.push(Loc::R(reg));
        reg
    }

    pub(super) fn temp_w(&mut self) -> W {
        let reg = self.b.alloc_w();
        self.allocated.push(Loc::W(reg));
        reg
    }

    /// Where the statement's value goes: a new register, or that of the local it is for. Only for the last
    /// instruction of a value, since that local may be an operand.
    pub(super) fn dest_r(&mut self) -> R {
        match self.inst.hint.take() {
            Some(Loc::R(reg)) => reg,
            _ => self.temp_r(),
        }
    }

    pub(super) fn dest_w(&mut self) -> W {
        match self.inst.hint.take() {
            Some(Loc::W(reg)) => reg,
            _ => self.temp_w(),
        }
    }

    /// Frees a register.
    pub(super) fn release(&mut self, loc: Loc) {
        if let Loc::W(reg) = loc {
            self.widened.remove(&reg);
        }
        self.b.release(loc);
    }

    pub(super) fn release_allocated(&mut self) {
        for loc in std::mem::take(&mut self.allocated) {
            self.release(loc);
        }
    }

    /// Emits an operation of a type, followed by what brings its result back into the type's range.
    pub(super) fn finish(&mut self, ty: Scalar, make: impl FnOnce(R) -> Inst) -> Loc {
        let exact =
            !matches!(ty, Scalar::I8 | Scalar::U8 | Scalar::I16 | Scalar::U16 | Scalar::F16 | Scalar::BF16);
        if exact {
            let d = self.dest_r();
            self.b.emit(make(d));
            return Loc::R(d);
        }
        let a = self.temp_r();
        self.b.emit(make(a));
        Loc::R(self.normalise(a, ty))
    }

    /// Brings a result into the range of its type.
    fn normalise(&mut self, a: R, ty: Scalar) -> R {
        let d = self.dest_r();
        match ty {
            Scalar::I8 => self.b.emit(Inst::Sext8 { d, a }),
            Scalar::U8 => self.b.emit(Inst::Zext8 { d, a }),
            Scalar::I16 => self.b.emit(Inst::Sext16 { d, a }),
            Scalar::U16 => self.b.emit(Inst::Zext16 { d, a }),
            Scalar::F16 => self.b.emit(Inst::RoundHalf { d, a }),
            Scalar::BF16 => self.b.emit(Inst::RoundBfloat { d, a }),
            _ => self.b.emit(Inst::Mov { d, a }),
        };
        d
    }

    fn constant(&mut self, bits: u64, ty: TypeId) -> Val {
        let scalar = self.scalar_of_type(ty);
        let loc = if scalar.size_bytes() == 8 {
            Loc::W(self.b.wide_constant(bits))
        } else {
            Loc::R(self.b.constant(crate::ops::convert::decode(bits as u32, scalar)))
        };
        Val::Cells(Rc::from([loc]))
    }

    /// A value with every byte zero.
    fn zero_value(&mut self, ty: TypeId) -> Result<Val> {
        let cells = self.cells(ty)?;
        Ok(Val::Cells(cells.iter().map(|cell| self.zero(cell.ty.is_wide())).collect()))
    }

    fn constant_from_bytes(&mut self, bytes: &[u8], ty: TypeId) -> Result<Val> {
        let cells = self.cells(ty)?;
        let locs = cells.iter().map(|cell| {
            let at = cell.offset as usize;
            let mut word = [0; 8];
            let size = cell.ty.size_bytes() as usize;
            word[..size].copy_from_slice(&bytes[at..at + size]);
            let bits = u64::from_le_bytes(word);
            match cell.ty {
                CellType::Scalar(scalar) if !cell.ty.is_wide() => {
                    Loc::R(self.b.constant(crate::ops::convert::decode(bits as u32, scalar)))
                }
                _ => Loc::W(self.b.wide_constant(bits)),
            }
        });
        Ok(Val::Cells(locs.collect()))
    }

    fn local_get(&mut self, value: Value, local: usize) -> Result<Val> {
        if let LocalPlan::Alias(source) = self.inst.analysis.locals[local] {
            return self.value(source);
        }
        let locs = self.local(bitnet_msl::ir::LocalId(local as u32))?;
        if !self.inst.analysis.copied[value.0 as usize] {
            return Ok(Val::Cells(locs));
        }
        let copies = locs.iter().map(|&from| {
            let to = self.temp(matches!(from, Loc::W(_)));
            self.b.copy(to, from, false);
            to
        });
        Ok(Val::Cells(copies.collect()))
    }

    fn splat(&mut self, a: Value, ty: TypeId) -> Result<Val> {
        let (loc, count) = (self.single(a)?, self.cells(ty)?.len());
        Ok(Val::Cells(vec![loc; count].into()))
    }

    fn compose(&mut self, parts: &[Value]) -> Result<Val> {
        let mut locs = Vec::with_capacity(parts.len());
        for &part in parts {
            locs.extend_from_slice(&self.value_cells(part)?);
        }
        Ok(Val::Cells(locs.into()))
    }

    fn is_union(&self, ty: TypeId) -> bool {
        matches!(self.module.types.get(ty), Type::Struct(id) if self.module.types.get_struct(id).is_union)
    }

    /// The first cell of a part.
    fn part_start(&mut self, whole: TypeId, index: u32) -> Result<usize> {
        let offset = self.module.types.part(whole, index).map_or(0, |(_, offset)| offset);
        Ok(self.cells(whole)?.iter().position(|cell| cell.offset >= offset).unwrap_or(0))
    }

    fn extract(&mut self, a: Value, index: u32, ty: TypeId) -> Result<Val> {
        let whole = self.type_of(a);
        let from = self.value_cells(a)?;
        if self.is_union(whole) {
            let (source, wanted) = (self.cells(whole)?, self.cells(ty)?);
            return Ok(Val::Cells(self.reinterpret(&source, &from, &wanted)));
        }
        let (start, count) = (self.part_start(whole, index)?, self.cells(ty)?.len());
        Ok(Val::Cells(from[start..start + count].into()))
    }

    fn insert(&mut self, whole: Value, part: Value, index: u32) -> Result<Val> {
        let ty = self.type_of(whole);
        let mut locs = self.value_cells(whole)?.to_vec();
        let new = self.value_cells(part)?;
        if self.is_union(ty) {
            // The member lies at the start; the bytes after it stay.
            let (raw, member) = (self.cells(ty)?, self.cells(self.type_of(part))?);
            let size = self.module.types.size_bytes(self.type_of(part));
            let mut source: Vec<Cell> = member.to_vec();
            let mut from = new.to_vec();
            for (cell, &loc) in raw.iter().zip(&locs).filter(|(cell, _)| cell.offset >= size) {
                source.push(*cell);
                from.push(loc);
            }
            return Ok(Val::Cells(self.reinterpret(&source, &from, &raw)));
        }
        let start = self.part_start(ty, index)?;
        locs[start..start + new.len()].copy_from_slice(&new);
        Ok(Val::Cells(locs.into()))
    }

    fn extract_dynamic(&mut self, a: Value, index: Value) -> Result<Val> {
        let cells = self.value_cells(a)?;
        let index = match self.single(index)? {
            Loc::R(reg) => reg,
            Loc::W(wide) => {
                // No vector has 2³² components: an index past 32 bits is as wrong as the greatest one.
                let (low, high, past, d) = (self.temp_r(), self.temp_r(), self.temp_r(), self.temp_r());
                self.b.emit(Inst::LowWord { d: low, a: wide });
                self.b.emit(Inst::HighWord { d: high, a: wide });
                let (zero, all) = (self.b.constant(0), self.b.constant(u32::MAX));
                self.b.emit(Inst::NeI { d: past, a: high, b: zero });
                self.b.emit(Inst::Select { d, c: past, a: all, b: low });
                d
            }
        };
        self.b.emit(Inst::CheckIndex { a: index, len: cells.len() as u8 });
        let mut result = cells[0];
        for (i, &cell) in cells.iter().enumerate().skip(1) {
            let (c, number) = (self.temp_r(), self.b.constant(i as u32));
            self.b.emit(Inst::EqI { d: c, a: index, b: number });
            result = self.select_cell(c, cell, result, i + 1 == cells.len());
        }
        Ok(Val::Cells(Rc::from([result])))
    }

    /// c ? a : b; `is_last` when that is the statement's value.
    fn select_cell(&mut self, c: R, a: Loc, b: Loc, is_last: bool) -> Loc {
        match (a, b) {
            (Loc::R(a), Loc::R(b)) => {
                let d = if is_last { self.dest_r() } else { self.temp_r() };
                self.b.emit(Inst::Select { d, c, a, b });
                Loc::R(d)
            }
            (Loc::W(a), Loc::W(b)) => {
                let d = if is_last { self.dest_w() } else { self.temp_w() };
                self.b.emit(Inst::SelectW { d, c, a, b });
                Loc::W(d)
            }
            _ => a,
        }
    }

    fn select(&mut self, cond: Value, a: Value, b: Value) -> Result<Val> {
        let conds = self.value_cells(cond)?;
        let (a, b) = (self.value_cells(a)?, self.value_cells(b)?);
        let mut locs = Vec::with_capacity(a.len());
        for (i, (&a, &b)) in a.iter().zip(b.iter()).enumerate() {
            let Some(&Loc::R(c)) = conds.get(i).or(conds.first()) else { continue };
            // Operands of a select may be freed before its value, so even a known one is a copy.
            locs.push(match self.b.constant_of(c) {
                Some(known) => self.copy_of(if known == 0 { b } else { a }),
                None => self.select_cell(c, a, b, true),
            });
        }
        Ok(Val::Cells(locs.into()))
    }

    /// A copy of a cell as the statement's value.
    fn copy_of(&mut self, a: Loc) -> Loc {
        let to = match a {
            Loc::R(_) => Loc::R(self.dest_r()),
            Loc::W(_) => Loc::W(self.dest_w()),
        };
        self.b.copy(to, a, false);
        to
    }

    fn unary(&mut self, op: UnaryOp, a: Value) -> Result<Val> {
        let ty = self.scalar_of(a);
        let cells = self.value_cells(a)?;
        let locs: Vec<Loc> = cells.iter().map(|&cell| self.unary_cell(op, ty, cell)).collect();
        Ok(Val::Cells(locs.into()))
    }

    fn unary_cell(&mut self, op: UnaryOp, ty: Scalar, a: Loc) -> Loc {
        match (op, a) {
            (UnaryOp::LogicalNot, Loc::R(a)) => match self.b.constant_of(a) {
                Some(known) => Loc::R(self.b.constant(int::not_bool(known))),
                None => self.finish(Scalar::I32, |d| Inst::NotB { d, a }),
            },
            (UnaryOp::Neg, Loc::R(a)) if ty.is_float() => self.finish(Scalar::F32, |d| Inst::NegF { d, a }),
            (UnaryOp::Neg, Loc::R(a)) => match self.b.constant_of(a).filter(|_| ty == Scalar::I32) {
                Some(known) => Loc::R(self.b.constant(int::neg(known))),
                None => self.finish(ty, |d| Inst::NegI { d, a }),
            },
            (UnaryOp::BitNot, Loc::R(a)) => self.finish(ty, |d| Inst::NotI { d, a }),
            (UnaryOp::Neg, Loc::W(a)) => self.wide(|d| Inst::NegL { d, a }),
            (_, Loc::W(a)) => self.wide(|d| Inst::NotL { d, a }),
        }
    }

    fn wide(&mut self, make: impl FnOnce(W) -> Inst) -> Loc {
        let d = self.dest_w();
        self.b.emit(make(d));
        Loc::W(d)
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Result<Val> {
        let ty = self.scalar_of(a);
        let (a, b) = (self.value_cells(a)?, self.value_cells(b)?);
        let mut locs = Vec::with_capacity(a.len());
        for (&a, &b) in a.iter().zip(b.iter()) {
            locs.push(match (a, b) {
                (Loc::R(a), Loc::R(b)) if ty.is_float() => self.float_binary(op, ty, a, b),
                (Loc::R(a), Loc::R(b)) => self.int_binary(op, ty, a, b),
                (Loc::W(a), Loc::W(b)) => self.long_binary(op, ty, a, b),
                _ => a,
            });
        }
        Ok(Val::Cells(locs.into()))
    }

    fn float_binary(&mut self, op: BinaryOp, ty: Scalar, a: R, b: R) -> Loc {
        self.finish(ty, |d| match op {
            BinaryOp::Add => Inst::AddF { d, a, b },
            BinaryOp::Sub => Inst::SubF { d, a, b },
            BinaryOp::Mul => Inst::MulF { d, a, b },
            BinaryOp::Div => Inst::DivF { d, a, b },
            _ => Inst::RemF { d, a, b },
        })
    }

    fn int_binary(&mut self, op: BinaryOp, ty: Scalar, a: R, b: R) -> Loc {
        let (known_a, known_b) = (self.b.constant_of(a), self.b.constant_of(b));
        if let (Some(x), Some(y), 4) = (known_a, known_b, ty.size_bytes()) {
            return Loc::R(self.b.constant(int_function(op, ty)(x, y)));
        }
        if let Some(constant) = known_b
            && let Some(loc) = self.int_by_constant(op, ty, a, constant)
        {
            return loc;
        }
        if let (BinaryOp::Mul, Some(constant)) = (op, known_a)
            && let Some(loc) = self.int_by_constant(op, ty, b, constant)
        {
            return loc;
        }
        let signed = ty.is_signed();
        let b = if matches!(op, BinaryOp::Shl | BinaryOp::Shr) { self.shift_count(b, ty) } else { b };
        let make = |d| match op {
            BinaryOp::Add => Inst::AddI { d, a, b },
            BinaryOp::Sub => Inst::SubI { d, a, b },
            BinaryOp::Mul => Inst::MulI { d, a, b },
            BinaryOp::Div if signed => Inst::DivS { d, a, b },
            BinaryOp::Div => Inst::DivU { d, a, b },
            BinaryOp::Rem if signed => Inst::RemS { d, a, b },
            BinaryOp::Rem => Inst::RemU { d, a, b },
            BinaryOp::Shl => Inst::Shl { d, a, b },
            BinaryOp::Shr if signed => Inst::ShrS { d, a, b },
            BinaryOp::Shr => Inst::ShrU { d, a, b },
            BinaryOp::And => Inst::And { d, a, b },
            BinaryOp::Or => Inst::Or { d, a, b },
            BinaryOp::Xor => Inst::Xor { d, a, b },
        };
        // These stay within the range of extended operands.
        let stays =
            matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Xor | BinaryOp::Shr | BinaryOp::Rem);
        self.finish(if stays { Scalar::I32 } else { ty }, make)
    }

    /// Shifts by constants, and multiplication and division by powers of two as shifts.
    fn int_by_constant(&mut self, op: BinaryOp, ty: Scalar, a: R, constant: u32) -> Option<Loc> {
        let power = constant.is_power_of_two().then(|| constant.trailing_zeros() as u8);
        let count = (constant % (ty.size_bytes() * 8)) as u8;
        let unsigned = !ty.is_signed();
        Some(match (op, power) {
            (BinaryOp::Shl, _) => self.finish(ty, |d| Inst::ShlImm { d, a, n: count }),
            (BinaryOp::Shr, _) if unsigned => self.finish(Scalar::I32, |d| Inst::ShrUImm { d, a, n: count }),
            (BinaryOp::Shr, _) => self.finish(Scalar::I32, |d| Inst::ShrSImm { d, a, n: count }),
            (BinaryOp::Mul, Some(n)) => self.finish(ty, |d| Inst::ShlImm { d, a, n }),
            (BinaryOp::Div, Some(n)) if unsigned => self.finish(Scalar::I32, |d| Inst::ShrUImm { d, a, n }),
            (BinaryOp::Rem, Some(_)) if unsigned => {
                let b = self.b.constant(constant - 1);
                self.finish(Scalar::I32, |d| Inst::And { d, a, b })
            }
            _ => return None,
        })
    }

    /// A shift count modulo the width of a narrow type.
    fn shift_count(&mut self, count: R, ty: Scalar) -> R {
        let width = ty.size_bytes() * 8;
        if width == 32 {
            return count;
        }
        let (d, mask) = (self.temp_r(), self.b.constant(width - 1));
        self.b.emit(Inst::And { d, a: count, b: mask });
        d
    }

    fn long_binary(&mut self, op: BinaryOp, ty: Scalar, a: W, b: W) -> Loc {
        let signed = ty.is_signed();
        self.wide(|d| match op {
            BinaryOp::Add => Inst::AddL { d, a, b },
            BinaryOp::Sub => Inst::SubL { d, a, b },
            BinaryOp::Mul => Inst::MulL { d, a, b },
            BinaryOp::Div if signed => Inst::DivLS { d, a, b },
            BinaryOp::Div => Inst::DivLU { d, a, b },
            BinaryOp::Rem if signed => Inst::RemLS { d, a, b },
            BinaryOp::Rem => Inst::RemLU { d, a, b },
            BinaryOp::Shl => Inst::ShlL { d, a, b },
            BinaryOp::Shr if signed => Inst::ShrLS { d, a, b },
            BinaryOp::Shr => Inst::ShrLU { d, a, b },
            BinaryOp::And => Inst::AndL { d, a, b },
            BinaryOp::Or => Inst::OrL { d, a, b },
            BinaryOp::Xor => Inst::XorL { d, a, b },
        })
    }

    fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Result<Val> {
        if matches!(self.module.types.get(self.type_of(a)), Type::Pointer { .. }) {
            return self.compare_pointers(op, a, b);
        }
        let ty = self.scalar_of(a);
        let (a, b) = (self.value_cells(a)?, self.value_cells(b)?);
        let mut locs = Vec::with_capacity(a.len());
        for (&a, &b) in a.iter().zip(b.iter()) {
            locs.push(match (a, b) {
                (Loc::R(a), Loc::R(b)) => self.compare_cell(op, ty, a, b),
                (Loc::W(a), Loc::W(b)) => Loc::R(self.compare_wide(op, ty.is_signed(), a, b)),
                _ => a,
            });
        }
        Ok(Val::Cells(locs.into()))
    }

    fn compare_cell(&mut self, op: CompareOp, ty: Scalar, a: R, b: R) -> Loc {
        if let (Some(x), Some(y), false) = (self.b.constant_of(a), self.b.constant_of(b), ty.is_float()) {
            let holds = int_relation(op, ty.is_signed(), x, y);
            return Loc::R(self.b.constant(holds.into()));
        }
        let (a, b) = if matches!(op, CompareOp::Gt | CompareOp::Ge) { (b, a) } else { (a, b) };
        let (float, signed) = (ty.is_float(), ty.is_signed());
        self.finish(Scalar::I32, |d| match op {
            CompareOp::Eq if float => Inst::EqF { d, a, b },
            CompareOp::Eq => Inst::EqI { d, a, b },
            CompareOp::Ne if float => Inst::NeF { d, a, b },
            CompareOp::Ne => Inst::NeI { d, a, b },
            CompareOp::Lt | CompareOp::Gt if float => Inst::LtF { d, a, b },
            CompareOp::Lt | CompareOp::Gt if signed => Inst::LtS { d, a, b },
            CompareOp::Lt | CompareOp::Gt => Inst::LtU { d, a, b },
            CompareOp::Le | CompareOp::Ge if float => Inst::LeF { d, a, b },
            CompareOp::Le | CompareOp::Ge if signed => Inst::LeS { d, a, b },
            CompareOp::Le | CompareOp::Ge => Inst::LeU { d, a, b },
        })
    }

    /// A comparison that a branch can make itself: of 32-bit cells that are not both constant.
    pub(super) fn relation(&mut self, op: CompareOp, a: Value, b: Value) -> Option<Test> {
        let ty = self.scalar_of(a);
        let register = |this: &Self, value: Value| match this.inst.values[value.0 as usize].as_ref() {
            Some(Val::Cells(locs)) => match **locs {
                [Loc::R(reg)] => Some(reg),
                _ => None,
            },
            _ => None,
        };
        let (a, b) = (register(self, a)?, register(self, b)?);
        if self.b.constant_of(a).is_some() && self.b.constant_of(b).is_some() {
            return None;
        }
        let (float, signed) = (ty.is_float(), ty.is_signed());
        let less = match (float, signed) {
            (true, _) => Relation::LtF,
            (_, true) => Relation::LtS,
            _ => Relation::LtU,
        };
        let less_or_equal = match (float, signed) {
            (true, _) => Relation::LeF,
            (_, true) => Relation::LeS,
            _ => Relation::LeU,
        };
        Some(match op {
            CompareOp::Lt => Test::Related(a, b, less),
            CompareOp::Gt => Test::Related(b, a, less),
            CompareOp::Le => Test::Related(a, b, less_or_equal),
            CompareOp::Ge => Test::Related(b, a, less_or_equal),
            CompareOp::Eq if !float => Test::Related(a, b, Relation::EqI),
            CompareOp::Ne if !float => Test::Related(a, b, Relation::NeI),
            CompareOp::Eq | CompareOp::Ne => return None,
        })
    }

    pub(super) fn compare_wide(&mut self, op: CompareOp, signed: bool, a: W, b: W) -> R {
        let (a, b) = if matches!(op, CompareOp::Gt | CompareOp::Ge) { (b, a) } else { (a, b) };
        let d = self.dest_r();
        self.b.emit(match op {
            CompareOp::Eq => Inst::EqL { d, a, b },
            CompareOp::Ne => Inst::NeL { d, a, b },
            CompareOp::Lt | CompareOp::Gt if signed => Inst::LtLS { d, a, b },
            CompareOp::Lt | CompareOp::Gt => Inst::LtLU { d, a, b },
            CompareOp::Le | CompareOp::Ge if signed => Inst::LeLS { d, a, b },
            CompareOp::Le | CompareOp::Ge => Inst::LeLU { d, a, b },
        });
        d
    }
}

/// What a 32-bit integer operation computes.
fn int_function(op: BinaryOp, ty: Scalar) -> fn(u32, u32) -> u32 {
    let signed = ty.is_signed();
    match op {
        BinaryOp::Add => int::add,
        BinaryOp::Sub => int::sub,
        BinaryOp::Mul => int::mul,
        BinaryOp::Div if signed => int::div_s,
        BinaryOp::Div => int::div_u,
        BinaryOp::Rem if signed => int::rem_s,
        BinaryOp::Rem => int::rem_u,
        BinaryOp::Shl => int::shl,
        BinaryOp::Shr if signed => int::shr_s,
        BinaryOp::Shr => int::shr_u,
        BinaryOp::And => int::and,
        BinaryOp::Or => int::or,
        BinaryOp::Xor => int::xor,
    }
}

fn int_relation(op: CompareOp, signed: bool, a: u32, b: u32) -> bool {
    let (less, less_or_equal) = if signed { (int::lt_s(a, b), int::le_s(a, b)) } else { (a < b, a <= b) };
    match op {
        CompareOp::Eq => a == b,
        CompareOp::Ne => a != b,
        CompareOp::Lt => less,
        CompareOp::Le => less_or_equal,
        CompareOp::Gt => !less_or_equal,
        CompareOp::Ge => !less,
    }
}
