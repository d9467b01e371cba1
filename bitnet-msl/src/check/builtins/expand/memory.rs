//! Atomic functions (MSL 6.15) and `as_type` (MSL 2.22).
//!
//! The order argument is dropped: `memory_order_relaxed` is the only one there is.

use super::Call;
use crate::ir::{AtomicFn, Op, Value};

/// Reads.
pub(in crate::check::builtins) fn atomic_load(call: &mut Call<'_>, args: &[Value]) -> Value {
    call.emit(Op::AtomicLoad(args[0]), call.result)
}

/// Writes.
pub(in crate::check::builtins) fn atomic_store(call: &mut Call<'_>, args: &[Value]) -> Value {
    call.emit(Op::AtomicStore(args[0], args[1]), call.result)
}

/// Compares with `*expected` and writes the desired value, or the old one to `*expected`.
pub(in crate::check::builtins) fn atomic_compare_exchange(call: &mut Call<'_>, args: &[Value]) -> Value {
    call.emit(Op::AtomicCompareExchange(args[0], args[1], args[2]), call.result)
}

/// Makes an expansion for each read-modify-write function.
macro_rules! read_modify_write {
    ($($name:ident => $function:ident)*) => {
        $(
            #[doc = concat!("`AtomicFn::", stringify!($function), "`; the old value.")]
            pub(in crate::check::builtins) fn $name(call: &mut Call<'_>, args: &[Value]) -> Value {
                call.emit(Op::Atomic(AtomicFn::$function, args[0], args[1]), call.result)
            }
        )*
    };
}

read_modify_write! {
    atomic_exchange => Exchange
    atomic_add => Add
    atomic_sub => Sub
    atomic_min => Min
    atomic_max => Max
    atomic_and => And
    atomic_or => Or
    atomic_xor => Xor
}

/// The least of both, without telling the old value.
pub(in crate::check::builtins) fn atomic_min_only(call: &mut Call<'_>, args: &[Value]) -> Value {
    discard_old(call, AtomicFn::Min, args)
}

/// The greatest of both, without telling the old value.
pub(in crate::check::builtins) fn atomic_max_only(call: &mut Call<'_>, args: &[Value]) -> Value {
    discard_old(call, AtomicFn::Max, args)
}

fn discard_old(call: &mut Call<'_>, function: AtomicFn, args: &[Value]) -> Value {
    let ty = call.type_of(args[1]);
    call.emit(Op::Atomic(function, args[0], args[1]), ty)
}

/// The same bits as another type.
pub(in crate::check::builtins) fn as_type(call: &mut Call<'_>, args: &[Value]) -> Value {
    if call.type_of(args[0]) == call.result {
        return args[0];
    }
    call.emit(Op::Bitcast(args[0]), call.result)
}
