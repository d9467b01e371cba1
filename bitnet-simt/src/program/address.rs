//! Loads, stores and what goes with them.

use std::rc::Rc;

use bitnet_msl::ir::{AddressSpace, AtomicFn, Scalar, Type, TypeId, Value};

use super::compile::{Compiler, Result};
use super::layout::{Cell, CellType};
use super::value::{Loc, Val};
use crate::bytecode::Inst;

impl Compiler<'_> {
    /// Reads a value, cell by cell. The first cell checks the alignment of the whole.
    pub(super) fn load(&mut self, ptr: Value, ty: TypeId) -> Result<Val> {
        let cells = self.cells(ty)?;
        let align = self.alignment(ty);
        let mut locs = Vec::with_capacity(cells.len());
        for (i, cell) in cells.iter().enumerate() {
            let align = if i == 0 { align } else { cell.ty.size_bytes() as u8 };
            locs.push(self.load_cell(ptr, *cell, align)?);
        }
        Ok(Val::Cells(locs.into()))
    }

    fn alignment(&self, ty: TypeId) -> u8 {
        // Types are aligned to 16 bytes at most.
        self.module.types.align_bytes(ty).min(128) as u8
    }

    fn load_cell(&mut self, ptr: Value, cell: Cell, align: u8) -> Result<Loc> {
        let expr = self.address(ptr)?.offset_by(cell.offset.into());
        let addr = self.final_address(expr);
        Ok(match cell.ty {
            CellType::Scalar(ty) if !cell.ty.is_wide() => {
                let d = self.dest_r();
                self.b.emit(Inst::Load { d, addr, ty, align });
                Loc::R(d)
            }
            _ => {
                let d = self.dest_w();
                self.b.emit(Inst::LoadW { d, addr, align });
                Loc::W(d)
            }
        })
    }

    /// Writes a value, cell by cell.
    pub(super) fn store(&mut self, ptr: Value, value: Value) -> Result<()> {
        let ty = self.type_of(value);
        let cells = self.cells(ty)?;
        let from = self.value_cells(value)?;
        let align = self.alignment(ty);
        for (i, (cell, &loc)) in cells.iter().zip(from.iter()).enumerate() {
            let align = if i == 0 { align } else { cell.ty.size_bytes() as u8 };
            self.store_cell(ptr, *cell, loc, align)?;
            self.check()?;
        }
        Ok(())
    }

    fn store_cell(&mut self, ptr: Value, cell: Cell, from: Loc, align: u8) -> Result<()> {
        let expr = self.address(ptr)?.offset_by(cell.offset.into());
        let addr = self.final_address(expr);
        match (from, cell.ty) {
            (Loc::R(v), CellType::Scalar(ty)) => self.b.emit(Inst::Store { addr, v, ty, align }),
            (Loc::W(v), _) => self.b.emit(Inst::StoreW { addr, v, align }),
            (Loc::R(_), CellType::Pointer) => {
                debug_assert!(false, "pointers are in wide registers");
                0
            }
        };
        Ok(())
    }

    /// The scalar of the atomic that a pointer points to.
    fn atomic_scalar(&self, ptr: Value) -> Scalar {
        match self.module.types.get(self.pointer_type(ptr).1) {
            Type::Atomic(scalar) | Type::Scalar(scalar) => scalar,
            _ => Scalar::U32,
        }
    }

    fn atomic_cell(&self, ptr: Value) -> Cell {
        Cell { ty: CellType::Scalar(self.atomic_scalar(ptr)), offset: 0 }
    }

    /// An access to device memory whose result may show the order of threadgroups.
    fn shows_order(&mut self, ptr: Value) {
        self.code.sequential |= self.pointer_type(ptr).0 == AddressSpace::Device;
    }

    pub(super) fn atomic_load(&mut self, ptr: Value) -> Result<Val> {
        self.shows_order(ptr);
        let cell = self.atomic_cell(ptr);
        let loc = self.load_cell(ptr, cell, cell.ty.size_bytes() as u8)?;
        Ok(Val::Cells(Rc::from([loc])))
    }

    pub(super) fn atomic_store(&mut self, ptr: Value, value: Value) -> Result<()> {
        self.shows_order(ptr);
        let cell = self.atomic_cell(ptr);
        let from = self.single(value)?;
        self.store_cell(ptr, cell, from, cell.ty.size_bytes() as u8)
    }

    pub(super) fn atomic(&mut self, f: AtomicFn, ptr: Value, operand: Value, is_used: bool) -> Result<Val> {
        let ty = self.atomic_scalar(ptr);
        // Subtracting is adding; everything else does not commute with other functions.
        let kind = if f == AtomicFn::Sub { AtomicFn::Add } else { f };
        if self.pointer_type(ptr).0 == AddressSpace::Device {
            if !self.atomics.contains(&kind) {
                self.atomics.push(kind);
            }
            self.code.sequential |= is_used
                || f == AtomicFn::Exchange
                || ty.is_float()
                || ty.size_bytes() == 8
                || self.atomics.len() > 1;
        }
        let p = self.pointer(ptr)?;
        let loc = match self.single(operand)? {
            Loc::R(v) => {
                let d = self.dest_r();
                self.b.emit(Inst::AtomicRmw { d, p, v, f, ty });
                Loc::R(d)
            }
            Loc::W(v) => {
                let d = self.dest_w();
                self.b.emit(Inst::AtomicRmwL { d, p, v, f, ty });
                Loc::W(d)
            }
        };
        Ok(Val::Cells(Rc::from([loc])))
    }

    pub(super) fn compare_exchange(&mut self, ptr: Value, expected: Value, desired: Value) -> Result<Val> {
        self.shows_order(ptr);
        let ty = self.atomic_scalar(ptr);
        let p = self.pointer(ptr)?;
        let expected = self.pointer(expected)?;
        let desired = self.single(desired)?;
        let d = self.dest_r();
        match desired {
            Loc::R(v) => self.b.emit(Inst::AtomicCas { d, p, expected, v, ty }),
            Loc::W(v) => self.b.emit(Inst::AtomicCasL { d, p, expected, v }),
        };
        Ok(Val::Cells(Rc::from([Loc::R(d)])))
    }
}
