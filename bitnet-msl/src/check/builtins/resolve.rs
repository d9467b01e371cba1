//! Overload resolution (C++ \[over.match\]) over the functions that the signatures of a family stand for.

use super::convert::{ConversionRank, conversion_rank};
use super::names::BuiltinEnum;
use super::signature::{BuiltinFamily, Class, Lowering, Overloads, Shape, Signature, Slot};
use crate::ir::{AddressSpace, Scalar, Type, TypeId, TypeTable};

/// What overload resolution knows of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgType {
    /// Type of its value (pointers included; references have been read).
    pub(crate) ty: TypeId,
    /// For something with an address: the space it lies in and whether it may not be written.
    pub(crate) place: Option<(AddressSpace, bool)>,
    /// For a value of an enumeration of the library: which.
    pub(crate) enumeration: Option<BuiltinEnum>,
    /// A template can deduce `T` from it. It cannot from an enumeration, which is a type of its own that the library
    /// has no instances for.
    pub(crate) is_deducible: bool,
}

impl ArgType {
    /// A plain value.
    #[cfg(test)]
    pub(crate) fn value(ty: TypeId) -> Self {
        Self { ty, place: None, enumeration: None, is_deducible: true }
    }
}

/// The function that a call means.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// What the arguments convert to.
    pub(crate) params: Vec<ResolvedParam>,
    /// Type of the result.
    pub(crate) result: TypeId,
    /// What the result is, if it is an integer to the IR only.
    pub(crate) enumeration: Option<BuiltinEnum>,
    /// How the call becomes IR.
    pub(crate) lowering: Lowering,
}

/// A parameter of the chosen function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResolvedParam {
    /// What the argument converts to; for a reference the pointer to it.
    pub(crate) ty: TypeId,
    /// `thread T &`: pass the argument's address.
    pub(crate) by_reference: bool,
}

/// Why a call means no function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResolveError {
    /// No signature takes so many arguments.
    ArgumentCount {
        /// Counts that exist, ascending.
        expected: Vec<usize>,
    },
    /// No function takes these arguments.
    NoMatch {
        /// Signatures of the family.
        candidates: Vec<String>,
    },
    /// Several functions take them equally well.
    Ambiguous {
        /// The best functions, at most four.
        candidates: Vec<String>,
    },
    /// `as_type` without its type, or template arguments on a function that is no template.
    TemplateArguments {
        /// How many it takes at most.
        expected: usize,
    },
}

/// A function that takes the arguments, and how well.
struct Viable {
    resolved: Resolved,
    ranks: Vec<ConversionRank>,
}

/// Picks the function of a family that a call means.
pub(crate) fn resolve(
    family: &BuiltinFamily,
    overloads: Overloads,
    template_args: &[TypeId],
    args: &[ArgType],
    types: &mut TypeTable,
) -> Result<Resolved, ResolveError> {
    check_template_args(family, template_args)?;
    let fitting: Vec<&Signature> =
        family.signatures.iter().filter(|s| s.params.len() == args.len() && overloads.has(s.class)).collect();
    if fitting.is_empty() {
        let mut expected: Vec<_> = family.signatures.iter().map(|s| s.params.len()).collect();
        expected.sort_unstable();
        expected.dedup();
        return Err(ResolveError::ArgumentCount { expected });
    }
    let mut viable = Vec::new();
    for signature in fitting {
        let bindings = bindings(signature, template_args, args, types);
        for t in bindings.into_iter().filter(|t| overloads == Overloads::All || t.elem == Scalar::F32) {
            let function = instantiate(signature, t, args, types);
            viable
                .extend(function.filter(|f| !template_args.is_empty() || is_deducible(signature, &f.ranks)));
        }
    }
    pick(family, overloads, viable, types)
}

fn check_template_args(family: &BuiltinFamily, template_args: &[TypeId]) -> Result<(), ResolveError> {
    let is_template = family.signatures.iter().any(|s| s.class.is_template());
    let needs_argument = family.signatures.iter().any(|s| s.class == Class::Bits);
    // Those of matrices are templates over the component and the numbers of columns and rows.
    let of_matrices =
        family.signatures.iter().any(|s| matches!(s.class, Class::Matrix | Class::SquareMatrix));
    let expected = usize::from(is_template && !of_matrices);
    if template_args.len() > expected || (needs_argument && template_args.is_empty()) {
        return Err(ResolveError::TemplateArguments { expected });
    }
    Ok(())
}

