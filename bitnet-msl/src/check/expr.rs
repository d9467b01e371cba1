//! Expressions: literals, names, operators, subscripts.

use super::Checker;
use super::arith::{InfixKind, infix_info};
use super::const_eval::{ConstValue, float_literal_type, int_literal_type};
use super::operand::{Operand, OperandKind, Rvalue, Want};
use super::scope::{Decl, VarId};
use super::types::{QualType, Storage, Variable};
use crate::ast::{self, ExprKind, InfixOp, PrefixOp};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Op, Scalar, Type, TypeId, Value};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// Checks an expression and emits its code.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr) -> Option<Operand> {
        self.nested(expr.span, |c| c.expr_unbounded(expr))
    }

    /// An expression that is assigned, bound or pointed to: a choice or a sequence of places is a place.
    pub(super) fn place(&mut self, expr: &'a ast::Expr) -> Option<Operand> {
        self.nested(expr.span, |c| {
            let operand = match &expr.kind {
                ExprKind::Paren(inner) => c.place(inner),
                ExprKind::Comma(first, second) => {
                    c.discarded(first);
                    c.place(second)
                }
                ExprKind::Ternary(cond, a, b) => c.ternary(cond, a, b, Want::Place, expr.span),
                ExprKind::Index(base, index) => c.index(base, index, Want::Place, expr.span),
                ExprKind::Member(base, segment, arrow) => {
                    c.member(base, segment, *arrow, Want::Place, expr.span)
                }
                _ => c.expr_unbounded(expr),
            };
            operand.map(|operand| Operand { span: expr.span, ..operand })
        })
    }

    /// An expression that is wanted as a place, or may be read.
    pub(super) fn wanted(&mut self, expr: &'a ast::Expr, want: Want) -> Option<Operand> {
        match want {
            Want::Place => self.place(expr),
            Want::Value => self.expr(expr),
        }
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, expr: &'a ast::Expr) -> Option<Rvalue> {
        let operand = self.expr(expr)?;
        self.read(operand)
    }

    fn expr_unbounded(&mut self, expr: &'a ast::Expr) -> Option<Operand> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Int(value, suffix) => {
                let literal = ConstValue::int(int_literal_type(*value, *suffix), i128::from(*value));
                let operand = self.constant_operand(literal, span);
                Some(match operand.kind {
                    OperandKind::Value(zero) if *value == 0 => {
                        Operand { kind: OperandKind::Zero(zero), ..operand }
                    }
                    _ => operand,
                })
            }
            ExprKind::Float(value, suffix) => {
                let literal = ConstValue::float(float_literal_type(*suffix), *value);
                Some(self.constant_operand(literal, span))
            }
            ExprKind::Bool(value) => Some(self.constant_operand(ConstValue::bool(*value), span)),
            ExprKind::Char(value) => {
                Some(self.constant_operand(ConstValue::int(Scalar::I8, i128::from(*value)), span))
            }
            ExprKind::Str(_) => {
                self.error(Code::E0330, span, "a string cannot be used here");
                None
            }
            ExprKind::Nullptr => Some(self.null(span)),
            ExprKind::Path(path) => self.path(path),
            ExprKind::Prefix(op, operand) => self.prefix(*op, operand, span),
            ExprKind::Postfix(increment, operand) => self.postfix(*increment, operand, span),
            ExprKind::Infix(op, a, b) => self.infix_expr(*op, a, b, span),
            ExprKind::Assign(op, place, value) => self.assign(*op, place, value, span),
            ExprKind::Ternary(cond, a, b) => self.ternary(cond, a, b, Want::Value, span),
            ExprKind::Comma(first, second) => {
                self.discarded(first);
                self.expr(second)
            }
            ExprKind::Call(callee, args) => self.call(callee, args, span),
            ExprKind::Construct { ty, args, braces } => self.construct_expr(ty, args, *braces, span),
            ExprKind::InitList(_) => {
                self.error(Code::E0316, span, "a braced list can only initialise a variable here");
                None
            }
            ExprKind::Index(base, index) => self.index(base, index, Want::Value, span),
            ExprKind::Member(base, segment, arrow) => self.member(base, segment, *arrow, Want::Value, span),
            ExprKind::Cast(kind, ty, operand) => self.cast(*kind, ty, operand, span),
            ExprKind::SizeofType(ty) => {
                let ty = self.declared_type(ty)?.ty.ty;
                self.size_operand(ty, false, span)
            }
            ExprKind::SizeofExpr(operand) => {
                let ty = self.unevaluated(|c| c.expr(operand))?.ty;
                self.size_operand(ty, false, span)
            }
            ExprKind::AlignofType(ty) => {
                let ty = self.declared_type(ty)?.ty.ty;
                self.size_operand(ty, true, span)
            }
            ExprKind::Paren(inner) => {
                let operand = self.expr(inner)?;
                Some(Operand { span, ..operand })
            }
            ExprKind::Error => None,
        }
    }

    /// An expression whose value nobody wants.
    pub(super) fn discarded(&mut self, expr: &'a ast::Expr) {
        // A place is left unread: `x;` touches no memory.
        self.expr(expr);
    }

    pub(super) fn constant_operand(&mut self, constant: ConstValue, span: Span) -> Operand {
        let value = self.builder.const_scalar(constant.scalar, constant.bits, span);
        Operand::value(value, self.builder.type_of(value), span)
    }

    fn null(&mut self, span: Span) -> Operand {
        let ty = self.builder.void_type();
        Operand::new(OperandKind::Null, QualType::plain(ty), span)
    }

    fn size_operand(&mut self, ty: TypeId, align: bool, span: Span) -> Option<Operand> {
        if self.ty(ty) == Type::Void {
            self.error(Code::E0320, span, "void has no size");
            return None;
        }
        let table = self.builder.type_table();
        let bytes = if align { table.align_bytes(ty) } else { table.size_bytes(ty) };
        Some(self.constant_operand(ConstValue::int(Scalar::U64, i128::from(bytes)), span))
    }

    /// A name used as a value.
    fn path(&mut self, path: &'a ast::Path) -> Option<Operand> {
        let span = path.span;
        let Some(decl) = self.lookup_path(path) else { return self.library_value(path) };
        match decl {
            Decl::Variable(id) => {
                let variable = self.named_variable(id);
                self.variable_operand(&variable.ty, variable.storage, variable.constant, span)
            }
            Decl::Constant(constant, enumeration) => {
                let operand = self.constant_operand(constant, span);
                Some(Operand { enumeration, ..operand })
            }
            Decl::Poison => None,
            Decl::Logger(_) => self.logger_as_value(path),
            Decl::Parameter(declared) => self.parameter_in_default(path, declared),
            Decl::Functions(_) | Decl::FunctionArgument(_) => {
                let name = self.path_text(path);
                self.report(
                    Diagnostic::new(Code::E0604, span, format!("the function `{name}` is used as a value"))
                        .note(format!("call it: {name}(…); pointers to functions are not supported yet")),
                );
                None
            }
            Decl::Type(_)
            | Decl::Alias(_)
            | Decl::Namespace(_)
            | Decl::ClassTemplate(_)
            | Decl::Incomplete(..)
            | Decl::Library
            | Decl::LoggerType
            | Decl::FunctionType(_) => {
                let name = self.path_text(path);
                self.error(Code::E0206, span, format!("`{name}` is not a value"));
                None
            }
        }
    }

    /// A variable that an expression names.
    pub(super) fn named_variable(&mut self, id: VarId) -> Variable {
        if let Some(named) = &mut self.named_variables {
            named.push(id);
        }
        self.variables[id.0 as usize]
    }

    fn variable_operand(
        &mut self,
        ty: &QualType,
        storage: Storage,
        constant: Option<ConstValue>,
        span: Span,
    ) -> Option<Operand> {
        let ptr = match storage {
            Storage::Local(local) => self.builder.local_addr(local, span),
            Storage::Address(value) => value,
            Storage::Global(id) => self.global_addr(id, span),
            Storage::FunctionConstant(id) => {
                let value = self.builder.emit(Op::FunctionConstant(id), ty.ty, span);
                return Some(Operand::value_of(value, *ty, span));
            }
            Storage::Deferred(index) => {
                let value = self.deferred_value(index)?;
                let ty = QualType { ty: self.unpacked_type(ty.ty), ..*ty };
                return Some(Operand::value_of(value, ty, span));
            }
        };
        Some(Operand { constant, ..Operand::memory(ptr, *ty, span) })
    }

    fn prefix(&mut self, op: PrefixOp, expr: &'a ast::Expr, span: Span) -> Option<Operand> {
        match op {
            PrefixOp::Inc | PrefixOp::Dec => self.step(expr, op == PrefixOp::Inc, false, span),
            PrefixOp::AddressOf => {
                let operand = self.place(expr)?;
                let value = self.address_of(&operand)?;
                let space = self.place_space(&operand)?;
                let ty = self.pointer_to(space, operand.qual());
                Some(Operand::value(value, ty, span))
            }
            PrefixOp::Deref => {
                let pointer = self.value(expr)?;
                self.deref(pointer, span)
            }
            _ => {
                let value = self.value(expr)?;
                let result = self.prefix_value(op, value, span)?;
                Some(Operand::value(result.value, result.ty, span))
            }
        }
    }

    fn postfix(&mut self, increment: bool, expr: &'a ast::Expr, span: Span) -> Option<Operand> {
        self.step(expr, increment, true, span)
    }

    /// What a pointer points to.
    pub(super) fn deref(&mut self, pointer: Rvalue, span: Span) -> Option<Operand> {
        match self.pointee(pointer.ty) {
            Some(pointee) if self.ty(pointee.ty.ty) != Type::Void => {
                Some(Operand::memory(pointer.value, pointee.ty, span))
            }
            _ => {
                let shown = self.display_qual(self.rvalue_qual(&pointer));
                self.error(Code::E0305, span, format!("`{shown}` cannot be dereferenced"));
                None
            }
        }
    }

    /// `a op b`. Chains that lean left are walked without recursion: macros make long ones.
    fn infix_expr(&mut self, op: InfixOp, a: &'a ast::Expr, b: &'a ast::Expr, span: Span) -> Option<Operand> {
        if matches!(infix_info(op).1, InfixKind::LogicalAnd | InfixKind::LogicalOr) {
            return self.logical(op, a, b, span);
        }
        let mut chain = vec![(op, b, span)];
        let mut first = a;
        while let ExprKind::Infix(op, a, b) = &first.kind {
            if matches!(infix_info(*op).1, InfixKind::LogicalAnd | InfixKind::LogicalOr) {
                break;
            }
            chain.push((*op, b, first.span));
            first = a;
        }
        let mut left = self.value(first);
        for (op, right, span) in chain.into_iter().rev() {
            let right = self.value(right);
            left = match (left, right) {
                (Some(left), Some(right)) => self.infix(op, left, right, span),
                _ => None,
            };
        }
        let result = left?;
        let operand = Operand::value(result.value, result.ty, span);
        Some(Operand { enumeration: result.enumeration, ..operand })
    }

    /// `base[index]`.
    fn index(
        &mut self,
        base: &'a ast::Expr,
        index: &'a ast::Expr,
        want: Want,
        span: Span,
    ) -> Option<Operand> {
        let base_operand = self.wanted(base, want);
        let index = self.value(index);
        let (base, index) = (base_operand?, index?);
        match self.ty(base.ty) {
            Type::Pointer { .. } => {
                let pointer = self.read(base)?;
                let at = self.pointer_offset(pointer, index, false, span)?;
                self.deref(Rvalue { value: at, ..pointer }, span)
            }
            Type::Array { elem, len } => {
                let constant = self.scalar_constant(index.value).filter(|c| !c.scalar.is_float());
                let position = self.index_value(index)?;
                if let Some(constant) = constant.filter(|c| !(0..i128::from(len)).contains(&c.as_int())) {
                    self.array_out_of_bounds(constant.as_int(), len, index.span, base.span);
                }
                let ptr = self.materialise(base)?;
                let at = self.builder.element_addr(ptr, position, span);
                Some(Operand::memory(at, self.element_of(base.qual(), elem), span))
            }
            Type::Vector { elem, len, .. } => self.vector_index(base, index, elem, len, span),
            Type::Matrix { cols, .. } => self.matrix_index(base, index, cols, want, span),
            _ => self.library_subscript(base, index, span),
        }
    }

    /// Warns: one element past the end may be meant as an address, so this is no error.
    fn array_out_of_bounds(&mut self, index: i128, len: u32, span: Span, array: Span) {
        let mut diagnostic = Diagnostic::new(
            Code::E0327,
            span,
            format!("index {index} is outside of the array's {len} elements"),
        )
        .label(array, format!("has {len} elements"));
        diagnostic.severity = crate::diag::Severity::Warning;
        self.report(diagnostic);
    }

    fn vector_index(
        &mut self,
        base: Operand,
        index: Rvalue,
        elem: Scalar,
        len: u8,
        span: Span,
    ) -> Option<Operand> {
        let position = self.index_value(index)?;
        let ty = self.builder.scalar_type(elem);
        if let Some(constant) = self.scalar_constant(position) {
            let component = self.constant_component(constant.as_int(), u32::from(len), index.span)?;
            return self.select_components(base, [component as u8, 0, 0, 0], 1, span);
        }
        if let OperandKind::Memory(ptr) = base.kind {
            let kind = OperandKind::Component(ptr, position);
            return Some(Operand::new(kind, QualType { ty, ..base.qual() }, span));
        }
        let whole = self.read(base)?;
        let value = self.builder.emit(Op::ExtractDynamic(whole.value, position), ty, span);
        Some(Operand::value(value, ty, span))
    }

    fn constant_component(&mut self, index: i128, len: u32, span: Span) -> Option<u32> {
        if !(0..i128::from(len)).contains(&index) {
            self.error(Code::E0327, span, format!("index {index} is outside: there are {len} components"));
            return None;
        }
        Some(index as u32)
    }

    /// A column. `operator[]` gives a reference, of a temporary matrix too; its value is cheaper where that is enough.
    fn matrix_index(
        &mut self,
        base: Operand,
        index: Rvalue,
        cols: u8,
        want: Want,
        span: Span,
    ) -> Option<Operand> {
        let position = self.index_value(index)?;
        if let Some(constant) = self.scalar_constant(position) {
            let column = self.constant_component(constant.as_int(), u32::from(cols), index.span)?;
            if !base.is_place() && want == Want::Value {
                let whole = self.read(base)?;
                let value = self.builder.extract(whole.value, column, span);
                return Some(Operand::value(value, self.builder.type_of(value), span));
            }
        }
        let ptr = self.materialise(base)?;
        let at = self.builder.element_addr(ptr, position, span);
        let ty = QualType { ty: self.builder.pointee(at), ..base.qual() };
        Some(Operand::memory(at, ty, span))
    }

    /// The address of a constant or threadgroup variable.
    pub(super) fn global_addr(&mut self, id: crate::ir::GlobalId, span: Span) -> Value {
        let global = &self.globals[id.0 as usize];
        let (ty, is_constant) = (global.ty, matches!(global.kind, crate::ir::GlobalKind::Constant(_)));
        let space = if is_constant {
            crate::ir::AddressSpace::Constant
        } else {
            crate::ir::AddressSpace::Threadgroup
        };
        let ty = self.builder.pointer_type(space, ty, false);
        self.builder.emit(Op::GlobalAddr(id), ty, span)
    }
}
