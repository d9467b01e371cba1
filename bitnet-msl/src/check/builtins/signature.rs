//! How a row of the table says what a function takes: patterns over one type variable `T`.

use super::expand::ExpandFn;
use super::names::BuiltinEnum;
use crate::ir::{BarrierScope, LaneFn, LaneScope, MathFn, Scalar};

/// All overloads of one name.
#[derive(Debug)]
pub(crate) struct BuiltinFamily {
    /// The name, without namespace.
    pub(crate) name: &'static str,
    /// Its signatures, in the order that error messages list them.
    pub(crate) signatures: &'static [Signature],
}

/// One pattern: it stands for a function for each `T` of its class.
#[derive(Debug)]
pub(crate) struct Signature {
    /// What `T` may be.
    pub(crate) class: Class,
    /// Parameters.
    pub(crate) params: &'static [Slot],
    /// Result.
    pub(crate) result: Slot,
    /// How a call becomes IR.
    pub(crate) lowering: Lowering,
}

/// How a call becomes IR.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lowering {
    /// One `Op::Math` of all arguments.
    Math(MathFn),
    /// One `Op::Lane` of all arguments.
    Lane(LaneFn, LaneScope),
    /// One `Op::Barrier`; the argument must be constant.
    Barrier(BarrierScope),
    /// Whatever the function makes of the arguments.
    Expand(ExpandFn),
}

/// The types that `T` ranges over.
///
/// `bfloat` is in none of the mathematical classes: the standard library has no such overloads, so a
/// `bfloat` argument converts to `float` (MLX and others add their own functions for this reason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The signature has no `T`.
    Fixed,
    /// `half`, `float`; scalars and vectors.
    Float,
    /// Vectors of `half`, `float`.
    FloatVector,
    /// `half3`, `float3`.
    FloatVector3,
    /// Integers; scalars and vectors.
    Int,
    /// `int`, `uint`; scalars and vectors.
    Int32,
    /// Everything with components; scalars and vectors.
    Any,
    /// `bool`; scalar and vectors.
    Bool,
    /// What lanes can exchange: numbers of up to 32 bits, scalars and vectors. A template in the
    /// library: `T` is deduced and takes no conversion.
    Lane,
    /// The integers of [`Class::Lane`].
    LaneInt,
    /// `T` of `atomic<T>`; deduced from the pointer.
    Atomic,
    /// `int`, `uint` atomics; deduced.
    AtomicInt,
    /// `int`, `uint` and `float` atomics; deduced.
    AtomicNumber,
    /// `ulong` atomics; deduced.
    AtomicUlong,
    /// `as_type<T>`: `T` is the template argument.
    Bits,
    /// Matrices; a template.
    Matrix,
    /// Matrices with as many columns as rows.
    SquareMatrix,
}

/// What `T` is: a scalar, vector or matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The component.
    pub(crate) elem: Scalar,
    /// Components of a vector or of a matrix's column; 1 for scalars.
    pub(crate) len: u8,
    /// Columns of a matrix; 1 for others.
    pub(crate) cols: u8,
}

/// Which overloads of a name there are in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overloads {
    /// `metal`: all of them.
    All,
    /// `metal::fast` and `metal::precise`: mathematical functions of `float` and vectors of it (MSL 1.6.3, 6.5).
    Float,
}

impl Overloads {
    /// Whether the functions of a class are among them, as far as they are of `float`.
    pub(crate) fn has(self, class: Class) -> bool {
        self == Overloads::All || matches!(class, Class::Float | Class::FloatVector | Class::FloatVector3)
    }
}

impl Class {
    /// The component types of the class.
    pub(crate) fn scalars(self) -> &'static [Scalar] {
        use Scalar::{BF16, Bool, F16, F32, I8, I16, I32, I64, U8, U16, U32, U64};
        match self {
            Class::Fixed => &[],
            Class::Float | Class::FloatVector | Class::FloatVector3 | Class::Matrix | Class::SquareMatrix => {
                &[F16, F32]
            }
            Class::Int => &[I8, U8, I16, U16, I32, U32, I64, U64],
            Class::Int32 | Class::AtomicInt => &[I32, U32],
            Class::Any => &Scalar::ALL,
            Class::Bool => &[Bool],
            Class::Lane => &[I8, U8, I16, U16, I32, U32, F16, F32],
            Class::LaneInt => &[I8, U8, I16, U16, I32, U32],
            Class::Atomic => &[Bool, I32, U32, F32],
            Class::AtomicNumber => &[I32, U32, F32],
            Class::AtomicUlong => &[U64],
            Class::Bits => &[I8, U8, I16, U16, I32, U32, I64, U64, F16, BF16, F32],
        }
    }

    /// Numbers of components that `T` may have.
    pub(crate) fn lens(self) -> &'static [u8] {
        match self {
            Class::FloatVector | Class::Matrix | Class::SquareMatrix => &[2, 3, 4],
            Class::FloatVector3 => &[3],
            Class::Atomic | Class::AtomicInt | Class::AtomicNumber | Class::AtomicUlong | Class::Fixed => {
                &[1]
            }
            _ => &[1, 2, 3, 4],
        }
    }

    /// Whether `T` may have a shape.
    pub(crate) fn holds(self, Shape { elem, len, cols }: Shape) -> bool {
        let has_columns = match self {
            Class::Matrix => cols > 1,
            Class::SquareMatrix => cols > 1 && cols == len,
            _ => cols == 1,
        };
        has_columns && self.scalars().contains(&elem) && self.lens().contains(&len)
    }

    /// Whether the library has one function template rather than an overload for each type.
    pub(crate) fn is_template(self) -> bool {
        use Class as C;
        matches!(
            self,
            C::Lane
                | C::LaneInt
                | C::Atomic
                | C::AtomicInt
                | C::AtomicNumber
                | C::AtomicUlong
                | C::Bits
                | C::Matrix
                | C::SquareMatrix
        )
    }

    /// The class in words, for `where T is …`.
    pub(crate) fn describe(self, overloads: Overloads) -> &'static str {
        match self {
            Class::Float if overloads == Overloads::Float => "float or a vector of it",
            Class::FloatVector if overloads == Overloads::Float => "a vector of float",
            Class::FloatVector3 if overloads == Overloads::Float => "float3",
            Class::Fixed => "",
            Class::Float => "half, float or a vector of them",
            Class::FloatVector => "a vector of half or float",
            Class::FloatVector3 => "half3 or float3",
            Class::Int => "an integer type or a vector of one",
            Class::Int32 => "int, uint or a vector of them",
            Class::Any => "a scalar or vector type",
            Class::Bool => "bool or a vector of bool",
            Class::Lane => "a number of up to 32 bits (not bool or bfloat) or a vector of one",
            Class::LaneInt => "an integer of up to 32 bits or a vector of one",
            Class::Atomic => "bool, int, uint or (in device memory) float",
            Class::AtomicInt => "int or uint",
            Class::AtomicNumber => "int, uint or (in device memory) float",
            Class::AtomicUlong => "ulong",
            Class::Bits => "a type of the same size as the argument",
            Class::Matrix => "a matrix",
            Class::SquareMatrix => "a matrix with as many columns as rows",
        }
    }
}

