//! What may be read in constant expressions, and the rules for `constexpr` functions (C++ \[dcl.constexpr\]).

use super::Checker;
use super::builder::Mark;
use super::const_eval::ConstValue;
use super::constants::is_integral;
use super::evaluate::Rule;
use super::function::FunctionIndex;
use super::types::QualType;
use crate::ast::{self, StmtKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{LocalId, Type, TypeId, Value};

/// The initialiser of a local variable: its value, and what constant expressions may know of it.
#[derive(Debug)]
pub(super) struct LocalInit {
    pub(super) value: Value,
    /// The value of a scalar.
    pub(super) constant: Option<ConstValue>,
    /// The bytes of another `constexpr` variable.
    bytes: Option<Vec<u8>>,
}

impl<'a> Checker<'a> {
    /// What constant expressions may know of a local variable whose initialiser was emitted since the mark. Reports
    /// what is no constant expression if the variable is `constexpr`.
    pub(super) fn local_init(
        &mut self,
        decl: &ast::VarDecl,
        ty: QualType,
        mark: Mark,
        value: Value,
    ) -> Option<LocalInit> {
        let scalar = self.as_scalar(ty.ty);
        let is_usable = ty.is_const && !ty.is_volatile && is_integral(scalar);
        if !decl.is_constexpr && !is_usable {
            return Some(LocalInit { value, constant: None, bytes: None });
        }
        let what = "the initialiser of a constexpr variable";
        if scalar.is_none() {
            return match self.constant_bytes_of(mark, value, Rule::Core) {
                Ok(bytes) => Some(LocalInit { value, constant: None, bytes: Some(bytes) }),
                Err(why) => self.not_constant(decl.span, what, &why),
            };
        }
        match self.scalar_constant_of(mark, value) {
            Ok(constant) => {
                // What was computed here is not computed again when the program runs.
                self.builder.rewind(mark);
                let value = self.builder.const_scalar(constant.scalar, constant.bits, decl.span);
                let constant = Some(constant).filter(|_| !ty.is_volatile);
                Some(LocalInit { value, constant, bytes: None })
            }
            Err(why) if decl.is_constexpr => self.not_constant(decl.span, what, &why),
            Err(_) => Some(LocalInit { value, constant: None, bytes: None }),
        }
    }

    /// Remembers what constant expressions may know of a new variable.
    pub(super) fn note_local(
        &mut self,
        decl: &ast::VarDecl,
        local: LocalId,
        ty: TypeId,
        init: Option<LocalInit>,
    ) {
        if let Some(bytes) = init.and_then(|init| init.bytes) {
            self.builder.facts().constexpr_locals.insert(local, bytes.into());
        }
        if decl.init.is_none() && self.is_left_unset(ty) {
            self.builder.facts().unset_structs.insert(local);
        }
    }

    /// Whether a struct, or an array of structs, that is declared without a value leaves a member without one.
    fn is_left_unset(&self, ty: TypeId) -> bool {
        match self.ty(ty) {
            Type::Array { elem, .. } => self.is_left_unset(elem),
            Type::Struct(_) => !self.defaults(ty).all,
            _ => false,
        }
    }

    /// Checks a `constexpr` function whose body has been lowered: some call of it may be a constant expression. What
    /// depends on arguments is not looked at, and templates are not either.
    pub(super) fn check_constexpr_function(&mut self, decl: &ast::FunctionDecl, index: FunctionIndex) {
        let Some(why) = self.never_constant(index) else { return };
        let message =
            format!("no call of the constexpr function `{}` is a constant expression", decl.name.name);
        let mut diagnostic = Diagnostic::new(Code::E0335, decl.name.span, message)
            .label(why.span, why.reason.to_string())
            .note("remove constexpr, or what cannot be computed at compile time");
        if let Some(note) = why.reason.note() {
            diagnostic = diagnostic.note(note);
        }
        self.report(diagnostic);
    }

    /// Reports a `constexpr` function that returns nothing.
    pub(super) fn no_return(&mut self, decl: &ast::FunctionDecl) {
        let message = format!("constexpr function `{}` has no return statement", decl.name.name);
        self.report(
            Diagnostic::new(Code::E0335, decl.name.span, message)
                .note("a constexpr function that is not void gives a value (C++ [dcl.constexpr])"),
        );
    }
}

/// Whether a function has a `return`.
pub(super) fn returns_somewhere(decl: &ast::FunctionDecl) -> bool {
    decl.body.as_ref().is_some_and(|body| body.stmts.iter().any(has_return))
}

/// Whether a statement holds a `return`. Statements nest to a bounded depth.
fn has_return(stmt: &ast::Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Return(_) => true,
        StmtKind::Block(block) => block.stmts.iter().any(has_return),
        StmtKind::If { then, other, .. } => has_return(then) || other.as_deref().is_some_and(has_return),
        StmtKind::For { body, .. } | StmtKind::While(_, body) | StmtKind::DoWhile(body, _) => {
            has_return(body)
        }
        StmtKind::Switch(_, sections) => sections.iter().any(|s| s.stmts.iter().any(has_return)),
        _ => false,
    }
}
