//! The op table: every instruction of the IR, once.
//!
//! Small families (`UnaryOp`, `MathFn`, …) are tables of `variant => mnemonic`; enum, printer and
//! look-up come from the table. [`Op`] joins them with the ops that have a shape of their own.

use serde::{Deserialize, Serialize};

use super::{FuncId, FunctionConstantId, GlobalId, LocalId, MessageId, Scalar, Value};

/// Makes a fieldless enum with a mnemonic for each variant from one table.
macro_rules! op_table {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $text, "`")] $variant,)* }

        impl $name {
            /// Every row of the table, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name the printer uses.
            pub fn mnemonic(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

op_table! {
    /// One operand; the result has the operand's type.
    UnaryOp {
        Neg => "neg",
        BitNot => "not",
        LogicalNot => "lnot",
    }
}

op_table! {
    /// Two operands of one type; the result has that type. Component by component for vectors.
    /// Integer overflow wraps. Division of an integer by zero gives 0 and of `INT_MIN` by −1 gives
    /// `INT_MIN`. Shift counts are taken modulo the width, as Apple GPUs do.
    BinaryOp {
        Add => "add",
        Sub => "sub",
        Mul => "mul",
        Div => "div",
        Rem => "rem",
        Shl => "shl",
        Shr => "shr",
        And => "and",
        Or => "or",
        Xor => "xor",
    }
}

op_table! {
    /// Two operands of one type (scalars, vectors, pointers); the result is `bool` or a `bool` vector.
    CompareOp {
        Eq => "eq",
        Ne => "ne",
        Lt => "lt",
        Le => "le",
        Gt => "gt",
        Ge => "ge",
    }
}

op_table! {
    /// Mathematical and integer functions, component by component. All operands and the result have one
    /// type unless the row says otherwise. Names without a type mean both floats and integers.
    MathFn {
        Abs => "abs",
        Acos => "acos",
        Acosh => "acosh",
        Asin => "asin",
        Asinh => "asinh",
        Atan => "atan",
        Atan2 => "atan2",
        Atanh => "atanh",
        Ceil => "ceil",
        Copysign => "copysign",
        Cos => "cos",
        Cosh => "cosh",
        Cospi => "cospi",
        Exp => "exp",
        Exp2 => "exp2",
        Exp10 => "exp10",
        Fdim => "fdim",
        Floor => "floor",
        Fma => "fma",
        Fmod => "fmod",
        Fract => "fract",
        /// (float, int) → float.
        Ldexp => "ldexp",
        Log => "log",
        Log2 => "log2",
        Log10 => "log10",
        Max => "max",
        Min => "min",
        Nextafter => "nextafter",
        Pow => "pow",
        Powr => "powr",
        Rint => "rint",
        Round => "round",
        Rsqrt => "rsqrt",
        Sign => "sign",
        Sin => "sin",
        Sinh => "sinh",
        Sinpi => "sinpi",
        Sqrt => "sqrt",
        Tan => "tan",
        Tanh => "tanh",
        Tanpi => "tanpi",
        Trunc => "trunc",
        /// float → int: the unbiased exponent.
        Ilogb => "ilogb",
        /// float → bool.
        IsFinite => "isfinite",
        /// float → bool.
        IsInf => "isinf",
        /// float → bool.
        IsNan => "isnan",
        /// float → bool.
        IsNormal => "isnormal",
        /// float → bool.
        SignBit => "signbit",
        /// Signed operands give the unsigned type.
        AbsDiff => "absdiff",
        AddSat => "addsat",
        SubSat => "subsat",
        Clz => "clz",
        Ctz => "ctz",
        Popcount => "popcount",
        ReverseBits => "reverse_bits",
        /// (T, uint offset, uint bits) → T.
        ExtractBits => "extract_bits",
        /// (T base, T insert, uint offset, uint bits) → T.
        InsertBits => "insert_bits",
        Hadd => "hadd",
        Rhadd => "rhadd",
        Mulhi => "mulhi",
        Mul24 => "mul24",
        Mad24 => "mad24",
        MadSat => "madsat",
        Rotate => "rotate",
    }
}

op_table! {
    /// Functions over the active lanes of a simdgroup (`simd_*`) or of a quad of four lanes (`quad_*`).
    LaneFn {
        /// T → T.
        Sum => "sum",
        /// T → T.
        Product => "product",
        /// T → T.
        Min => "min",
        /// T → T.
        Max => "max",
        /// int → int.
        And => "and",
        /// int → int.
        Or => "or",
        /// int → int.
        Xor => "xor",
        /// T → T.
        PrefixInclusiveSum => "prefix_inclusive_sum",
        /// T → T.
        PrefixExclusiveSum => "prefix_exclusive_sum",
        /// T → T.
        PrefixInclusiveProduct => "prefix_inclusive_product",
        /// T → T.
        PrefixExclusiveProduct => "prefix_exclusive_product",
        /// (T, ushort lane) → T.
        Broadcast => "broadcast",
        /// T → T.
        BroadcastFirst => "broadcast_first",
        /// (T, ushort lane) → T.
        Shuffle => "shuffle",
        /// (T, ushort delta) → T.
        ShuffleUp => "shuffle_up",
        /// (T, ushort delta) → T.
        ShuffleDown => "shuffle_down",
        /// (T, ushort mask) → T.
        ShuffleXor => "shuffle_xor",
        /// (T, ushort delta) → T.
        RotateUp => "shuffle_rotate_up",
        /// (T, ushort delta) → T.
        RotateDown => "shuffle_rotate_down",
        /// (T data, T fill, ushort delta) → T.
        ShuffleAndFillUp => "shuffle_and_fill_up",
        /// (T data, T fill, ushort delta) → T.
        ShuffleAndFillDown => "shuffle_and_fill_down",
        /// bool → bool.
        All => "all",
        /// bool → bool.
        Any => "any",
        /// bool → ulong, a bit a lane.
        Ballot => "ballot",
        /// () → ulong, a bit a lane.
        ActiveThreadsMask => "active_threads_mask",
        /// () → ulong, a bit a lane that there is, active or not.
        ThreadsMask => "threads_mask",
        /// () → bool.
        IsFirst => "is_first",
    }
}

op_table! {
    /// Atomic read-modify-write: (pointer to atomic, operand) → old value. Relaxed.
    AtomicFn {
        Add => "add",
        Sub => "sub",
        Min => "min",
        Max => "max",
        And => "and",
        Or => "or",
        Xor => "xor",
        Exchange => "exchange",
    }
}

op_table! {
    /// How grave a logged message is, least first: `MTLLogLevel`.
    LogLevel {
        Debug => "debug",
        Info => "info",
        /// `log`, without more.
        Notice => "notice",
        Error => "error",
        Fault => "fault",
    }
}

op_table! {
    /// The letter of a conversion in a message's format. The mnemonic is the letter.
    ConversionKind {
        /// Signed integers (`%d`, `%i`).
        Signed => "d",
        Unsigned => "u",
        Octal => "o",
        Hex => "x",
        HexUpper => "X",
        Fixed => "f",
        FixedUpper => "F",
        Exponent => "e",
        ExponentUpper => "E",
        General => "g",
        GeneralUpper => "G",
        HexFloat => "a",
        HexFloatUpper => "A",
        /// A `uchar`: the character with this code.
        Char => "c",
        Pointer => "p",
    }
}

op_table! {
    /// Position and size attributes of kernel parameters. Values are widened or narrowed to the
    /// parameter's type; a parameter with fewer components gets the first ones.
    ThreadAttribute {
        ThreadPositionInGrid => "thread_position_in_grid",
        ThreadsPerGrid => "threads_per_grid",
        ThreadPositionInThreadgroup => "thread_position_in_threadgroup",
        ThreadsPerThreadgroup => "threads_per_threadgroup",
        ThreadgroupPositionInGrid => "threadgroup_position_in_grid",
        ThreadgroupsPerGrid => "threadgroups_per_grid",
        DispatchThreadsPerThreadgroup => "dispatch_threads_per_threadgroup",
        ThreadIndexInThreadgroup => "thread_index_in_threadgroup",
        ThreadIndexInSimdgroup => "thread_index_in_simdgroup",
        SimdgroupIndexInThreadgroup => "simdgroup_index_in_threadgroup",
        ThreadsPerSimdgroup => "threads_per_simdgroup",
        SimdgroupsPerThreadgroup => "simdgroups_per_threadgroup",
        DispatchSimdgroupsPerThreadgroup => "dispatch_simdgroups_per_threadgroup",
        ThreadIndexInQuadgroup => "thread_index_in_quadgroup",
        QuadgroupIndexInThreadgroup => "quadgroup_index_in_threadgroup",
        QuadgroupsPerThreadgroup => "quadgroups_per_threadgroup",
        GridOrigin => "grid_origin",
        GridSize => "grid_size",
    }
}

impl ThreadAttribute {
    /// Positions and sizes may have up to three components; indices are scalars.
    pub fn is_vector(self) -> bool {
        use ThreadAttribute as A;
        matches!(
            self,
            A::ThreadPositionInGrid
                | A::ThreadsPerGrid
                | A::ThreadPositionInThreadgroup
                | A::ThreadsPerThreadgroup
                | A::ThreadgroupPositionInGrid
                | A::ThreadgroupsPerGrid
                | A::DispatchThreadsPerThreadgroup
                | A::GridOrigin
                | A::GridSize
        )
    }
}

/// How exactly a floating-point function is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Precision {
    /// `metal::fast`, and the default with `fast_math`.
    Fast,
    /// `metal::precise`, and the default without `fast_math`: the tolerances of MSL chapter 8.
    Precise,
}

/// Lanes that a [`LaneFn`] spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LaneScope {
    /// 32 lanes.
    Simdgroup,
    /// 4 lanes.
    Quad,
}

