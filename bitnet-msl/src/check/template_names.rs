//! Names that a template cannot declare: those of its parameters (C++ \[temp.local\]). Checked on the syntax tree where
//! the template stands, so that one that nobody instantiates is checked too, and each once.
//!
//! **Invariant:** the walk is as deep as the tree is high, which the parser bounds.

use super::Checker;
use crate::ast::{self, Condition, ItemKind, StmtKind};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use std::collections::HashMap;

/// Names of template parameters and where they stand.
type Params<'a> = HashMap<&'a str, Span>;

impl<'a> Checker<'a> {
    /// Checks that neither a template nor what is declared in it has the name of one of its parameters.
    pub(super) fn check_template_names(&mut self, params: &'a [ast::TemplateParam], item: &'a ast::Item) {
        let mut names = Params::new();
        for name in params.iter().filter_map(|param| param.name.as_ref()) {
            if let Some(&first) = names.get(name.name.as_str()) {
                self.names_template_param(name, first);
            }
            names.entry(&name.name).or_insert(name.span);
        }
        let mut declared = Vec::new();
        declared_by_item(item, &mut declared);
        for name in declared {
            if let Some(&param) = names.get(name.name.as_str()) {
                self.names_template_param(name, param);
            }
        }
    }

    fn names_template_param(&mut self, name: &ast::Ident, param: Span) {
        let message = format!(
            "`{}` is a template parameter: nothing else in the template can have its name",
            name.name
        );
        self.report(
            Diagnostic::new(Code::E0215, name.span, message)
                .label(param, "the template parameter")
                .note("unlike other names, those of template parameters cannot be hidden (C++ [temp.local]); use another name"),
        );
    }
}

/// Adds the names that a declaration declares, itself included.
fn declared_by_item<'a>(item: &'a ast::Item, names: &mut Vec<&'a ast::Ident>) {
    match &item.kind {
        ItemKind::Function(function) => {
            names.push(&function.name);
            names.extend(function.params.iter().filter_map(|param| param.name.as_ref()));
            for stmt in function.body.iter().flat_map(|body| &body.stmts) {
                declared_by_stmt(stmt, names);
            }
        }
        ItemKind::Struct(decl) => {
            names.extend(&decl.name);
            for field in decl.fields.iter().flatten() {
                names.push(&field.name);
                if let ast::TypeExprKind::Inline(item) = &field.ty.kind {
                    declared_by_item(item, names);
                }
            }
        }
        ItemKind::Enum(decl) => {
            names.extend(&decl.name);
            names.extend(decl.variants.iter().flatten().map(|(name, _)| name));
        }
        ItemKind::Alias(decl) => names.push(&decl.name),
        ItemKind::Variables(variables) => names.extend(variables.iter().map(|variable| &variable.name)),
        _ => {}
    }
}

/// Adds the names that a statement declares, at any depth.
fn declared_by_stmt<'a>(stmt: &'a ast::Stmt, names: &mut Vec<&'a ast::Ident>) {
    let condition = |condition: &'a Condition, names: &mut Vec<&'a ast::Ident>| {
        if let Condition::Decl(variable) = condition {
            names.push(&variable.name);
        }
    };
    match &stmt.kind {
        StmtKind::Decl(variables) => names.extend(variables.iter().map(|variable| &variable.name)),
        StmtKind::Item(item) => declared_by_item(item, names),
        StmtKind::Block(block) => block.stmts.iter().for_each(|stmt| declared_by_stmt(stmt, names)),
        StmtKind::If { init, cond, then, other, .. } => {
            init.iter().chain([then]).chain(other).for_each(|stmt| declared_by_stmt(stmt, names));
            condition(cond, names);
        }
        StmtKind::For { init, cond, body, .. } => {
            init.iter().chain([body]).for_each(|stmt| declared_by_stmt(stmt, names));
            cond.iter().for_each(|cond| condition(cond, names));
        }
        StmtKind::While(cond, body) => {
            condition(cond, names);
            declared_by_stmt(body, names);
        }
        StmtKind::DoWhile(body, _) => declared_by_stmt(body, names),
        StmtKind::Switch(_, sections) => {
            sections.iter().flat_map(|section| &section.stmts).for_each(|stmt| declared_by_stmt(stmt, names));
        }
        StmtKind::Expr(_)
        | StmtKind::Break
        | StmtKind::Continue
        | StmtKind::Return(_)
        | StmtKind::Empty
        | StmtKind::Error(_) => {}
    }
}
