//! `#if` expressions: integers, `defined`, all operators of C but assignment and comma.

use super::Preprocessor;
use crate::diag::Code;
use crate::lex::token::Punct;
use crate::lex::{Interner, RawKind, RawToken, alternative, character, parse_integer};
use crate::source::Span;

/// Deepest nesting of parentheses and prefix operators.
const MAX_DEPTH: usize = 200;

impl Preprocessor<'_> {
    /// Whether the condition holds. A malformed one is reported and does not.
    pub(super) fn evaluate(&mut self, tokens: &[RawToken], span: Span) -> bool {
        let outer = std::mem::replace(&mut self.in_condition, true);
        let expanded = self.expand_list(tokens.to_vec(), span);
        self.in_condition = outer;
        if self.stopped {
            return false;
        }
        let mut parser =
            Parser { tokens: &expanded, names: &self.names, pos: 0, depth: 0, live: true, whole: span };
        match parser.expression() {
            Ok(value) => value.bits != 0,
            Err((span, message)) => {
                self.report(Code::E0114, span, message);
                false
            }
        }
    }

    /// `defined X` or `defined(X)`; the word was just read. Its operand is not expanded.
    pub(super) fn defined_operator(&mut self, word: RawToken) -> RawToken {
        let in_parens = self.accept_open_paren();
        let name = self.next_unexpanded().and_then(|token| token.name());
        let closed = !in_parens || self.next_unexpanded().is_some_and(|token| token.is(Punct::CloseParen));
        if name.is_none() || !closed {
            self.report(Code::E0114, word.span, "`defined` takes the name of a macro");
        }
        let is_defined = name.is_some_and(|name| self.macros.get(name).is_some());
        let text = self.names.intern(if is_defined { "1" } else { "0" });
        RawToken { kind: RawKind::Number, text, ..word }
    }
}

/// A value of `#if`: 64 bits, signed unless an operand was unsigned.
#[derive(Clone, Copy)]
struct Value {
    bits: i64,
    unsigned: bool,
}

fn boolean(value: bool) -> Value {
    Value { bits: i64::from(value), unsigned: false }
}

type Parsed = Result<Value, (Span, String)>;

/// Recursive descent over the expression, bounded by [`MAX_DEPTH`].
struct Parser<'a> {
    tokens: &'a [RawToken],
    names: &'a Interner,
    pos: usize,
    depth: usize,
    /// The operand's value counts. `0 && 1 / 0` is no error.
    live: bool,
    whole: Span,
}

