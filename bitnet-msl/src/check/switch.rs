//! `switch`.

use super::Checker;
use super::const_eval::promote;
use super::scope::Decl;
use super::stmt::{Flow, Target};
use super::types::QualType;
use crate::ast::{self, StmtKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Stmt, SwitchSection, Value};
use crate::source::Span;
use std::collections::HashMap;

impl<'a> Checker<'a> {
    /// A `switch`. All its sections share one scope, as in C++.
    pub(super) fn switch(
        &mut self,
        selector: &'a ast::Expr,
        sections: &'a [ast::SwitchSection],
        span: Span,
    ) -> Flow {
        let selected = self.selector(selector);
        self.context.targets.push(Target { is_loop: false, has_break: false });
        self.scopes.push_block();
        let mut seen = HashMap::new();
        let mut default = None;
        let mut lowered = Vec::with_capacity(sections.len());
        let mut flow = Flow::Continues;
        let mut initialised = None;
        for section in sections {
            if let (Some((name, at)), Some((_, label))) = (initialised, section.labels.first()) {
                self.skipped_initialisation(name, at, *label);
            }
            let values = self.labels(section, selected.map(|(_, ty)| ty), &mut seen, &mut default);
            let is_default = section.labels.iter().any(|(value, _)| value.is_none());
            self.builder.begin_block();
            flow = self.statements(&section.stmts);
            lowered.push(SwitchSection { values, is_default, body: self.builder.end_block() });
            initialised = initialised.or_else(|| self.initialised_variable(&section.stmts));
        }
        self.scopes.pop_block();
        let has_break = self.context.targets.pop().is_some_and(|target| target.has_break);
        if let Some((selector, _)) = selected {
            self.builder.push_stmt(Stmt::Switch { selector, sections: lowered, span });
        }
        if default.is_some() && !has_break && flow == Flow::Ends { Flow::Ends } else { Flow::Continues }
    }

    /// The selector, promoted, and its type.
    fn selector(&mut self, selector: &'a ast::Expr) -> Option<(Value, QualType)> {
        let read = self.value(selector)?;
        let is_vote = self.is_vote(self.rvalue_qual(&read));
        let Some(scalar) = self.as_scalar(read.ty).filter(|scalar| !scalar.is_float() && !is_vote) else {
            let shown = self.display_qual(self.rvalue_qual(&read));
            self.error(
                Code::E0322,
                selector.span,
                format!("a switch selects on an integer, not on `{shown}`"),
            );
            return None;
        };
        let value = self.convert_scalar(read.value, promote(scalar), read.span);
        let ty = QualType { ty: self.builder.type_of(value), ..self.rvalue_qual(&read) };
        Some((value, ty))
    }

    /// The values of a section's labels, as the selector has them.
    fn labels(
        &mut self,
        section: &'a ast::SwitchSection,
        ty: Option<QualType>,
        seen: &mut HashMap<i64, Span>,
        default: &mut Option<Span>,
    ) -> Vec<i64> {
        let mut values = Vec::new();
        for (label, span) in &section.labels {
            let Some(expr) = label else {
                if let Some(first) = default.replace(*span) {
                    self.report(
                        Diagnostic::new(Code::E0322, *span, "a switch has one default")
                            .label(first, "first one here"),
                    );
                }
                continue;
            };
            let Some(value) = self.label_value(expr, ty) else { continue };
            if let Some(first) = seen.insert(value, expr.span) {
                self.report(
                    Diagnostic::new(
                        Code::E0322,
                        expr.span,
                        format!("case {value} stands twice in this switch"),
                    )
                    .label(first, "first one here"),
                );
            }
            values.push(value);
        }
        values
    }

    fn label_value(&mut self, expr: &'a ast::Expr, ty: Option<QualType>) -> Option<i64> {
        let value = self.unevaluated(|c| {
            let mark = c.builder.mark();
            let read = c.value(expr)?;
            if let Some(ty) = ty {
                let scoped = |e: Option<_>| e.is_some_and(|e| c.is_scoped(e));
                if (scoped(ty.enumeration) || scoped(read.enumeration)) && ty.enumeration != read.enumeration
                {
                    c.cannot_convert(&read, ty, None);
                    return None;
                }
            }
            match c.scalar_constant_of(mark, read.value) {
                Ok(constant) if constant.scalar.is_float() => {
                    let shown = constant.scalar.msl_name();
                    c.error(Code::E0322, expr.span, format!("a case label is an integer, not a `{shown}`"));
                    None
                }
                Ok(constant) => Some(constant),
                Err(why) => c.not_constant(expr.span, "a case label", &why),
            }
        })?;
        let scalar = self.as_scalar(ty?.ty)?;
        let converted = value.convert(scalar);
        if converted.as_int() != value.as_int() {
            let shown = scalar.msl_name();
            self.error(
                Code::E0322,
                expr.span,
                format!("case {} does not fit the selector's type `{shown}`", value.as_int()),
            );
            return None;
        }
        Some(converted.as_int() as i64)
    }

    /// The first variable that the statements of a section declare with a value: an initialiser, or default members.
    fn initialised_variable(&self, stmts: &'a [ast::Stmt]) -> Option<(&'a ast::Ident, Span)> {
        let declared = stmts.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Decl(variables) => Some(variables),
            _ => None,
        });
        let first =
            declared.flatten().find(|variable| variable.init.is_some() || self.has_defaults(&variable.name));
        first.map(|variable| (&variable.name, variable.span))
    }

    fn has_defaults(&self, name: &ast::Ident) -> bool {
        match self.scopes.innermost(&name.name).map(|binding| binding.decl) {
            Some(Decl::Variable(id)) => self.has_default_members(self.variables[id.0 as usize].ty.ty),
            _ => false,
        }
    }

    fn skipped_initialisation(&mut self, name: &ast::Ident, at: Span, label: Span) {
        self.report(
            Diagnostic::new(
                Code::E0328,
                label,
                format!("this label skips the initialisation of `{}`", name.name),
            )
            .label(at, "initialised here, and visible in the sections below")
            .note("enclose the statements of the section in braces"),
        );
    }
}
