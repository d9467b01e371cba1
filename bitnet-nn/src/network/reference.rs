//! The BitNet network once more, in plain double precision: loops over slices, no device, nothing shared
//! with the crate.
//!
//! It is what the device path is compared with. Written from the papers (BitNet, arXiv 2310.11453; the
//! training tips of b1.58) and read beside them, never tuned for speed.

/// What β and α are taken over, and the constants of the layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Options {
    /// Added to the variance in layer norm.
    pub(super) epsilon: f64,
    /// One β for the whole matrix if true; else one a group of `group_size` columns of a row (0: the whole
    /// row).
    pub(super) per_tensor: bool,
    pub(super) group_size: usize,
    /// Neither rounds activations nor binarises weights. The straight-through estimator takes both for the
    /// identity: here they are, so that its gradients are true derivatives.
    pub(super) identity: bool,
}

/// One BitLinear layer with the norm before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) latent: Vec<f64>, // (outputs, inputs)
    pub(super) bias: Vec<f64>,   // (outputs)
    pub(super) gain: Vec<f64>,   // (inputs)
    pub(super) shift: Vec<f64>,  // (inputs)
}

/// The gradients of one layer, each of the shape of what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gradients {
    pub(super) latent: Vec<f64>,
    pub(super) bias: Vec<f64>,
    pub(super) gain: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

/// What the forward pass of one layer leaves for the backward pass.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) input: Vec<f64>,     // (rows, inputs)
    pub(super) rstd: Vec<f64>,      // (rows)
    pub(super) centred: Vec<f64>,   // (rows, inputs): (x − mean)·rstd
    pub(super) quantized: Vec<f64>, // (rows, inputs): q·scale, what the weights are multiplied with
    pub(super) binary: Vec<f64>,    // (outputs, inputs): β·(±1)
    pub(super) output: Vec<f64>,    // (rows, outputs), before the activation function
    /// How near the forward pass came to a decision that float32 could take otherwise: the least distance
    /// of a quantised value to a rounding tie (in steps), of a weight to its α and of an output to zero.
    pub(super) margin: f64,
}

/// Layer norm, quantisation, binarisation and product of one layer over `rows` rows.
pub(super) fn layer_forward(layer: &Layer, options: Options, input: &[f64]) -> Trace {
    let (k, n) = (layer.inputs, layer.outputs);
    let rows = input.len() / k;
    let mut trace = Trace {
        input: input.to_vec(),
        rstd: Vec::with_capacity(rows),
        centred: Vec::with_capacity(rows * k),
        quantized: Vec::with_capacity(rows * k),
        binary: Vec::new(),
        output: vec![0.0; rows * n],
        margin: f64::INFINITY,
    };
    for row in input.chunks_exact(k) {
        norm_and_quantize(layer, options, row, &mut trace);
    }
    let (binary, weight_margin) = binarize(&layer.latent, k, options);
    trace.binary = binary;
    trace.margin = trace.margin.min(weight_margin);
    for (x, y) in trace.quantized.chunks_exact(k).zip(trace.output.chunks_exact_mut(n)) {
        for ((y, w), bias) in y.iter_mut().zip(trace.binary.chunks_exact(k)).zip(&layer.bias) {
            *y = bias + x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
        }
    }
    trace
}

fn norm_and_quantize(layer: &Layer, options: Options, row: &[f64], trace: &mut Trace) {
    let k = row.len() as f64;
    let mean = row.iter().sum::<f64>() / k;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / k;
    let rstd = 1.0 / (variance + options.epsilon).sqrt();
    trace.rstd.push(rstd);
    let start = trace.centred.len();
    trace.centred.extend(row.iter().map(|x| (x - mean) * rstd));
    let normed: Vec<f64> = trace.centred[start..]
        .iter()
        .zip(layer.gain.iter().zip(&layer.shift))
        .map(|(c, (gain, shift))| c * gain + shift)
        .collect();
    let largest = normed.iter().fold(1e-5_f64, |m, x| m.max(x.abs()));
    let scale = largest / 127.0;
    for x in normed {
        if options.identity {
            trace.quantized.push(x);
            continue;
        }
        let steps = x / scale;
        let fraction = (steps - steps.floor() - 0.5).abs();
        trace.margin = trace.margin.min(fraction);
        trace.quantized.push(steps.round_ties_even().clamp(-128.0, 127.0) * scale);
    }
}

/// β·Sign(W − α) with α = mean(W) and β = mean|W| over each group; and the least |W − α| / β.
fn binarize(latent: &[f64], inputs: usize, options: Options) -> (Vec<f64>, f64) {
    let mut margin = f64::INFINITY;
    if options.identity {
        return (latent.to_vec(), margin);
    }
    let mut group = |values: &[f64], out: &mut Vec<f64>| {
        let count = values.len() as f64;
        let alpha = values.iter().sum::<f64>() / count;
        let beta = values.iter().map(|w| w.abs()).sum::<f64>() / count;
        for w in values {
            // A group of one weight is its own mean, exactly, in any precision.
            if values.len() > 1 {
                margin = margin.min((w - alpha).abs() / beta);
            }
            out.push(if w - alpha > 0.0 { beta } else { -beta });
        }
    };
    let mut out = Vec::with_capacity(latent.len());
    if options.per_tensor {
        group(latent, &mut out);
    } else {
        let size = if options.group_size == 0 { inputs } else { options.group_size };
        for row in latent.chunks_exact(inputs) {
            row.chunks(size).for_each(|values| group(values, &mut out));
        }
    }
    (out, margin)
}

