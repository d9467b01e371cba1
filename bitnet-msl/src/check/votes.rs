//! `simd_vote` and `quad_vote`: what the threads of a simdgroup or a quad-group answered (MSL specification, 6.9.2).
//!
//! They are classes around an unsigned integer, `vote_t`, with a bit for each thread. An explicit conversion leads to
//! `vote_t`, and to no other type; there are no operators. So the checker has them as enumerations of the library that
//! convert to nothing (see [`BuiltinEnum`]), with the exceptions that are here.

use super::Checker;
use super::builtins::BuiltinEnum;
use super::operand::{Operand, Rvalue};
use super::types::{Enumeration, QualType};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{BinaryOp, CompareOp, LaneFn, LaneScope, Op, Scalar, Type, Value};
use crate::source::Span;

/// The name of the integer type of a vote, within its class.
const BITS: &str = "vote_t";

/// The class that a vote of a type is.
fn vote(ty: QualType) -> Option<BuiltinEnum> {
    match ty.enumeration {
        Some(Enumeration::Library(library)) => Some(library).filter(|library| library.is_class()),
        _ => None,
    }
}

/// `simd_vote::vote_t`, with or without `metal::`: its type.
pub(super) fn bits_of_vote(path: &ast::Path) -> Option<Scalar> {
    let [qualifiers @ .., class, bits] = &path.segments[..] else { return None };
    let in_library = match qualifiers {
        [] => true,
        [metal] => metal.name.name == "metal",
        _ => false,
    };
    let class = BuiltinEnum::from_name(&class.name.name).filter(|class| class.is_class())?;
    (in_library && bits.name.name == BITS).then(|| class.scalar())
}

impl<'a> Checker<'a> {
    /// Whether a type is a vote.
    pub(super) fn is_vote(&self, ty: QualType) -> bool {
        vote(ty).is_some()
    }

    /// `vote_t(v)`, `simd_vote(bits)` and what explicit conversions of votes there are not; `None` for other types.
    pub(super) fn vote_conversion(
        &mut self,
        from: &Rvalue,
        to: QualType,
        span: Span,
    ) -> Option<Option<Value>> {
        let source = self.rvalue_qual(from);
        let (from_vote, to_vote) = (vote(source), vote(to));
        if from_vote.is_none() && to_vote.is_none() {
            return None;
        }
        if from_vote == to_vote {
            return Some(Some(from.value));
        }
        let bits = |class: BuiltinEnum| Type::Scalar(class.scalar());
        let (fits, note) = match (from_vote, to_vote) {
            (Some(class), _) => {
                let name = class.msl_name();
                let fits = to.enumeration.is_none() && self.ty(to.ty) == bits(class);
                (
                    fits,
                    format!(
                        "a {name} converts to {name}::{BITS} only: write T({name}::{BITS}(v)) [MSL 6.9.2]"
                    ),
                )
            }
            (None, Some(class)) => {
                let plain = QualType::plain(self.builder.scalar_type(class.scalar()));
                let fits = self.implicit_rank(from, plain).is_some() && self.as_scalar(from.ty).is_some();
                (fits, format!("a {} is made of its bits, an integer [MSL 6.9.2]", class.msl_name()))
            }
            (None, None) => return None,
        };
        if !fits {
            return Some(self.cannot_cast(from, to, span, &note));
        }
        let scalar = from_vote.or(to_vote).map_or(Scalar::U64, BuiltinEnum::scalar);
        Some(Some(self.convert_scalar(from.value, scalar, span)))
    }

    /// `v.all()` and `v.any()`; `None` if the operand is no vote.
    pub(super) fn vote_method(
        &mut self,
        operand: &Operand,
        method: &ast::Ident,
        has_args: bool,
        span: Span,
    ) -> Option<Option<Operand>> {
        let class = vote(operand.qual())?;
        let is_all = match method.name.as_str() {
            "all" => true,
            "any" => false,
            name => {
                let message = format!("`{}` has no method `{name}`", class.msl_name());
                let note = "a vote has all() and any() [MSL 6.9.2]";
                self.report(Diagnostic::new(Code::E0309, method.span, message).note(note));
                return Some(None);
            }
        };
        if has_args {
            self.error(Code::E0311, span, format!("`{}` takes no arguments", method.name));
            return Some(None);
        }
        let scope = if class == BuiltinEnum::QuadVote { LaneScope::Quad } else { LaneScope::Simdgroup };
        Some(self.vote_result(*operand, scope, is_all, span))
    }

    /// Whether all or any of the threads that there are have voted yes.
    fn vote_result(&mut self, vote: Operand, scope: LaneScope, is_all: bool, span: Span) -> Option<Operand> {
        let vote = self.read(vote)?;
        let bits = self.convert_scalar(vote.value, Scalar::U64, span);
        let ty = self.builder.scalar_type(Scalar::U64);
        let threads = self.builder.emit(Op::Lane(LaneFn::ThreadsMask, scope, Vec::new()), ty, span);
        let yes = self.builder.binary(BinaryOp::And, bits, threads, span);
        let result = if is_all {
            self.builder.compare(CompareOp::Eq, yes, threads, span)
        } else {
            let none = self.builder.const_scalar(Scalar::U64, 0, span);
            self.builder.compare(CompareOp::Ne, yes, none, span)
        };
        Some(Operand::value(result, self.builder.type_of(result), span))
    }
}
