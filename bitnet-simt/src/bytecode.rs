//! The bytecode: one table of instructions, from which come the enum, the printer and the register walker.
//!
//! Registers hold one value for each of the 32 lanes. [`R`] names a register of 32-bit lanes, [`W`] one of
//! 64-bit lanes (`long`, `ulong`, pointers). What a lane of an `R` holds:
//!
//! - `bool`: 0 or 1; narrow integers: sign- or zero-extended to 32 bits;
//! - `half` and `bfloat`: the same value as float32 bits; `float`: its bits.
//!
//! **Invariant:** an instruction may read and write the same register: every handler reads the lanes it
//! needs before it writes them.
//!
//! **Invariant:** lanes outside the active mask of a destination are unspecified, except for the moves
//! under the mask ([`Inst::MovMasked`], [`Inst::MovWMasked`], the fused `…Masked` arithmetic).

use std::fmt;

use bitnet_msl::ir::{AtomicFn, LaneFn, LaneScope, MathFn, Scalar};

/// A register of 32-bit lanes, relative to the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct R(pub(crate) u16);

/// A register of 64-bit lanes, relative to the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct W(pub(crate) u16);

/// A place in the code.
pub(crate) type Pc = u32;

/// A slot of the frame's masks.
pub(crate) type Slot = u16;

/// The base of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// An allocation known when the program is made: the same for all lanes.
    Alloc(u16),
    /// A pointer for each lane.
    Lanes(W),
}

/// An address: base + Σ index · scale + offset, in bytes, wrapping within the offset field of a pointer. The
/// first index is used before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addr {
    pub(crate) base: Base,
    pub(crate) indices: [Option<Index>; 2],
    pub(crate) offset: i32,
}

/// The index of an [`Addr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) reg: R,
    pub(crate) scale: u16,
    pub(crate) signed: bool,
}

/// A comparison that is fused with a branch: operands in registers, the relation says how to read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    EqI,
    NeI,
    LtS,
    LeS,
    LtU,
    LeU,
    LtF,
    LeF,
}

/// Lets the renamer reach the registers among the fields of an instruction.
trait Operand {
    fn rename(&mut self, renamer: &mut impl Renamer);
}

/// Changes registers.
pub(crate) trait Renamer {
    fn narrow(&mut self, reg: &mut R);
    fn wide(&mut self, reg: &mut W);
}

impl Operand for R {
    fn rename(&mut self, renamer: &mut impl Renamer) {
        renamer.narrow(self);
    }
}

impl Operand for W {
    fn rename(&mut self, renamer: &mut impl Renamer) {
        renamer.wide(self);
    }
}

impl Operand for Addr {
    fn rename(&mut self, renamer: &mut impl Renamer) {
        if let Base::Lanes(w) = &mut self.base {
            renamer.wide(w);
        }
        for index in self.indices.iter_mut().flatten() {
            renamer.narrow(&mut index.reg);
        }
    }
}

macro_rules! plain_operands {
    ($($ty:ty),*) => { $(impl Operand for $ty {
        fn rename(&mut self, _: &mut impl Renamer) {}
    })* };
}
plain_operands!(u8, u16, u32, i64, bool, Scalar, MathFn, LaneFn, LaneScope, AtomicFn, Relation);

impl fmt::Display for R {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for W {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            Base::Alloc(id) => write!(f, "[a{id}")?,
            Base::Lanes(w) => write!(f, "[{w}")?,
        }
        for Index { reg, scale, .. } in self.indices.iter().flatten() {
            write!(f, " + {reg}*{scale}")?;
        }
        if self.offset != 0 {
            write!(f, " + {}", self.offset)?;
        }
        f.write_str("]")
    }
}

/// How the printer writes a field.
trait Show {
    fn show(&self) -> String;
}

