//! What a row of the kernel table says, and the words it says it in.

use std::borrow::Cow;

use super::case::{Case, Derivative, Expected};
use super::params::StructLayout;
use super::shape::Shape;
use super::table::BitNetShaderFunction;
use bitnet_msl::ir::Scalar;

/// Everything that is known about one kernel.
#[derive(Clone, Copy, Debug)]
pub struct KernelRow {
    /// The variant that names the kernel in Rust.
    pub function: BitNetShaderFunction,
    /// The shader file, without `.metal`.
    pub shader: &'static str,
    /// The kernel's name, in the shader and everywhere else.
    pub name: &'static str,
    /// What it computes, in one line.
    pub summary: &'static str,
    /// Its parameters, by index.
    pub params: &'static [Param],
    /// How much there is to do for a shape.
    pub work: fn(&Shape) -> Work,
    /// What the kernel should give for a case, in double precision.
    pub reference: fn(&Case) -> Vec<Expected>,
    /// For a backward kernel: functions whose derivatives its outputs are.
    pub gradient: Option<fn(&Case) -> Vec<Derivative>>,
    /// The cases that it is tested with: shapes and data.
    pub cases: fn() -> Vec<Case>,
    /// Whether there is a version in half precision beside the one in single precision: an instance of the
    /// same template, with the name that [`kernel_name`](Self::kernel_name) gives, whose
    /// [`Element::Real`] is `half`.
    pub half: bool,
}

impl KernelRow {
    /// The precisions that the kernel has a version for.
    pub fn precisions(&self) -> &'static [Precision] {
        if self.half { &[Precision::Single, Precision::Half] } else { &[Precision::Single] }
    }

    /// The name of a version in the shader: `relu_forward`, `relu_forward_f16`.
    pub fn kernel_name(&self, precision: Precision) -> Cow<'static, str> {
        match precision {
            Precision::Single => Cow::Borrowed(self.name),
            Precision::Half => Cow::Owned(format!("{}_f16", self.name)),
        }
    }

    /// The kernel that [`encode_in`](super::encode::encode_in) launches before this one, if this one works on
    /// what another has made: it takes its arguments from those of this one, by index.
    ///
    /// Whoever encodes by hand launches it first, on any grid, in an encoder that keeps the order.
    pub fn prologue(&self) -> Option<BitNetShaderFunction> {
        self.params.iter().find_map(|param| match param.kind {
            ParamKind::Buffer { access: Access::Scratch(by), .. } => Some(by),
            _ => None,
        })
    }

    /// The parameter with this buffer index.
    pub fn param(&self, index: u32) -> Option<&'static Param> {
        self.params.iter().find(|param| param.index == index)
    }

    /// The index and layout of the kernel's parameter struct.
    ///
    /// **Invariant:** every row has exactly one (a test counts).
    pub fn constants(&self) -> (u32, &'static StructLayout) {
        self.params
            .iter()
            .find_map(|param| match &param.kind {
                ParamKind::Constants(layout) => Some((param.index, layout)),
                ParamKind::Buffer { .. } => None,
            })
            .expect("every row has a parameter struct")
    }
}

/// One parameter of a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// `[[buffer(index)]]`
    pub index: u32,
    /// Its name in the shader.
    pub name: &'static str,
    /// What it is.
    pub kind: ParamKind,
}

/// Kinds of [`Param`].
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// A `device` pointer.
    Buffer {
        /// What it points to.
        element: Element,
        /// What the kernel does with it.
        access: Access,
        /// Fewest elements that the buffer must have for a shape.
        least: fn(&Shape) -> u64,
        /// For an optional parameter: whether these bytes of the parameter struct ask for it.
        when: Option<fn(&[u8]) -> bool>,
    },
    /// A `constant` reference to the parameter struct, which the host passes by value.
    Constants(StructLayout),
}

impl Param {
    /// Whether the kernel uses this parameter when it gets these bytes as its parameter struct.
    pub fn is_used(&self, constants: &[u8]) -> bool {
        match self.kind {
            ParamKind::Buffer { when: Some(when), .. } => when(constants),
            _ => true,
        }
    }

    /// What the buffer's elements are; `None` for the parameter struct.
    pub fn element(&self) -> Option<Element> {
        match self.kind {
            ParamKind::Buffer { element, .. } => Some(element),
            ParamKind::Constants(_) => None,
        }
    }

    /// Whether the parameter may be left unbound.
    pub fn is_optional(&self) -> bool {
        matches!(self.kind, ParamKind::Buffer { when: Some(_), .. })
    }

    /// How exact the results in it are; `None` for what the kernel does not write.
    pub fn tolerance(&self) -> Option<Tolerance> {
        match self.kind {
            ParamKind::Buffer { access: Access::Write(tolerance) | Access::ReadWrite(tolerance), .. } => {
                Some(tolerance)
            }
            _ => None,
        }
    }

