//! Replaces loads and stores of promoted locals by reads and writes of values.

use super::super::{Block, Function, Inst, Op, Stmt, Type, TypeId, TypeTable, Value};
use super::access::{Accesses, Place};
use super::{Leaf, Plan};
use crate::source::Span;

/// Rewrites the body by the plans (one a local; `None` stays in memory).
pub(super) fn rewrite(
    function: &mut Function,
    types: &TypeTable,
    accesses: &Accesses,
    plans: &[Option<Plan>],
) {
    let body = std::mem::take(&mut function.body);
    let mut rewriter = Rewriter { function, types, accesses, plans, out: Vec::new() };
    let body = rewriter.block(body);
    function.body = body;
}

struct Rewriter<'a> {
    function: &'a mut Function,
    types: &'a TypeTable,
    accesses: &'a Accesses,
    plans: &'a [Option<Plan>],
    /// The block under construction.
    out: Vec<Stmt>,
}

impl<'a> Rewriter<'a> {
    fn block(&mut self, block: Block) -> Block {
        let outer = std::mem::take(&mut self.out);
        for stmt in block.0 {
            self.stmt(stmt);
        }
        Block(std::mem::replace(&mut self.out, outer))
    }

    fn stmt(&mut self, stmt: Stmt) {
        let stmt = match stmt {
            Stmt::Eval(value) => return self.eval(value),
            Stmt::Store { ptr, value, span } => match self.promoted(ptr) {
                Some((place, plan)) => return self.store(place, plan, value, span),
                None => stmt,
            },
            Stmt::If { cond, then, other, span } => {
                Stmt::If { cond, then: self.block(then), other: self.block(other), span }
            }
            Stmt::Switch { selector, mut sections, span } => {
                for section in &mut sections {
                    section.body = self.block(std::mem::take(&mut section.body));
                }
                Stmt::Switch { selector, sections, span }
            }
            Stmt::Loop { body, continuing, span } => {
                Stmt::Loop { body: self.block(body), continuing: self.block(continuing), span }
            }
            Stmt::LocalSet(..) | Stmt::Break | Stmt::Continue | Stmt::Return(..) => stmt,
        };
        self.out.push(stmt);
    }

    fn eval(&mut self, value: Value) {
        if self.promoted(value).is_some() {
            return;
        }
        let inst = self.function.inst(value);
        let span = inst.span;
        if let Op::Load(ptr) = inst.op
            && let Some((place, plan)) = self.promoted(ptr)
        {
            let op = self.load(place, plan, span);
            self.function.insts[value.0 as usize].op = op;
        }
        self.out.push(Stmt::Eval(value));
    }

    /// The place and plan of an address, if its local is promoted.
    fn promoted(&self, address: Value) -> Option<(&'a Place, &'a Plan)> {
        let place = self.accesses.place(address)?;
        let plan = self.plans[place.local.0 as usize].as_ref()?;
        Some((place, plan))
    }

    fn emit(&mut self, op: Op, ty: TypeId, span: Span) -> Value {
        let value = Value(self.function.insts.len() as u32);
        self.function.insts.push(Inst { op, ty, span });
        self.out.push(Stmt::Eval(value));
        value
    }

    /// The op that reads a place; what it needs is emitted before.
    fn load(&mut self, place: &Place, plan: &Plan, span: Span) -> Op {
        let path = place.path();
        let Some(leaf) = plan.leaf_on(&path) else {
            return Op::Compose(self.read_parts(plan, &path, place_type(self.function, place), span));
        };
        let mut op = Op::LocalGet(leaf.local);
        let mut ty = leaf.ty;
        for step in &place.steps[leaf.path.len()..] {
            let whole = self.emit(op, ty, span);
            op = Op::Extract(whole, step.index);
            ty = step.ty;
        }
        match place.dynamic {
            None => op,
            Some(index) => Op::ExtractDynamic(self.emit(op, ty, span), index),
        }
    }

    /// Reads the parts of an aggregate at a path.
    fn read_parts(&mut self, plan: &Plan, path: &[u32], ty: TypeId, span: Span) -> Vec<Value> {
        let parts: Vec<_> = part_types(ty, self.types).into_iter().enumerate().collect();
        parts
            .into_iter()
            .map(|(index, part)| {
                let path = [path, &[index as u32]].concat();
                let op = match plan.leaf_at(&path) {
                    Some(leaf) => Op::LocalGet(leaf.local),
                    None => Op::Compose(self.read_parts(plan, &path, part, span)),
                };
                self.emit(op, part, span)
            })
            .collect()
    }

    fn store(&mut self, place: &Place, plan: &Plan, value: Value, span: Span) {
        let path = place.path();
        match plan.leaf_on(&path) {
            Some(leaf) => self.store_in_leaf(place, leaf, value, span),
            None => self.write_parts(plan, &path, value, span),
        }
    }

    /// Sets a leaf, or a component of it: the parts on the way are taken out, changed and put back.
    fn store_in_leaf(&mut self, place: &Place, leaf: &Leaf, value: Value, span: Span) {
        let inner = &place.steps[leaf.path.len()..];
        let mut wholes: Vec<(Value, TypeId)> = Vec::with_capacity(inner.len());
        for (depth, _) in inner.iter().enumerate() {
            let (op, ty) = match depth {
                0 => (Op::LocalGet(leaf.local), leaf.ty),
                _ => (Op::Extract(wholes[depth - 1].0, inner[depth - 1].index), inner[depth - 1].ty),
            };
            wholes.push((self.emit(op, ty, span), ty));
        }
        let changed = inner.iter().zip(wholes).rev().fold(value, |part, (step, (whole, ty))| {
            self.emit(Op::Insert(whole, part, step.index), ty, span)
        });
        self.out.push(Stmt::LocalSet(leaf.local, changed));
    }

    /// Sets the leaves below a path from the parts of an aggregate value.
    fn write_parts(&mut self, plan: &Plan, path: &[u32], value: Value, span: Span) {
        let ty = self.function.inst(value).ty;
        for (index, part) in part_types(ty, self.types).into_iter().enumerate() {
            let path = [path, &[index as u32]].concat();
            let part = self.part_of(value, index as u32, part, span);
            match plan.leaf_at(&path) {
                Some(leaf) => self.out.push(Stmt::LocalSet(leaf.local, part)),
                None => self.write_parts(plan, &path, part, span),
            }
        }
    }

    /// A part of an aggregate value, without taking apart what has just been put together.
    fn part_of(&mut self, value: Value, index: u32, ty: TypeId, span: Span) -> Value {
        match &self.function.inst(value).op {
            Op::Compose(parts) => parts[index as usize],
            Op::Zero => self.emit(Op::Zero, ty, span),
            _ => self.emit(Op::Extract(value, index), ty, span),
        }
    }
}

/// The type of what lies at a place without run-time index.
fn place_type(function: &Function, place: &Place) -> TypeId {
    match place.steps.last() {
        Some(step) => step.ty,
        None => function.locals[place.local.0 as usize].ty,
    }
}

/// The types of an array's elements or a struct's members.
fn part_types(ty: TypeId, types: &TypeTable) -> Vec<TypeId> {
    match types.get(ty) {
        Type::Array { elem, len } => vec![elem; len as usize],
        Type::Struct(id) => types.get_struct(id).fields.iter().map(|field| field.ty).collect(),
        _ => Vec::new(),
    }
}
