//! What an instruction costs where it stands, as far as passes must know to do no harm.
//!
//! The executor takes a comparison and the branch right after it as one instruction, and computes a value straight
//! into the variable that is set to it next. Taking such a value from elsewhere saves nothing and costs a copy.

use super::super::{Function, Op, Stmt, Type, TypeTable, Value};

/// Whether an op needs no instruction: constants, parameters, addresses and the rearranging of components.
pub(super) fn is_free(op: &Op) -> bool {
    matches!(
        op,
        Op::Const(_)
            | Op::Zero
            | Op::Param(_)
            | Op::FunctionConstant(_)
            | Op::IsFunctionConstantDefined(_)
            | Op::GlobalAddr(_)
            | Op::LocalAddr(_)
            | Op::LocalGet(_)
            | Op::Splat(_)
            | Op::Compose(_)
            | Op::Extract(..)
            | Op::Insert(..)
            | Op::Swizzle(..)
            | Op::FieldAddr(..)
            | Op::ElementAddr(..)
            | Op::PtrAdd(..)
            | Op::PtrCast(_)
    )
}

/// Whether the value, used nowhere else, becomes part of the statement after it.
pub(super) fn is_fused_with_next(
    function: &Function,
    types: &TypeTable,
    uses: &[u32],
    value: Value,
    next: Option<&Stmt>,
) -> bool {
    let inst = function.inst(value);
    let is_only_use = uses[value.0 as usize] == 1;
    match next {
        Some(Stmt::If { cond, .. }) => is_only_use && *cond == value && matches!(inst.op, Op::Compare(..)),
        Some(Stmt::LocalSet(_, set)) => {
            let is_one_instruction = matches!(types.get(inst.ty), Type::Scalar(_))
                && matches!(inst.op, Op::Unary(..) | Op::Binary(..) | Op::Compare(..) | Op::Select(..));
            is_only_use && *set == value && is_one_instruction
        }
        _ => false,
    }
}
