//! Parameter structs derived from the lengths of buffers, for a dispatch that binds buffers and nothing else.
//!
//! The length of a buffer says how many elements it has. Where the lengths of all buffers together leave one
//! possibility for every field of the struct, that is what is meant; where they leave none or several, or
//! where a field is no size at all (a probability, an ε), the struct has to be given.
//!
//! **Invariant:** what is derived describes a shape for which every buffer has exactly as many elements as it
//! needs. A buffer that is longer is no error elsewhere, but here it says something else.

use super::geometry;
use super::params::{
    BitLinearGradParams, BitLinearParams, DynamicQuantizeParams, ElementwiseParams, KernelParams,
    MixedPrecisionParams, QuantizeActivationsParams,
};
use super::row::{KernelRow, ParamKind, Precision};

/// How the parameter structs of a name follow from lengths.
struct Rule {
    name: &'static str,
    derive: fn(&Lengths<'_>) -> Result<Vec<u8>, Why>,
}

/// The structs that can be derived. All others have a field that no length tells.
static RULES: &[Rule] = &[
    Rule { name: ElementwiseParams::LAYOUT.name, derive: elementwise },
    Rule { name: BitLinearParams::LAYOUT.name, derive: bitlinear },
    Rule { name: BitLinearGradParams::LAYOUT.name, derive: bitlinear_gradient },
    Rule { name: QuantizeActivationsParams::LAYOUT.name, derive: quantize_activations },
    Rule { name: DynamicQuantizeParams::LAYOUT.name, derive: dynamic_quantize },
    Rule { name: MixedPrecisionParams::LAYOUT.name, derive: mixed_precision },
];

/// Why there is no struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// More than one suits, or a field is no size.
    Undetermined,
    /// None suits.
    Unsuited,
    /// The one that suits says more than the kernel can count.
    TooLarge,
}

/// The parameter struct of a version of a kernel that the lengths of its buffers determine. `bytes` gives the
/// length at an index; `None` where no buffer is.
///
/// # Errors
/// Why there is none, as the middle of a sentence that names struct and lengths.
pub(crate) fn infer(
    row: &KernelRow,
    precision: Precision,
    bytes: &dyn Fn(u32) -> Option<u64>,
) -> Result<Vec<u8>, String> {
    let lengths = Lengths { row, precision, bytes };
    let layout = row.constants().1;
    let rule = RULES.iter().find(|rule| rule.name == layout.name);
    let derived = rule.map_or(Err(Why::Undetermined), |rule| (rule.derive)(&lengths));
    derived.and_then(|params| lengths.suit(&params).map(|()| params)).map_err(|why| {
        let name = layout.name;
        match why {
            Why::Undetermined => format!("the lengths of the buffers do not determine {name} ({lengths})"),
            Why::Unsuited => format!("no {name} suits the lengths of the buffers ({lengths})"),
            Why::TooLarge => format!("the buffers are longer than the kernel can count ({lengths})"),
        }
    })
}

/// The lengths of what is bound to a kernel.
struct Lengths<'a> {
    row: &'a KernelRow,
    precision: Precision,
    bytes: &'a dyn Fn(u32) -> Option<u64>,
}

impl Lengths<'_> {
    /// Elements of the buffer with one of these names, which differ between a kernel and its backward; `None`
    /// if it is not bound.
    fn get(&self, names: &[&str]) -> Option<u64> {
        let param = self.row.params.iter().find(|param| names.contains(&param.name))?;
        Some((self.bytes)(param.index)? / param.element()?.size_bytes(self.precision))
    }

    /// The same for a buffer that the struct cannot be derived without.
    fn need(&self, names: &[&str]) -> Result<u64, Why> {
        self.get(names).filter(|&elements| elements > 0).ok_or(Why::Undetermined)
    }

    fn has(&self, name: &str) -> u32 {
        u32::from(self.get(&[name]).is_some())
    }

    /// Every buffer has to be exactly as long as the struct needs it.
    fn suit(&self, params: &[u8]) -> Result<(), Why> {
        let shape = (self.row.constants().1.shape)(params).map_err(|_| Why::Unsuited)?;
        let is_exact = self.row.params.iter().all(|param| match (param.kind, (self.bytes)(param.index)) {
            (ParamKind::Buffer { element, least, .. }, Some(bytes)) => {
                let needed = if param.is_used(params) { least(&shape) } else { 0 };
                needed.checked_mul(element.size_bytes(self.precision)) == Some(bytes)
            }
            _ => true,
        });
        match (is_exact, geometry::check_extent(self.row, &shape)) {
            (false, _) => Err(Why::Unsuited),
            (true, Err(_)) => Err(Why::TooLarge),
            (true, Ok(())) => Ok(()),
        }
    }
}

