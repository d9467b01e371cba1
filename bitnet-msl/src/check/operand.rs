//! The result of an expression: a value, or a place that can be read, written and pointed to.

use super::Checker;
use super::const_eval::ConstValue;
use super::types::{Enumeration, QualType};
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, Op, Type, TypeId, Value};
use crate::source::Span;

/// The result of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) kind: OperandKind,
    /// Type of the value, or of what lies at the place.
    pub(super) ty: TypeId,
    /// The place may not be written.
    pub(super) is_const: bool,
    pub(super) is_volatile: bool,
    pub(super) enumeration: Option<Enumeration>,
    /// What reading the place gives, where that is known: a `const` variable.
    pub(super) constant: Option<ConstValue>,
    pub(super) span: Span,
}

/// Where the result is.
#[derive(Clone, Copy, Debug)]
pub(super) enum OperandKind {
    /// A value. Of a packed vector it may be unpacked already.
    Value(Value),
    /// A literal 0, which may still become a null pointer.
    Zero(Value),
    /// In memory, at a pointer to the operand's type.
    Memory(Value),
    /// Components of a vector in memory: pointer to the vector, components, how many.
    Swizzle(Value, [u8; 4], u8),
    /// A component of a vector in memory by run-time index: pointer to the vector, index.
    Component(Value, Value),
    /// `nullptr`.
    Null,
}

/// Whether an expression is wanted as a place or may as well be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Value,
    Place,
}

/// Where a value comes from, as far as rules ask and the type does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Anywhere else.
    Computed,
    /// A literal 0.
    Zero,
    /// `nullptr`.
    Nullptr,
    /// A packed vector, unpacked when it was read.
    Packed,
}

impl Operand {
    /// A value without enumeration.
    pub(super) fn value(value: Value, ty: TypeId, span: Span) -> Self {
        Self::new(OperandKind::Value(value), QualType::plain(ty), span)
    }

    /// A value of a type.
    pub(super) fn value_of(value: Value, ty: QualType, span: Span) -> Self {
        Self::new(OperandKind::Value(value), ty.unqualified(), span)
    }

    /// What is at a place or has a value, and has a type.
    pub(super) fn new(kind: OperandKind, ty: QualType, span: Span) -> Self {
        let QualType { ty, is_const, is_volatile, enumeration } = ty;
        Self { kind, ty, is_const, is_volatile, enumeration, constant: None, span }
    }

    /// A place in memory.
    pub(super) fn memory(ptr: Value, ty: QualType, span: Span) -> Self {
        Self::new(OperandKind::Memory(ptr), ty, span)
    }

    /// The type, as it is of a place.
    pub(super) fn qual(&self) -> QualType {
        let Operand { ty, is_const, is_volatile, enumeration, .. } = *self;
        QualType { ty, is_const, is_volatile, enumeration }
    }

    /// Whether it is a place rather than a value.
    pub(super) fn is_place(&self) -> bool {
        !matches!(self.kind, OperandKind::Value(_) | OperandKind::Zero(_) | OperandKind::Null)
    }

    /// A swizzle that names a component twice: it cannot be assigned.
    pub(super) fn repeats_components(&self) -> bool {
        match self.kind {
            OperandKind::Swizzle(_, components, len) => has_duplicates(&components[..usize::from(len)]),
            _ => false,
        }
    }

    /// A value that has been read.
    pub(super) fn of(value: Rvalue) -> Self {
        let kind = match value.origin {
            Origin::Nullptr => OperandKind::Null,
            Origin::Zero => OperandKind::Zero(value.value),
            Origin::Computed | Origin::Packed => OperandKind::Value(value.value),
        };
        let ty = QualType { enumeration: value.enumeration, ..QualType::plain(value.ty) };
        Self::new(kind, ty, value.span)
    }
}

/// A value with its type: what is left of an operand once it has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rvalue {
    pub(super) value: Value,
    pub(super) ty: TypeId,
    pub(super) enumeration: Option<Enumeration>,
    pub(super) origin: Origin,
    pub(super) span: Span,
}

impl Rvalue {
    /// `nullptr`.
    pub(super) fn is_null(&self) -> bool {
        self.origin == Origin::Nullptr
    }
}

impl<'a> Checker<'a> {
    /// The type that an operand has once read: packed vectors unpack, arrays become pointers.
    pub(super) fn value_type(&mut self, operand: &Operand) -> TypeId {
        match self.ty(operand.ty) {
            Type::Vector { elem, len, packed: true } => self.builder.vector_type(elem, len),
            Type::Array { elem, .. } => {
                let space = self.place_space(operand).unwrap_or(AddressSpace::Thread);
                let elem = self.element_of(operand.qual(), elem);
                self.pointer_to(space, elem)
            }
            _ => operand.ty,
        }
    }