/// The layer's gradients, and the gradient of its input, from the gradient of its output: straight through
/// the rounding of activations and the signs of weights, α, β and γ being constants.
pub(super) fn layer_backward(layer: &Layer, trace: &Trace, grad_output: &[f64]) -> (Gradients, Vec<f64>) {
    let (k, n) = (layer.inputs, layer.outputs);
    let mut grads =
        Gradients { latent: vec![0.0; n * k], bias: vec![0.0; n], gain: vec![0.0; k], shift: vec![0.0; k] };
    let mut grad_input = Vec::with_capacity(trace.input.len());
    for (m, dy) in grad_output.chunks_exact(n).enumerate() {
        let x = &trace.quantized[m * k..][..k];
        let centred = &trace.centred[m * k..][..k];
        let mut dx = vec![0.0; k];
        for (o, &g) in dy.iter().enumerate() {
            grads.bias[o] += g;
            let w = &trace.binary[o * k..][..k];
            let dw = &mut grads.latent[o * k..][..k];
            for i in 0..k {
                dw[i] += g * x[i];
                dx[i] += g * w[i];
            }
        }
        for i in 0..k {
            grads.gain[i] += dx[i] * centred[i];
            grads.shift[i] += dx[i];
            dx[i] *= layer.gain[i];
        }
        let mean = dx.iter().sum::<f64>() / k as f64;
        let along = dx.iter().zip(centred).map(|(d, c)| d * c).sum::<f64>() / k as f64;
        grad_input.extend(dx.iter().zip(centred).map(|(d, c)| trace.rstd[m] * (d - mean - c * along)));
    }
    (grads, grad_input)
}

/// What one pass over a batch gives.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    pub(super) losses: Vec<f64>, // (rows)
    pub(super) logits: Vec<f64>, // (rows, classes)
    pub(super) gradients: Vec<Gradients>,
    pub(super) margin: f64,
}

/// The logits of `images` and each layer's trace.
pub(super) fn forward(layers: &[Layer], options: Options, images: &[f64]) -> Vec<Trace> {
    let mut traces: Vec<Trace> = Vec::with_capacity(layers.len());
    for layer in layers {
        let trace = match traces.last_mut() {
            None => layer_forward(layer, options, images),
            Some(last) => {
                let relu: Vec<f64> = last.output.iter().map(|y| y.max(0.0)).collect();
                // An output next to zero may pass or not in float32: its whole gradient hangs on that.
                let nearest = last.output.iter().fold(f64::INFINITY, |m, y| m.min(y.abs()));
                last.margin = last.margin.min(nearest);
                layer_forward(layer, options, &relu)
            }
        };
        traces.push(trace);
    }
    traces
}

/// Forward, mean cross-entropy loss, backward.
pub(super) fn pass(layers: &[Layer], options: Options, images: &[f64], labels: &[u32]) -> Pass {
    let traces = forward(layers, options, images);
    let logits = traces.last().expect("a network has layers").output.clone();
    let classes = logits.len() / labels.len();
    let mut losses = Vec::with_capacity(labels.len());
    let mut grad = Vec::with_capacity(logits.len());
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|z| (z - max).exp()).sum();
        losses.push(sum.ln() + max - row[label as usize]);
        for (class, z) in row.iter().enumerate() {
            let target = if class == label as usize { 1.0 } else { 0.0 };
            grad.push(((z - max).exp() / sum - target) / labels.len() as f64);
        }
    }
    let mut gradients = Vec::with_capacity(layers.len());
    for (index, (layer, trace)) in layers.iter().zip(&traces).enumerate().rev() {
        let (grads, grad_input) = layer_backward(layer, trace, &grad);
        gradients.push(grads);
        grad = grad_input;
        if index > 0 {
            for (g, y) in grad.iter_mut().zip(&traces[index - 1].output) {
                *g = if *y > 0.0 { *g } else { 0.0 };
            }
        }
    }
    gradients.reverse();
    let margin = traces.iter().fold(f64::INFINITY, |m, t| m.min(t.margin));
    Pass { losses, logits, gradients, margin }
}

/// The constants of one AdamW step (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2).
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamW {
    pub(super) learning_rate: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
    /// Counted from 1.
    pub(super) step: i32,
}

/// One step on one tensor.
pub(super) fn adamw(
    by: AdamW,
    parameters: &mut [f64],
    gradients: &[f64],
    first: &mut [f64],
    second: &mut [f64],
) {
    let (c1, c2) = (1.0 - by.beta1.powi(by.step), 1.0 - by.beta2.powi(by.step));
    for (((p, g), m), v) in parameters.iter_mut().zip(gradients).zip(first).zip(second) {
        *m = by.beta1 * *m + (1.0 - by.beta1) * g;
        *v = by.beta2 * *v + (1.0 - by.beta2) * g * g;
        *p -= by.learning_rate * by.weight_decay * *p;
        *p -= by.learning_rate * (*m / c1) / ((*v / c2).sqrt() + by.epsilon);
    }
}
