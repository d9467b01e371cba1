//! Default arguments (C++ \[dcl.fct.default\]): checked where they stand, whether or not a call uses them.

use super::Checker;
use super::function::{FunctionIndex, Param, Signature};
use super::overload::Argument;
use super::scope::Decl;
use crate::ast::{self, ExprKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::Value;
use crate::source::Span;
use std::rc::Rc;

/// A default argument, with the names that its declaration sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct DefaultArgument<'a> {
    expr: &'a ast::Expr,
    /// Declarations of namespaces after this one are not visible in it.
    visible_until: u32,
    /// It has been reported: calls that use it say nothing more.
    is_wrong: bool,
}

impl<'a> DefaultArgument<'a> {
    pub(super) fn new(expr: &'a ast::Expr, visible_until: u32) -> Self {
        Self { expr, visible_until, is_wrong: false }
    }
}

/// The parameters of one declaration with their default arguments.
type Written<'a> = [(Option<&'a ast::Ident>, Span, Option<Span>)];

impl<'a> Checker<'a> {
    /// Checks the default arguments of a declaration against each other and against the types of the parameters.
    pub(super) fn check_defaults(&mut self, signature: &mut Signature<'a>) {
        self.scopes.push_block();
        for index in 0..signature.params.len() {
            if let Some(name) = signature.params[index].name {
                self.scopes.declare(&name.name, Decl::Parameter(name.span), name.span);
            }
            let param = &signature.params[index];
            let Some(default) = param.default else { continue };
            let param = param.clone();
            let is_wrong = self.unevaluated(|c| c.default_value_of(default.expr, &param)).is_none();
            signature.params[index].default = Some(DefaultArgument { is_wrong, ..default });
        }
        self.scopes.pop_block();
    }

    /// Whether all parameters after one with a default argument have one, here or in an earlier declaration.
    pub(super) fn check_defaults_complete(&mut self, signature: &Signature<'a>) {
        let written: Vec<_> =
            signature.params.iter().map(|p| (p.name, p.span, p.default.map(|d| d.expr.span))).collect();
        self.defaults_complete(&written);
    }

    /// The same for a template, whose parameters have no types yet.
    pub(super) fn check_template_defaults_complete(&mut self, decl: &'a ast::FunctionDecl) {
        let written: Vec<_> = decl
            .params
            .iter()
            .map(|p| (p.name.as_ref(), p.span, p.default.as_ref().map(|default| default.span)))
            .collect();
        self.defaults_complete(&written);
    }

    fn defaults_complete(&mut self, params: &Written<'a>) {
        let Some(first) = params.iter().position(|(.., default)| default.is_some()) else { return };
        let missing = params[first..].iter().find(|(.., default)| default.is_none());
        if let (Some((name, span, _)), Some(default)) = (missing, params[first].2) {
            let name = name.map_or("this parameter".to_owned(), |name| format!("`{}`", name.name));
            self.report(
                Diagnostic::new(Code::E0214, *span, format!("{name} has no default argument"))
                    .label(default, "an earlier parameter has one")
                    .note("calls leave out arguments from the last one on: all parameters after the first with a default argument have one"),
            );
        }
    }

    /// Gives the parameters of a declaration the default arguments of an earlier one. None can have both.
    pub(super) fn merge_defaults(&mut self, earlier: &Signature<'a>, later: &mut Signature<'a>) {
        for (earlier, later) in earlier.params.iter().zip(&mut later.params) {
            if let (Some(first), Some(second)) = (earlier.default, later.default) {
                self.report(
                    Diagnostic::new(
                        Code::E0214,
                        second.expr.span,
                        "this parameter has a default argument already",
                    )
                    .label(first.expr.span, "given here")
                    .note("a default argument is written once, in the first declaration: leave it out here"),
                );
            }
            later.default = earlier.default.or(later.default);
        }
    }

    /// A parameter named in a default argument.
    pub(super) fn parameter_in_default<T>(&mut self, path: &ast::Path, declared: Span) -> Option<T> {
        let name = self.path_text(path);
        let message = format!("the default argument names the parameter `{name}`");
        self.report(Diagnostic::new(Code::E0214, path.span, message).label(declared, "declared here").note(
            "a default argument is evaluated by the caller; write an overload with fewer parameters instead",
        ));
        None
    }

    /// A default argument that a call uses, with the names that its declaration sees.
    pub(super) fn pass_default(&mut self, index: FunctionIndex, param: &Param<'a>) -> Option<Value> {
        let default = param.default.filter(|default| !default.is_wrong)?;
        let info = self.functions.get(index);
        let (namespace, bindings) = (info.namespace, Rc::clone(&info.bindings));
        let place = self.scopes.enter(namespace, default.visible_until);
        self.bind_template_arguments(&bindings);
        let value = self.default_value_of(default.expr, param);
        self.scopes.leave(place);
        value
    }

    fn default_value_of(&mut self, default: &'a ast::Expr, param: &Param<'a>) -> Option<Value> {
        let argument = match default.kind {
            ExprKind::InitList(_) => Some(Argument::List(default)),
            _ => self.expr(default).map(Argument::Operand),
        };
        argument.and_then(|argument| self.pass(&argument, param))
    }
}