macro_rules! show {
    ($($ty:ty => $f:expr),* $(,)?) => { $(impl Show for $ty {
        fn show(&self) -> String {
            let f: fn(&$ty) -> String = $f;
            f(self)
        }
    })* };
}
show! {
    R => |r| r.to_string(), W => |w| w.to_string(), Addr => |a| a.to_string(),
    u8 => |n| format!("#{n}"), u16 => |n| format!("#{n}"), u32 => |n| format!("@{n}"), i64 => |n| format!("#{n}"),
    bool => |b| b.to_string(), Scalar => |s| s.msl_name().into(), MathFn => |m| m.mnemonic().into(),
    LaneFn => |l| l.mnemonic().into(), LaneScope => |s| format!("{s:?}").to_lowercase(),
    AtomicFn => |a| a.mnemonic().into(), Relation => |r| format!("{r:?}"),
}

/// Calls a macro with the table of instructions. `d` is the destination; `@n` in print is a code address.
macro_rules! for_each_op {
    ($with:ident) => {
        $with! {
            // Moves.
            Mov = "mov" { d: R, a: R }
            MovMasked = "mov.m" { d: R, a: R }
            MovW = "mov.w" { d: W, a: W }
            MovWMasked = "mov.wm" { d: W, a: W }
            Select = "select" { d: R, c: R, a: R, b: R }
            SelectW = "select.w" { d: W, c: R, a: W, b: W }

            // 32-bit integers.
            AddI = "add.i" { d: R, a: R, b: R }
            SubI = "sub.i" { d: R, a: R, b: R }
            MulI = "mul.i" { d: R, a: R, b: R }
            DivS = "div.s" { d: R, a: R, b: R }
            DivU = "div.u" { d: R, a: R, b: R }
            RemS = "rem.s" { d: R, a: R, b: R }
            RemU = "rem.u" { d: R, a: R, b: R }
            Shl = "shl" { d: R, a: R, b: R }
            ShrS = "shr.s" { d: R, a: R, b: R }
            ShrU = "shr.u" { d: R, a: R, b: R }
            ShlImm = "shl.imm" { d: R, a: R, n: u8 }
            ShrSImm = "shr.s.imm" { d: R, a: R, n: u8 }
            ShrUImm = "shr.u.imm" { d: R, a: R, n: u8 }
            And = "and" { d: R, a: R, b: R }
            Or = "or" { d: R, a: R, b: R }
            Xor = "xor" { d: R, a: R, b: R }
            NegI = "neg.i" { d: R, a: R }
            NotI = "not.i" { d: R, a: R }
            NotB = "not.b" { d: R, a: R }
            Sext8 = "sext8" { d: R, a: R }
            Zext8 = "zext8" { d: R, a: R }
            Sext16 = "sext16" { d: R, a: R }
            Zext16 = "zext16" { d: R, a: R }
            EqI = "eq.i" { d: R, a: R, b: R }
            NeI = "ne.i" { d: R, a: R, b: R }
            LtS = "lt.s" { d: R, a: R, b: R }
            LeS = "le.s" { d: R, a: R, b: R }
            LtU = "lt.u" { d: R, a: R, b: R }
            LeU = "le.u" { d: R, a: R, b: R }
            AddIMasked = "add.i.m" { d: R, a: R, b: R }

            // float, and half and bfloat through it.
            AddF = "add.f" { d: R, a: R, b: R }
            SubF = "sub.f" { d: R, a: R, b: R }
            MulF = "mul.f" { d: R, a: R, b: R }
            DivF = "div.f" { d: R, a: R, b: R }
            RemF = "rem.f" { d: R, a: R, b: R }
            NegF = "neg.f" { d: R, a: R }
            RoundHalf = "round.half" { d: R, a: R }
            RoundBfloat = "round.bfloat" { d: R, a: R }
            EqF = "eq.f" { d: R, a: R, b: R }
            NeF = "ne.f" { d: R, a: R, b: R }
            LtF = "lt.f" { d: R, a: R, b: R }
            LeF = "le.f" { d: R, a: R, b: R }
            AddFMasked = "add.f.m" { d: R, a: R, b: R }
            SubFMasked = "sub.f.m" { d: R, a: R, b: R }
            MulFMasked = "mul.f.m" { d: R, a: R, b: R }
            AbsF = "abs.f" { d: R, a: R }
            MinF = "min.f" { d: R, a: R, b: R }
            MaxF = "max.f" { d: R, a: R, b: R }
            FmaF = "fma.f" { d: R, a: R, b: R, c: R }
            FmaFMasked = "fma.f.m" { d: R, a: R, b: R, c: R }
            SqrtF = "sqrt.f" { d: R, a: R }

            // 64-bit integers.
            AddL = "add.l" { d: W, a: W, b: W }
            SubL = "sub.l" { d: W, a: W, b: W }
            MulL = "mul.l" { d: W, a: W, b: W }
            DivLS = "div.ls" { d: W, a: W, b: W }
            DivLU = "div.lu" { d: W, a: W, b: W }
            RemLS = "rem.ls" { d: W, a: W, b: W }
            RemLU = "rem.lu" { d: W, a: W, b: W }
            ShlL = "shl.l" { d: W, a: W, b: W }
            ShrLS = "shr.ls" { d: W, a: W, b: W }
            ShrLU = "shr.lu" { d: W, a: W, b: W }
            AndL = "and.l" { d: W, a: W, b: W }
            OrL = "or.l" { d: W, a: W, b: W }
            XorL = "xor.l" { d: W, a: W, b: W }
            NegL = "neg.l" { d: W, a: W }
            NotL = "not.l" { d: W, a: W }
            EqL = "eq.l" { d: R, a: W, b: W }
            NeL = "ne.l" { d: R, a: W, b: W }
            LtLS = "lt.ls" { d: R, a: W, b: W }
            LeLS = "le.ls" { d: R, a: W, b: W }
            LtLU = "lt.lu" { d: R, a: W, b: W }
            LeLU = "le.lu" { d: R, a: W, b: W }

            // Conversions. `to` is the integer type whose range saturates.
            SToF = "s.to.f" { d: R, a: R }
            UToF = "u.to.f" { d: R, a: R }
            SToBfloat = "s.to.bfloat" { d: R, a: R }
            UToBfloat = "u.to.bfloat" { d: R, a: R }
            FToI = "f.to.i" { d: R, a: R, to: Scalar }
            FToL = "f.to.l" { d: W, a: R, to: Scalar }
            LToF = "l.to.f" { d: R, a: W, from: Scalar, to: Scalar }
            WidenS = "widen.s" { d: W, a: R }
            WidenU = "widen.u" { d: W, a: R }
            LowWord = "low" { d: R, a: W }
            HighWord = "high" { d: R, a: W }
            JoinWords = "join" { d: W, lo: R, hi: R }
            FloatToBits = "float.to.bits16" { d: R, a: R, from: Scalar }
            BitsToFloat = "bits16.to.float" { d: R, a: R, to: Scalar }

            // Functions of the table that have no op of their own. `ty` is the operands' type.
            Math1 = "math1" { d: R, a: R, f: MathFn, ty: Scalar, precise: bool }
            Math2 = "math2" { d: R, a: R, b: R, f: MathFn, ty: Scalar, precise: bool }
            Math3 = "math3" { d: R, a: R, b: R, c: R, f: MathFn, ty: Scalar }
            InsertBits = "insert_bits" { d: R, a: R, b: R, offset: R, bits: R, ty: Scalar }
            MathL1 = "math1.l" { d: W, a: W, f: MathFn, ty: Scalar }
            MathL2 = "math2.l" { d: W, a: W, b: W, f: MathFn, ty: Scalar }
            MathL3 = "math3.l" { d: W, a: W, b: W, c: W, f: MathFn, ty: Scalar }
            ExtractBitsL = "extract_bits.l" { d: W, a: W, offset: R, bits: R, ty: Scalar }
            InsertBitsL = "insert_bits.l" { d: W, a: W, b: W, offset: R, bits: R }

            // Lanes.
            Lane1 = "lane1" { d: R, a: R, f: LaneFn, scope: LaneScope, ty: Scalar }
            Lane2 = "lane2" { d: R, a: R, b: R, f: LaneFn, scope: LaneScope }
            LaneFill = "lane.fill" { d: R, a: R, fill: R, delta: R, f: LaneFn, scope: LaneScope }
            LaneL1 = "lane1.l" { d: W, a: W, f: LaneFn, scope: LaneScope, ty: Scalar }
            LaneL2 = "lane2.l" { d: W, a: W, b: R, f: LaneFn, scope: LaneScope }
            LaneLFill = "lane.fill.l" { d: W, a: W, fill: W, delta: R, f: LaneFn, scope: LaneScope }
            Ballot = "ballot" { d: W, a: R, scope: LaneScope }
            ActiveMask = "active_mask" { d: W, scope: LaneScope }
            ThreadsMask = "threads_mask" { d: W, scope: LaneScope }
            IsFirst = "is_first" { d: R, scope: LaneScope }

            // Memory. `align` is the alignment to check, in bytes.
            Load = "load" { d: R, addr: Addr, ty: Scalar, align: u8 }
            LoadW = "load.w" { d: W, addr: Addr, align: u8 }
            Store = "store" { addr: Addr, v: R, ty: Scalar, align: u8 }
            StoreW = "store.w" { addr: Addr, v: W, align: u8 }
            AddrOf = "addr" { d: W, addr: Addr }
            AddrAddL = "addr.add.l" { d: W, a: W, index: W, scale: u32 }
            AddrAdd = "addr.add" { d: W, a: W, index: R, scale: u32, signed: bool }
            AddrAddImm = "addr.add.imm" { d: W, a: W, offset: i64 }
            AddrDiff = "addr.diff" { d: W, a: W, b: W, size: u32 }
            AddrKey = "addr.key" { d: W, a: W }
            StackAddr = "addr.stack" { d: W, offset: u32 }
            AtomicRmw = "atomic" { d: R, p: W, v: R, f: AtomicFn, ty: Scalar }
            AtomicRmwL = "atomic.l" { d: W, p: W, v: W, f: AtomicFn, ty: Scalar }
            AtomicCas = "atomic.cas" { d: R, p: W, expected: W, v: R, ty: Scalar }
            AtomicCasL = "atomic.cas.l" { d: R, p: W, expected: W, v: W }
            CheckIndex = "check.index" { a: R, len: u8 }

            // Logging: the components of a message's arguments, one after another, then the message.
            LogArg = "log.arg" { a: R, signed: bool }
            LogArgL = "log.arg.l" { a: W }
            Log = "log" { message: u16 }

            // Control. The masks are described in `machine::control`.
            If = "if" { c: R, slot: u16, other: u32 }
            IfRel = "if.rel" { a: R, b: R, rel: Relation, slot: u16, other: u32 }
            Else = "else" { slot: u16, end: u32 }
            Join = "join.lanes" { slot: u16, skip: u32 }
            ClearMask = "clear" { slot: u16 }
            Loop = "loop" { slot: u16 }
            Leave = "leave" { slot: u16, skip: u32 }
            LeaveIf = "leave.if" { c: R, when: bool, slot: u16, skip: u32 }
            LeaveRel = "leave.rel" { a: R, b: R, rel: Relation, when: bool, slot: u16, skip: u32 }
            Continuing = "continuing" { slot: u16, end: u32 }
            Repeat = "repeat" { start: u32 }
            Switch = "switch" { sel: R, table: u16, slot: u16 }
            SwitchL = "switch.l" { sel: W, table: u16, slot: u16 }
            Section = "section" { slot: u16, next: u32 }
            Call = "call" { func: u16, regs: u16, wides: u16, masks: u16 }
            Return = "return" { }
            Barrier = "barrier" { threadgroup: bool }
            Exit = "exit" { }
        }
    };
}

macro_rules! define_inst {
    ($($name:ident = $text:literal { $($field:ident: $ty:ty),* })*) => {
        /// An instruction.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) enum Inst { $($name { $($field: $ty),* },)* }

        impl Inst {
            /// The name the printer uses.
            pub(crate) fn mnemonic(&self) -> &'static str {
                match self { $(Inst::$name { .. } => $text,)* }
            }

            /// Shows every register to the renamer.
            pub(crate) fn rename(&mut self, renamer: &mut impl Renamer) {
                let _ = &renamer;
                match self { $(Inst::$name { $($field),* } => { $(Operand::rename($field, renamer);)* })* }
            }
        }

        impl fmt::Display for Inst {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let fields: Vec<String> = match self {
                    $(Inst::$name { $($field),* } => vec![$(Show::show($field)),*],)*
                };
                write!(f, "{:<14} {}", self.mnemonic(), fields.join(", "))
            }
        }
    };
}
for_each_op!(define_inst);
