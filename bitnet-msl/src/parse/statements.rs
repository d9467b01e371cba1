//! Statements.

use super::declarators::Naming;
use super::names::Class;
use super::{MAX_ELSE_IFS, Parsed, Parser};
use crate::ast::{Block, Condition, Expr, Item, ItemKind, Stmt, StmtKind, TypeExprKind, VarDecl};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;
use crate::source::Span;

/// One `if (…) …` of a chain of them.
struct Arm {
    start: Span,
    is_constexpr: bool,
    /// None if the header was wrong.
    head: Option<IfHead>,
    then: Stmt,
}

/// What stands between the parentheses of an `if`.
struct IfHead {
    init: Option<Box<Stmt>>,
    cond: Condition,
}

/// What stands between the parentheses of a `for`.
struct ForHead {
    init: Option<Box<Stmt>>,
    cond: Option<Box<Condition>>,
    step: Option<Box<Expr>>,
}

impl Parser<'_> {
    /// Parses `{ … }`.
    pub(super) fn block(&mut self) -> Parsed<Block> {
        let open = self.span();
        self.expect(Punct::OpenBrace, "to open the block")?;
        let stmts = self.nested(|p| Ok(p.statements(|p| p.at(Punct::CloseBrace))))?;
        if !self.eat(Punct::CloseBrace) && !self.diagnostics.is_full() {
            self.unclosed(Punct::CloseBrace, open);
        }
        Ok(Block { span: self.since(open), stmts })
    }

    /// Parses statements until `stop`, the end, or a declaration that cannot stand in a function.
    pub(super) fn statements(&mut self, stop: impl Fn(&Self) -> bool) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        while !stop(self) && !self.at(Punct::CloseBrace) && !self.at_end() && !self.at_top_level_word() {
            if self.diagnostics.is_full() {
                self.skip_statement();
                if !self.at_end() && !self.at(Punct::CloseBrace) {
                    self.bump();
                }
                continue;
            }
            let (first, start) = (self.here, self.span());
            let state = (self.depth, self.names.depth(), self.else_ifs);
            let declared = self.declared.len();
            let result = self.statement_into(&mut stmts);
            let names = self.declared_since(declared, state.1);
            if result.is_err() {
                self.depth = state.0;
                self.names.truncate(state.1);
                self.else_ifs = state.2;
                self.greater_closes = false;
                if self.here == first && !self.at(Punct::OpenBrace) {
                    self.bump();
                }
                self.skip_statement();
                stmts.push(Stmt { span: self.since(start), kind: StmtKind::Error(names) });
            }
        }
        stmts
    }

    /// Parses one statement where the grammar has one: the body of a loop.
    fn statement(&mut self) -> Parsed<Stmt> {
        let start = self.span();
        let mut stmts = Vec::new();
        self.scoped(|p| p.nested(|p| p.statement_into(&mut stmts)))?;
        match stmts.len() {
            1 => Ok(stmts.remove(0)),
            _ => {
                let span = self.since(start);
                Ok(Stmt { span, kind: StmtKind::Block(Block { span, stmts }) })
            }
        }
    }

    /// Parses one statement; a declaration may make several.
    fn statement_into(&mut self, stmts: &mut Vec<Stmt>) -> Parsed<()> {
        let start = self.span();
        self.attributes(&mut Vec::new())?;
        let kind = match self.word() {
            Some("if") => return self.if_chain().map(|s| stmts.push(s)),
            Some("for") => self.scoped(|p| p.for_loop())?,
            Some("while") => self.scoped(|p| p.while_loop())?,
            Some("do") => self.do_while()?,
            Some("switch") => self.switch()?,
            Some("return") => self.return_statement()?,
            Some("break") => self.simple_statement(StmtKind::Break, "`break`")?,
            Some("continue") => self.simple_statement(StmtKind::Continue, "`continue`")?,
            Some("typedef" | "using" | "static_assert" | "_Static_assert") => {
                let mut items = Vec::new();
                self.local_item(&mut items)?;
                stmts.extend(items.into_iter().map(item_statement));
                return Ok(());
            }
            Some(word) => {
                self.refuse_statement(word)?;
                if self.at_declaration() {
                    return self.declaration_statement(stmts);
                }
                self.expression_statement()?
            }
            None if self.at(Punct::OpenBrace) => StmtKind::Block(self.scoped(|p| p.block())?),
            None if self.eat(Punct::Semicolon) => StmtKind::Empty,
            None if self.at(Punct::ColonColon) && self.at_declaration() => {
                return self.declaration_statement(stmts);
            }
            None => self.expression_statement()?,
        };
        stmts.push(Stmt { span: self.since(start), kind });
        Ok(())
    }

    /// Reports words that cannot start a statement here.
    fn refuse_statement(&mut self, word: &str) -> Parsed<()> {
        let span = self.span();
        let is_label = self.punct_at(self.ahead(1)) == Some(Punct::Colon);
        match word {
            "goto" => Err(self.unavailable(span, "`goto`")),
            "try" | "catch" | "throw" => Err(self.unavailable(span, "exceptions")),
            "asm" | "__asm__" => Err(self.unavailable(span, "assembler")),
            "else" => Err(self.syntax_error(span, "`else` without an `if` before it")),
            "case" | "default" => {
                let message = format!("`{word}` outside a switch");
                Err(self.report(
                    Diagnostic::new(Code::E0208, span, message)
                        .note("labels stand directly in the braces of a switch, not in blocks inside them"),
                ))
            }
            _ if is_label && self.names.lookup(word) == Class::Unknown => {
                Err(self.unavailable(span, "labels, as there is no `goto`"))
            }
            _ => Ok(()),
        }
    }

    fn expression_statement(&mut self) -> Parsed<StmtKind> {
        let value = self.expression()?;
        self.expect_semicolon("the expression")?;
        Ok(StmtKind::Expr(value))
    }

    fn simple_statement(&mut self, kind: StmtKind, what: &str) -> Parsed<StmtKind> {
        self.bump();
        self.expect_semicolon(what)?;
        Ok(kind)
    }

    fn return_statement(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if self.eat(Punct::Semicolon) {
            return Ok(StmtKind::Return(None));
        }
        if self.at(Punct::CloseBrace) {
            self.expect_semicolon("`return`")?;
            return Ok(StmtKind::Return(None));
        }
        let value = self.initializer_clause_or_comma()?;
        self.expect_semicolon("the returned value")?;
        Ok(StmtKind::Return(Some(value)))
    }

    fn initializer_clause_or_comma(&mut self) -> Parsed<Expr> {
        if self.at(Punct::OpenBrace) { self.initializer_clause() } else { self.expression() }
    }

    fn declaration_statement(&mut self, stmts: &mut Vec<Stmt>) -> Parsed<()> {
        let mut specifiers = self.specifiers()?;
        let start = specifiers.start;
        if let Some(span) = specifiers.storage.inline {
            self.syntax_error(span, "`inline` stands before functions, and not inside of one");
        }
        if self.type_declaration(&specifiers) {
            let item = self.finish_type_declaration(specifiers)?;
            stmts.push(item_statement(item));
            return Ok(());
        }
        stmts.extend(self.hoist(&mut specifiers).map(item_statement));
        let mut declarator = self.declarator(Naming::Required)?;
        self.refuse_local_function(&declarator)?;
        let Some(name) = declarator.name.take() else { return Err(self.expected("a name")) };
        let variables = self.variables(&specifiers, declarator, name)?;
        stmts.push(Stmt { span: self.since(start), kind: StmtKind::Decl(variables) });
        Ok(())
    }

    /// Parses `( … )` after a keyword. None if what it holds was wrong, but the body can be found.
    pub(super) fn header<T>(
        &mut self,
        keyword: &str,
        has_semicolons: bool,
        parse: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        let open = self.span();
        self.expect(Punct::OpenParen, &format!("after `{keyword}`"))?;
        let depth = self.depth;
        let parsed = self.nested(parse).and_then(|head| {
            self.expect_close(Punct::CloseParen, open)?;
            Ok(head)
        });
        match parsed {
            Ok(head) => Ok(Some(head)),
            Err(reported) => {
                self.depth = depth;
                self.greater_closes = false;
                if !self.skip_header(has_semicolons) {
                    return Err(reported);
                }
                self.is_too_deep = false;
                Ok(None)
            }
        }
    }

    /// Parses an `if` with all its `else if`, which are as many levels of the tree but not of the parser.
    fn if_chain(&mut self) -> Parsed<Stmt> {
        let (scopes, links) = (self.names.depth(), self.else_ifs);
        let chain = self.if_arms();
        self.names.truncate(scopes);
        self.else_ifs = links;
        let (arms, last) = chain?;
        let end = self.prev;
        let chain = arms.into_iter().rev().fold(last, |other, arm| {
            let Arm { start, is_constexpr, head, then } = arm;
            let kind = match head {
                Some(IfHead { init, cond }) => StmtKind::If {
                    is_constexpr,
                    init,
                    cond: Box::new(cond),
                    then: Box::new(then),
                    other: other.map(Box::new),
                },
                None => StmtKind::Error(Vec::new()),
            };
            Some(Stmt { span: start.to(end), kind })
        });
        Ok(chain.unwrap_or(Stmt { span: end, kind: StmtKind::Error(Vec::new()) }))
    }

    fn if_arms(&mut self) -> Parsed<(Vec<Arm>, Option<Stmt>)> {
        let mut arms = Vec::new();
        loop {
            let start = self.span();
            self.bump();
            let is_constexpr = self.eat_word("constexpr");
            self.names.push();
            let head = self.header("if", false, |p| p.if_head())?;
            let then = self.statement()?;
            arms.push(Arm { start, is_constexpr, head, then });
            if !self.eat_word("else") {
                return Ok((arms, None));
            }
            if !self.at_word("if") {
                let last = self.statement()?;
                return Ok((arms, Some(last)));
            }
            self.else_ifs += 1;
            if self.else_ifs > MAX_ELSE_IFS {
                let start = self.span();
                self.too_deep("a chain of `else if`", MAX_ELSE_IFS);
                self.skip_if_chain();
                return Ok((arms, Some(Stmt { span: self.since(start), kind: StmtKind::Error(Vec::new()) })));
            }
        }
    }

    fn if_head(&mut self) -> Parsed<IfHead> {
        let start = self.span();
        let empty = self.eat(Punct::Semicolon).then_some(StmtKind::Empty);
        if let Some(kind) = empty {
            let init = Some(Box::new(Stmt { span: start, kind }));
            return Ok(IfHead { init, cond: self.condition()? });
        }
        let cond = self.condition()?;
        if !self.eat(Punct::Semicolon) {
            return Ok(IfHead { init: None, cond });
        }
        let kind = match cond {
            Condition::Expr(value) => StmtKind::Expr(value),
            Condition::Decl(variable) => StmtKind::Decl(vec![variable]),
        };
        let init = Some(Box::new(Stmt { span: self.since(start), kind }));
        Ok(IfHead { init, cond: self.condition()? })
    }

    fn condition(&mut self) -> Parsed<Condition> {
        if self.at_declaration() {
            let specifiers = self.specifiers()?;
            return self.single_variable(&specifiers).map(Condition::Decl);
        }
        self.expression().map(Condition::Expr)
    }

    fn single_variable(&mut self, specifiers: &super::specifiers::Specifiers) -> Parsed<VarDecl> {
        let mut declarator = self.declarator(Naming::Required)?;
        let Some(name) = declarator.name.take() else { return Err(self.expected("a name")) };
        self.variable(specifiers, declarator, name)
    }

    fn while_loop(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let cond = self.header("while", false, |p| p.condition())?;
        let body = self.statement()?;
        Ok(cond.map_or(StmtKind::Error(Vec::new()), |cond| StmtKind::While(Box::new(cond), Box::new(body))))
    }

    fn do_while(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let body = self.statement()?;
        if !self.eat_word("while") {
            return Err(self.expected("`while` after the body of `do`"));
        }
        let cond = self.header("while", false, |p| p.expression())?;
        self.expect_semicolon("`do … while (…)`")?;
        Ok(cond.map_or(StmtKind::Error(Vec::new()), |cond| StmtKind::DoWhile(Box::new(body), Box::new(cond))))
    }

    fn for_loop(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let head = self.header("for", true, |p| p.for_head())?;
        let body = self.statement()?;
        Ok(match head {
            Some(ForHead { init, cond, step }) => StmtKind::For { init, cond, step, body: Box::new(body) },
            None => StmtKind::Error(Vec::new()),
        })
    }

    fn for_head(&mut self) -> Parsed<ForHead> {
        let init = self.for_init()?;
        let cond = if self.at(Punct::Semicolon) { None } else { Some(Box::new(self.condition()?)) };
        self.expect(Punct::Semicolon, "after the condition of the loop")?;
        let step = if self.at(Punct::CloseParen) { None } else { Some(Box::new(self.expression()?)) };
        Ok(ForHead { init, cond, step })
    }

    fn for_init(&mut self) -> Parsed<Option<Box<Stmt>>> {
        let start = self.span();
        if self.eat(Punct::Semicolon) {
            return Ok(None);
        }
        let kind = if self.at_declaration() {
            let specifiers = self.specifiers()?;
            let mut variables = vec![self.single_variable(&specifiers)?];
            if self.at(Punct::Colon) {
                return Err(self.unsupported(self.span(), "a loop over the elements of a range is"));
            }
            while self.eat(Punct::Comma) {
                if matches!(specifiers.base.kind, TypeExprKind::Inline(_)) {
                    return Err(self.unsupported(start, "several variables of a type defined in place are"));
                }
                variables.push(self.single_variable(&specifiers)?);
            }
            StmtKind::Decl(variables)
        } else {
            StmtKind::Expr(self.expression()?)
        };
        self.expect(Punct::Semicolon, "after the start of the loop")?;
        Ok(Some(Box::new(Stmt { span: self.since(start), kind })))
    }
}

fn item_statement(item: Item) -> Stmt {
    let span = item.span;
    match item.kind {
        ItemKind::Error(names) => Stmt { span, kind: StmtKind::Error(names) },
        _ => Stmt { span, kind: StmtKind::Item(Box::new(item)) },
    }
}
