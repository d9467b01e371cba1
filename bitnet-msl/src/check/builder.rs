//! Makes one [`ir::Function`](Function) at a time: values, statements and nested blocks.
//!
//! Lowering opens a block, emits into it and closes it again; the closed block becomes part of an
//! `If`, `Loop` or `Switch` that is pushed into the block around it.
//!
//! **Invariant:** an instruction is emitted into the innermost open block, so its value dominates
//! everything that is emitted before that block closes.
//!
//! **Invariant:** types of functions, variables and instructions have no tags: what only the checker tells apart ends
//! here.

use crate::ir::{
    AddressSpace, BinaryOp, Block, CompareOp, Function, Inst, Local, LocalId, Op, Scalar, Stmt, Type, TypeId,
    TypeTable, Value,
};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The function under construction, and the types that it shares with the module.
#[derive(Debug)]
pub(crate) struct FunctionBuilder {
    types: TypeTable,
    function: Function,
    blocks: Vec<Block>,
    facts: Facts,
}

/// A function that waits while another one is built.
#[derive(Debug)]
pub(crate) struct SuspendedFunction {
    function: Function,
    blocks: Vec<Block>,
    facts: Facts,
}

/// What decides whether a function's code may be part of a constant expression, and is not in the IR.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Results of library functions.
    pub(crate) library_results: BTreeSet<Value>,
    /// What a function returns whose end was reached without `return`.
    pub(crate) missing_result: Option<Value>,
    /// `constexpr` variables that are no scalars: their bytes.
    pub(crate) constexpr_locals: BTreeMap<LocalId, Rc<[u8]>>,
    /// Variables of struct type that were declared without a value.
    pub(crate) unset_structs: BTreeSet<LocalId>,
}

impl Facts {
    /// Forgets what was said of values and variables from these numbers on.
    fn truncate(&mut self, insts: usize, locals: usize) {
        let (value, local) = (Value(insts as u32), LocalId(locals as u32));
        self.library_results.split_off(&value);
        self.constexpr_locals.split_off(&local);
        self.unset_structs.split_off(&local);
    }
}

/// A place in a function to which [`FunctionBuilder::rewind`] goes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    insts: usize,
    locals: usize,
    depth: usize,
    stmts: usize,
}

impl Mark {
    /// Whether the value is older than the mark.
    pub(crate) fn is_after(self, value: Value) -> bool {
        (value.0 as usize) < self.insts
    }

    /// Whether the variable is older than the mark.
    pub(crate) fn is_after_local(self, local: LocalId) -> bool {
        (local.0 as usize) < self.locals
    }
}

impl FunctionBuilder {
    /// A builder with an empty, nameless function.
    pub(crate) fn new(mut types: TypeTable) -> Self {
        let void = types.intern(Type::Void);
        let function = empty_function(String::new(), Vec::new(), void, Span::default());
        Self { types, function, blocks: vec![Block::default()], facts: Facts::default() }
    }

    /// Starts another function and returns the one that was under construction.
    pub(crate) fn begin_function(
        &mut self,
        name: String,
        params: Vec<TypeId>,
        ret: TypeId,
        span: Span,
    ) -> SuspendedFunction {
        let params = params.into_iter().map(|param| self.types.untagged(param)).collect();
        let ret = self.types.untagged(ret);
        let function = std::mem::replace(&mut self.function, empty_function(name, params, ret, span));
        let blocks = std::mem::replace(&mut self.blocks, vec![Block::default()]);
        SuspendedFunction { function, blocks, facts: std::mem::take(&mut self.facts) }
    }

    /// Ends the function under construction and goes on with the suspended one.
    pub(crate) fn finish_function(&mut self, suspended: SuspendedFunction) -> Function {
        while self.blocks.len() > 1 {
            self.end_block();
        }
        let blocks = std::mem::replace(&mut self.blocks, suspended.blocks);
        self.facts = suspended.facts;
        let mut done = std::mem::replace(&mut self.function, suspended.function);
        done.body = blocks.into_iter().next().unwrap_or_default();
        done
    }

