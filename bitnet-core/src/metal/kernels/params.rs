//! Parameter structs of the kernels, shared by host and shader.
//!
//! Every struct here has a twin of the same name in a shader. Fields are `u32` or `f32` only, so that no
//! padding can appear; a test compares name, field names, offsets and sizes with the shader's reflection.
//!
//! A struct also says which [`Shape`] it stands for: that is what lets a launch check the lengths of its
//! buffers against the very numbers the shader will read.

use super::row::Element;
use super::shape::{Grouping, Shape};
use bytemuck::{Pod, Zeroable};

/// A field of a parameter struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the shader.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset_bytes: usize,
    /// Its type.
    pub element: Element,
}

/// The layout of a parameter struct and how to read a [`Shape`] from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct StructLayout {
    /// The struct's name in the shader.
    pub name: &'static str,
    /// Its size.
    pub size_bytes: usize,
    /// Its fields, in order.
    pub fields: &'static [Field],
    /// The shape that bytes of this layout, `size_bytes` of them, describe, or why the kernel promises nothing for their
    /// values.
    pub shape: fn(&[u8]) -> Result<Shape, Unfit>,
    /// Makes those fields right that follow from others, in bytes of this layout.
    pub complete: fn(&mut [u8]),
}

/// Why a parameter struct describes no shape, as the rest of a sentence that begins with its name: "has a `group_size`
/// that is not a multiple of 32".
pub type Unfit = &'static str;

/// A parameter struct of a kernel.
pub trait KernelParams: Pod {
    /// What the shader's reflection must agree with.
    const LAYOUT: StructLayout;

    /// The shape that these values describe, or why the kernel promises nothing for them.
    ///
    /// # Errors
    /// What is wrong with the values.
    fn shape(&self) -> Result<Shape, Unfit>;

    /// The values with those fields made right that follow from others.
    #[must_use]
    fn completed(self) -> Self {
        self
    }

    /// The struct of which `bytes` is the memory; all zero when the length is wrong, which
    /// [`StructLayout::shape`] has refused before.
    fn from_bytes(bytes: &[u8]) -> Self {
        bytemuck::try_pod_read_unaligned(bytes).unwrap_or_else(|_| Self::zeroed())
    }
}

/// Maps the Rust type of a field to the table's element type.
trait FieldType {
    const ELEMENT: Element;
}
impl FieldType for u32 {
    const ELEMENT: Element = Element::U32;
}
impl FieldType for f32 {
    const ELEMENT: Element = Element::F32;
}

/// Defines parameter structs together with their layouts, so that the two cannot differ.
macro_rules! params {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $ty:ident,)* } shape($this:ident) $shape:block $(completed($that:ident) $completed:block)?)*) => {$(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty,)* }

        impl KernelParams for $name {
            const LAYOUT: StructLayout = StructLayout {
                name: stringify!($name),
                size_bytes: size_of::<$name>(),
                fields: &[$(Field {
                    name: stringify!($field),
                    offset_bytes: std::mem::offset_of!($name, $field),
                    element: <$ty as FieldType>::ELEMENT,
                },)*],
                shape: |bytes| match bytes.len() == size_of::<$name>() {
                    true => $name::from_bytes(bytes).shape(),
                    false => Err("is of another length"),
                },
                complete: |bytes| bytes.copy_from_slice(bytemuck::bytes_of(&$name::from_bytes(bytes).completed())),
            };

            fn shape(&self) -> Result<Shape, Unfit> {
                let $this = self;
                $shape
            }

            $(fn completed(self) -> Self {
                let $that = self;
                $completed
            })?
        }

        const _: () = assert!(size_of::<$name>() == 4 * <$name as KernelParams>::LAYOUT.fields.len());
    )*};
}

