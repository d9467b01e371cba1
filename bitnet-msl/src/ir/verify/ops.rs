//! Types of operands and results: one small function for each op or family of ops.
//!
//! Operands have been found in scope and not void before these run.

use super::{Check, FunctionVerifier, functions, require};
use crate::ir::{
    AddressSpace, AtomicFn, BinaryOp, CompareOp, FuncId, GlobalId, GlobalKind, Inst, MessageId, Op, Scalar,
    Type, UnaryOp, Value,
};

/// Checks an instruction.
pub(super) fn check(v: &FunctionVerifier<'_>, inst: &Inst) -> Check {
    let ty = v.ty(inst.ty);
    match &inst.op {
        Op::Const(bits) => constant(*bits, ty),
        Op::Zero => require(ty != Type::Void, "zero has a type that can be stored"),
        Op::Param(index) => {
            let param = v.function.params.get(*index as usize);
            require(param == Some(&inst.ty), "a parameter exists and has its type")
        }
        Op::FunctionConstant(id) => {
            let constant = v.module.function_constants.get(id.0 as usize);
            require(constant.is_some_and(|c| c.ty == inst.ty), "a function constant exists and has its type")
        }
        Op::IsFunctionConstantDefined(id) => {
            let exists = (id.0 as usize) < v.module.function_constants.len();
            require(exists && is_bool(ty), "whether a function constant is defined is a bool")
        }
        Op::GlobalAddr(id) => global_addr(v, *id, ty),
        Op::LocalAddr(id) => {
            let local = v.function.locals[id.0 as usize].ty;
            let is_address =
                matches!(ty, Type::Pointer { space: AddressSpace::Thread, pointee, .. } if pointee == local);
            require(is_address, "a local's address is a thread pointer to its type")
        }
        Op::LocalGet(id) => {
            require(v.function.locals[id.0 as usize].ty == inst.ty, "a local is read as a value of its type")
        }
        Op::Splat(a) => {
            let is_splat = matches!(ty, Type::Vector { elem, .. } if v.type_of(*a) == Type::Scalar(elem));
            require(is_splat, "splat makes a vector of its operand's type")
        }
        Op::Compose(parts) => compose(v, inst, parts),
        Op::Extract(a, index) => {
            require(v.module.types.part(type_id(v, *a), *index).is_some_and(|(part, _)| part == ty), EXTRACT)
        }
        Op::ExtractDynamic(a, index) => {
            let is_component = matches!(v.type_of(*a), Type::Vector { elem, .. } if ty == Type::Scalar(elem));
            require(is_component, EXTRACT)?;
            index_operand(v, *index)
        }
        Op::Insert(whole, part, index) => {
            let slot = v.module.types.part(inst.ty, *index).map(|(slot, _)| slot);
            require(
                type_id(v, *whole) == inst.ty && slot == Some(v.type_of(*part)),
                "insert replaces a part by a value of the part's type",
            )
        }
        Op::Swizzle(a, order) => swizzle(v.type_of(*a), *order, ty),
        Op::FieldAddr(..) | Op::ElementAddr(..) | Op::PtrAdd(..) | Op::PtrDiff(..) | Op::PtrCast(_) => {
            pointer_op(v, inst, ty)
        }
        Op::Load(ptr) => load(v, *ptr, inst),
        Op::Unary(op, a) => unary(v, *op, *a, inst),
        Op::Binary(op, a, b) => binary(v, *op, *a, *b, inst),
        Op::Compare(op, a, b) => compare(v, *op, *a, *b, ty),
        Op::Select(cond, a, b) => select(v, *cond, *a, *b, inst),
        Op::Convert(a) => convert(v.type_of(*a), ty),
        Op::Bitcast(a) => bitcast(v.type_of(*a), ty),
        Op::Math(function, _, args) => functions::math(v, *function, args, ty),
        Op::Lane(function, _, args) => functions::lane(v, *function, args, ty),
        Op::Barrier(..) => require(ty == Type::Void, "a barrier has no result"),
        Op::Atomic(function, ptr, operand) => atomic(v, *function, *ptr, *operand, ty),
        Op::AtomicLoad(ptr) => {
            require(atomic_scalar(v, *ptr, true)? == ty, "an atomic load gives the atomic's value type")
        }
        Op::AtomicStore(ptr, value) => {
            let scalar = atomic_scalar(v, *ptr, false)?;
            require(v.type_of(*value) == scalar, "an atomic operand has the atomic's value type")?;
            require(ty == Type::Void, "an atomic store has no result")
        }
        Op::AtomicCompareExchange(ptr, expected, desired) => {
            compare_exchange(v, *ptr, *expected, *desired, ty)
        }
        Op::Log(id, args) => log(v, *id, args, ty),
        Op::Call(id, args) => call(v, *id, args, inst),
    }
}