impl Parser<'_> {
    fn peek(&self) -> Option<Punct> {
        let token = self.tokens.get(self.pos)?;
        match token.kind {
            RawKind::Punct(punct) => Some(punct),
            RawKind::Ident => alternative(self.names.text(token.text)),
            _ => None,
        }
    }

    fn accept(&mut self, punct: Punct) -> bool {
        let found = self.peek() == Some(punct);
        self.pos += usize::from(found);
        found
    }

    fn expect(&mut self, punct: Punct) -> Result<(), (Span, String)> {
        if self.accept(punct) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("expected `{}`", punct.text())))
        }
    }

    /// What to say about the token here.
    fn unexpected(&self, wanted: &str) -> (Span, String) {
        match self.tokens.get(self.pos) {
            Some(token) => (token.span, format!("{wanted} in #if, found `{}`", self.names.text(token.text))),
            None => (self.whole, format!("{wanted} at the end of #if")),
        }
    }

    fn expression(&mut self) -> Parsed {
        let value = self.ternary()?;
        if self.pos < self.tokens.len() {
            return Err(self.unexpected("expected an operator or the end of the line"));
        }
        Ok(value)
    }

    /// Parses an operand whose value counts only if `live`.
    fn operand(&mut self, live: bool, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        let outer = self.live;
        self.live &= live;
        let value = parse(self);
        self.live = outer;
        value
    }

    /// Parses one level deeper.
    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == MAX_DEPTH {
            return Err((self.whole, format!("#if expression nests deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let value = parse(self);
        self.depth -= 1;
        value
    }

    fn ternary(&mut self) -> Parsed {
        let condition = self.binary(0)?;
        if !self.accept(Punct::Question) {
            return Ok(condition);
        }
        let holds = condition.bits != 0;
        let then = self.nested(|p| p.operand(holds, Self::ternary))?;
        self.expect(Punct::Colon)?;
        let other = self.nested(|p| p.operand(!holds, Self::ternary))?;
        let bits = if holds { then.bits } else { other.bits };
        Ok(Value { bits, unsigned: then.unsigned || other.unsigned })
    }

    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((op, level)) = self.peek().and_then(|op| Some((op, precedence(op)?))) {
            if level < least {
                break;
            }
            let place = self.tokens[self.pos].span;
            self.pos += 1;
            let right_counts = match op {
                Punct::AndAnd => left.bits != 0,
                Punct::OrOr => left.bits == 0,
                _ => true,
            };
            let right = self.operand(right_counts, |p| p.binary(level + 1))?;
            left = match apply(op, left, right) {
                Some(value) => value,
                None if self.live => return Err((place, "division by zero in #if".to_owned())),
                None => boolean(false),
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let op = match self.peek() {
            Some(op @ (Punct::Not | Punct::Minus | Punct::Plus | Punct::Tilde | Punct::OpenParen)) => op,
            _ => return self.primary(),
        };
        self.pos += 1;
        if op == Punct::OpenParen {
            let value = self.nested(Self::ternary)?;
            self.expect(Punct::CloseParen)?;
            return Ok(value);
        }
        let value = self.nested(Self::unary)?;
        Ok(match op {
            Punct::Not => boolean(value.bits == 0),
            Punct::Minus => Value { bits: value.bits.wrapping_neg(), ..value },
            Punct::Tilde => Value { bits: !value.bits, ..value },
            _ => value,
        })
    }

    fn primary(&mut self) -> Parsed {
        let Some(token) = self.tokens.get(self.pos) else { return Err(self.unexpected("expected a value")) };
        let text = self.names.text(token.text);
        let value = match token.kind {
            RawKind::Number => {
                let (value, suffix) = parse_integer(text).map_err(|message| (token.span, message))?;
                Value { bits: value as i64, unsigned: suffix.unsigned || value > i64::MAX as u64 }
            }
            RawKind::Char => {
                let value = character(text).map_err(|message| (token.span, message))?;
                Value { bits: i64::from(value), unsigned: false }
            }
            // Names that are no macros count as 0, except `true` (C++).
            RawKind::Ident => boolean(&**text == "true"),
            _ => return Err(self.unexpected("expected a value")),
        };
        self.pos += 1;
        Ok(value)
    }
}

/// Binding strength of a binary operator.
fn precedence(op: Punct) -> Option<u8> {
    Some(match op {
        Punct::OrOr => 1,
        Punct::AndAnd => 2,
        Punct::Or => 3,
        Punct::Xor => 4,
        Punct::And => 5,
        Punct::EqualEqual | Punct::NotEqual => 6,
        Punct::Less | Punct::LessEqual | Punct::Greater | Punct::GreaterEqual => 7,
        Punct::Shl | Punct::Shr => 8,
        Punct::Plus | Punct::Minus => 9,
        Punct::Star | Punct::Slash | Punct::Percent => 10,
        _ => return None,
    })
}

/// Applies an operator; `None` for a division by zero.
fn apply(op: Punct, a: Value, b: Value) -> Option<Value> {
    let unsigned = a.unsigned || b.unsigned;
    let number = |bits: i64| Some(Value { bits, unsigned });
    let (x, y) = (a.bits, b.bits);
    let (ux, uy) = (x as u64, y as u64);
    let less = if unsigned { ux < uy } else { x < y };
    match op {
        Punct::OrOr => Some(boolean(x != 0 || y != 0)),
        Punct::AndAnd => Some(boolean(x != 0 && y != 0)),
        Punct::Or => number(x | y),
        Punct::Xor => number(x ^ y),
        Punct::And => number(x & y),
        Punct::EqualEqual => Some(boolean(x == y)),
        Punct::NotEqual => Some(boolean(x != y)),
        Punct::Less => Some(boolean(less)),
        Punct::GreaterEqual => Some(boolean(!less)),
        Punct::Greater => Some(boolean(!less && x != y)),
        Punct::LessEqual => Some(boolean(less || x == y)),
        // The result of a shift has the type of its left operand.
        Punct::Shl => Some(Value { bits: x.wrapping_shl(y as u32), ..a }),
        Punct::Shr if a.unsigned => Some(Value { bits: ux.wrapping_shr(y as u32) as i64, ..a }),
        Punct::Shr => Some(Value { bits: x.wrapping_shr(y as u32), ..a }),
        Punct::Plus => number(x.wrapping_add(y)),
        Punct::Minus => number(x.wrapping_sub(y)),
        Punct::Star => number(x.wrapping_mul(y)),
        Punct::Slash if unsigned => number(ux.checked_div(uy)? as i64),
        Punct::Slash if y != 0 => number(x.wrapping_div(y)),
        Punct::Percent if unsigned => number(ux.checked_rem(uy)? as i64),
        Punct::Percent if y != 0 => number(x.wrapping_rem(y)),
        _ => None,
    }
}
