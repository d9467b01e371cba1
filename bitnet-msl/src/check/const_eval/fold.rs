//! The bytes of IR values that are constant, laid out as in memory.

use super::scalar::ConstValue;
use crate::ir::{BinaryOp, Function, Global, GlobalKind, Inst, Op, Scalar, Type, TypeId, TypeTable, Value};
use std::collections::HashMap;

/// The bytes of a value (little endian, padding zero), if it depends on constants alone.
///
/// `globals` are the module's so far: loads from `constant` ones fold too.
pub(crate) fn fold(
    function: &Function,
    value: Value,
    types: &TypeTable,
    globals: &[Global],
) -> Option<Vec<u8>> {
    let mut folder = Folder::new(types, globals);
    // Operands before users, with a stack of its own: chains of values may be long.
    let mut stack = vec![(value, false)];
    while let Some((value, operands_done)) = stack.pop() {
        if folder.known.contains_key(&value) {
            continue;
        }
        let inst = function.inst(value);
        if operands_done {
            folder.learn(value, inst)?;
        } else {
            if !may_fold(&inst.op) {
                return None;
            }
            stack.push((value, true));
            inst.op.for_each_operand(|operand| stack.push((operand, false)));
        }
    }
    match folder.known.remove(&value)?.1 {
        Constant::Bytes(bytes) => Some(bytes),
        Constant::Address(_) => None,
    }
}

/// Ops that are constant when their operands are.
fn may_fold(op: &Op) -> bool {
    matches!(
        op,
        Op::Const(_)
            | Op::Zero
            | Op::GlobalAddr(_)
            | Op::Splat(_)
            | Op::Compose(_)
            | Op::Extract(..)
            | Op::Insert(..)
            | Op::Swizzle(..)
            | Op::FieldAddr(..)
            | Op::ElementAddr(..)
            | Op::Load(_)
            | Op::Unary(..)
            | Op::Binary(..)
            | Op::Compare(..)
            | Op::Select(..)
            | Op::Convert(_)
            | Op::Bitcast(_)
            | Op::Math(..)
    )
}

/// What is known of a value.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    /// Laid out as in memory.
    Bytes(Vec<u8>),
    /// Of a pointer: where it points.
    Address(Place),
}

/// A place in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) root: Root,
    pub(crate) offset_bytes: usize,
}

/// The objects that constants point into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A global of the module, by number.
    Global(usize),
    /// A variable of a function that runs at compilation, by its number there. A [`Folder`] does not read it.
    Variable(usize),
}

/// The values of a function that are known, with their types.
pub(crate) type Known = HashMap<Value, (TypeId, Constant)>;

/// The values of a function that are known to be constant.
pub(crate) struct Folder<'f> {
    types: &'f TypeTable,
    globals: &'f [Global],
    known: Known,
}

impl<'f> Folder<'f> {
    /// Nothing is known.
    pub(crate) fn new(types: &'f TypeTable, globals: &'f [Global]) -> Self {
        Self::with(types, globals, Known::new())
    }

    /// Goes on with what is known.
    pub(crate) fn with(types: &'f TypeTable, globals: &'f [Global], known: Known) -> Self {
        Self { types, globals, known }
    }

    /// What is known by now.
    pub(crate) fn into_known(self) -> Known {
        self.known
    }

    /// Evaluates the instruction that defines a value, if its operands are known.
    pub(crate) fn learn(&mut self, value: Value, inst: &Inst) -> Option<()> {
        let constant = self.inst(&inst.op, inst.ty)?;
        self.known.insert(value, (inst.ty, constant));
        Some(())
    }

    /// Forgets a value.
    pub(crate) fn forget(&mut self, value: Value) {
        self.known.remove(&value);
    }

    /// Whether a value is known.
    pub(crate) fn knows(&self, value: Value) -> bool {
        self.known.contains_key(&value)
    }

    fn inst(&self, op: &Op, ty: TypeId) -> Option<Constant> {
        match op {
            Op::GlobalAddr(id) => {
                Some(Constant::Address(Place { root: Root::Global(id.0 as usize), offset_bytes: 0 }))
            }
            Op::FieldAddr(base, field) => self.part_address(*base, *field),
            Op::ElementAddr(base, index) => {
                let index = self.scalar(*index)?.as_int();
                self.part_address(*base, u32::try_from(index).ok()?)
            }
            _ => self.bytes_of(op, ty).map(Constant::Bytes),
        }
    }

    fn bytes_of(&self, op: &Op, ty: TypeId) -> Option<Vec<u8>> {
        match op {
            Op::Const(bits) => Some(bits.to_le_bytes()[..self.types.size_bytes(ty) as usize].to_vec()),
            Op::Zero => Some(vec![0; self.types.size_bytes(ty) as usize]),
            Op::Load(ptr) => self.load(*ptr, ty),
            Op::Splat(scalar) => {
                let part = self.bytes(*scalar)?;
                self.compose(ty, std::iter::repeat_n(part, self.types.part_count(ty)? as usize))
            }
            Op::Compose(parts) => {
                let parts: Option<Vec<_>> = parts.iter().map(|&part| self.bytes(part)).collect();
                self.compose(ty, parts?.into_iter())
            }
            Op::Extract(whole, index) => {
                let (_, offset) = self.types.part(self.type_of(*whole)?, *index)?;
                self.slice(self.bytes(*whole)?, offset as usize, ty)
            }
            Op::Insert(whole, part, index) => {
                let mut bytes = self.bytes(*whole)?.to_vec();
                self.place(&mut bytes, ty, *index, self.bytes(*part)?)?;
                Some(bytes)
            }
            Op::Swizzle(vector, order) => {
                let components = self.components(*vector)?;
                let (_, len) = shape(ty, self.types)?;
                let picked: Option<Vec<_>> =
                    order[..len.min(4)].iter().map(|&i| components.get(usize::from(i)).copied()).collect();
                self.vector_bytes(ty, &picked?)
            }
            Op::Bitcast(value) => {
                let mut bytes = self.bytes(*value)?.to_vec();
                bytes.resize(self.types.size_bytes(ty) as usize, 0);
                Some(bytes)
            }
            _ => self.arithmetic(op, ty),
        }
    }