const EXTRACT: &str = "a part that is taken out exists and has its type";

fn type_id(v: &FunctionVerifier<'_>, value: Value) -> crate::ir::TypeId {
    v.function.inst(value).ty
}

/// Component and number of components of a scalar or vector.
pub(super) fn shape(ty: Type) -> Option<(Scalar, u8)> {
    match ty {
        Type::Scalar(elem) => Some((elem, 1)),
        Type::Vector { elem, len, .. } => Some((elem, len)),
        _ => None,
    }
}

/// Whether a type is a scalar or vector with this component and number of components.
pub(super) fn has_shape(ty: Type, elem: Scalar, len: u8) -> bool {
    shape(ty) == Some((elem, len))
}

fn is_bool(ty: Type) -> bool {
    ty == Type::Scalar(Scalar::Bool)
}

fn index_operand(v: &FunctionVerifier<'_>, index: Value) -> Check {
    require(matches!(v.type_of(index), Type::Scalar(s) if s.is_int()), "an index is an integer")
}

fn constant(bits: u64, ty: Type) -> Check {
    let Type::Scalar(scalar) = ty else { return Err("a constant is a scalar".into()) };
    let width = scalar.size_bytes() * 8;
    let fits = if scalar == Scalar::Bool { bits <= 1 } else { bits.checked_shr(width).unwrap_or(0) == 0 };
    require(fits, "a constant's bits fit its type")
}

fn global_addr(v: &FunctionVerifier<'_>, id: GlobalId, ty: Type) -> Check {
    let Some(global) = v.module.globals.get(id.0 as usize) else {
        return Err("a global exists".into());
    };
    let space = match global.kind {
        GlobalKind::Constant(_) => AddressSpace::Constant,
        GlobalKind::Threadgroup => AddressSpace::Threadgroup,
    };
    let is_address =
        matches!(ty, Type::Pointer { space: s, pointee, .. } if s == space && pointee == global.ty);
    require(is_address, "a global's address is a pointer into its address space, to its type")
}

fn compose(v: &FunctionVerifier<'_>, inst: &Inst, parts: &[Value]) -> Check {
    let types = &v.module.types;
    let is_union = matches!(types.get(inst.ty), Type::Struct(id) if types.get_struct(id).is_union);
    require(
        !is_union && types.part_count(inst.ty) == Some(parts.len() as u32),
        "compose takes one operand for each part",
    )?;
    let fits = |(index, &part): (usize, &Value)| {
        types.part(inst.ty, index as u32).is_some_and(|(ty, _)| ty == v.type_of(part))
    };
    require(parts.iter().enumerate().all(fits), "compose takes operands of the parts' types")
}

fn swizzle(from: Type, order: [u8; 4], ty: Type) -> Check {
    let (Type::Vector { elem, len, .. }, Type::Vector { elem: to, len: count, .. }) = (from, ty) else {
        return Err("swizzle makes a vector from a vector".into());
    };
    require(
        elem == to && order[..usize::from(count)].iter().all(|&index| index < len),
        "swizzle picks components that exist",
    )
}