/// Which memory a barrier orders (`mem_flags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct MemFlags {
    /// `mem_device`
    pub device: bool,
    /// `mem_threadgroup`
    pub threadgroup: bool,
}

/// Threads that a barrier joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BarrierScope {
    /// `threadgroup_barrier`
    Threadgroup,
    /// `simdgroup_barrier`
    Simdgroup,
}

/// An instruction. See the families for what they compute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// A scalar constant: the bits of the value in the result type, zero-extended. `bool` is 0 or 1.
    Const(u64),
    /// The value of every byte zero, of any type that can be stored (pointers: null).
    Zero,
    /// A parameter of the function.
    Param(u32),
    /// A function constant's value.
    FunctionConstant(FunctionConstantId),
    /// Whether the host gave the function constant a value: `bool`.
    IsFunctionConstantDefined(FunctionConstantId),
    /// The address of a constant or threadgroup variable.
    GlobalAddr(GlobalId),
    /// The address of a local: a `thread` pointer.
    LocalAddr(LocalId),
    /// The value of a promoted local.
    LocalGet(LocalId),

    /// All components equal to one scalar.
    Splat(Value),
    /// A vector, matrix (of columns), array or struct from all its parts.
    Compose(Vec<Value>),
    /// A part of a vector, matrix, array or struct by constant index.
    Extract(Value, u32),
    /// A component of a vector by run-time index; an index past the end traps.
    ExtractDynamic(Value, Value),
    /// The aggregate (first) with the part at a constant index replaced by the value (second).
    Insert(Value, Value, u32),
    /// Components of one vector, in any order: a swizzle. Up to four; the result type says how many.
    Swizzle(Value, [u8; 4]),

    /// The address of a struct's field, by number.
    FieldAddr(Value, u32),
    /// For a pointer to an array: the address of an element. For a pointer to a vector or matrix: of a
    /// component or column. The index is any integer type.
    ElementAddr(Value, Value),
    /// `p + n`, in units of the pointee; `n` is any integer type and may be negative.
    PtrAdd(Value, Value),
    /// `p - q`, in units of the pointee: `long`.
    PtrDiff(Value, Value),
    /// The same address as another pointer type of the same address space.
    PtrCast(Value),
    /// Reads memory.
    Load(Value),

    /// One operand.
    Unary(UnaryOp, Value),
    /// Two operands.
    Binary(BinaryOp, Value, Value),
    /// Comparison.
    Compare(CompareOp, Value, Value),
    /// `cond ? a : b` without branches: (cond, a, b). The condition is `bool`, or a `bool` vector for vectors.
    Select(Value, Value, Value),
    /// Numeric conversion to the result type's scalar, component by component: float to integer truncates,
    /// saturates and turns NaN into 0; anything to `bool` is `!= 0`.
    Convert(Value),
    /// The same bits as another type of the same size (`as_type`).
    Bitcast(Value),

    /// A function of the table.
    Math(MathFn, Precision, Vec<Value>),
    /// A function over lanes.
    Lane(LaneFn, LaneScope, Vec<Value>),
    /// All threads wait for each other.
    Barrier(BarrierScope, MemFlags),
    /// Atomic read-modify-write.
    Atomic(AtomicFn, Value, Value),
    /// Atomic read.
    AtomicLoad(Value),
    /// Atomic write: (pointer, value).
    AtomicStore(Value, Value),
    /// `atomic_compare_exchange_weak_explicit`: (pointer, expected: thread pointer, desired) → bool.
    /// Writes the old value to `expected` when it differs.
    AtomicCompareExchange(Value, Value, Value),

    /// Logs a message of the module with its arguments, one for each conversion.
    Log(MessageId, Vec<Value>),

    /// Calls a function of the module.
    Call(FuncId, Vec<Value>),
}