    /// Ops that work component by component.
    fn arithmetic(&self, op: &Op, ty: TypeId) -> Option<Vec<u8>> {
        let mut operands = Vec::new();
        op.for_each_operand(|operand| operands.push(self.components(operand)));
        let operands: Vec<_> = operands.into_iter().collect::<Option<_>>()?;
        let (scalar, len) = shape(ty, self.types)?;
        let component = |index: usize| {
            // A scalar condition selects whole vectors.
            let args: Option<Vec<_>> = operands
                .iter()
                .map(|o| o.get(index).or(o.first().filter(|_| o.len() == 1)).copied())
                .collect();
            let args = args?;
            match op {
                Op::Unary(op, _) => args[0].unary(*op),
                // What the executor makes 0 is an error where the value must be known.
                Op::Binary(BinaryOp::Div | BinaryOp::Rem, ..) if scalar.is_int() && !args[1].is_true() => {
                    None
                }
                Op::Binary(op, ..) => ConstValue::binary(*op, args[0], args[1]),
                Op::Compare(op, ..) => Some(ConstValue::bool(ConstValue::compare(*op, args[0], args[1]))),
                Op::Select(..) => Some(if args[0].is_true() { args[1] } else { args[2] }),
                Op::Convert(_) => Some(args[0].convert(scalar)),
                Op::Math(function, ..) => ConstValue::math(*function, &args),
                _ => None,
            }
        };
        let components: Option<Vec<_>> = (0..len).map(component).collect();
        self.vector_bytes(ty, &components?)
    }

    /// The type of a value that is known.
    fn type_of(&self, value: Value) -> Option<TypeId> {
        self.known.get(&value).map(|(ty, _)| *ty)
    }

    fn bytes(&self, value: Value) -> Option<&[u8]> {
        match &self.known.get(&value)?.1 {
            Constant::Bytes(bytes) => Some(bytes),
            Constant::Address(_) => None,
        }
    }

    fn scalar(&self, value: Value) -> Option<ConstValue> {
        self.components(value)?.first().copied()
    }

    /// The components of a scalar or vector that is known.
    pub(crate) fn components(&self, value: Value) -> Option<Vec<ConstValue>> {
        let (scalar, len) = shape(self.type_of(value)?, self.types)?;
        let size = scalar.size_bytes() as usize;
        let bytes = self.bytes(value)?;
        let component = |chunk: &[u8]| {
            let mut bits = [0; 8];
            bits[..size].copy_from_slice(chunk);
            ConstValue { scalar, bits: u64::from_le_bytes(bits) }
        };
        Some(bytes.chunks_exact(size).take(len).map(component).collect())
    }

    fn vector_bytes(&self, ty: TypeId, components: &[ConstValue]) -> Option<Vec<u8>> {
        let (scalar, len) = shape(ty, self.types)?;
        let size = scalar.size_bytes() as usize;
        let mut bytes = vec![0; self.types.size_bytes(ty) as usize];
        for (chunk, component) in bytes.chunks_exact_mut(size).zip(components.iter().take(len)) {
            chunk.copy_from_slice(&component.bits.to_le_bytes()[..size]);
        }
        Some(bytes)
    }

    fn compose<'p>(&self, ty: TypeId, parts: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.types.size_bytes(ty) as usize];
        for (index, part) in parts.enumerate() {
            self.place(&mut bytes, ty, index as u32, part)?;
        }
        Some(bytes)
    }

    /// Writes a part of an aggregate into the aggregate's bytes.
    fn place(&self, bytes: &mut [u8], ty: TypeId, index: u32, part: &[u8]) -> Option<()> {
        let (_, offset) = self.types.part(ty, index)?;
        bytes.get_mut(offset as usize..offset as usize + part.len())?.copy_from_slice(part);
        Some(())
    }

    fn slice(&self, bytes: &[u8], offset: usize, ty: TypeId) -> Option<Vec<u8>> {
        bytes.get(offset..offset + self.types.size_bytes(ty) as usize).map(<[u8]>::to_vec)
    }

    fn load(&self, ptr: Value, ty: TypeId) -> Option<Vec<u8>> {
        let (_, Constant::Address(Place { root: Root::Global(global), offset_bytes })) =
            self.known.get(&ptr)?
        else {
            return None;
        };
        match &self.globals.get(*global)?.kind {
            GlobalKind::Constant(bytes) => self.slice(bytes, *offset_bytes, ty),
            GlobalKind::Threadgroup => None,
        }
    }

    fn part_address(&self, base: Value, index: u32) -> Option<Constant> {
        let (ty, Constant::Address(place)) = self.known.get(&base)? else { return None };
        let Type::Pointer { pointee, .. } = self.types.get(*ty) else { return None };
        let (_, offset) = self.types.part(pointee, index)?;
        Some(Constant::Address(Place { offset_bytes: place.offset_bytes + offset as usize, ..*place }))
    }
}

/// Component type and number of components of a scalar or vector.
fn shape(ty: TypeId, types: &TypeTable) -> Option<(Scalar, usize)> {
    match types.get(ty) {
        Type::Scalar(scalar) => Some((scalar, 1)),
        Type::Vector { elem, len, .. } => Some((elem, usize::from(len))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
