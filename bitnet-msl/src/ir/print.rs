//! Prints IR as stable, readable text, for golden tests and for people.
//!
//! ```text
//! fn f0 scale(device float *, float) -> void {
//!   %0: device float * = param 0
//!   %1: float = load %0
//!   %2: float = param 1
//!   %3: float = mul %1, %2
//!   store %0, %3
//!   return
//! }
//! ```

use super::{
    BarrierScope, Binding, Block, Function, Global, GlobalKind, Inst, Kernel, LaneScope, Logger, Message,
    Module, Op, Precision, Scalar, Stmt, SwitchSection, Type, TypeId, TypeTable, Value,
};
use std::fmt::Write;

/// The text of a module.
pub fn print(module: &Module) -> String {
    let mut out = String::new();
    for (index, global) in module.globals.iter().enumerate() {
        print_global(&mut out, index, global, &module.types);
    }
    for (index, constant) in module.function_constants.iter().enumerate() {
        let ty = module.types.display(constant.ty);
        line(&mut out, 0, &format!("function_constant c{index} {}: {ty} [[{}]]", constant.name, constant.id));
    }
    for (index, Logger { subsystem, category }) in module.loggers.iter().enumerate() {
        line(&mut out, 0, &format!("logger o{index} {subsystem:?} {category:?}"));
    }
    for (index, message) in module.messages.iter().enumerate() {
        print_message(&mut out, index, message);
    }
    for (index, function) in module.functions.iter().enumerate() {
        out.push_str(&format!("fn f{index} "));
        out.push_str(&print_function(function, &module.types));
    }
    for kernel in &module.kernels {
        print_kernel(&mut out, kernel, &module.types);
    }
    out
}

/// The text of one function, from its name on.
pub fn print_function(function: &Function, types: &TypeTable) -> String {
    let mut printer = Printer { function, types, out: String::new(), depth: 1 };
    let params: Vec<_> = function.params.iter().map(|&ty| types.display(ty)).collect();
    let ret = types.display(function.ret);
    printer.out.push_str(&format!("{}({}) -> {ret} {{\n", function.name, params.join(", ")));
    for (index, local) in function.locals.iter().enumerate() {
        printer.line(&format!("local l{index} {}: {}", local.name, types.display(local.ty)));
    }
    printer.block(&function.body);
    printer.out.push_str("}\n");
    printer.out
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:1$}{text}", "", depth * 2);
}

fn print_global(out: &mut String, index: usize, global: &Global, types: &TypeTable) {
    let ty = types.display(global.ty);
    let text = match &global.kind {
        GlobalKind::Threadgroup => format!("threadgroup g{index} {}: {ty}", global.name),
        GlobalKind::Constant(bytes) => {
            let bytes: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("constant g{index} {}: {ty} = {bytes}", global.name)
        }
    };
    line(out, 0, &text);
}

fn print_message(out: &mut String, index: usize, message: &Message) {
    let logger = message.logger.map_or("default".to_string(), |logger| format!("o{}", logger.0));
    let format = message.to_string();
    line(out, 0, &format!("message m{index} {} {logger}: {format:?}", message.level.mnemonic()));
}

fn print_kernel(out: &mut String, kernel: &Kernel, types: &TypeTable) {
    let limit = match kernel.max_total_threads_per_threadgroup {
        Some(threads) => format!(" max_total_threads {threads}"),
        None => String::new(),
    };
    line(out, 0, &format!("kernel {} = f{}{limit} {{", kernel.name, kernel.function.0));
    for param in &kernel.params {
        let binding = match param.binding {
            Binding::Buffer { index, is_reference: false } => format!("buffer {index}"),
            Binding::Buffer { index, is_reference: true } => format!("buffer {index} reference"),
            Binding::Threadgroup { index } => format!("threadgroup {index}"),
            Binding::Attribute(attribute) => attribute.mnemonic().to_string(),
        };
        line(out, 1, &format!("{}: {} = {binding}", param.name, types.display(param.ty)));
    }
    line(out, 0, "}");
}

