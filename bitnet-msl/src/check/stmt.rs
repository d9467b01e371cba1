//! Statements.

use super::Checker;
use super::types::QualType;
use crate::ast::{self, Condition, StmtKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Block, Stmt, Type, Value};
use crate::source::Span;

/// Whether control gets past a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It may go on with the next statement.
    Continues,
    /// It never does: return, break, continue, or a loop without end.
    Ends,
}

impl Flow {
    fn either(self, other: Flow) -> Flow {
        if self == Flow::Continues { self } else { other }
    }
}

/// A loop or switch around a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) is_loop: bool,
    /// Whether a `break` leaves it.
    pub(super) has_break: bool,
}

impl<'a> Checker<'a> {
    /// Statements in order. Those that control does not reach are checked and dropped.
    pub(super) fn statements(&mut self, stmts: &'a [ast::Stmt]) -> Flow {
        let mut rest = stmts.iter();
        for stmt in rest.by_ref() {
            if self.statement(stmt) == Flow::Ends {
                self.unevaluated(|c| {
                    let targets = c.context.targets.clone();
                    for unreachable in rest {
                        c.statement(unreachable);
                    }
                    c.context.targets = targets;
                });
                return Flow::Ends;
            }
        }
        Flow::Continues
    }

    fn block(&mut self, block: &'a ast::Block) -> Flow {
        self.scopes.push_block();
        let flow = self.statements(&block.stmts);
        self.scopes.pop_block();
        flow
    }

    /// One statement.
    pub(super) fn statement(&mut self, stmt: &'a ast::Stmt) -> Flow {
        let flow = self.nested(stmt.span, |c| Some(c.statement_unbounded(stmt)));
        flow.unwrap_or(Flow::Continues)
    }

    fn statement_unbounded(&mut self, stmt: &'a ast::Stmt) -> Flow {
        match &stmt.kind {
            StmtKind::Decl(variables) => self.local_variables(variables),
            StmtKind::Item(item) => self.item(item),
            StmtKind::Expr(expr) => self.discarded(expr),
            StmtKind::Block(block) => return self.block(block),
            StmtKind::If { is_constexpr, init, cond, then, other } => {
                self.scopes.push_block();
                if let Some(init) = init {
                    self.statement(init);
                }
                let flow = self.if_statement(*is_constexpr, cond, then, other.as_deref(), stmt.span);
                self.scopes.pop_block();
                return flow;
            }
            StmtKind::For { init, cond, step, body } => {
                self.scopes.push_block();
                if let Some(init) = init {
                    self.statement(init);
                }
                let flow = self.head_loop(cond.as_deref(), step.as_deref(), body, stmt.span);
                self.scopes.pop_block();
                return flow;
            }
            StmtKind::While(cond, body) => {
                self.scopes.push_block();
                let flow = self.head_loop(Some(cond), None, body, stmt.span);
                self.scopes.pop_block();
                return flow;
            }
            StmtKind::DoWhile(body, cond) => return self.do_while(body, cond, stmt.span),
            StmtKind::Switch(selector, sections) => return self.switch(selector, sections, stmt.span),
            StmtKind::Break => return self.break_statement(stmt.span),
            StmtKind::Continue => return self.continue_statement(stmt.span),
            StmtKind::Return(value) => return self.return_statement(value.as_ref(), stmt.span),
            StmtKind::Empty => {}
            StmtKind::Error(names) => self.poison_all(names),
        }
        Flow::Continues
    }

    /// A statement that another one controls, with a scope of its own: what the head of the other one declares cannot
    /// be declared again in its outermost block (C++ \[stmt.select\], \[stmt.iter\]).
    fn controlled(&mut self, stmt: &'a ast::Stmt) -> Flow {
        self.scopes.push_body();
        let flow = match &stmt.kind {
            StmtKind::Block(block) => self.nested(stmt.span, |c| Some(c.statements(&block.stmts))),
            _ => Some(self.statement(stmt)),
        };
        self.scopes.pop_block();
        flow.unwrap_or(Flow::Continues)
    }

    /// The same as a block of its own.
    fn controlled_block(&mut self, stmt: &'a ast::Stmt) -> (Block, Flow) {
        self.builder.begin_block();
        let flow = self.controlled(stmt);
        (self.builder.end_block(), flow)
    }

