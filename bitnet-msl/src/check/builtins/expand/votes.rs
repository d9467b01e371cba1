//! Votes of the threads of a simdgroup or quad-group, as the integers that hold them (MSL 6.9.2, 6.9.3).

use super::Call;
use crate::ir::{LaneFn, LaneScope, Op, Scalar, Value};

/// The bits of a vote, as wide as its class has them.
fn vote(call: &mut Call<'_>, function: LaneFn, scope: LaneScope, args: &[Value]) -> Value {
    let wide = call.builder.scalar_type(Scalar::U64);
    let bits = call.emit(Op::Lane(function, scope, args.to_vec()), wide);
    if call.result == wide { bits } else { call.emit(Op::Convert(bits), call.result) }
}

/// `quad_ballot`.
pub(in crate::check::builtins) fn quad_ballot(call: &mut Call<'_>, args: &[Value]) -> Value {
    vote(call, LaneFn::Ballot, LaneScope::Quad, args)
}

/// `quad_active_threads_mask`.
pub(in crate::check::builtins) fn quad_active_threads_mask(call: &mut Call<'_>, args: &[Value]) -> Value {
    vote(call, LaneFn::ActiveThreadsMask, LaneScope::Quad, args)
}
