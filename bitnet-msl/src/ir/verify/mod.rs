//! Checks that a module keeps the rules of the IR, so that what executes it need not.
//!
//! Here: scopes, statements, locals, kernels, globals. `ops` has the types of each op, `functions`
//! those of the mathematical and lane functions, `types` the table of types.
//!
//! **Invariant:** a module that passes holds no index out of range, so every look-up by id succeeds.

mod functions;
mod ops;
mod types;

use super::{
    Binding, Block, Conversion, Function, GlobalKind, Inst, Kernel, LocalId, Module, Op, Scalar, Stmt,
    SwitchSection, Type, TypeId, Value, int_range,
};
use std::collections::HashSet;
use std::fmt;

/// A rule of the IR that a module breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The function (or `kernel k`, `global g`) that breaks it.
    pub function: String,
    /// The value at which it does, if it is about one.
    pub value: Option<Value>,
    /// The rule, in words.
    pub rule: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}", self.function)?;
        if let Some(value) = self.value {
            write!(f, " at %{}", value.0)?;
        }
        write!(f, ": {}", self.rule)
    }
}

impl std::error::Error for VerifyError {}

/// A broken rule, before the verifier knows whose it is.
type Check = Result<(), String>;

/// Fails with a rule unless the condition holds.
fn require(condition: bool, rule: &str) -> Check {
    if condition { Ok(()) } else { Err(rule.to_string()) }
}

/// Checks every rule that `ir` and `ir::op` state. The first broken one is returned.
pub fn verify(module: &Module) -> Result<(), VerifyError> {
    types::table(&module.types).map_err(blame("the types", None))?;
    types::named(module).map_err(blame("the module", None))?;
    for global in &module.globals {
        let rule = match &global.kind {
            GlobalKind::Constant(bytes) => require(
                bytes.len() == module.types.size_bytes(global.ty) as usize,
                "a constant has as many bytes as its type",
            ),
            GlobalKind::Threadgroup => Ok(()),
        };
        rule.map_err(blame(&format!("global {}", global.name), None))?;
    }
    for (index, message) in module.messages.iter().enumerate() {
        let is_bounded =
            |c: &Conversion| c.width.max(c.precision.unwrap_or(0)) <= super::MAX_CONVERSION_WIDTH;
        let has_logger = message.logger.is_none_or(|id| (id.0 as usize) < module.loggers.len());
        let rule = require(has_logger, "a message's logger exists").and_then(|()| {
            require(message.conversions().all(is_bounded), "widths and precisions are bounded")
        });
        rule.map_err(blame(&format!("message {index}"), None))?;
    }
    for function in &module.functions {
        verify_function(module, function)?;
    }
    let mut names = HashSet::new();
    for kernel in &module.kernels {
        let rule = require(names.insert(&kernel.name), "kernels have different names")
            .and_then(|()| verify_kernel(module, kernel));
        rule.map_err(blame(&format!("kernel {}", kernel.name), None))?;
    }
    Ok(())
}

/// Checks one function of a module.
pub(super) fn verify_function(module: &Module, function: &Function) -> Result<(), VerifyError> {
    let mut verifier = FunctionVerifier::new(module, function);
    let result = verifier.function();
    result.map_err(blame(&function.name, verifier.current))
}

/// Makes a broken rule an error about a function.
fn blame(function: &str, value: Option<Value>) -> impl FnOnce(String) -> VerifyError {
    let function = function.to_string();
    move |rule| VerifyError { function, value, rule }
}

fn verify_kernel(module: &Module, kernel: &Kernel) -> Check {
    let Some(function) = module.functions.get(kernel.function.0 as usize) else {
        return Err("a kernel's function exists".into());
    };
    require(module.types.get(function.ret) == Type::Void, "a kernel returns void")?;
    require(kernel.params.len() == function.params.len(), "a kernel has as many parameters as its function")?;
    let (mut buffers, mut threadgroups) = (HashSet::new(), HashSet::new());
    for (param, &ty) in kernel.params.iter().zip(&function.params) {
        require(param.ty == ty, "a kernel's parameters have the types of its function's")?;
        let space = match module.types.get(ty) {
            Type::Pointer { space, .. } => Some(space),
            _ => None,
        };
        use super::AddressSpace::{Constant, Device, Threadgroup};
        match param.binding {
            Binding::Buffer { index, .. } => {
                require(index <= 30 && buffers.insert(index), "buffer indices differ and are at most 30")?;
                require(matches!(space, Some(Device | Constant)), "buffers are device or constant pointers")?;
            }
            Binding::Threadgroup { index } => {
                require(
                    index <= 30 && threadgroups.insert(index),
                    "threadgroup indices differ and are at most 30",
                )?;
                require(space == Some(Threadgroup), "threadgroup parameters are threadgroup pointers")?;
            }
            Binding::Attribute(attribute) => verify_attribute(attribute.is_vector(), module.types.get(ty))?,
        }
    }
    Ok(())
}