    /// The address space a place lies in.
    pub(super) fn place_space(&self, operand: &Operand) -> Option<AddressSpace> {
        let ptr = match operand.kind {
            OperandKind::Memory(ptr) | OperandKind::Swizzle(ptr, ..) | OperandKind::Component(ptr, _) => ptr,
            OperandKind::Value(_) | OperandKind::Zero(_) | OperandKind::Null => return None,
        };
        match self.ty(self.builder.type_of(ptr)) {
            Type::Pointer { space, .. } => Some(space),
            _ => None,
        }
    }

    /// Reads an operand.
    pub(super) fn read(&mut self, operand: Operand) -> Option<Rvalue> {
        let ty = self.value_type(&operand);
        let span = operand.span;
        let value = match operand.kind {
            _ if operand.constant.is_some() => {
                let constant = operand.constant?;
                self.builder.const_scalar(constant.scalar, constant.bits, span)
            }
            OperandKind::Value(value) | OperandKind::Zero(value) => self.unpack(value, span),
            OperandKind::Memory(ptr) => self.read_memory(&operand, ptr, ty)?,
            OperandKind::Swizzle(ptr, components, len) => {
                let whole = self.load_vector(ptr, span);
                self.take_components(whole, components, len, span)
            }
            OperandKind::Component(ptr, index) => self.read_component(ptr, index, ty, span),
            OperandKind::Null => self.builder.const_i32(0, span),
        };
        let origin = self.origin(&operand);
        Some(Rvalue { value, ty, enumeration: operand.enumeration, origin, span })
    }

    /// Where the value of an operand comes from.
    pub(super) fn origin(&self, operand: &Operand) -> Origin {
        match (operand.kind, self.ty(operand.ty)) {
            (OperandKind::Null, _) => Origin::Nullptr,
            (OperandKind::Zero(_), _) => Origin::Zero,
            (_, Type::Vector { packed: true, .. }) => Origin::Packed,
            _ => Origin::Computed,
        }
    }

    fn read_memory(&mut self, operand: &Operand, ptr: Value, ty: TypeId) -> Option<Value> {
        let span = operand.span;
        match self.ty(operand.ty) {
            Type::Array { .. } => {
                let zero = self.builder.const_i32(0, span);
                let first = self.builder.element_addr(ptr, zero, span);
                Some(self.as_pointer_type(first, ty, span))
            }
            Type::Atomic(_) => {
                self.report(
                    Diagnostic::new(
                        Code::E0319,
                        span,
                        "an atomic object cannot be read like a plain variable",
                    )
                    .note("use atomic_load_explicit(&x, memory_order_relaxed) [MSL 6.15]"),
                );
                None
            }
            Type::Vector { packed: true, .. } => Some(self.load_vector(ptr, span)),
            Type::Struct(_) => {
                self.check_copy(operand)?;
                Some(self.builder.load(ptr, span))
            }
            _ => Some(self.builder.load(ptr, span)),
        }
    }

    /// Reads a vector, unpacked.
    fn load_vector(&mut self, ptr: Value, span: Span) -> Value {
        let value = self.builder.load(ptr, span);
        self.unpack(value, span)
    }

    /// A packed vector value as one that arithmetic takes; other values unchanged.
    pub(super) fn unpack(&mut self, value: Value, span: Span) -> Value {
        match self.ty(self.builder.type_of(value)) {
            Type::Vector { elem, len, packed: true } => {
                let ty = self.builder.vector_type(elem, len);
                self.builder.emit(Op::Convert(value), ty, span)
            }
            _ => value,
        }
    }

    /// Components of a vector value.
    pub(super) fn take_components(
        &mut self,
        whole: Value,
        components: [u8; 4],
        len: u8,
        span: Span,
    ) -> Value {
        if len == 1 {
            return self.builder.extract(whole, u32::from(components[0]), span);
        }
        let Some((elem, _)) = self.shape(self.builder.type_of(whole)) else { return whole };
        let ty = self.builder.vector_type(elem, len);
        self.builder.emit(Op::Swizzle(whole, components), ty, span)
    }

    /// A component by run-time index. A local vector is read whole, so that it need not lie in memory.
    fn read_component(&mut self, ptr: Value, index: Value, ty: TypeId, span: Span) -> Value {
        if matches!(self.builder.inst(ptr).op, Op::LocalAddr(_)) {
            let whole = self.load_vector(ptr, span);
            return self.builder.emit(Op::ExtractDynamic(whole, index), ty, span);
        }
        let place = self.builder.element_addr(ptr, index, span);
        self.builder.load(place, span)
    }

    /// The same address with another pointer type, if it differs.
    pub(super) fn as_pointer_type(&mut self, ptr: Value, ty: TypeId, span: Span) -> Value {
        let ty = self.builder.type_table().untagged(ty);
        if self.builder.type_of(ptr) == ty { ptr } else { self.builder.emit(Op::PtrCast(ptr), ty, span) }
    }

