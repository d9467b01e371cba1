//! Which values are addresses of parts of locals, and which locals' addresses go nowhere else.

use super::super::{Block, Function, LocalId, Op, Scalar, Stmt, Type, TypeId, TypeTable, Value};
use super::DynamicComponents;

/// A step from an aggregate to one of its parts.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) index: u32,
    /// Type of the part.
    pub(super) ty: TypeId,
}

/// The address of a part of a local.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) local: LocalId,
    /// Members, elements, columns and components, each by constant index.
    pub(super) steps: Vec<Step>,
    /// The run-time index of a vector's component, as last step.
    pub(super) dynamic: Option<Value>,
}

impl Place {
    /// The indices of the steps.
    pub(super) fn path(&self) -> Vec<u32> {
        self.steps.iter().map(|step| step.index).collect()
    }
}

/// All places of a function, and the locals that other uses keep in memory.
pub(super) struct Accesses {
    places: Vec<Option<Place>>,
    escapes: Vec<bool>,
    /// Loads and stores of each local and its parts.
    counts: Vec<usize>,
    dynamic: DynamicComponents,
}

impl Accesses {
    pub(super) fn of(function: &Function, types: &TypeTable, dynamic: DynamicComponents) -> Self {
        let mut accesses = Self {
            places: vec![None; function.insts.len()],
            escapes: vec![false; function.locals.len()],
            counts: vec![0; function.locals.len()],
            dynamic,
        };
        accesses.block(function, types, &function.body);
        accesses
    }

    /// The place that a value is the address of.
    pub(super) fn place(&self, value: Value) -> Option<&Place> {
        self.places.get(value.0 as usize)?.as_ref()
    }

    /// How many loads and stores there are, if every use of the local's address is one or leads to one.
    pub(super) fn access_count(&self, local: LocalId) -> Option<usize> {
        let index = local.0 as usize;
        (!self.escapes[index]).then(|| self.counts[index])
    }

    fn block(&mut self, function: &Function, types: &TypeTable, block: &Block) {
        for stmt in &block.0 {
            match stmt {
                Stmt::Eval(value) => self.eval(function, types, *value),
                Stmt::Store { ptr, value, .. } => {
                    self.count(*ptr);
                    self.escape(*value);
                    if self.place(*ptr).is_some_and(|place| place.dynamic.is_some()) {
                        self.escape(*ptr);
                    }
                }
                Stmt::LocalSet(local, value) => {
                    // Promoted already.
                    self.escapes[local.0 as usize] = true;
                    self.escape(*value);
                }
                Stmt::Return(Some(value), _) => self.escape(*value),
                Stmt::If { then, other, .. } => {
                    self.block(function, types, then);
                    self.block(function, types, other);
                }
                Stmt::Switch { sections, .. } => {
                    for section in sections {
                        self.block(function, types, &section.body);
                    }
                }
                Stmt::Loop { body, continuing, .. } => {
                    self.block(function, types, body);
                    self.block(function, types, continuing);
                }
                Stmt::Break | Stmt::Continue | Stmt::Return(None, _) => {}
            }
        }
    }

    fn eval(&mut self, function: &Function, types: &TypeTable, value: Value) {
        let inst = function.inst(value);
        let place = match &inst.op {
            Op::LocalAddr(local) => Some(Place { local: *local, steps: Vec::new(), dynamic: None }),
            Op::FieldAddr(base, field) => self.part(function, types, *base, *field, inst.ty),
            Op::ElementAddr(base, index) => match constant_index(function, types, *index) {
                Some(index) => self.part(function, types, *base, index, inst.ty),
                None => self.component(function, types, *base, *index),
            },
            Op::Load(ptr) => return self.count(*ptr),
            Op::LocalGet(local) => {
                self.escapes[local.0 as usize] = true;
                None
            }
            _ => None,
        };
        if place.is_none() {
            inst.op.for_each_operand(|operand| self.escape(operand));
        }
        self.places[value.0 as usize] = place;
    }

    /// The place of a part of what `base` is the address of; none if the part does not exist.
    fn part(
        &self,
        function: &Function,
        types: &TypeTable,
        base: Value,
        index: u32,
        ptr_type: TypeId,
    ) -> Option<Place> {
        types.part(pointee(types, function.inst(base).ty)?, index)?;
        let base = self.place(base).filter(|place| place.dynamic.is_none())?;
        let mut place = base.clone();
        place.steps.push(Step { index, ty: pointee(types, ptr_type)? });
        Some(place)
    }

    /// The place of a vector's component by run-time index.
    fn component(&self, function: &Function, types: &TypeTable, base: Value, index: Value) -> Option<Place> {
        let is_vector = matches!(types.get(pointee(types, function.inst(base).ty)?), Type::Vector { .. });
        let is_promoted = is_vector && self.dynamic == DynamicComponents::Promoted;
        let base = self.place(base).filter(|place| is_promoted && place.dynamic.is_none())?;
        Some(Place { dynamic: Some(index), ..base.clone() })
    }

    fn count(&mut self, ptr: Value) {
        if let Some(local) = self.place(ptr).map(|place| place.local) {
            self.counts[local.0 as usize] += 1;
        }
    }

    fn escape(&mut self, value: Value) {
        if let Some(local) = self.place(value).map(|place| place.local) {
            self.escapes[local.0 as usize] = true;
        }
    }
}

/// What a pointer type points to.
fn pointee(types: &TypeTable, ptr_type: TypeId) -> Option<TypeId> {
    match types.get(ptr_type) {
        Type::Pointer { pointee, .. } => Some(pointee),
        _ => None,
    }
}

/// The index that a value is, if it is a constant that some aggregate could have.
fn constant_index(function: &Function, types: &TypeTable, value: Value) -> Option<u32> {
    let inst = function.inst(value);
    match (&inst.op, types.get(inst.ty)) {
        (Op::Zero, _) => Some(0),
        (Op::Const(bits), Type::Scalar(scalar)) if scalar != Scalar::Bool => {
            // A negative index has its sign bit within the width and is no index.
            let is_negative = scalar.is_signed() && bits >> (scalar.size_bytes() * 8 - 1) != 0;
            u32::try_from(*bits).ok().filter(|_| !is_negative)
        }
        _ => None,
    }
}