impl Op {
    /// Calls `f` with every operand, in order.
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Op::Const(_)
            | Op::Zero
            | Op::Param(_)
            | Op::FunctionConstant(_)
            | Op::IsFunctionConstantDefined(_)
            | Op::GlobalAddr(_)
            | Op::LocalAddr(_)
            | Op::LocalGet(_)
            | Op::Barrier(..) => {}
            Op::Splat(a)
            | Op::Extract(a, _)
            | Op::Swizzle(a, _)
            | Op::FieldAddr(a, _)
            | Op::PtrCast(a)
            | Op::Load(a)
            | Op::Unary(_, a)
            | Op::Convert(a)
            | Op::Bitcast(a)
            | Op::AtomicLoad(a) => f(*a),
            Op::ExtractDynamic(a, b)
            | Op::Insert(a, b, _)
            | Op::ElementAddr(a, b)
            | Op::PtrAdd(a, b)
            | Op::PtrDiff(a, b)
            | Op::Binary(_, a, b)
            | Op::Compare(_, a, b)
            | Op::Atomic(_, a, b)
            | Op::AtomicStore(a, b) => {
                f(*a);
                f(*b);
            }
            Op::Select(a, b, c) | Op::AtomicCompareExchange(a, b, c) => {
                f(*a);
                f(*b);
                f(*c);
            }
            Op::Compose(v) | Op::Math(_, _, v) | Op::Lane(_, _, v) | Op::Log(_, v) | Op::Call(_, v) => {
                v.iter().copied().for_each(f)
            }
        }
    }

    /// Calls `f` with every operand, in order, to change it.
    pub fn for_each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Op::Const(_)
            | Op::Zero
            | Op::Param(_)
            | Op::FunctionConstant(_)
            | Op::IsFunctionConstantDefined(_)
            | Op::GlobalAddr(_)
            | Op::LocalAddr(_)
            | Op::LocalGet(_)
            | Op::Barrier(..) => {}
            Op::Splat(a)
            | Op::Extract(a, _)
            | Op::Swizzle(a, _)
            | Op::FieldAddr(a, _)
            | Op::PtrCast(a)
            | Op::Load(a)
            | Op::Unary(_, a)
            | Op::Convert(a)
            | Op::Bitcast(a)
            | Op::AtomicLoad(a) => f(a),
            Op::ExtractDynamic(a, b)
            | Op::Insert(a, b, _)
            | Op::ElementAddr(a, b)
            | Op::PtrAdd(a, b)
            | Op::PtrDiff(a, b)
            | Op::Binary(_, a, b)
            | Op::Compare(_, a, b)
            | Op::Atomic(_, a, b)
            | Op::AtomicStore(a, b) => {
                f(a);
                f(b);
            }
            Op::Select(a, b, c) | Op::AtomicCompareExchange(a, b, c) => {
                f(a);
                f(b);
                f(c);
            }
            Op::Compose(v) | Op::Math(_, _, v) | Op::Lane(_, _, v) | Op::Log(_, v) | Op::Call(_, v) => {
                v.iter_mut().for_each(f)
            }
        }
    }

    /// Whether the op only computes: no memory, no other lanes, no messages, no calls. Such an op may be dropped when
    /// nobody uses its value and may be moved within its dominance.
    pub fn is_pure(&self) -> bool {
        !matches!(
            self,
            Op::Load(_)
                | Op::LocalGet(_)
                | Op::ExtractDynamic(..)
                | Op::Lane(..)
                | Op::Barrier(..)
                | Op::Atomic(..)
                | Op::AtomicLoad(_)
                | Op::AtomicStore(..)
                | Op::AtomicCompareExchange(..)
                | Op::Log(..)
                | Op::Call(..)
        )
    }
}

/// The range of values of an integer scalar as (least, greatest); `None` for floats.
pub fn int_range(scalar: Scalar) -> Option<(i128, i128)> {
    let bits = scalar.size_bytes() * 8;
    match scalar {
        Scalar::Bool => Some((0, 1)),
        s if s.is_float() => None,
        s if s.is_signed() => Some((-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)),
        _ => Some((0, (1i128 << bits) - 1)),
    }
}