    /// The value of a condition; declarations in it stay visible.
    fn condition_value(&mut self, cond: &'a Condition) -> Option<Value> {
        match cond {
            Condition::Expr(expr) => {
                let operand = self.expr(expr)?;
                self.condition(operand)
            }
            Condition::Decl(decl) => {
                self.check_condition_init(decl)?;
                if matches!(decl.ty.kind, ast::TypeExprKind::Reference(_)) {
                    self.error(
                        Code::E0608,
                        decl.span,
                        "a reference declared in a condition is not supported",
                    );
                    self.poison(&decl.name);
                    return None;
                }
                self.local_variable(decl)?;
                let variable = *self.variables.last()?;
                let super::types::Storage::Local(local) = variable.storage else { return None };
                let ptr = self.builder.local_addr(local, decl.name.span);
                let operand = super::operand::Operand::memory(ptr, variable.ty, decl.name.span);
                self.condition(operand)
            }
        }
    }

    /// Checks that a variable declared in a condition has a value to test (C++ \[stmt.stmt\]).
    fn check_condition_init(&mut self, decl: &'a ast::VarDecl) -> Option<()> {
        if matches!(decl.init, Some(ast::Init::Copy(_) | ast::Init::Brace(..))) {
            return Some(());
        }
        let name = &decl.name.name;
        self.report(
            Diagnostic::new(
                Code::E0316,
                decl.name.span,
                format!("`{name}` in a condition has no value to test"),
            )
            .at(format!("write `{name} = …`"))
            .note("a declaration that is a condition has an initialiser, with `=` or in braces"),
        );
        self.poison(&decl.name);
        None
    }

    fn if_statement(
        &mut self,
        is_constexpr: bool,
        cond: &'a Condition,
        then: &'a ast::Stmt,
        other: Option<&'a ast::Stmt>,
        span: Span,
    ) -> Flow {
        if is_constexpr {
            return self.if_constexpr(cond, then, other);
        }
        let condition = self.condition_value(cond);
        let known =
            condition.and_then(|value| self.scalar_constant(value)).map(|constant| constant.is_true());
        let (then_block, then_flow) = self.branch(then, known == Some(false));
        let (other_block, other_flow) = match other {
            Some(other) => self.branch(other, known == Some(true)),
            None => (Block::default(), Flow::Continues),
        };
        match (condition, known) {
            (_, Some(known)) => {
                let (taken, flow) = if known { (then_block, then_flow) } else { (other_block, other_flow) };
                self.builder.append_block(taken);
                flow
            }
            (Some(cond), None) => {
                self.builder.push_stmt(Stmt::If { cond, then: then_block, other: other_block, span });
                then_flow.either(other_flow)
            }
            (None, None) => then_flow.either(other_flow),
        }
    }

    /// One side of an `if`. A side that is never taken is checked, and its code dropped.
    fn branch(&mut self, stmt: &'a ast::Stmt, is_dead: bool) -> (Block, Flow) {
        if !is_dead {
            return self.controlled_block(stmt);
        }
        let targets = self.context.targets.clone();
        self.unevaluated(|c| c.controlled_block(stmt));
        self.context.targets = targets;
        (Block::default(), Flow::Continues)
    }

    /// `if constexpr`: in an instance of a template the other side is not even checked.
    fn if_constexpr(
        &mut self,
        cond: &'a Condition,
        then: &'a ast::Stmt,
        other: Option<&'a ast::Stmt>,
    ) -> Flow {
        let Condition::Expr(expr) = cond else {
            self.error(Code::E0314, then.span, "the condition of `if constexpr` cannot be a declaration");
            return Flow::Continues;
        };
        let Some(known) = self.constant_condition(expr, "the condition of `if constexpr`") else {
            return Flow::Continues;
        };
        let in_template = self.context.function.is_some_and(|f| !self.functions.get(f).bindings.is_empty());
        let mut result = Flow::Continues;
        for (stmt, taken) in [(Some(then), known), (other, !known)] {
            let Some(stmt) = stmt else { continue };
            if taken {
                let (block, flow) = self.controlled_block(stmt);
                self.builder.append_block(block);
                result = flow;
            } else if !in_template {
                self.branch(stmt, true);
            }
        }
        result
    }