/// The best of the viable functions.
fn pick(
    family: &BuiltinFamily,
    overloads: Overloads,
    mut viable: Vec<Viable>,
    types: &TypeTable,
) -> Result<Resolved, ResolveError> {
    if viable.is_empty() {
        let signatures = family.signatures.iter().filter(|s| overloads.has(s.class));
        let candidates = signatures.map(|s| s.describe(family.name, overloads)).collect();
        return Err(ResolveError::NoMatch { candidates });
    }
    let best = (0..viable.len())
        .find(|&i| (0..viable.len()).all(|j| i == j || is_better(&viable[i].ranks, &viable[j].ranks)));
    if let Some(best) = best {
        return Ok(viable.swap_remove(best).resolved);
    }
    let undominated = |v: &&Viable| !viable.iter().any(|other| is_better(&other.ranks, &v.ranks));
    let candidates = viable
        .iter()
        .filter(undominated)
        .take(4)
        .map(|v| describe(family.name, &v.resolved, types))
        .collect();
    Err(ResolveError::Ambiguous { candidates })
}

/// Whether each argument converts at least as well and one better.
fn is_better(a: &[ConversionRank], b: &[ConversionRank]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// A concrete function as a message writes it.
fn describe(name: &str, resolved: &Resolved, types: &TypeTable) -> String {
    let params: Vec<_> = resolved.params.iter().map(|p| types.display(p.ty)).collect();
    format!("{} {name}({})", types.display(resolved.result), params.join(", "))
}

/// Component and number of components of a scalar, vector or matrix.
fn shape(ty: TypeId, types: &TypeTable) -> Option<Shape> {
    match types.get(ty) {
        Type::Scalar(elem) => Some(Shape { elem, len: 1, cols: 1 }),
        Type::Vector { elem, len, .. } => Some(Shape { elem, len, cols: 1 }),
        Type::Matrix { elem, cols, rows } => Some(Shape { elem, len: rows, cols }),
        _ => None,
    }
}

/// The `T`s that come into question.
///
/// An overloaded function is tried with each component type of its class, with the number of components
/// of a vector argument, or as scalar: a scalar function beats the vector ones that scalars convert to.
fn bindings(
    signature: &Signature,
    template_args: &[TypeId],
    args: &[ArgType],
    types: &TypeTable,
) -> Vec<Shape> {
    let class = signature.class;
    if class == Class::Fixed {
        return vec![Shape { elem: Scalar::Bool, len: 1, cols: 1 }];
    }
    if class.is_template() {
        let bound = match template_args.first() {
            Some(&ty) => shape(ty, types),
            None => deduce(signature, args, types),
        };
        return bound.filter(|&t| class.holds(t)).into_iter().collect();
    }
    let lens = signature.params.iter().zip(args).filter(|(slot, _)| slot.has_shape_of_t());
    let len = lens.filter_map(|(_, arg)| shape(arg.ty, types)).map(|t| t.len).max().unwrap_or(1);
    let shapes = class.scalars().iter().map(|&elem| Shape { elem, len, cols: 1 });
    shapes.filter(|&t| class.holds(t)).collect()
}

/// `T` of a function template: the type of the first argument that shows it.
fn deduce(signature: &Signature, args: &[ArgType], types: &TypeTable) -> Option<Shape> {
    signature.params.iter().zip(args).find_map(|(slot, arg)| match slot {
        Slot::T => shape(arg.ty, types).filter(|_| arg.is_deducible),
        Slot::AtomicPtr | Slot::ConstAtomicPtr | Slot::DeviceAtomicPtr => match types.get(arg.ty) {
            Type::Pointer { pointee, .. } => match types.get(pointee) {
                Type::Atomic(elem) => Some(Shape { elem, len: 1, cols: 1 }),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// The function for one `T`, if it takes the arguments.
fn instantiate(signature: &Signature, t: Shape, args: &[ArgType], types: &mut TypeTable) -> Option<Viable> {
    let mut params = Vec::with_capacity(args.len());
    let mut ranks = Vec::with_capacity(args.len());
    for (&slot, arg) in signature.params.iter().zip(args) {
        let (param, rank) = match_slot(slot, t, arg, types)?;
        params.push(param);
        ranks.push(rank);
    }
    let result = slot_type(signature.result, t, types);
    let (enumeration, lowering) = (signature.result.enumeration(), signature.lowering);
    Some(Viable { resolved: Resolved { params, result, enumeration, lowering }, ranks })
}

/// Whether a lane function's `T` can be deduced: all arguments in its place have one type. (The operand
/// of an atomic function has a template parameter of its own and converts.)
fn is_deducible(signature: &Signature, ranks: &[ConversionRank]) -> bool {
    !matches!(signature.class, Class::Lane | Class::LaneInt)
        || signature
            .params
            .iter()
            .zip(ranks)
            .all(|(slot, rank)| *slot != Slot::T || *rank == ConversionRank::Exact)
}

/// The parameter a slot makes for `T`, and how well the argument converts to it.
fn match_slot(
    slot: Slot,
    t: Shape,
    arg: &ArgType,
    types: &mut TypeTable,
) -> Option<(ResolvedParam, ConversionRank)> {
    match slot {
        Slot::OutT | Slot::OutInt => {
            let pointee = slot_type(slot, t, types);
            let is_place = arg.place == Some((AddressSpace::Thread, false)) && arg.ty == pointee;
            let ty = types.intern(Type::Pointer { space: AddressSpace::Thread, pointee, is_const: false });
            is_place.then_some((ResolvedParam { ty, by_reference: true }, ConversionRank::Exact))
        }
        Slot::AtomicPtr | Slot::ConstAtomicPtr | Slot::DeviceAtomicPtr => {
            takes_atomic(slot, t.elem, arg, types).then_some(exact(arg.ty))
        }
        // A scoped enumeration converts to nothing.
        _ if slot.enumeration().is_none() && arg.enumeration.is_some_and(BuiltinEnum::is_scoped) => None,
        Slot::SameSize => is_same_size(arg.ty, t, types).then_some(exact(arg.ty)),
        Slot::MemFlags | Slot::MemoryOrder => {
            (arg.enumeration == slot.enumeration()).then_some(exact(arg.ty))
        }
        _ => {
            let ty = slot_type(slot, t, types);
            let rank = conversion_rank(arg.ty, ty, types)?;
            Some((ResolvedParam { ty, by_reference: false }, rank))
        }
    }
}

fn exact(ty: TypeId) -> (ResolvedParam, ConversionRank) {
    (ResolvedParam { ty, by_reference: false }, ConversionRank::Exact)
}

/// Whether an argument is a pointer to `atomic<T>` that the slot takes. `float` atomics live in device memory only.
fn takes_atomic(slot: Slot, scalar: Scalar, arg: &ArgType, types: &TypeTable) -> bool {
    let Type::Pointer { space, pointee, is_const } = types.get(arg.ty) else { return false };
    let device_only = slot == Slot::DeviceAtomicPtr || scalar == Scalar::F32;
    types.get(pointee) == Type::Atomic(scalar)
        && (slot == Slot::ConstAtomicPtr || !is_const)
        && (space == AddressSpace::Device || (space == AddressSpace::Threadgroup && !device_only))
}

/// Whether `as_type<T>` takes a value: as many bits in its components.
fn is_same_size(from: TypeId, t: Shape, types: &TypeTable) -> bool {
    let size_bytes = |t: Shape| t.elem.size_bytes() * u32::from(t.len);
    shape(from, types)
        .is_some_and(|from| from.cols == 1 && from.elem != Scalar::Bool && size_bytes(from) == size_bytes(t))
}

/// The type a slot stands for. Pointer slots give their pointee where the caller needs it.
fn slot_type(slot: Slot, Shape { elem, len, cols }: Shape, types: &mut TypeTable) -> TypeId {
    let with_len = |types: &mut TypeTable, elem, len| match len {
        1 => types.intern(Type::Scalar(elem)),
        _ => types.intern(Type::Vector { elem, len, packed: false }),
    };
    match slot {
        Slot::T if cols > 1 => types.intern(Type::Matrix { elem, cols, rows: len }),
        Slot::Transposed => types.intern(Type::Matrix { elem, cols: len, rows: cols }),
        Slot::T | Slot::OutT => with_len(types, elem, len),
        Slot::Elem => with_len(types, elem, 1),
        Slot::BoolOf => with_len(types, Scalar::Bool, len),
        Slot::IntOf | Slot::OutInt => with_len(types, Scalar::I32, len),
        Slot::UnsignedOf => with_len(types, unsigned(elem), len),
        Slot::PtrT => {
            let pointee = with_len(types, elem, len);
            types.intern(Type::Pointer { space: AddressSpace::Thread, pointee, is_const: false })
        }
        Slot::Bool => with_len(types, Scalar::Bool, 1),
        Slot::Ushort => with_len(types, Scalar::U16, 1),
        Slot::Uint => with_len(types, Scalar::U32, 1),
        Slot::MemFlags => with_len(types, BuiltinEnum::MemFlags.scalar(), 1),
        Slot::MemoryOrder => with_len(types, BuiltinEnum::MemoryOrder.scalar(), 1),
        Slot::SimdVote => with_len(types, BuiltinEnum::SimdVote.scalar(), 1),
        Slot::QuadVote => with_len(types, BuiltinEnum::QuadVote.scalar(), 1),
        Slot::AtomicPtr | Slot::ConstAtomicPtr | Slot::DeviceAtomicPtr => types.intern(Type::Atomic(elem)),
        Slot::SameSize => with_len(types, elem, len),
        Slot::Void => types.intern(Type::Void),
    }
}

fn unsigned(scalar: Scalar) -> Scalar {
    match scalar {
        Scalar::I8 => Scalar::U8,
        Scalar::I16 => Scalar::U16,
        Scalar::I32 => Scalar::U32,
        Scalar::I64 => Scalar::U64,
        other => other,
    }
}

#[cfg(test)]
mod tests;