/// "input: 80, weights: 6", in elements.
impl std::fmt::Display for Lengths<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "elements of ";
        for param in self.row.params {
            if let Some(elements) = self.get(&[param.name]) {
                write!(f, "{separator}{}: {elements}", param.name)?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// As the field of a struct.
fn field(size: u64) -> Result<u32, Why> {
    u32::try_from(size).map_err(|_| Why::TooLarge)
}

fn bytes_of<P: KernelParams>(params: P) -> Vec<u8> {
    bytemuck::bytes_of(&params).to_vec()
}

fn elementwise(lengths: &Lengths<'_>) -> Result<Vec<u8>, Why> {
    let count = field(lengths.need(&["input", "grad_output"])?)?;
    Ok(bytes_of(ElementwiseParams { count }))
}

fn dynamic_quantize(lengths: &Lengths<'_>) -> Result<Vec<u8>, Why> {
    Ok(bytes_of(DynamicQuantizeParams::of(field(lengths.need(&["input"])?)?)))
}

fn quantize_activations(lengths: &Lengths<'_>) -> Result<Vec<u8>, Why> {
    let (elements, rows) = (lengths.need(&["input"])?, lengths.need(&["scales"])?);
    Ok(bytes_of(QuantizeActivationsParams {
        input_size: field(elements / rows)?,
        batch_size: field(rows)?,
        write_dequantized: lengths.has("dequantized"),
    }))
}

fn bitlinear(lengths: &Lengths<'_>) -> Result<Vec<u8>, Why> {
    let (batch, input, output) = linear_sizes(lengths)?;
    let group_size = match lengths.get(&["scales"]) {
        Some(scales) => group_size(input.div_ceil(32), output, scales)?,
        None => 0,
    };
    Ok(bytes_of(BitLinearParams {
        input_size: field(input)?,
        output_size: field(output)?,
        batch_size: field(batch)?,
        group_size,
        has_bias: lengths.has("bias"),
        has_scales: lengths.has("scales"),
    }))
}

/// M, K and N of a kernel with packed weights.
fn linear_sizes(lengths: &Lengths<'_>) -> Result<(u64, u64, u64), Why> {
    let inputs = lengths.need(&["input", "grad_input", "activations"])?;
    let outputs = lengths.need(&["output", "grad_output"])?;
    let packed = lengths.need(&["weights"])?;
    let batch = batch_of(inputs, outputs, packed).ok_or(Why::Unsuited)?;
    Ok((batch, inputs / batch, outputs / batch))
}

/// Scales one a row where there are as many, then one for the tensor, then one a group.
fn mixed_precision(lengths: &Lengths<'_>) -> Result<Vec<u8>, Why> {
    let (batch, input, output) = linear_sizes(lengths)?;
    let words = input.div_ceil(32);
    let (activation_scales, by_activations) = match lengths.need(&["activation_scales"])? {
        scales if scales == batch => (1, None),
        1 => (0, None),
        scales => (2, Some(group_size(words, batch, scales)?)),
    };
    let (weight_scales, by_weights) = match lengths.get(&["weight_scales"]) {
        None => (0, None),
        Some(scales) if scales == output => (1, None),
        Some(scales) => (2, Some(group_size(words, output, scales)?)),
    };
    if let (Some(a), Some(b)) = (by_activations, by_weights)
        && a != b
    {
        return Err(Why::Unsuited);
    }
    Ok(bytes_of(MixedPrecisionParams {
        input_size: field(input)?,
        output_size: field(output)?,
        batch_size: field(batch)?,
        group_size: by_activations.or(by_weights).unwrap_or(0),
        weight_scales,
        activation_scales,
        has_zero_points: lengths.has("zero_points"),
        has_bias: lengths.has("bias"),
    }))
}

/// M from M·K, M·N and N·⌈K/32⌉, each positive.
///
/// f(M) = (M·N/M)·⌈M·K/(32·M)⌉ falls strictly as M grows, since its first factor does and its second does not
/// grow: at most one M makes it equal to the third number. Multiplied by M that is a comparison of integers,
/// which halving the range finds. Whether M divides the others is for [`Lengths::suit`] to see.
fn batch_of(inputs: u64, outputs: u64, packed: u64) -> Option<u64> {
    let (mut low, mut high) = (1, inputs.min(outputs));
    while low <= high {
        let batch = low + (high - low) / 2;
        let words = u128::from(inputs.div_ceil(batch.checked_mul(32)?));
        match (u128::from(outputs) * words).cmp(&(u128::from(packed) * u128::from(batch))) {
            std::cmp::Ordering::Equal => return Some(batch),
            std::cmp::Ordering::Greater => low = batch + 1,
            std::cmp::Ordering::Less => high = batch - 1,
        }
    }
    None
}

/// The `group_size` of so many scales for `output` rows of `words` packed words: 0 for one a row, else the only
/// number of words whose groups come to as many.
fn group_size(words: u64, output: u64, scales: u64) -> Result<u32, Why> {
    let groups = scales / output;
    if groups == 0 || groups > words || !scales.is_multiple_of(output) {
        return Err(Why::Unsuited);
    }
    if groups == 1 {
        return Ok(0);
    }
    // ⌈words / n⌉ = groups for least ≤ n ≤ most.
    let (least, most) = (words.div_ceil(groups), (words - 1) / (groups - 1));
    match least.cmp(&most) {
        std::cmp::Ordering::Equal => field(least * 32),
        std::cmp::Ordering::Less => Err(Why::Undetermined),
        std::cmp::Ordering::Greater => Err(Why::Unsuited),
    }
}

fn bitlinear_gradient(lengths: &Lengths<'_>) -> Result<Vec<u8>, Why> {
    let outputs = lengths.need(&["grad_output"])?; // M·N
    let inputs = lengths.need(&["input"])?; // M·K
    let weights = lengths.need(&["grad_weights"])?; // N·K
    let square = u128::from(outputs) * u128::from(inputs) / u128::from(weights);
    let batch = u64::try_from(square.isqrt()).ok().filter(|&batch| batch > 0).ok_or(Why::Unsuited)?;
    Ok(bytes_of(BitLinearGradParams {
        input_size: field(inputs / batch)?,
        output_size: field(outputs / batch)?,
        batch_size: field(batch)?,
        has_bias: lengths.has("grad_bias"),
        clip_latent: lengths.has("latent"),
    }))
}

#[cfg(test)]
mod tests;