fn verify_attribute(may_be_vector: bool, ty: Type) -> Check {
    let (elem, len) = match ty {
        Type::Scalar(elem) => (elem, 1),
        Type::Vector { elem, len, packed: false } => (elem, len),
        _ => return Err("attributes are ushort or uint scalars or vectors".into()),
    };
    require(matches!(elem, Scalar::U16 | Scalar::U32), "attributes are ushort or uint scalars or vectors")?;
    require(
        len == 1 || (may_be_vector && len <= 3),
        "positions and sizes have up to three components, indices one",
    )
}

/// What `Break` and `Continue` would leave.
#[derive(Clone, Copy, Default)]
struct Targets {
    may_break: bool,
    may_continue: bool,
}

/// How a local is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LocalUse {
    Unused,
    ByAddress,
    ByValue,
}

/// Walks one function.
struct FunctionVerifier<'m> {
    module: &'m Module,
    function: &'m Function,
    /// Values that some `Eval` has defined.
    defined: Vec<bool>,
    /// Those of them that may be used here.
    visible: Vec<bool>,
    locals: Vec<LocalUse>,
    /// The value that is being checked, for the error.
    current: Option<Value>,
}

impl<'m> FunctionVerifier<'m> {
    fn new(module: &'m Module, function: &'m Function) -> Self {
        let count = function.insts.len();
        Self {
            module,
            function,
            defined: vec![false; count],
            visible: vec![false; count],
            locals: vec![LocalUse::Unused; function.locals.len()],
            current: None,
        }
    }

    fn function(&mut self) -> Check {
        for local in &self.function.locals {
            require(self.ty(local.ty) != Type::Void, "a local has a type that can be stored")?;
        }
        self.block(&self.function.body, Targets::default())?;
        if let Some(missing) = self.defined.iter().position(|defined| !defined) {
            self.current = Some(Value(missing as u32));
            return Err("every instruction is evaluated once".into());
        }
        Ok(())
    }

    /// Checks a block; what it defines goes out of scope at its end.
    fn block(&mut self, block: &Block, targets: Targets) -> Check {
        let mut defined_here = Vec::new();
        for stmt in &block.0 {
            self.current = None;
            self.stmt(stmt, targets)?;
            if let Stmt::Eval(value) = stmt {
                defined_here.push(*value);
            }
        }
        for value in defined_here {
            self.visible[value.0 as usize] = false;
        }
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt, targets: Targets) -> Check {
        match stmt {
            Stmt::Eval(value) => self.eval(*value),
            Stmt::LocalSet(local, value) => self.local_set(*local, *value),
            Stmt::Store { ptr, value, .. } => self.store(*ptr, *value),
            Stmt::If { cond, then, other, .. } => {
                self.used(*cond)?;
                require(
                    self.type_of(*cond) == Type::Scalar(Scalar::Bool),
                    "the condition of an if is a bool",
                )?;
                self.block(then, targets)?;
                self.block(other, targets)
            }
            Stmt::Switch { selector, sections, .. } => self.switch(*selector, sections, targets),
            Stmt::Loop { body, continuing, .. } => {
                self.block(body, Targets { may_break: true, may_continue: true })?;
                self.block(continuing, Targets { may_break: true, may_continue: false })
            }
            Stmt::Break => require(targets.may_break, "break stands in a loop or switch"),
            Stmt::Continue => require(
                targets.may_continue,
                "continue stands in the body of a loop, not in its continuing block",
            ),
            Stmt::Return(value, _) => self.return_value(*value),
        }
    }