params! {
    /// Of `bitlinear_forward` and `bitlinear_backward_input`.
    struct BitLinearParams {
        /// K: columns of the weights.
        input_size: u32,
        /// N: rows of the weights.
        output_size: u32,
        /// M: rows of activations.
        batch_size: u32,
        /// Columns that share a scale, a multiple of 32; 0 for one scale a row.
        group_size: u32,
        /// 1 when a bias is bound.
        has_bias: u32,
        /// 1 when scales are bound; without them every scale is 1.
        has_scales: u32,
    }
    shape(p) { Ok(Shape::linear(p.batch_size, p.input_size, p.output_size, groups_of(p.group_size)?)) }

    /// Of `bitlinear_backward_weights`.
    struct BitLinearGradParams {
        /// K: columns of the weights.
        input_size: u32,
        /// N: rows of the weights.
        output_size: u32,
        /// M: rows of activations.
        batch_size: u32,
        /// 1 when a gradient of the bias is wanted and its buffer bound.
        has_bias: u32,
        /// 1 when the latent weights are bound and the gradient is zeroed where one exceeds 1 in magnitude.
        clip_latent: u32,
    }
    shape(p) { Ok(Shape::linear(p.batch_size, p.input_size, p.output_size, Grouping::Row)) }

    /// Of `binarize_weights`.
    struct BinarizeParams {
        /// K: columns of the weights.
        input_size: u32,
        /// N: rows of the weights.
        output_size: u32,
        /// Columns of a group, a multiple of 32; 0 for one group a row. Not read when `per_tensor` is 1.
        group_size: u32,
        /// 1 for one group over the whole matrix.
        per_tensor: u32,
    }
    shape(p) {
        let grouping = if p.per_tensor != 0 { Grouping::Tensor } else { groups_of(p.group_size)? };
        Ok(Shape::linear(0, p.input_size, p.output_size, grouping))
    }

    /// Of `quantize_weights_1bit` and `dequantize_weights_1bit`.
    struct WeightGroupParams {
        /// K: columns of the weights.
        input_size: u32,
        /// N: rows of the weights.
        output_size: u32,
        /// Columns of a group, a multiple of 32; 0 for one group a row.
        group_size: u32,
    }
    shape(p) { Ok(Shape::linear(0, p.input_size, p.output_size, groups_of(p.group_size)?)) }

    /// Of `quantize_activations`.
    struct QuantizeActivationsParams {
        /// K: columns.
        input_size: u32,
        /// M: rows.
        batch_size: u32,
        /// 1 when a buffer for q·scale is bound.
        write_dequantized: u32,
    }
    shape(p) { Ok(Shape::rows(p.batch_size, p.input_size)) }

    /// Of `quantize_activations_8bit` and `dequantize_activations_8bit`. A tensor that has one scale, as
    /// `dynamic_quantize_activations` gives, is one row.
    struct ActivationGroupParams {
        /// K: columns.
        input_size: u32,
        /// M: rows.
        batch_size: u32,
        /// Columns of a group, a multiple of 32; 0 for one group a row.
        group_size: u32,
    }
    shape(p) {
        let grouping = groups_of(p.group_size)?;
        Ok(Shape::rows(p.batch_size, p.input_size).with_activations(grouping))
    }

    /// Of `dynamic_quantize_activations` and `dynamic_quantize_ranges`: [`DynamicQuantizeParams::of`].
    struct DynamicQuantizeParams {
        /// Elements.
        count: u32,
        /// Parts of the tensor that are dealt out: what [`DynamicQuantizeParams::parts_of`] says.
        parts: u32,
    }
    shape(p) {
        if *p != Self::of(p.count) {
            return Err("has another number of parts than DynamicQuantizeParams::of gives");
        }
        Ok(Shape::elements(p.count).with_activations(Grouping::Tensor))
    }
    completed(p) { Self::of(p.count) }

    /// Of `quantize_gradients`.
    struct GradientGroupParams {
        /// K: columns.
        input_size: u32,
        /// M: rows.
        batch_size: u32,
        /// Columns of a group, a multiple of 32; 0 for one group a row.
        group_size: u32,
        /// 1 to round up with the probability of the fraction, 0 to round to nearest.
        stochastic: u32,
        /// Low half of Philox's key.
        seed_low: u32,
        /// High half of Philox's key.
        seed_high: u32,
    }
    shape(p) {
        let grouping = groups_of(p.group_size)?;
        Ok(Shape::rows(p.batch_size, p.input_size).with_activations(grouping))
    }

    /// Of `mixed_precision_matmul`. A group has [`MOST_COLUMNS`](Self::MOST_COLUMNS) at most.
    struct MixedPrecisionParams {
        /// K: columns of the weights.
        input_size: u32,
        /// N: rows of the weights.
        output_size: u32,
        /// M: rows of activations.
        batch_size: u32,
        /// Columns of a group, a multiple of 32; 0 for one group a row.
        group_size: u32,
        /// 0 without scales of the weights, which are 1 then; 1 with one a row; 2 with one a group.
        weight_scales: u32,
        /// 0 with one scale for all activations; 1 with one a row; 2 with one a group. Zero points likewise.
        activation_scales: u32,
        /// 1 for unsigned activations with zero points, 0 for signed ones without.
        has_zero_points: u32,
        /// 1 when a bias is bound.
        has_bias: u32,
    }
    shape(p) {
        let groups = groups_of(p.group_size)?;
        let weights = [Grouping::Row, Grouping::Row, groups].get(p.weight_scales as usize).copied();
        let activations = [Grouping::Tensor, Grouping::Row, groups].get(p.activation_scales as usize).copied();
        let (weights, activations) =
            weights.zip(activations).ok_or("has weight_scales or activation_scales other than 0, 1 and 2")?;
        let columns = [weights, activations].into_iter().map(Grouping::size).find(|size| *size > 0);
        if columns.unwrap_or(p.input_size).min(p.input_size) > Self::MOST_COLUMNS {
            return Err("has groups of more than 2²² columns, whose sums do not fit into 32 bits");
        }
        let shape = Shape::linear(p.batch_size, p.input_size, p.output_size, weights);
        Ok(shape.with_activations(activations))
    }

    /// Of the element-wise kernels that need nothing more.
    struct ElementwiseParams {
        /// Elements.
        count: u32,
    }
    shape(p) { Ok(Shape::elements(p.count)) }

    /// Of `leaky_relu_forward` and `leaky_relu_backward`.
    struct LeakyReluParams {
        /// Elements.
        count: u32,
        /// What values below zero are multiplied by.
        slope: f32,
    }
    shape(p) { Ok(Shape::elements(p.count)) }

    /// Of `fused_relu_dropout` and its backward.
    struct DropoutParams {
        /// Elements.
        count: u32,
        /// p: the probability with which an element is dropped, from 0 to 1.
        probability: f32,
        /// Low half of Philox's key.
        seed_low: u32,
        /// High half of Philox's key.
        seed_high: u32,
        /// 1 when a buffer for the mask is bound.
        write_mask: u32,
    }
    shape(p) { Ok(Shape::elements(p.count)) }

    /// Of `layer_norm_forward` and `layer_norm_backward`.
    struct LayerNormParams {
        /// K: elements of a row.
        size: u32,
        /// M: rows.
        rows: u32,
        /// ε: added to the variance.
        epsilon: f32,
    }
    shape(p) { Ok(Shape::rows(p.rows, p.size)) }

    /// Of `rms_norm_forward` and `rms_norm_backward`.
    struct RmsNormParams {
        /// K: elements of a row.
        size: u32,
        /// M: rows.
        rows: u32,
        /// ε: added to the mean square.
        epsilon: f32,
    }
    shape(p) { Ok(Shape::rows(p.rows, p.size)) }

    /// Of `softmax_forward` and `softmax_backward`.
    struct SoftmaxParams {
        /// Elements of a row.
        size: u32,
        /// Rows.
        rows: u32,
    }
    shape(p) { Ok(Shape::rows(p.rows, p.size)) }

    /// Of `cross_entropy_forward` and `cross_entropy_backward`.
    struct CrossEntropyParams {
        /// Logits of a row.
        classes: u32,
        /// Rows.
        rows: u32,
        /// What the backward multiplies the gradient by: 1 / rows for a mean. The forward does not read it.
        scale: f32,
    }
    shape(p) { Ok(Shape::rows(p.rows, p.classes)) }

    /// Of `adamw_step`.
    struct AdamWParams {
        /// Elements.
        count: u32,
        /// Learning rate.
        learning_rate: f32,
        /// Decay of the first moment.
        beta1: f32,
        /// Decay of the second moment.
        beta2: f32,
        /// ε: added to the root of the second moment.
        epsilon: f32,
        /// Decoupled weight decay.
        weight_decay: f32,
        /// 1 − beta1^t at step t, from 1.
        bias_correction1: f32,
        /// 1 − beta2^t at step t, from 1.
        bias_correction2: f32,
    }
    shape(p) { Ok(Shape::elements(p.count)) }

    /// Of `sgd_step`.
    struct SgdParams {
        /// Elements.
        count: u32,
        /// Learning rate.
        learning_rate: f32,
        /// μ: how much of the momentum is kept; 0 for none, and no buffer for it.
        momentum: f32,
        /// How much of the gradient the momentum does not take in.
        dampening: f32,
        /// λ: how much of the parameters is added to the gradient (not decoupled, unlike AdamW's).
        weight_decay: f32,
        /// 1 for Nesterov's momentum.
        nesterov: u32,
        /// 1 for the first step, at which the momentum becomes the gradient and its buffer is not read.
        first_step: u32,
    }
    shape(p) { Ok(Shape::elements(p.count)) }
}

/// The grouping that a `group_size` field means.
fn groups_of(group_size: u32) -> Result<Grouping, Unfit> {
    Grouping::from_size(group_size).ok_or("has a group_size that is not a multiple of 32")
}

impl MixedPrecisionParams {
    /// Most columns that are summed as 32-bit integers: 2²² of magnitude 255 at most.
    pub const MOST_COLUMNS: u32 = 1 << 22;
}

impl DynamicQuantizeParams {
    /// Most parts: each simdgroup reads the ranges of all.
    const MOST_PARTS: u64 = 1024;
    /// Elements of a part, but for the last, of a tensor that has no more than so many parts.
    const PART: u64 = 1024;

    /// The parameters for a tensor of so many elements.
    pub fn of(count: u32) -> Self {
        // At most MOST_PARTS.
        Self { count, parts: Self::parts_of(count.into()) as u32 }
    }

    /// How many parts a tensor of so many elements has: at least one, since one without elements has a scale
    /// too.
    pub fn parts_of(count: u64) -> u64 {
        count.div_ceil(Self::PART).clamp(1, Self::MOST_PARTS)
    }
}
