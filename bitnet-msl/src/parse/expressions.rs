//! Expressions: operators of every precedence.
//!
//! Chains (`a + b + c`, `-!~x`, `a.b[c](d)`) are read by loops, so only brackets, `?:`, assignment and types
//! use the parser's stack. The height of what the loops build is counted in [`Tree`] and bounded.

use super::{MAX_EXPRESSION_HEIGHT, Parsed, Parser};
use crate::ast::{CastKind, Expr, ExprKind, InfixOp, PathSegment, PrefixOp, TypeExpr};
use crate::lex::token::Punct;
use crate::source::Span;

/// An expression and how many levels it has.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) expr: Expr,
    pub(super) height: u32,
}

impl Tree {
    /// A tree of one level.
    pub(super) fn leaf(span: Span, kind: ExprKind) -> Self {
        Tree { expr: Expr { span, kind }, height: 1 }
    }
}

/// An operator that stands before its operand.
enum Prefix {
    Operator(PrefixOp),
    Cast(TypeExpr),
    Sizeof,
}

/// An operator waiting for its right operand.
struct Pending {
    left: Tree,
    op: InfixOp,
    binding: u8,
}

/// The operator and how tightly it binds.
fn infix(punct: Punct) -> Option<(InfixOp, u8)> {
    Some(match punct {
        Punct::OrOr => (InfixOp::LogicalOr, 1),
        Punct::AndAnd => (InfixOp::LogicalAnd, 2),
        Punct::Or => (InfixOp::Or, 3),
        Punct::Xor => (InfixOp::Xor, 4),
        Punct::And => (InfixOp::And, 5),
        Punct::EqualEqual => (InfixOp::Eq, 6),
        Punct::NotEqual => (InfixOp::Ne, 6),
        Punct::Less => (InfixOp::Lt, 7),
        Punct::LessEqual => (InfixOp::Le, 7),
        Punct::Greater => (InfixOp::Gt, 7),
        Punct::GreaterEqual => (InfixOp::Ge, 7),
        Punct::Shl => (InfixOp::Shl, 8),
        Punct::Shr => (InfixOp::Shr, 8),
        Punct::Plus => (InfixOp::Add, 9),
        Punct::Minus => (InfixOp::Sub, 9),
        Punct::Star => (InfixOp::Mul, 10),
        Punct::Slash => (InfixOp::Div, 10),
        Punct::Percent => (InfixOp::Rem, 10),
        _ => return None,
    })
}

/// The operator inside a compound assignment; `Some(None)` for `=`.
fn assignment(punct: Punct) -> Option<Option<InfixOp>> {
    Some(match punct {
        Punct::Assign => None,
        Punct::PlusAssign => Some(InfixOp::Add),
        Punct::MinusAssign => Some(InfixOp::Sub),
        Punct::StarAssign => Some(InfixOp::Mul),
        Punct::SlashAssign => Some(InfixOp::Div),
        Punct::PercentAssign => Some(InfixOp::Rem),
        Punct::ShlAssign => Some(InfixOp::Shl),
        Punct::ShrAssign => Some(InfixOp::Shr),
        Punct::AndAssign => Some(InfixOp::And),
        Punct::OrAssign => Some(InfixOp::Or),
        Punct::XorAssign => Some(InfixOp::Xor),
        _ => return None,
    })
}

fn prefix(punct: Punct) -> Option<PrefixOp> {
    Some(match punct {
        Punct::Plus => PrefixOp::Plus,
        Punct::Minus => PrefixOp::Neg,
        Punct::Not => PrefixOp::Not,
        Punct::Tilde => PrefixOp::BitNot,
        Punct::PlusPlus => PrefixOp::Inc,
        Punct::MinusMinus => PrefixOp::Dec,
        Punct::Star => PrefixOp::Deref,
        Punct::And => PrefixOp::AddressOf,
        _ => return None,
    })
}