    /// The types, to look up and intern.
    pub(crate) fn types(&mut self) -> &mut TypeTable {
        &mut self.types
    }

    /// The types, to read.
    pub(crate) fn type_table(&self) -> &TypeTable {
        &self.types
    }

    /// Hands the types over to the module.
    pub(crate) fn into_types(self) -> TypeTable {
        let mut types = self.types;
        types.drop_tagged();
        types
    }

    /// The function under construction. Its body is empty until it is finished.
    pub(crate) fn function(&self) -> &Function {
        &self.function
    }

    /// What is known of the function under construction.
    pub(crate) fn facts(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// What is known of the function under construction, to read.
    pub(crate) fn known_facts(&self) -> &Facts {
        &self.facts
    }

    /// The statements of the innermost open block since a mark that was made in it.
    pub(crate) fn stmts_since(&self, mark: Mark) -> &[Stmt] {
        let block = self.blocks.last().filter(|_| self.blocks.len() == mark.depth);
        block.and_then(|block| block.0.get(mark.stmts..)).unwrap_or_default()
    }

    /// Whether nothing but constants was emitted since the mark.
    pub(crate) fn holds_only_constants(&self, mark: Mark) -> bool {
        self.stmts_since(mark).iter().all(|stmt| match stmt {
            Stmt::Eval(value) => matches!(self.inst(*value).op, Op::Const(_) | Op::Zero),
            _ => false,
        })
    }

    /// Emits an instruction into the innermost open block.
    pub(crate) fn emit(&mut self, op: Op, ty: TypeId, span: Span) -> Value {
        let value = Value(self.function.insts.len() as u32);
        let ty = self.types.untagged(ty);
        self.function.insts.push(Inst { op, ty, span });
        self.push_stmt(Stmt::Eval(value));
        value
    }

    /// The instruction that defines a value.
    pub(crate) fn inst(&self, value: Value) -> &Inst {
        &self.function.insts[value.0 as usize]
    }

    /// The type of a value.
    pub(crate) fn type_of(&self, value: Value) -> TypeId {
        self.inst(value).ty
    }

    /// Appends a statement to the innermost open block.
    pub(crate) fn push_stmt(&mut self, stmt: Stmt) {
        if let Some(block) = self.blocks.last_mut() {
            block.0.push(stmt);
        }
    }

    /// Writes memory.
    pub(crate) fn store(&mut self, ptr: Value, value: Value, span: Span) {
        self.push_stmt(Stmt::Store { ptr, value, span });
    }

    /// Reads memory: the pointee of a pointer.
    pub(crate) fn load(&mut self, ptr: Value, span: Span) -> Value {
        let ty = self.pointee(ptr);
        self.emit(Op::Load(ptr), ty, span)
    }

    /// What a pointer value points to; the value's own type if it is no pointer.
    pub(crate) fn pointee(&self, ptr: Value) -> TypeId {
        let ty = self.type_of(ptr);
        match self.types.get(ty) {
            Type::Pointer { pointee, .. } => pointee,
            _ => ty,
        }
    }

    /// Opens a block nested in the innermost one.
    pub(crate) fn begin_block(&mut self) {
        self.blocks.push(Block::default());
    }

    /// Closes the innermost block. The function's outermost block stays open.
    pub(crate) fn end_block(&mut self) -> Block {
        if self.blocks.len() > 1 { self.blocks.pop().unwrap_or_default() } else { Block::default() }
    }

    /// Opens a block again that was closed, to append to it.
    pub(crate) fn reopen_block(&mut self, block: Block) {
        self.blocks.push(block);
    }

    /// Appends the statements of a closed block to the innermost open one.
    pub(crate) fn append_block(&mut self, block: Block) {
        if let Some(open) = self.blocks.last_mut() {
            open.0.extend(block.0);
        }
    }

    /// Whether the block may run when its result is not wanted: it only computes and reads variables
    /// of this thread.
    pub(crate) fn is_speculatable(&self, block: &Block) -> bool {
        block.0.iter().all(|stmt| match stmt {
            Stmt::Eval(value) => match &self.inst(*value).op {
                Op::Load(ptr) => matches!(self.inst(*ptr).op, Op::LocalAddr(_)),
                op => op.is_pure(),
            },
            _ => false,
        })
    }

    /// Remembers where the function stands.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            insts: self.function.insts.len(),
            locals: self.function.locals.len(),
            depth: self.blocks.len(),
            stmts: self.blocks.last().map_or(0, |b| b.0.len()),
        }
    }

    /// Forgets everything that was emitted since the mark: for operands that are looked at but not
    /// evaluated, as in `decltype` and `sizeof`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.blocks.truncate(mark.depth);
        if let Some(block) = self.blocks.last_mut() {
            block.0.truncate(mark.stmts);
        }
        self.function.insts.truncate(mark.insts);
        self.function.locals.truncate(mark.locals);
        self.facts.truncate(mark.insts, mark.locals);
    }

    /// Adds a variable.
    pub(crate) fn new_local(&mut self, name: impl Into<String>, ty: TypeId, span: Span) -> LocalId {
        let ty = self.types.untagged(ty);
        self.function.locals.push(Local { name: name.into(), ty, span });
        LocalId(self.function.locals.len() as u32 - 1)
    }

    /// Adds a variable and returns its address.
    pub(crate) fn new_local_addr(&mut self, name: impl Into<String>, ty: TypeId, span: Span) -> Value {
        let local = self.new_local(name, ty, span);
        self.local_addr(local, span)
    }

    /// The address of a variable.
    pub(crate) fn local_addr(&mut self, local: LocalId, span: Span) -> Value {
        let ty = self.function.locals[local.0 as usize].ty;
        let ty = self.pointer_type(AddressSpace::Thread, ty, false);
        self.emit(Op::LocalAddr(local), ty, span)
    }

    /// `void`.
    pub(crate) fn void_type(&mut self) -> TypeId {
        self.types.intern(Type::Void)
    }

    /// A scalar type.
    pub(crate) fn scalar_type(&mut self, scalar: Scalar) -> TypeId {
        self.types.intern(Type::Scalar(scalar))
    }

    /// A vector type; the scalar type when `len` is 1.
    pub(crate) fn vector_type(&mut self, elem: Scalar, len: u8) -> TypeId {
        if len == 1 {
            return self.scalar_type(elem);
        }
        self.types.intern(Type::Vector { elem, len, packed: false })
    }

    /// A pointer type. Constant memory is always `const`, so that each such pointer has one type.
    pub(crate) fn pointer_type(&mut self, space: AddressSpace, pointee: TypeId, is_const: bool) -> TypeId {
        let is_const = is_const || space == AddressSpace::Constant;
        self.types.intern(Type::Pointer { space, pointee, is_const })
    }

    /// A scalar constant from its bits.
    pub(crate) fn const_scalar(&mut self, scalar: Scalar, bits: u64, span: Span) -> Value {
        let ty = self.scalar_type(scalar);
        self.emit(Op::Const(bits), ty, span)
    }

    /// A `bool` constant.
    pub(crate) fn const_bool(&mut self, value: bool, span: Span) -> Value {
        self.const_scalar(Scalar::Bool, u64::from(value), span)
    }

    /// An `int` constant.
    pub(crate) fn const_i32(&mut self, value: i32, span: Span) -> Value {
        self.const_scalar(Scalar::I32, u64::from(value as u32), span)
    }

    /// A `uint` constant.
    #[cfg(test)]
    pub(crate) fn const_u32(&mut self, value: u32, span: Span) -> Value {
        self.const_scalar(Scalar::U32, u64::from(value), span)
    }

    /// A `float` constant.
    #[cfg(test)]
    pub(crate) fn const_f32(&mut self, value: f32, span: Span) -> Value {
        self.const_scalar(Scalar::F32, u64::from(value.to_bits()), span)
    }

    /// The zero value of a type.
    pub(crate) fn zero(&mut self, ty: TypeId, span: Span) -> Value {
        self.emit(Op::Zero, ty, span)
    }

    /// A vector of equal components. `ty` is the vector type; a scalar type gives the value itself.
    pub(crate) fn splat(&mut self, value: Value, ty: TypeId, span: Span) -> Value {
        match self.types.get(ty) {
            Type::Vector { .. } => self.emit(Op::Splat(value), ty, span),
            _ => value,
        }
    }

    /// A binary operation; the result has the operands' type.
    pub(crate) fn binary(&mut self, op: BinaryOp, a: Value, b: Value, span: Span) -> Value {
        let ty = self.type_of(a);
        self.emit(Op::Binary(op, a, b), ty, span)
    }

    /// A comparison; the result is `bool`, or a vector of `bool` for vectors.
    pub(crate) fn compare(&mut self, op: CompareOp, a: Value, b: Value, span: Span) -> Value {
        let len = match self.types.get(self.type_of(a)) {
            Type::Vector { len, .. } => len,
            _ => 1,
        };
        let ty = self.vector_type(Scalar::Bool, len);
        self.emit(Op::Compare(op, a, b), ty, span)
    }

    /// The address of a struct's field.
    pub(crate) fn field_addr(&mut self, ptr: Value, field: u32, span: Span) -> Value {
        let field_ty = match self.types.get(self.pointee(ptr)) {
            Type::Struct(id) => self.types.get_struct(id).fields.get(field as usize).map(|f| f.ty),
            _ => None,
        };
        let field_ty = field_ty.unwrap_or_else(|| self.pointee(ptr));
        let ty = self.part_pointer(ptr, field_ty);
        self.emit(Op::FieldAddr(ptr, field), ty, span)
    }

    /// The address of an element of an array, a component of a vector or a column of a matrix.
    pub(crate) fn element_addr(&mut self, ptr: Value, index: Value, span: Span) -> Value {
        let elem = self.element_type(self.pointee(ptr));
        let ty = self.part_pointer(ptr, elem);
        self.emit(Op::ElementAddr(ptr, index), ty, span)
    }

    /// A part of an aggregate value by constant index.
    pub(crate) fn extract(&mut self, value: Value, index: u32, span: Span) -> Value {
        let ty = match self.types.get(self.type_of(value)) {
            Type::Struct(id) => self.types.get_struct(id).fields.get(index as usize).map(|f| f.ty),
            _ => None,
        };
        let ty = ty.unwrap_or_else(|| self.element_type(self.type_of(value)));
        self.emit(Op::Extract(value, index), ty, span)
    }

    /// The type of the parts of an array, vector or matrix; the type itself for others.
    pub(crate) fn element_type(&mut self, ty: TypeId) -> TypeId {
        match self.types.get(ty) {
            Type::Array { elem, .. } => elem,
            Type::Vector { elem, .. } => self.scalar_type(elem),
            Type::Matrix { elem, rows, .. } => self.vector_type(elem, rows),
            _ => ty,
        }
    }

    /// A pointer to a part of what `ptr` points to, with the same space and constness.
    fn part_pointer(&mut self, ptr: Value, part: TypeId) -> TypeId {
        match self.types.get(self.type_of(ptr)) {
            Type::Pointer { space, is_const, .. } => self.pointer_type(space, part, is_const),
            _ => part,
        }
    }
}

fn empty_function(name: String, params: Vec<TypeId>, ret: TypeId, span: Span) -> Function {
    Function { name, params, ret, locals: Vec::new(), insts: Vec::new(), body: Block::default(), span }
}