/// Ops that make pointers, or subtract them.
fn pointer_op(v: &FunctionVerifier<'_>, inst: &Inst, ty: Type) -> Check {
    match &inst.op {
        Op::FieldAddr(base, field) => {
            let pointee = pointee(v, *base)?;
            require(matches!(v.ty(pointee), Type::Struct(_)), "field_addr takes a pointer to a struct")?;
            let part = v.module.types.part(pointee, *field).map(|(part, _)| part);
            part_pointer(v, *base, part, ty)
        }
        Op::ElementAddr(base, index) => {
            index_operand(v, *index)?;
            let pointee = pointee(v, *base)?;
            require(
                !matches!(v.ty(pointee), Type::Struct(_)),
                "element_addr takes a pointer to an array, vector or matrix",
            )?;
            let part = v.module.types.part(pointee, 0).map(|(part, _)| part);
            part_pointer(v, *base, part, ty)
        }
        Op::PtrAdd(base, index) => {
            index_operand(v, *index)?;
            pointee(v, *base)?;
            require(type_id(v, *base) == inst.ty, "ptr_add keeps the pointer's type")
        }
        Op::PtrDiff(a, b) => {
            let same = pointee(v, *a)? == pointee(v, *b)? && space(v, *a) == space(v, *b);
            require(same && ty == Type::Scalar(Scalar::I64), "ptr_diff of like pointers is a long")
        }
        Op::PtrCast(a) => {
            pointee(v, *a)?;
            let keeps = matches!(ty, Type::Pointer { space: s, .. } if Some(s) == space(v, *a));
            require(keeps, "ptr_cast keeps the address space")
        }
        _ => Ok(()),
    }
}

fn pointee(v: &FunctionVerifier<'_>, ptr: Value) -> Result<crate::ir::TypeId, String> {
    match v.type_of(ptr) {
        Type::Pointer { pointee, .. } => Ok(pointee),
        _ => Err("an address op takes a pointer".into()),
    }
}

fn space(v: &FunctionVerifier<'_>, ptr: Value) -> Option<AddressSpace> {
    match v.type_of(ptr) {
        Type::Pointer { space, .. } => Some(space),
        _ => None,
    }
}

/// The address of a part: same space, the part's type, and no write access that the whole has not.
fn part_pointer(v: &FunctionVerifier<'_>, base: Value, part: Option<Type>, ty: Type) -> Check {
    let Type::Pointer { space: base_space, is_const: base_const, .. } = v.type_of(base) else {
        return Err("an address op takes a pointer".into());
    };
    let Type::Pointer { space, pointee, is_const } = ty else {
        return Err("an address op gives a pointer".into());
    };
    require(space == base_space, "the address of a part keeps the address space")?;
    require(part == Some(v.ty(pointee)), "the address of a part points to the part's type")?;
    require(is_const || !base_const, "the address of a part of something const is const")
}

fn load(v: &FunctionVerifier<'_>, ptr: Value, inst: &Inst) -> Check {
    let loaded = pointee(v, ptr)?;
    require(loaded == inst.ty && v.ty(loaded) != Type::Void, "a load gives the pointee's type")?;
    require(!matches!(v.ty(loaded), Type::Atomic(_)), "atomics are accessed by atomic ops alone")
}

fn unary(v: &FunctionVerifier<'_>, op: UnaryOp, a: Value, inst: &Inst) -> Check {
    require(type_id(v, a) == inst.ty, "the result of a unary op has the operand's type")?;
    let takes = match (op, shape(v.type_of(a))) {
        (_, None) => false,
        (UnaryOp::Neg, Some((s, _))) => s != Scalar::Bool,
        (UnaryOp::BitNot, Some((s, _))) => s.is_int(),
        (UnaryOp::LogicalNot, Some((s, _))) => s == Scalar::Bool,
    };
    require(takes, "neg takes numbers, not integers, lnot bools")
}

fn binary(v: &FunctionVerifier<'_>, op: BinaryOp, a: Value, b: Value, inst: &Inst) -> Check {
    require(
        type_id(v, a) == inst.ty && type_id(v, b) == inst.ty,
        "the operands and the result of a binary op have one type",
    )?;
    use BinaryOp as B;
    let takes = match (op, shape(v.type_of(a))) {
        (_, None) => false,
        (B::Add | B::Sub | B::Mul | B::Div, Some((s, _))) => s != Scalar::Bool,
        (B::Rem | B::Shl | B::Shr, Some((s, _))) => s.is_int(),
        (B::And | B::Or | B::Xor, Some((s, _))) => !s.is_float(),
    };
    require(takes, "a binary op takes scalars or vectors of a type that has it")
}

fn compare(v: &FunctionVerifier<'_>, _op: CompareOp, a: Value, b: Value, ty: Type) -> Check {
    require(type_id(v, a) == type_id(v, b), "compared operands have one type")?;
    let len = match v.type_of(a) {
        Type::Pointer { .. } => 1,
        other => shape(other).ok_or("scalars, vectors and pointers are compared")?.1,
    };
    require(has_shape(ty, Scalar::Bool, len), "a comparison gives a bool for each component")
}