impl Parser<'_> {
    /// Makes a tree on top of others, the highest of which has `below` levels.
    pub(super) fn grow(&mut self, start: Span, below: u32, kind: ExprKind) -> Parsed<Tree> {
        if below >= MAX_EXPRESSION_HEIGHT {
            return Err(self.too_deep("an expression", MAX_EXPRESSION_HEIGHT as usize));
        }
        Ok(Tree { expr: Expr { span: self.since(start), kind }, height: below + 1 })
    }

    /// Parses `a, b`.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        Ok(self.comma_tree()?.expr)
    }

    /// Parses an expression without a comma outside brackets.
    pub(super) fn assignment_expression(&mut self) -> Parsed<Expr> {
        Ok(self.assignment_tree()?.expr)
    }

    /// Parses an expression without a comma or assignment outside brackets.
    pub(super) fn conditional_expression(&mut self) -> Parsed<Expr> {
        let condition = self.binary_tree()?;
        Ok(self.conditional_tree(condition)?.expr)
    }

    pub(super) fn comma_tree(&mut self) -> Parsed<Tree> {
        let mut left = self.assignment_tree()?;
        while self.eat(Punct::Comma) {
            let right = self.assignment_tree()?;
            let below = left.height.max(right.height);
            let start = left.expr.span;
            let kind = ExprKind::Comma(Box::new(left.expr), Box::new(right.expr));
            left = self.grow(start, below, kind)?;
        }
        Ok(left)
    }

    pub(super) fn assignment_tree(&mut self) -> Parsed<Tree> {
        let left = self.binary_tree()?;
        let left = self.conditional_tree(left)?;
        let Some(op) = self.punct().and_then(assignment) else { return Ok(left) };
        self.bump();
        let right = self.nested(|p| p.clause_tree())?;
        let below = left.height.max(right.height);
        let start = left.expr.span;
        self.grow(start, below, ExprKind::Assign(op, Box::new(left.expr), Box::new(right.expr)))
    }

    /// Parses `expr` or `{…}`.
    pub(super) fn clause_tree(&mut self) -> Parsed<Tree> {
        let start = self.span();
        if !self.eat(Punct::OpenBrace) {
            return self.assignment_tree();
        }
        let (args, below) = self.argument_trees(Punct::CloseBrace, start)?;
        self.grow(start, below, ExprKind::InitList(args))
    }

    fn conditional_tree(&mut self, condition: Tree) -> Parsed<Tree> {
        let question = self.span();
        if !self.eat(Punct::Question) {
            return Ok(condition);
        }
        let (yes, no) = self.nested(|p| {
            let yes = p.with_greater(false, |p| p.comma_tree())?;
            if !p.eat(Punct::Colon) {
                return Err(p.unclosed(Punct::Colon, question));
            }
            Ok((yes, p.assignment_tree()?))
        })?;
        let below = condition.height.max(yes.height).max(no.height);
        let start = condition.expr.span;
        let kind = ExprKind::Ternary(Box::new(condition.expr), Box::new(yes.expr), Box::new(no.expr));
        self.grow(start, below, kind)
    }

    /// Parses infix operators by precedence, with a list of waiting operators in place of recursion.
    fn binary_tree(&mut self) -> Parsed<Tree> {
        let mut waiting: Vec<Pending> = Vec::new();
        let mut right = self.prefix_tree()?;
        loop {
            let next = self.punct().filter(|p| !self.ends_arguments(*p)).and_then(infix);
            let binding = next.map_or(0, |(_, binding)| binding);
            while waiting.last().is_some_and(|p| p.binding >= binding) {
                let Some(Pending { left, op, .. }) = waiting.pop() else { break };
                let below = left.height.max(right.height);
                let start = left.expr.span;
                let kind = ExprKind::Infix(op, Box::new(left.expr), Box::new(right.expr));
                right = self.grow(start, below, kind)?;
            }
            let Some((op, binding)) = next else { return Ok(right) };
            self.bump();
            waiting.push(Pending { left: right, op, binding });
            right = self.prefix_tree()?;
        }
    }

    /// Whether the operator is the `>` that ends template arguments.
    fn ends_arguments(&self, punct: Punct) -> bool {
        self.greater_closes && matches!(punct, Punct::Greater | Punct::Shr | Punct::GreaterEqual)
    }

    /// Parses prefix operators and casts, and what they stand before.
    fn prefix_tree(&mut self) -> Parsed<Tree> {
        let mut prefixes: Vec<(Prefix, Span)> = Vec::new();
        let mut tree = loop {
            let start = self.span();
            if prefixes.len() as u32 > MAX_EXPRESSION_HEIGHT {
                return Err(self.too_deep("an expression", MAX_EXPRESSION_HEIGHT as usize));
            }
            if let Some(op) = self.punct().and_then(prefix) {
                self.bump();
                prefixes.push((Prefix::Operator(op), start));
            } else if self.at(Punct::OpenParen) && self.at_cast() {
                let ty = self.parenthesised_type()?;
                if self.at(Punct::OpenBrace) {
                    break self.construct(start, ty)?;
                }
                prefixes.push((Prefix::Cast(ty), start));
            } else if self.at_word("sizeof") && !self.at_sizeof_type() {
                self.bump();
                prefixes.push((Prefix::Sizeof, start));
            } else {
                let operand = self.primary()?;
                break self.postfix_tree(start, operand)?;
            }
        };
        for (prefix, start) in prefixes.into_iter().rev() {
            let operand = Box::new(tree.expr);
            let kind = match prefix {
                Prefix::Operator(op) => ExprKind::Prefix(op, operand),
                Prefix::Cast(ty) => ExprKind::Cast(CastKind::C, Box::new(ty), operand),
                Prefix::Sizeof => ExprKind::SizeofExpr(operand),
            };
            tree = self.grow(start, tree.height, kind)?;
        }
        Ok(tree)
    }

    /// Parses calls, subscripts, members, `++` and `--`.
    fn postfix_tree(&mut self, start: Span, mut tree: Tree) -> Parsed<Tree> {
        loop {
            let open = self.span();
            let (kind, below) = match self.punct() {
                Some(Punct::OpenParen) => {
                    self.bump();
                    let (args, below) = self.argument_trees(Punct::CloseParen, open)?;
                    (ExprKind::Call(Box::new(tree.expr), args), below)
                }
                Some(Punct::OpenBracket) => {
                    self.bump();
                    let index = self.nested(|p| p.with_greater(false, |p| p.comma_tree()))?;
                    self.expect_close(Punct::CloseBracket, open)?;
                    (ExprKind::Index(Box::new(tree.expr), Box::new(index.expr)), index.height)
                }
                Some(punct @ (Punct::Dot | Punct::Arrow)) => {
                    self.bump();
                    let member = self.member_segment()?;
                    (ExprKind::Member(Box::new(tree.expr), member, punct == Punct::Arrow), 0)
                }
                Some(punct @ (Punct::PlusPlus | Punct::MinusMinus)) => {
                    self.bump();
                    (ExprKind::Postfix(punct == Punct::PlusPlus, Box::new(tree.expr)), 0)
                }
                _ => return Ok(tree),
            };
            tree = self.grow(start, tree.height.max(below), kind)?;
        }
    }

    /// Parses the name after `.` or `->`.
    fn member_segment(&mut self) -> Parsed<PathSegment> {
        if self.at_word("operator") {
            return Err(self.unsupported(self.span(), "calling an operator by name is"));
        }
        let is_template = self.eat_word("template");
        let name = self.name("the name of a member")?;
        let args = if is_template && self.at(Punct::Less) { Some(self.template_args()?) } else { None };
        Ok(PathSegment { name, args })
    }

    /// Parses expressions up to and with the closing bracket. The opening one has been consumed.
    pub(super) fn arguments(&mut self, close: Punct, open: Span) -> Parsed<Vec<Expr>> {
        Ok(self.argument_trees(close, open)?.0)
    }

    /// Like [`Self::arguments`], with the height of the highest.
    pub(super) fn argument_trees(&mut self, close: Punct, open: Span) -> Parsed<(Vec<Expr>, u32)> {
        let (mut args, mut height) = (Vec::new(), 0);
        let parsed = self.nested(|p| {
            p.with_greater(false, |p| {
                while !p.at(close) {
                    p.refuse_designator()?;
                    let arg = p.clause_tree()?;
                    height = height.max(arg.height);
                    args.push(arg.expr);
                    if p.at(Punct::Ellipsis) {
                        return Err(p.unsupported(p.span(), "expanding a parameter pack is"));
                    }
                    if !p.eat(Punct::Comma) {
                        break;
                    }
                    if close == Punct::CloseParen && p.at(close) {
                        return Err(p.expected("an expression"));
                    }
                }
                p.expect_close(close, open)
            })
        });
        match parsed {
            Ok(()) => Ok((args, height)),
            Err(reported) => {
                if close == Punct::CloseBrace {
                    self.skip_list();
                }
                Err(reported)
            }
        }
    }

    /// Reports `.x = 1` and `[0] = 1` in lists.
    fn refuse_designator(&mut self) -> Parsed<()> {
        let (first, second, third) = (self.ahead(1), self.ahead(2), self.ahead(3));
        let is_member = self.at(Punct::Dot) && self.word_at(first).is_some();
        let is_index = self.at(Punct::OpenBracket)
            && (self.punct_at(second) == Some(Punct::Ellipsis)
                || self.punct_at(second) == Some(Punct::CloseBracket)
                    && self.punct_at(third) == Some(Punct::Assign));
        if is_member || is_index {
            return Err(self.unsupported(self.span(), "an initialiser that names members or indices is"));
        }
        Ok(())
    }
}