struct Printer<'m> {
    function: &'m Function,
    types: &'m TypeTable,
    out: String,
    depth: usize,
}

impl Printer<'_> {
    fn line(&mut self, text: &str) {
        line(&mut self.out, self.depth, text);
    }

    fn block(&mut self, block: &Block) {
        for stmt in &block.0 {
            self.stmt(stmt);
        }
    }

    fn nested(&mut self, block: &Block) {
        self.depth += 1;
        self.block(block);
        self.depth -= 1;
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Eval(value) => self.eval(*value),
            Stmt::LocalSet(local, value) => self.line(&format!("l{} = {}", local.0, name(*value))),
            Stmt::Store { ptr, value, .. } => self.line(&format!("store {}, {}", name(*ptr), name(*value))),
            Stmt::If { cond, then, other, .. } => self.branch(*cond, then, other),
            Stmt::Switch { selector, sections, .. } => self.switch(*selector, sections),
            Stmt::Loop { body, continuing, .. } => {
                self.line("loop {");
                self.nested(body);
                if !continuing.0.is_empty() {
                    self.line("} continuing {");
                    self.nested(continuing);
                }
                self.line("}");
            }
            Stmt::Break => self.line("break"),
            Stmt::Continue => self.line("continue"),
            Stmt::Return(None, _) => self.line("return"),
            Stmt::Return(Some(value), _) => self.line(&format!("return {}", name(*value))),
        }
    }

    fn branch(&mut self, cond: Value, then: &Block, other: &Block) {
        self.line(&format!("if {} {{", name(cond)));
        self.nested(then);
        if !other.0.is_empty() {
            self.line("} else {");
            self.nested(other);
        }
        self.line("}");
    }

    fn switch(&mut self, selector: Value, sections: &[SwitchSection]) {
        self.line(&format!("switch {} {{", name(selector)));
        self.depth += 1;
        for section in sections {
            let values = section.values.iter().map(|value| format!("case {value}"));
            let default = section.is_default.then(|| "default".to_string());
            let labels: Vec<_> = values.chain(default).collect();
            self.line(&format!("{}:", labels.join(", ")));
            self.nested(&section.body);
        }
        self.depth -= 1;
        self.line("}");
    }

    fn eval(&mut self, value: Value) {
        let text = match self.function.insts.get(value.0 as usize) {
            Some(inst) => format!("{}{}", self.result(value, inst.ty), inst_text(inst, self.types)),
            // Verification refuses it; the printer shows it.
            None => format!("{} = ?", name(value)),
        };
        self.line(&text);
    }

    fn result(&self, value: Value, ty: TypeId) -> String {
        match self.types.get(ty) {
            Type::Void => format!("{} = ", name(value)),
            _ => format!("{}: {} = ", name(value), self.types.display(ty)),
        }
    }
}

fn name(value: Value) -> String {
    format!("%{}", value.0)
}

/// An instruction: mnemonic, operands, then whatever else the op holds.
fn inst_text(inst: &Inst, types: &TypeTable) -> String {
    let mut parts = Vec::new();
    inst.op.for_each_operand(|operand| parts.push(name(operand)));
    parts.extend(immediate(&inst.op, inst.ty, types));
    let mnemonic = mnemonic(&inst.op);
    if parts.is_empty() { mnemonic } else { format!("{mnemonic} {}", parts.join(", ")) }
}