fn select(v: &FunctionVerifier<'_>, cond: Value, a: Value, b: Value, inst: &Inst) -> Check {
    require(
        type_id(v, a) == inst.ty && type_id(v, b) == inst.ty,
        "both values of a select and its result have one type",
    )?;
    let cond = v.type_of(cond);
    let by_component =
        matches!(v.ty(inst.ty), Type::Vector { len, .. } if has_shape(cond, Scalar::Bool, len));
    require(is_bool(cond) || by_component, "a select's condition is a bool, or one for each component")
}

fn convert(from: Type, to: Type) -> Check {
    let lens = (shape(from).map(|(_, len)| len), shape(to).map(|(_, len)| len));
    require(lens.0.is_some() && lens.0 == lens.1, "convert keeps the number of components")
}

fn bitcast(from: Type, to: Type) -> Check {
    let bits = |ty| match shape(ty) {
        Some((Scalar::Bool, _)) | None => None,
        Some((elem, len)) => Some(elem.size_bytes() * u32::from(len)),
    };
    require(bits(from).is_some() && bits(from) == bits(to), "bitcast keeps the number of bits")
}

/// The value type of the atomic that a pointer points to.
fn atomic_scalar(v: &FunctionVerifier<'_>, ptr: Value, reads_only: bool) -> Result<Type, String> {
    let Type::Pointer { space, pointee, is_const } = v.type_of(ptr) else {
        return Err("an atomic op takes a pointer".into());
    };
    let Type::Atomic(scalar) = v.ty(pointee) else {
        return Err("an atomic op takes a pointer to an atomic".into());
    };
    require(
        matches!(space, AddressSpace::Device | AddressSpace::Threadgroup),
        "atomics lie in device or threadgroup memory",
    )?;
    require(reads_only || !is_const, "an atomic write goes to memory that may be written")?;
    Ok(Type::Scalar(scalar))
}

fn atomic(v: &FunctionVerifier<'_>, function: AtomicFn, ptr: Value, operand: Value, ty: Type) -> Check {
    let value_type = atomic_scalar(v, ptr, false)?;
    require(v.type_of(operand) == value_type, "an atomic operand has the atomic's value type")?;
    require(ty == value_type, "an atomic op gives the old value")?;
    let takes = match (function, shape(value_type)) {
        (AtomicFn::Exchange, _) => true,
        (AtomicFn::Add | AtomicFn::Sub | AtomicFn::Min | AtomicFn::Max, Some((s, _))) => s != Scalar::Bool,
        (_, Some((s, _))) => s.is_int(),
        (_, None) => false,
    };
    require(takes, "an atomic function takes a type that has it")
}

fn compare_exchange(
    v: &FunctionVerifier<'_>,
    ptr: Value,
    expected: Value,
    desired: Value,
    ty: Type,
) -> Check {
    let value_type = atomic_scalar(v, ptr, false)?;
    require(v.type_of(desired) == value_type, "an atomic operand has the atomic's value type")?;
    let is_expected = matches!(
        v.type_of(expected),
        Type::Pointer { space: AddressSpace::Thread, pointee, is_const: false } if v.ty(pointee) == value_type
    );
    require(is_expected, "the expected value is a thread pointer to the atomic's value type")?;
    require(is_bool(ty), "compare_exchange gives a bool")
}

fn log(v: &FunctionVerifier<'_>, id: MessageId, args: &[Value], ty: Type) -> Check {
    require(ty == Type::Void, "logging has no result")?;
    let Some(message) = v.module.messages.get(id.0 as usize) else {
        return Err("a logged message exists".into());
    };
    require(message.conversions().count() == args.len(), "a message has an argument for each conversion")?;
    let fit = message.conversions().zip(args).all(|(conversion, &arg)| conversion.takes(v.type_of(arg)));
    require(fit, "arguments have types that their conversions print")
}

fn call(v: &FunctionVerifier<'_>, id: FuncId, args: &[Value], inst: &Inst) -> Check {
    let Some(callee) = v.module.functions.get(id.0 as usize) else {
        return Err("a called function exists".into());
    };
    require(callee.params.len() == args.len(), "a call has an argument for each parameter")?;
    let fit = callee.params.iter().zip(args).all(|(&param, &arg)| param == type_id(v, arg));
    require(fit, "arguments have the parameters' types")?;
    require(callee.ret == inst.ty, "a call gives the function's result")
}
