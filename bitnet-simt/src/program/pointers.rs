//! Pointers: addresses are put together lazily, so that most end in the load or store that uses them.

use std::rc::Rc;

use bitnet_msl::ir::{CompareOp, LocalId, Scalar, Type, TypeId, Value};

use super::compile::{Compiler, Result, Variable};
use super::value::{AddrExpr, Loc, Val};
use crate::bytecode::{Addr, Base, Index, Inst, W};

impl AddrExpr {
    pub(super) fn offset_by(self, bytes: i64) -> Self {
        Self { offset: self.offset.wrapping_add(bytes), ..self }
    }
}

impl Compiler<'_> {
    /// Where a pointer value points to.
    pub(super) fn address(&mut self, ptr: Value) -> Result<AddrExpr> {
        match self.value(ptr)? {
            Val::Addr(expr) => Ok(expr),
            Val::Cells(locs) => match locs[..] {
                [Loc::W(w)] => Ok(self.known_address(w)),
                _ => Ok(AddrExpr::new(Base::Alloc(0))),
            },
        }
    }

    /// A constant pointer is as good as the allocation it points into.
    fn known_address(&self, w: W) -> AddrExpr {
        match self.b.wide_constant_of(w) {
            Some(bits) => {
                let unused = 64 - crate::machine::OFFSET_BITS;
                let offset = ((bits << unused) as i64) >> unused;
                AddrExpr {
                    offset,
                    ..AddrExpr::new(Base::Alloc((bits >> crate::machine::OFFSET_BITS) as u16))
                }
            }
            None => AddrExpr::new(Base::Lanes(w)),
        }
    }

    /// An address as instructions take it.
    pub(super) fn final_address(&mut self, expr: AddrExpr) -> Addr {
        let AddrExpr { base, indices, offset } = expr;
        match i32::try_from(offset) {
            Ok(offset) => Addr { base, indices, offset },
            Err(_) => {
                let w = self.materialise(expr);
                Addr { base: Base::Lanes(w), indices: [None; 2], offset: 0 }
            }
        }
    }

    /// An address in a register.
    pub(super) fn materialise(&mut self, expr: AddrExpr) -> W {
        let AddrExpr { base, indices, offset } = expr;
        match (base, indices, i32::try_from(offset)) {
            (Base::Alloc(alloc), [None, None], _) => match self.constant_pointer(alloc, offset) {
                Loc::W(w) => w,
                Loc::R(_) => W(0),
            },
            (Base::Lanes(w), [None, None], Ok(0)) => w,
            (_, _, Ok(offset)) => {
                let d = self.temp_w();
                self.b.emit(Inst::AddrOf { d, addr: Addr { base, indices, offset } });
                d
            }
            (_, _, Err(_)) => {
                let a = self.temp_w();
                self.b.emit(Inst::AddrOf { d: a, addr: Addr { base, indices, offset: 0 } });
                let d = self.temp_w();
                self.b.emit(Inst::AddrAddImm { d, a, offset });
                d
            }
        }
    }

    /// A pointer value in a register.
    pub(super) fn pointer(&mut self, ptr: Value) -> Result<W> {
        let expr = self.address(ptr)?;
        Ok(self.materialise(expr))
    }

    /// The address `index` elements of `size` bytes further on.
    pub(super) fn indexed(&mut self, ptr: Value, index: Value, size: u32) -> Result<Val> {
        let expr = self.address(ptr)?;
        let (loc, scalar) = (self.single(index)?, self.scalar_of(index));
        Ok(Val::Addr(self.add_index(expr, loc, scalar, size)))
    }

    fn add_index(&mut self, mut expr: AddrExpr, index: Loc, scalar: Scalar, size: u32) -> AddrExpr {
        let bits = match index {
            Loc::R(reg) => self.b.constant_of(reg).map(|bits| match scalar.is_signed() {
                true => i64::from(bits as i32),
                false => i64::from(bits),
            }),
            Loc::W(reg) => self.b.wide_constant_of(reg).map(|bits| bits as i64),
        };
        if let Some(constant) = bits {
            return expr.offset_by(constant.wrapping_mul(size.into()));
        }
        let narrow = match index {
            Loc::R(reg) => Some((reg, scalar.is_signed())),
            Loc::W(wide) => self.widened.get(&wide).copied(),
        };
        if let (Some((reg, signed)), Ok(scale)) = (narrow, u16::try_from(size)) {
            if expr.indices[1].is_some() {
                expr = AddrExpr::new(Base::Lanes(self.materialise(expr)));
            }
            let place = usize::from(expr.indices[0].is_some());
            expr.indices[place] = Some(Index { reg, scale, signed });
            return expr;
        }
        let a = self.materialise(expr);
        let d = self.temp_w();
        match index {
            Loc::R(index) => {
                self.b.emit(Inst::AddrAdd { d, a, index, scale: size, signed: scalar.is_signed() });
            }
            Loc::W(index) => {
                self.b.emit(Inst::AddrAddL { d, a, index, scale: size });
            }
        }
        AddrExpr::new(Base::Lanes(d))
    }

    /// `FieldAddr`
    pub(super) fn field_address(&mut self, ptr: Value, field: u32) -> Result<Val> {
        let pointee = self.pointer_type(ptr).1;
        let offset = self.module.types.part(pointee, field).map_or(0, |(_, offset)| offset);
        Ok(Val::Addr(self.address(ptr)?.offset_by(offset.into())))
    }

    /// `ElementAddr`
    pub(super) fn element_address(&mut self, ptr: Value, index: Value) -> Result<Val> {
        let pointee = self.pointer_type(ptr).1;
        let types = &self.module.types;
        let size = match types.get(pointee) {
            Type::Array { elem, .. } => types.size_bytes(elem),
            Type::Vector { elem, .. } => elem.size_bytes(),
            Type::Matrix { cols, .. } => types.size_bytes(pointee) / u32::from(cols),
            _ => types.size_bytes(pointee),
        };
        self.indexed(ptr, index, size)
    }

    /// `PtrAdd`
    pub(super) fn pointer_add(&mut self, ptr: Value, index: Value) -> Result<Val> {
        let size = self.module.types.size_bytes(self.pointer_type(ptr).1);
        self.indexed(ptr, index, size)
    }

    /// `PtrDiff`
    pub(super) fn pointer_diff(&mut self, a: Value, b: Value) -> Result<Val> {
        let size = self.module.types.size_bytes(self.pointer_type(a).1);
        let (a, b) = (self.pointer(a)?, self.pointer(b)?);
        let d = self.dest_w();
        self.b.emit(Inst::AddrDiff { d, a, b, size });
        Ok(Val::Cells(Rc::from([Loc::W(d)])))
    }

    /// The address of a local in memory.
    pub(super) fn local_address(&mut self, local: LocalId) -> Result<Val> {
        Ok(match self.variable(local)? {
            Variable::Alloc(id) => Val::Addr(AddrExpr::new(Base::Alloc(id))),
            Variable::Stack(offset) => {
                let d = self.temp_w();
                self.b.emit(Inst::StackAddr { d, offset });
                Val::Addr(AddrExpr::new(Base::Lanes(d)))
            }
        })
    }

    /// Pointers compare as numbers, with those to nothing bound as null.
    pub(super) fn compare_pointers(&mut self, op: CompareOp, a: Value, b: Value) -> Result<Val> {
        let mut key = |ptr: Value| -> Result<W> {
            let a = self.pointer(ptr)?;
            if self.b.wide_constant_of(a) == Some(0) {
                return Ok(a);
            }
            let d = self.temp_w();
            self.b.emit(Inst::AddrKey { d, a });
            Ok(d)
        };
        let (a, b) = (key(a)?, key(b)?);
        let d = self.compare_wide(op, false, a, b);
        Ok(Val::Cells(Rc::from([Loc::R(d)])))
    }

    /// The type of the scalar, or of the components of the vector, that a value is.
    pub(super) fn scalar_of(&self, value: Value) -> Scalar {
        self.scalar_of_type(self.type_of(value))
    }

    pub(super) fn scalar_of_type(&self, ty: TypeId) -> Scalar {
        match self.module.types.get(ty) {
            Type::Scalar(scalar) | Type::Atomic(scalar) => scalar,
            Type::Vector { elem, .. } | Type::Matrix { elem, .. } => elem,
            _ => Scalar::U64,
        }
    }
}