    fn eval(&mut self, value: Value) -> Check {
        self.current = Some(value);
        let Some(inst) = self.function.insts.get(value.0 as usize) else {
            return Err("an evaluated value has an instruction".into());
        };
        require(!self.defined[value.0 as usize], "a value is defined once")?;
        self.operands(inst)?;
        self.note_local(&inst.op)?;
        ops::check(self, inst)?;
        self.defined[value.0 as usize] = true;
        self.visible[value.0 as usize] = true;
        Ok(())
    }

    fn operands(&self, inst: &Inst) -> Check {
        let mut result = Ok(());
        inst.op.for_each_operand(|operand| {
            if result.is_ok() {
                result = self.used(operand);
            }
        });
        result
    }

    /// A use of a value: it is in scope and not void.
    fn used(&self, value: Value) -> Check {
        let in_scope = self.visible.get(value.0 as usize).copied().unwrap_or(false);
        if !in_scope {
            return Err(format!(
                "a value (%{}) is used after its definition, in its block or deeper",
                value.0
            ));
        }
        require(self.type_of(value) != Type::Void, "an operand has a value")
    }

    fn note_local(&mut self, op: &Op) -> Check {
        match op {
            Op::LocalAddr(local) => self.use_local(*local, LocalUse::ByAddress),
            Op::LocalGet(local) => self.use_local(*local, LocalUse::ByValue),
            _ => Ok(()),
        }
    }

    fn use_local(&mut self, local: LocalId, how: LocalUse) -> Check {
        let Some(known) = self.locals.get_mut(local.0 as usize) else {
            return Err("a local exists".into());
        };
        require(
            *known == LocalUse::Unused || *known == how,
            "a local is used by value or by address, never both",
        )?;
        *known = how;
        Ok(())
    }

    fn local_set(&mut self, local: LocalId, value: Value) -> Check {
        self.used(value)?;
        self.use_local(local, LocalUse::ByValue)?;
        let ty = self.function.locals[local.0 as usize].ty;
        require(self.function.inst(value).ty == ty, "a local is set to a value of its type")
    }

    fn store(&self, ptr: Value, value: Value) -> Check {
        self.used(ptr)?;
        self.used(value)?;
        let Type::Pointer { space, pointee, is_const } = self.type_of(ptr) else {
            return Err("a store goes through a pointer".into());
        };
        require(
            !is_const && space != super::AddressSpace::Constant,
            "a store goes to memory that may be written",
        )?;
        require(self.function.inst(value).ty == pointee, "a store's value has the pointee's type")?;
        require(!matches!(self.ty(pointee), Type::Atomic(_)), "atomics are accessed by atomic ops alone")
    }

    fn switch(&mut self, selector: Value, sections: &[SwitchSection], targets: Targets) -> Check {
        self.used(selector)?;
        let scalar = match self.type_of(selector) {
            Type::Scalar(s @ (Scalar::I32 | Scalar::U32 | Scalar::I64 | Scalar::U64)) => s,
            _ => return Err("a switch selects on int, uint, long or ulong".into()),
        };
        let mut seen = HashSet::new();
        let mut defaults = 0;
        for section in sections {
            for &value in &section.values {
                require(seen.insert(value), "the values of a switch differ")?;
                // `ulong` values are kept as their bits.
                let in_range = scalar == Scalar::U64
                    || int_range(scalar).is_some_and(|(lo, hi)| (lo..=hi).contains(&i128::from(value)));
                require(in_range, "the values of a switch fit its selector")?;
            }
            defaults += usize::from(section.is_default);
            self.block(&section.body, Targets { may_break: true, ..targets })?;
        }
        require(defaults <= 1, "a switch has one default at most")
    }

    fn return_value(&self, value: Option<Value>) -> Check {
        match value {
            None => {
                require(self.ty(self.function.ret) == Type::Void, "a function returns a value of its type")
            }
            Some(value) => {
                self.used(value)?;
                let matches = self.function.inst(value).ty == self.function.ret;
                require(matches, "a function returns a value of its type")
            }
        }
    }

    fn ty(&self, id: TypeId) -> Type {
        self.module.types.get(id)
    }

    fn type_of(&self, value: Value) -> Type {
        self.ty(self.function.inst(value).ty)
    }
}

#[cfg(test)]
mod tests;