    /// `for` and `while`, in a block of their own: the condition opens the body.
    fn head_loop(
        &mut self,
        cond: Option<&'a Condition>,
        step: Option<&'a ast::Expr>,
        body: &'a ast::Stmt,
        span: Span,
    ) -> Flow {
        self.scopes.push_body();
        self.builder.begin_block();
        let endless = match cond {
            None => true,
            Some(cond) => {
                let value = self.condition_value(cond);
                let known = value.and_then(|value| self.scalar_constant(value)).map(|c| c.is_true());
                if let (Some(value), false) = (value, known == Some(true)) {
                    self.break_unless(value, span);
                }
                known == Some(true)
            }
        };
        let has_break = self.loop_body(body);
        let body = self.builder.end_block();
        self.builder.begin_block();
        if let Some(step) = step {
            self.discarded(step);
        }
        let continuing = self.builder.end_block();
        self.scopes.pop_block();
        self.builder.push_stmt(Stmt::Loop { body, continuing, span });
        if endless && !has_break { Flow::Ends } else { Flow::Continues }
    }

    /// The body of a loop, in the open block. Says whether a `break` leaves the loop.
    fn loop_body(&mut self, body: &'a ast::Stmt) -> bool {
        self.context.targets.push(Target { is_loop: true, has_break: false });
        self.controlled(body);
        self.context.targets.pop().is_some_and(|target| target.has_break)
    }

    fn break_unless(&mut self, cond: Value, span: Span) {
        let other = Block(vec![Stmt::Break]);
        self.builder.push_stmt(Stmt::If { cond, then: Block::default(), other, span });
    }

    fn do_while(&mut self, body: &'a ast::Stmt, cond: &'a ast::Expr, span: Span) -> Flow {
        self.builder.begin_block();
        self.scopes.push_block();
        let has_break = self.loop_body(body);
        self.scopes.pop_block();
        let body = self.builder.end_block();
        self.builder.begin_block();
        let value = self.expr(cond).and_then(|operand| self.condition(operand));
        let known = value.and_then(|value| self.scalar_constant(value)).map(|c| c.is_true());
        if let (Some(value), false) = (value, known == Some(true)) {
            self.break_unless(value, cond.span);
        }
        let continuing = self.builder.end_block();
        self.builder.push_stmt(Stmt::Loop { body, continuing, span });
        if known == Some(true) && !has_break { Flow::Ends } else { Flow::Continues }
    }

    fn break_statement(&mut self, span: Span) -> Flow {
        match self.context.targets.last_mut() {
            Some(target) => {
                target.has_break = true;
                self.builder.push_stmt(Stmt::Break);
                Flow::Ends
            }
            None => {
                self.error(Code::E0208, span, "`break` stands outside of loops and switches");
                Flow::Continues
            }
        }
    }

    fn continue_statement(&mut self, span: Span) -> Flow {
        if self.context.targets.iter().any(|target| target.is_loop) {
            self.builder.push_stmt(Stmt::Continue);
            return Flow::Ends;
        }
        self.error(Code::E0208, span, "`continue` stands outside of loops");
        Flow::Continues
    }

    fn return_statement(&mut self, expr: Option<&'a ast::Expr>, span: Span) -> Flow {
        if let Some(value) = self.returned(expr, span) {
            self.builder.push_stmt(Stmt::Return(value, span));
        }
        Flow::Ends
    }

    /// The value of a `return`; `None` if it was wrong.
    fn returned(&mut self, expr: Option<&'a ast::Expr>, span: Span) -> Option<Option<Value>> {
        let (ret, reference) = self.context.ret?;
        let is_void = self.ty(ret.ty) == Type::Void && reference.is_none();
        let Some(expr) = expr else {
            if is_void {
                return Some(None);
            }
            let shown = self.display_qual(ret);
            self.report(Diagnostic::new(
                Code::E0317,
                span,
                format!("`return` gives no value, but the function returns `{shown}`"),
            ));
            return None;
        };
        if is_void {
            let operand = self.expr(expr)?;
            if self.ty(operand.ty) == Type::Void {
                return Some(None);
            }
            self.report(
                Diagnostic::new(Code::E0317, span, "a void function returns no value").at("remove the value"),
            );
            return None;
        }
        if let Some(space) = reference {
            let operand = self.place(expr)?;
            return self.bind_reference(operand, ret, space, None).map(Some);
        }
        let value = self.initial_value(expr, QualType { is_const: false, ..ret }, None)?;
        Some(Some(self.packed_like(value, ret.ty, span)))
    }
}
