//! For which ops, and which operands, evaluation at compilation gives the bits that the executor would.
//!
//! Left out are: functions that take the mathematical library of the machine that compiles; results that are NaN, for
//! its sign and payload are the machine's; conversions that would round twice. Integer division by zero, which the
//! executor makes 0, is not folded by the checker either.

use super::super::super::{MathFn, Op, Scalar};
use crate::check::const_eval::ConstValue;

/// Ops that are worth a look.
pub(super) fn may_fold(op: &Op) -> bool {
    match op {
        Op::Math(function, ..) => matches!(
            function,
            MathFn::Abs
                | MathFn::Ceil
                | MathFn::Copysign
                | MathFn::Floor
                | MathFn::Max
                | MathFn::Min
                | MathFn::Rint
                | MathFn::Round
                | MathFn::Sqrt
                | MathFn::Trunc
        ),
        Op::FunctionConstant(_) | Op::IsFunctionConstantDefined(_) | Op::Param(_) | Op::LocalGet(_) => false,
        _ => op.is_pure() || matches!(op, Op::Load(_)),
    }
}

/// Whether a result may be relied on.
pub(super) fn is_exact(op: &Op, result: &[ConstValue]) -> bool {
    !computes_floats(op) || !result.iter().any(is_nan)
}

/// Whether an operand is one for which the result may be relied on.
pub(super) fn takes(op: &Op, operand: &[ConstValue], result: &[ConstValue]) -> bool {
    if computes_floats(op) && operand.iter().any(is_nan) {
        return false;
    }
    match op {
        // Of two zeros the executor takes the second, whatever their signs.
        Op::Math(MathFn::Min | MathFn::Max, ..) => {
            !operand.iter().any(|c| c.scalar.is_float() && c.as_f64() == 0.0)
        }
        // A double holds every integer of up to 53 bits; a larger one would be rounded on the way.
        Op::Convert(_) => {
            let is_short = result.iter().any(|c| matches!(c.scalar, Scalar::F16 | Scalar::BF16));
            let is_int = |c: &ConstValue| !c.scalar.is_float();
            !is_short || !operand.iter().any(|c| is_int(c) && c.as_int().unsigned_abs() > 1 << 53)
        }
        _ => true,
    }
}

/// Whether the op does more with floats than to move their bits about or to compare them.
fn computes_floats(op: &Op) -> bool {
    matches!(op, Op::Binary(..) | Op::Math(..) | Op::Convert(_))
}

fn is_nan(component: &ConstValue) -> bool {
    component.scalar.is_float() && component.as_f64().is_nan()
}