/// A parameter or result of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// `T`.
    T,
    /// The component of `T`.
    Elem,
    /// The matrix `T` with its columns as rows.
    Transposed,
    /// `bool` with as many components as `T`.
    BoolOf,
    /// `int` with as many components as `T`.
    IntOf,
    /// The unsigned integer as wide as the component of `T`, with as many components.
    UnsignedOf,
    /// `thread T &`.
    OutT,
    /// `thread int &`, as many components as `T`.
    OutInt,
    /// `thread T *`.
    PtrT,
    /// `device` or `threadgroup` `atomic<T> *`.
    AtomicPtr,
    /// `const` pointers too.
    ConstAtomicPtr,
    /// `device atomic<T> *`.
    DeviceAtomicPtr,
    /// Any value of the size of `T`: the operand of `as_type`.
    SameSize,
    /// `bool`.
    Bool,
    /// `ushort`.
    Ushort,
    /// `uint`.
    Uint,
    /// `mem_flags`.
    MemFlags,
    /// `memory_order`.
    MemoryOrder,
    /// `simd_vote`, as a result.
    SimdVote,
    /// `quad_vote`, as a result.
    QuadVote,
    /// No result.
    Void,
}

impl Slot {
    /// The slot as a message writes it.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Slot::T => "T",
            Slot::Elem => "scalar of T",
            Slot::Transposed => "transposed T",
            Slot::BoolOf => "bool of T",
            Slot::IntOf => "int of T",
            Slot::UnsignedOf => "unsigned T",
            Slot::OutT => "thread T &",
            Slot::OutInt => "thread int of T &",
            Slot::PtrT => "thread T *",
            Slot::AtomicPtr => "device or threadgroup atomic<T> *",
            Slot::ConstAtomicPtr => "device or threadgroup const atomic<T> *",
            Slot::DeviceAtomicPtr => "device atomic<T> *",
            Slot::SameSize => "value",
            Slot::Bool => "bool",
            Slot::Ushort => "ushort",
            Slot::Uint => "uint",
            Slot::MemFlags => "mem_flags",
            Slot::MemoryOrder => "memory_order",
            Slot::SimdVote => "simd_vote",
            Slot::QuadVote => "quad_vote",
            Slot::Void => "void",
        }
    }

    /// Whether an argument's number of components settles that of `T`.
    pub(crate) fn has_shape_of_t(self) -> bool {
        use Slot as S;
        matches!(self, S::T | S::BoolOf | S::IntOf | S::UnsignedOf | S::OutT | S::OutInt)
    }

    /// The enumeration that an argument must be, or that the result is.
    pub(crate) fn enumeration(self) -> Option<BuiltinEnum> {
        match self {
            Slot::MemFlags => Some(BuiltinEnum::MemFlags),
            Slot::MemoryOrder => Some(BuiltinEnum::MemoryOrder),
            Slot::SimdVote => Some(BuiltinEnum::SimdVote),
            Slot::QuadVote => Some(BuiltinEnum::QuadVote),
            _ => None,
        }
    }
}

impl BuiltinFamily {
    /// Whether a namespace has functions of this name.
    pub(crate) fn is_in(&self, overloads: Overloads) -> bool {
        self.signatures.iter().any(|s| overloads.has(s.class))
    }
}

impl Signature {
    /// The pattern as a message writes it: `T clamp(T, T, T), where T is …`.
    pub(crate) fn describe(&self, name: &str, overloads: Overloads) -> String {
        let params: Vec<_> = self.params.iter().map(|slot| slot.describe()).collect();
        let head = format!("{} {name}({})", self.result.describe(), params.join(", "));
        match self.class {
            Class::Fixed => head,
            class => format!("{head}, where T is {}", class.describe(overloads)),
        }
    }
}
