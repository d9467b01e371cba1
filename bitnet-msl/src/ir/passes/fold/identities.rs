//! Identities: ops that are one of their operands, or a simpler op, whatever the operands are.

use super::super::super::{BinaryOp, CompareOp, Op, Scalar, Type, TypeId, UnaryOp, Value};
use super::Fold;

/// What an instruction may be instead.
pub(super) enum Simpler {
    /// Another value.
    Value(Value),
    /// Another op of the same type.
    Op(Op),
}

impl Fold<'_> {
    /// Something simpler that an instruction is, if there is.
    pub(super) fn simplify(&self, value: Value) -> Option<Simpler> {
        let inst = self.function.inst(value);
        match &inst.op {
            Op::Binary(op, a, b) if self.is_integer(inst.ty) => self.binary(*op, *a, *b, inst.ty),
            Op::Unary(op, a) => self.unary(*op, *a),
            Op::Compare(op, a, b) => self.compare(*op, *a, *b),
            Op::Select(cond, a, b) => self.select(*cond, *a, *b),
            Op::Convert(a) if self.type_of(*a) == inst.ty && self.is_integer(inst.ty) => {
                Some(Simpler::Value(*a))
            }
            Op::Bitcast(a) | Op::PtrCast(a) if self.type_of(*a) == inst.ty => Some(Simpler::Value(*a)),
            Op::Extract(whole, index) => self.extract(*whole, *index),
            Op::ExtractDynamic(vector, index) => self.extract_dynamic(*vector, *index),
            Op::Swizzle(vector, order) => self.swizzle(*vector, *order, inst.ty),
            Op::PtrAdd(ptr, index) if self.integer(*index) == Some(0) => Some(Simpler::Value(*ptr)),
            _ => None,
        }
    }

    fn type_of(&self, value: Value) -> TypeId {
        self.function.inst(value).ty
    }

    fn op(&self, value: Value) -> &Op {
        &self.function.inst(value).op
    }

    /// An integer or `bool`, or a vector of them.
    fn is_integer(&self, ty: TypeId) -> bool {
        match self.cx.types.get(ty) {
            Type::Scalar(elem) | Type::Vector { elem, .. } => !elem.is_float(),
            _ => false,
        }
    }

    /// The integer or `bool` that a value is known to be, or that all its components are.
    fn integer(&self, value: Value) -> Option<i128> {
        let components = self.folder.components(value)?;
        let first = components.first().filter(|first| !first.scalar.is_float())?;
        components.iter().all(|component| component == first).then(|| first.as_int())
    }

    /// All bits of a value are set; of a `bool` the only one.
    fn has_all_bits(&self, value: Value, ty: TypeId) -> bool {
        let elem = match self.cx.types.get(ty) {
            Type::Scalar(elem) | Type::Vector { elem, .. } => elem,
            _ => return false,
        };
        let all = match elem {
            Scalar::Bool => 1,
            elem if elem.is_signed() => -1,
            elem => (1i128 << (elem.size_bytes() * 8)) - 1,
        };
        self.integer(value) == Some(all)
    }

    fn zero(&self, ty: TypeId) -> Simpler {
        Simpler::Op(if matches!(self.cx.types.get(ty), Type::Scalar(_)) { Op::Const(0) } else { Op::Zero })
    }

    fn binary(&self, op: BinaryOp, a: Value, b: Value, ty: TypeId) -> Option<Simpler> {
        use BinaryOp as B;
        let (x, y) = (self.integer(a), self.integer(b));
        if a == b {
            match op {
                B::Sub | B::Xor => return Some(self.zero(ty)),
                B::And | B::Or => return Some(Simpler::Value(a)),
                _ => {}
            }
        }
        match (op, x, y) {
            (B::Add | B::Sub | B::Or | B::Xor | B::Shl | B::Shr, _, Some(0)) => Some(Simpler::Value(a)),
            (B::Add | B::Or | B::Xor, Some(0), _) => Some(Simpler::Value(b)),
            (B::Mul | B::Div, _, Some(1)) => Some(Simpler::Value(a)),
            (B::Mul, Some(1), _) => Some(Simpler::Value(b)),
            (B::Mul | B::And, Some(0), _) | (B::Mul | B::And, _, Some(0)) => Some(self.zero(ty)),
            (B::Rem, _, Some(1)) => Some(self.zero(ty)),
            (B::And, _, Some(_)) if self.has_all_bits(b, ty) => Some(Simpler::Value(a)),
            (B::And, Some(_), _) if self.has_all_bits(a, ty) => Some(Simpler::Value(b)),
            (B::Or, _, Some(_)) if self.has_all_bits(b, ty) => Some(Simpler::Value(b)),
            (B::Or, Some(_), _) if self.has_all_bits(a, ty) => Some(Simpler::Value(a)),
            _ => None,
        }
    }

    /// Twice is not at all: signs of floats are bits that are flipped.
    fn unary(&self, op: UnaryOp, a: Value) -> Option<Simpler> {
        match self.op(a) {
            Op::Unary(inner, b) if *inner == op => Some(Simpler::Value(*b)),
            _ => None,
        }
    }

    fn compare(&self, op: CompareOp, a: Value, b: Value) -> Option<Simpler> {
        if self.cx.types.get(self.type_of(a)) == Type::Scalar(Scalar::Bool) && self.integer(b) == Some(0) {
            return match op {
                CompareOp::Ne => Some(Simpler::Value(a)),
                CompareOp::Eq => Some(Simpler::Op(Op::Unary(UnaryOp::LogicalNot, a))),
                _ => None,
            };
        }
        if !self.is_integer(self.type_of(a)) {
            return None;
        }
        // An integer made of a `bool` is not zero when the `bool` is true.
        if let (Op::Convert(flag), CompareOp::Ne | CompareOp::Eq, Some(0)) = (self.op(a), op, self.integer(b))
            && self.cx.types.get(self.type_of(*flag)) == Type::Scalar(Scalar::Bool)
        {
            return Some(match op {
                CompareOp::Ne => Simpler::Value(*flag),
                _ => Simpler::Op(Op::Unary(UnaryOp::LogicalNot, *flag)),
            });
        }
        let is_scalar = matches!(self.cx.types.get(self.type_of(a)), Type::Scalar(_));
        let holds = matches!(op, CompareOp::Eq | CompareOp::Le | CompareOp::Ge);
        (a == b && is_scalar).then(|| Simpler::Op(Op::Const(u64::from(holds))))
    }

    fn select(&self, cond: Value, a: Value, b: Value) -> Option<Simpler> {
        if a == b {
            return Some(Simpler::Value(a));
        }
        self.integer(cond).map(|cond| Simpler::Value(if cond != 0 { a } else { b }))
    }

    fn extract(&self, whole: Value, index: u32) -> Option<Simpler> {
        if let Type::Struct(id) = self.cx.types.get(self.type_of(whole))
            && self.cx.types.get_struct(id).is_union
        {
            return None;
        }
        match self.op(whole) {
            Op::Compose(parts) => parts.get(index as usize).map(|&part| Simpler::Value(part)),
            Op::Splat(scalar) => Some(Simpler::Value(*scalar)),
            Op::Insert(_, part, at) if *at == index => Some(Simpler::Value(*part)),
            Op::Insert(rest, _, _) => Some(Simpler::Op(Op::Extract(*rest, index))),
            Op::Swizzle(vector, order) => {
                let from = *order.get(index as usize)?;
                Some(Simpler::Op(Op::Extract(*vector, from.into())))
            }
            _ => None,
        }
    }

    /// An index that is known and within the vector cannot trap.
    fn extract_dynamic(&self, vector: Value, index: Value) -> Option<Simpler> {
        let index = u32::try_from(self.integer(index)?).ok()?;
        let count = self.cx.types.part_count(self.type_of(vector))?;
        (index < count).then_some(Simpler::Op(Op::Extract(vector, index)))
    }

    fn swizzle(&self, vector: Value, order: [u8; 4], ty: TypeId) -> Option<Simpler> {
        let count = self.cx.types.part_count(ty)? as usize;
        let keeps_order = order[..count.min(4)].iter().enumerate().all(|(i, &from)| i == usize::from(from));
        if keeps_order && self.type_of(vector) == ty {
            return Some(Simpler::Value(vector));
        }
        match self.op(vector) {
            Op::Splat(scalar) => Some(Simpler::Op(Op::Splat(*scalar))),
            Op::Compose(parts) => {
                let picked = order[..count.min(4)].iter().map(|&from| parts.get(usize::from(from)).copied());
                Some(Simpler::Op(Op::Compose(picked.collect::<Option<_>>()?)))
            }
            _ => None,
        }
    }
}