    /// Writes a value of the operand's type to its place. The place was checked to be writable.
    pub(super) fn write(&mut self, place: &Operand, value: Value, span: Span) {
        match place.kind {
            OperandKind::Memory(ptr) => {
                let value = self.pack_for(ptr, value, span);
                self.builder.store(ptr, value, span);
            }
            OperandKind::Swizzle(ptr, components, len) => {
                let mut whole = self.load_vector(ptr, span);
                let ty = self.builder.type_of(whole);
                for (i, &component) in components.iter().take(usize::from(len)).enumerate() {
                    let part = if len == 1 { value } else { self.builder.extract(value, i as u32, span) };
                    whole = self.builder.emit(Op::Insert(whole, part, u32::from(component)), ty, span);
                }
                let whole = self.pack_for(ptr, whole, span);
                self.builder.store(ptr, whole, span);
            }
            OperandKind::Component(ptr, index) => {
                let at = self.builder.element_addr(ptr, index, span);
                self.builder.store(at, value, span);
            }
            OperandKind::Value(_) | OperandKind::Zero(_) | OperandKind::Null => {}
        }
    }

    /// A value as memory at `ptr` holds it: packed where the pointee is.
    fn pack_for(&mut self, ptr: Value, value: Value, span: Span) -> Value {
        let pointee = self.builder.pointee(ptr);
        match (self.ty(pointee), self.builder.type_of(value)) {
            (Type::Vector { packed: true, .. }, ty) if ty != pointee => {
                self.builder.emit(Op::Convert(value), pointee, span)
            }
            _ => value,
        }
    }

    /// Whether the operand can be assigned; says why not.
    pub(super) fn check_writable(&mut self, operand: &Operand, span: Span) -> Option<()> {
        if !operand.is_place() {
            self.report(
                Diagnostic::new(
                    Code::E0306,
                    operand.span,
                    "this is a value, not something that can be assigned",
                )
                .at("assignment needs a variable, an element or a member"),
            );
            return None;
        }
        if self.place_space(operand) == Some(AddressSpace::Constant) {
            self.report(
                Diagnostic::new(Code::E0407, span, "constant memory cannot be written")
                    .label(operand.span, "this lies in the constant address space")
                    .note("use a device buffer for results [MSL 4.2]"),
            );
            return None;
        }
        if operand.is_const {
            let shown = self.display(operand.ty);
            self.report(
                Diagnostic::new(Code::E0307, span, format!("this `const {shown}` cannot be written"))
                    .label(operand.span, "const"),
            );
            return None;
        }
        match self.ty(operand.ty) {
            _ if operand.repeats_components() => {
                self.report(
                    Diagnostic::new(
                        Code::E0308,
                        operand.span,
                        "a component is named twice on the left of an assignment",
                    )
                    .note("each component can be assigned once [MSL 2.2]"),
                );
                None
            }
            Type::Array { .. } => {
                self.error(Code::E0306, operand.span, "an array cannot be assigned as a whole");
                None
            }
            Type::Atomic(_) => {
                self.report(
                    Diagnostic::new(
                        Code::E0319,
                        span,
                        "an atomic object cannot be assigned like a plain variable",
                    )
                    .note("use atomic_store_explicit(&x, value, memory_order_relaxed) [MSL 6.15]"),
                );
                None
            }
            _ => Some(()),
        }
    }

    /// The address of an operand, as `&` gives it and references take it.
    pub(super) fn address_of(&mut self, operand: &Operand) -> Option<Value> {
        match operand.kind {
            OperandKind::Memory(ptr) => {
                let space = self.place_space(operand)?;
                let ty = self.pointer_to(space, operand.qual());
                Some(self.as_pointer_type(ptr, ty, operand.span))
            }
            OperandKind::Swizzle(..) | OperandKind::Component(..) => {
                self.report(
                    Diagnostic::new(Code::E0326, operand.span, "a component of a vector has no address")
                        .note("neither pointers nor references to vector components exist [MSL 2.2]"),
                );
                None
            }
            OperandKind::Value(_) | OperandKind::Zero(_) | OperandKind::Null => {
                self.report(
                    Diagnostic::new(Code::E0306, operand.span, "this is a value: it has no address")
                        .at("store it in a variable first"),
                );
                None
            }
        }
    }

    /// A place that holds the operand: its own, or a new variable with its value.
    pub(super) fn materialise(&mut self, operand: Operand) -> Option<Value> {
        if let OperandKind::Memory(ptr) = operand.kind {
            return Some(ptr);
        }
        let read = self.read(operand)?;
        let ptr = self.builder.new_local_addr("%temporary", read.ty, operand.span);
        self.builder.store(ptr, read.value, operand.span);
        Some(ptr)
    }
}

fn has_duplicates(components: &[u8]) -> bool {
    components.iter().enumerate().any(|(i, c)| components[..i].contains(c))
}