/// What an op holds beside operands.
fn immediate(op: &Op, ty: TypeId, types: &TypeTable) -> Option<String> {
    match op {
        Op::Const(bits) => Some(match types.get(ty) {
            Type::Scalar(scalar) => constant(scalar, *bits),
            _ => format!("{bits:#x}"),
        }),
        Op::Param(index) => Some(index.to_string()),
        Op::FunctionConstant(id) | Op::IsFunctionConstantDefined(id) => Some(format!("c{}", id.0)),
        Op::GlobalAddr(id) => Some(format!("g{}", id.0)),
        Op::LocalAddr(id) | Op::LocalGet(id) => Some(format!("l{}", id.0)),
        Op::Extract(_, index) | Op::Insert(_, _, index) | Op::FieldAddr(_, index) => Some(index.to_string()),
        Op::Swizzle(_, order) => {
            let len = types.part_count(ty).unwrap_or(4) as usize;
            Some(order.iter().take(len).map(|&i| ['x', 'y', 'z', 'w'][usize::from(i) % 4]).collect())
        }
        Op::Barrier(_, flags) => Some(
            match (flags.device, flags.threadgroup) {
                (false, false) => "mem_none",
                (true, false) => "mem_device",
                (false, true) => "mem_threadgroup",
                (true, true) => "mem_device|mem_threadgroup",
            }
            .to_string(),
        ),
        Op::Log(message, _) => Some(format!("m{}", message.0)),
        Op::Call(function, _) => Some(format!("f{}", function.0)),
        _ => None,
    }
}

/// A scalar constant as MSL would write it; 16-bit floats and NaN by their bits.
fn constant(scalar: Scalar, bits: u64) -> String {
    match scalar {
        Scalar::Bool => (bits != 0).to_string(),
        Scalar::F32 if !f32::from_bits(bits as u32).is_nan() => format!("{:?}", f32::from_bits(bits as u32)),
        s if s.is_float() => format!("{bits:#x}"),
        s if s.is_signed() => {
            let unused = 64 - s.size_bytes() * 8;
            ((bits << unused) as i64 >> unused).to_string()
        }
        _ => bits.to_string(),
    }
}

fn mnemonic(op: &Op) -> String {
    match op {
        Op::Const(_) => "const",
        Op::Zero => "zero",
        Op::Param(_) => "param",
        Op::FunctionConstant(_) => "function_constant",
        Op::IsFunctionConstantDefined(_) => "is_function_constant_defined",
        Op::GlobalAddr(_) => "global_addr",
        Op::LocalAddr(_) => "local_addr",
        Op::LocalGet(_) => "local_get",
        Op::Splat(_) => "splat",
        Op::Compose(_) => "compose",
        Op::Extract(..) => "extract",
        Op::ExtractDynamic(..) => "extract_dynamic",
        Op::Insert(..) => "insert",
        Op::Swizzle(..) => "swizzle",
        Op::FieldAddr(..) => "field_addr",
        Op::ElementAddr(..) => "element_addr",
        Op::PtrAdd(..) => "ptr_add",
        Op::PtrDiff(..) => "ptr_diff",
        Op::PtrCast(_) => "ptr_cast",
        Op::Load(_) => "load",
        Op::Unary(op, _) => op.mnemonic(),
        Op::Binary(op, ..) => op.mnemonic(),
        Op::Compare(op, ..) => op.mnemonic(),
        Op::Select(..) => "select",
        Op::Convert(_) => "convert",
        Op::Bitcast(_) => "bitcast",
        Op::Math(function, Precision::Fast, _) => return format!("fast.{}", function.mnemonic()),
        Op::Math(function, Precision::Precise, _) => return format!("precise.{}", function.mnemonic()),
        Op::Lane(function, LaneScope::Simdgroup, _) => return format!("simd_{}", function.mnemonic()),
        Op::Lane(function, LaneScope::Quad, _) => return format!("quad_{}", function.mnemonic()),
        Op::Barrier(BarrierScope::Threadgroup, _) => "threadgroup_barrier",
        Op::Barrier(BarrierScope::Simdgroup, _) => "simdgroup_barrier",
        Op::Atomic(function, ..) => return format!("atomic_{}", function.mnemonic()),
        Op::AtomicLoad(_) => "atomic_load",
        Op::AtomicStore(..) => "atomic_store",
        Op::AtomicCompareExchange(..) => "atomic_compare_exchange",
        Op::Log(..) => "log",
        Op::Call(..) => "call",
    }
    .to_string()
}

#[cfg(test)]
mod tests;