    /// Marks the parameter as one that may be left unbound unless `when` says that the parameter struct
    /// asks for it.
    pub(crate) const fn when(self, when: fn(&[u8]) -> bool) -> Self {
        match self.kind {
            ParamKind::Buffer { element, access, least, .. } => {
                Self { kind: ParamKind::Buffer { element, access, least, when: Some(when) }, ..self }
            }
            ParamKind::Constants(_) => self,
        }
    }
}

/// What a kernel does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads it: `device const`.
    Read,
    /// Writes every element of it and depends on none.
    Write(Tolerance),
    /// Updates it in place.
    ReadWrite(Tolerance),
    /// Reads what this kernel has written to it, which is launched first ([`KernelRow::prologue`]): `device
    /// const`. The caller gives the memory, whose contents do not matter.
    Scratch(BitNetShaderFunction),
}

/// The type of the activations, gradients and results that a version of a kernel works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Precision {
    /// `float`
    #[default]
    Single,
    /// `half`; sums and formulas are in `float` all the same.
    Half,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Precision::Single => "f32",
            Precision::Half => "f16",
        })
    }
}

/// Element types of buffers and of fields of parameter structs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// `float` in every version of the kernel.
    F32,
    /// The template's `T`: `float` or `half`, by the version's [`Precision`].
    Real,
    /// `uint`; packed weights are words of 32 columns.
    U32,
    /// `char`
    I8,
    /// `uchar`
    U8,
}

impl Element {
    /// Size in bytes, which is also the alignment, in a version of the kernel.
    pub fn size_bytes(self, precision: Precision) -> u64 {
        self.scalar(precision).size_bytes().into()
    }

    /// The front end's name for it in a version of the kernel.
    pub fn scalar(self, precision: Precision) -> Scalar {
        match (self, precision) {
            (Element::F32, _) | (Element::Real, Precision::Single) => Scalar::F32,
            (Element::Real, Precision::Half) => Scalar::F16,
            (Element::U32, _) => Scalar::U32,
            (Element::I8, _) => Scalar::I8,
            (Element::U8, _) => Scalar::U8,
        }
    }
}

/// How far a result may be from the double-precision reference. A result in half precision may be off by
/// half a unit in its own last place more, unless it is [`Exact`](Tolerance::Exact).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// Not at all.
    Exact,
    /// Integers and bits: not at all, but where the double-precision value lies so near to where rounding
    /// changes (1e-6, or for a mean as far as float32 sums may err) that either neighbour is right.
    NearTies,
    /// Units in the last place of a float32.
    Ulp(u32),
    /// K·2⁻²⁴·Σ|terms|, for a sum of K terms.
    Sum,
}

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tolerance::Exact => f.pad("exact"),
            Tolerance::NearTies => f.pad("exact but ties"),
            Tolerance::Ulp(ulps) => f.pad(&format!("{ulps} ulp")),
            Tolerance::Sum => f.pad("K·2⁻²⁴·Σ|terms|"),
        }
    }
}

/// The work items of a launch and who takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// So many items, each for one thread.
    Threads(u64),
    /// So many items, each for one simdgroup.
    Simdgroups(u64),
    /// One item for one threadgroup, as large as may be.
    Threadgroup,
}

/// A buffer that the kernel reads.
pub(crate) const fn read(
    index: u32,
    name: &'static str,
    element: Element,
    least: fn(&Shape) -> u64,
) -> Param {
    buffer(index, name, element, Access::Read, least)
}

/// A buffer that the kernel writes.
pub(crate) const fn write(
    index: u32,
    name: &'static str,
    element: Element,
    least: fn(&Shape) -> u64,
    tolerance: Tolerance,
) -> Param {
    buffer(index, name, element, Access::Write(tolerance), least)
}

/// A buffer that the kernel updates in place.
pub(crate) const fn update(
    index: u32,
    name: &'static str,
    element: Element,
    least: fn(&Shape) -> u64,
    tolerance: Tolerance,
) -> Param {
    buffer(index, name, element, Access::ReadWrite(tolerance), least)
}

/// A buffer that `by`, which is launched first, fills for the kernel.
pub(crate) const fn scratch(
    index: u32,
    name: &'static str,
    element: Element,
    least: fn(&Shape) -> u64,
    by: BitNetShaderFunction,
) -> Param {
    buffer(index, name, element, Access::Scratch(by), least)
}

/// The parameter struct.
pub(crate) const fn constants(index: u32, layout: StructLayout) -> Param {
    Param { index, name: "params", kind: ParamKind::Constants(layout) }
}

const fn buffer(
    index: u32,
    name: &'static str,
    element: Element,
    access: Access,
    least: fn(&Shape) -> u64,
) -> Param {
    Param { index, name, kind: ParamKind::Buffer { element, access, least, when: None } }
}
