// Activations, normalisation, losses and the optimiser: what a network has beside its linear layers.
//
// Sizes: M rows of K elements, row-major. Arithmetic is in float whatever the type of the elements.

#include <metal_stdlib>
using namespace metal;

// NaN and infinity mean something to these kernels, whatever the compiler is told for the rest.
#if __METAL_VERSION__ >= 320
#pragma METAL fp math_mode(safe)
#endif

// ---- The simdgroups of a grid. Each shader file holds this part, word for word (a test compares them):
// ---- a file compiles by itself, since run-time compilation has no include path.

// Work that takes a simdgroup is dealt out by number: simdgroup `index` of `count` takes items index,
// index + count, … Any one-dimensional grid is right; only its speed differs. A simdgroup at the end of
// a threadgroup may be short: `lanes` threads, which share the work of all.
struct Simdgroup {
    uint index;
    uint count;
    uint lane;
    uint lanes;
};

#define THIS_SIMDGROUP SIMDGROUP_OF(group, group_threads, grid_threads)

#ifndef BITNET_NO_SIMDGROUP_REDUCTIONS

#define SIMDGROUP_ATTRIBUTES                                  \
    uint lane [[thread_index_in_simdgroup]],                  \
    uint simdgroup [[simdgroup_index_in_threadgroup]],        \
    uint width [[threads_per_simdgroup]],                     \
    uint group [[threadgroup_position_in_grid]],              \
    uint group_threads [[dispatch_threads_per_threadgroup]],  \
    uint grid_threads [[threads_per_grid]]

#define SIMDGROUP_OF(group, group_threads, grid_threads) \
    this_simdgroup(lane, simdgroup, width, group, group_threads, grid_threads)

inline Simdgroup this_simdgroup(uint lane, uint simdgroup, uint width, uint group, uint group_threads,
                                uint grid_threads) {
    const uint per_group = (group_threads + width - 1) / width;
    const uint whole_groups = grid_threads / group_threads;
    const uint rest = grid_threads % group_threads;
    const uint threads_here = group < whole_groups ? group_threads : rest;

    Simdgroup self;
    self.index = group * per_group + simdgroup;
    self.count = whole_groups * per_group + (rest + width - 1) / width;
    self.lane = lane;
    self.lanes = min(width, threads_here - simdgroup * width);
    return self;
}

// What the lanes of a simdgroup have together, the same in all of them.
inline float lanes_sum(float x) { return simd_sum(x); }
inline uint lanes_sum(uint x) { return simd_sum(x); }
inline float lanes_max(float x) { return simd_max(x); }
inline uint lanes_max(uint x) { return simd_max(x); }
inline float lanes_min(float x) { return simd_min(x); }
inline uint lanes_min(uint x) { return simd_min(x); }
inline uint lanes_or(uint x) { return simd_or(x); }

#else  // Threads cannot see each other's values: each is a simdgroup of one lane.

#define SIMDGROUP_ATTRIBUTES                                  \
    uint thread_in_group [[thread_position_in_threadgroup]],  \
    uint group [[threadgroup_position_in_grid]],              \
    uint group_threads [[dispatch_threads_per_threadgroup]],  \
    uint grid_threads [[threads_per_grid]]

#define SIMDGROUP_OF(group, group_threads, grid_threads) \
    this_thread(thread_in_group, group, group_threads, grid_threads)

inline Simdgroup this_thread(uint thread_in_group, uint group, uint group_threads, uint grid_threads) {
    Simdgroup self;
    self.index = group * group_threads + thread_in_group;
    self.count = grid_threads;
    self.lane = 0;
    self.lanes = 1;
    return self;
}

inline float lanes_sum(float x) { return x; }
inline uint lanes_sum(uint x) { return x; }
inline float lanes_max(float x) { return x; }
inline uint lanes_max(uint x) { return x; }
inline float lanes_min(float x) { return x; }
inline uint lanes_min(uint x) { return x; }
inline uint lanes_or(uint x) { return x; }

#endif

// ---- End of the common part.

// ---- Element-wise kernels: a thread takes elements i, i + threads, …

struct ElementwiseParams {
    uint count;
};

// NaN stays NaN: max(x, 0) would turn it into 0.
inline float relu(float x) {
    return x <= 0.0f ? 0.0f : x;
}

// y = max(x, 0)
template <typename T>
kernel void relu_forward(device const T* input [[buffer(0)]],  // (count)
                         device T* output [[buffer(1)]],       // (count)
                         constant ElementwiseParams& params [[buffer(2)]],
                         uint thread_index [[thread_position_in_grid]],
                         uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        output[i] = T(relu(float(input[i])));
    }
}

template [[host_name("relu_forward")]] [[kernel]]
decltype(relu_forward<float>) relu_forward<float>;
template [[host_name("relu_forward_f16")]] [[kernel]]
decltype(relu_forward<half>) relu_forward<half>;

// dx = dy where x > 0, else 0; the derivative at NaN is NaN.
template <typename T>
kernel void relu_backward(device const T* grad_output [[buffer(0)]],  // (count)
                          device const T* input [[buffer(1)]],        // (count)
                          device T* grad_input [[buffer(2)]],         // (count)
                          constant ElementwiseParams& params [[buffer(3)]],
                          uint thread_index [[thread_position_in_grid]],
                          uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        const float x = float(input[i]);
        grad_input[i] = x > 0.0f ? grad_output[i] : T(relu(x));
    }
}

template [[host_name("relu_backward")]] [[kernel]]
decltype(relu_backward<float>) relu_backward<float>;
template [[host_name("relu_backward_f16")]] [[kernel]]
decltype(relu_backward<half>) relu_backward<half>;

// ---- Dropout

struct DropoutParams {
    uint count;
    float probability;  // of dropping an element
    uint seed_low;      // Philox's key
    uint seed_high;
    uint write_mask;
};

// Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four random
// words that depend on counter and key alone, so that they are the same on every device and any grid.
inline uint4 philox(uint4 counter, uint2 key) {
    for (uint r = 0; r < 10; ++r) {
        const uint high0 = mulhi(0xD2511F53u, counter.x);
        const uint high1 = mulhi(0xCD9E8D57u, counter.z);
        const uint low0 = 0xD2511F53u * counter.x;
        const uint low1 = 0xCD9E8D57u * counter.z;
        counter = uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += uint2(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

// Which of the elements 4·quad to 4·quad + 3 are kept, a bit each: those whose uniform number, a multiple
// of 2⁻²⁴ in [0, 1), is not below the probability.
inline uint kept_of_quad(uint quad, constant DropoutParams& params) {
    const uint4 random = philox(uint4(quad, 0u, 0u, 0u), uint2(params.seed_low, params.seed_high));
    const float4 fraction = float4(random >> 8u) * 5.9604644775390625e-8f;
    const uint4 kept = select(uint4(0u), uint4(1u, 2u, 4u, 8u), fraction >= params.probability);
    return (kept.x | kept.y) | (kept.z | kept.w);
}

// y = max(x, 0) / (1 − p) with probability 1 − p, else 0. A NaN stays NaN, dropped or not.
//
// A thread takes the 32 elements of a word of the mask, so that no two threads write one word.
template <typename T>
kernel void fused_relu_dropout(device const T* input [[buffer(0)]],  // (count)
                               device T* output [[buffer(1)]],       // (count)
                               constant DropoutParams& params [[buffer(2)]],
                               device uint* mask [[buffer(3)]],      // (ceil(count/32)), optional: bit set = passed
                               uint thread_index [[thread_position_in_grid]],
                               uint threads [[threads_per_grid]]) {
    const uint words = params.count / 32 + (params.count % 32 != 0);
    const float scale = 1.0f / (1.0f - params.probability);

    for (uint word = thread_index; word < words; word += threads) {
        const uint first = word * 32;
        const uint columns = min(32u, params.count - first);
        uint passed = 0;
        uint kept = 0xfu;
        for (uint i = 0; i < columns; ++i) {
            if (i % 4 == 0 && params.probability > 0.0f) {
                kept = kept_of_quad((first + i) / 4, params);
            }
            const float x = float(input[first + i]);
            const bool pass = x > 0.0f && (kept >> (i % 4) & 1u) != 0;
            output[first + i] = T(pass ? x * scale : isnan(x) ? x : 0.0f);
            passed |= pass ? 1u << i : 0u;
        }
        if (params.write_mask != 0) {
            mask[word] = passed;
        }
    }
}

template [[host_name("fused_relu_dropout")]] [[kernel]]
decltype(fused_relu_dropout<float>) fused_relu_dropout<float>;

// dx = dy / (1 − p) where the forward let the element pass, else 0.
template <typename T>
kernel void fused_relu_dropout_backward(device const T* grad_output [[buffer(0)]],  // (count)
                                        device const uint* mask [[buffer(1)]],      // (ceil(count/32))
                                        device T* grad_input [[buffer(2)]],         // (count)
                                        constant DropoutParams& params [[buffer(3)]],
                                        uint thread_index [[thread_position_in_grid]],
                                        uint threads [[threads_per_grid]]) {
    const float scale = 1.0f / (1.0f - params.probability);
    for (uint i = thread_index; i < params.count; i += threads) {
        const bool passed = (mask[i / 32] >> (i % 32) & 1u) != 0;
        grad_input[i] = T(passed ? float(grad_output[i]) * scale : 0.0f);
    }
}

template [[host_name("fused_relu_dropout_backward")]] [[kernel]]
decltype(fused_relu_dropout_backward<float>) fused_relu_dropout_backward<float>;

// ---- Layer normalisation: a simdgroup takes a row

struct LayerNormParams {
    uint size;      // K
    uint rows;      // M
    float epsilon;  // added to the variance
};

// y = (x − mean)·rstd·γ + β, rstd = 1/√(variance + ε). The variance is taken about the mean, in a pass of
// its own: E[x²] − mean² would cancel.
template <typename T>
kernel void layer_norm_forward(device const T* input [[buffer(0)]],      // (M, K)
                               device const float* gamma [[buffer(1)]],  // (K)
                               device const float* beta [[buffer(2)]],   // (K)
                               device T* output [[buffer(3)]],           // (M, K)
                               constant LayerNormParams& params [[buffer(4)]],
                               device float* mean [[buffer(5)]],         // (M)
                               device float* rstd [[buffer(6)]],         // (M)
                               SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.size;
    const float count = max(float(K), 1.0f);

    for (uint m = self.index; m < params.rows; m += self.count) {
        device const T* x = input + ulong(m) * K;
        device T* y = output + ulong(m) * K;
        float sum = 0.0f;
        for (uint k = self.lane; k < K; k += self.lanes) {
            sum += float(x[k]);
        }
        const float row_mean = lanes_sum(sum) / count;

        float squares = 0.0f;
        for (uint k = self.lane; k < K; k += self.lanes) {
            const float centred = float(x[k]) - row_mean;
            squares += centred * centred;
        }
        const float row_rstd = 1.0f / sqrt(lanes_sum(squares) / count + params.epsilon);

        for (uint k = self.lane; k < K; k += self.lanes) {
            y[k] = T((float(x[k]) - row_mean) * row_rstd * gamma[k] + beta[k]);
        }
        if (self.lane == 0) {
            mean[m] = row_mean;
            rstd[m] = row_rstd;
        }
    }
}

template [[host_name("layer_norm_forward")]] [[kernel]]
decltype(layer_norm_forward<float>) layer_norm_forward<float>;

// With x̂ = (x − mean)·rstd and g = dY·γ, over each row: dX = rstd·(g − mean(g) − x̂·mean(g·x̂));
// over each column: dγ = Σ_m dY·x̂ and dβ = Σ_m dY.
//
// The first items are rows. The others are blocks of 32 columns, a lane one column of all rows: no atomics,
// and sums in the order of the rows.
template <typename T>
kernel void layer_norm_backward(device const T* grad_output [[buffer(0)]],  // (M, K)
                                device const T* input [[buffer(1)]],        // (M, K)
                                device const float* gamma [[buffer(2)]],    // (K)
                                device const float* mean [[buffer(3)]],     // (M)
                                device const float* rstd [[buffer(4)]],     // (M)
                                device T* grad_input [[buffer(5)]],         // (M, K)
                                device float* grad_gamma [[buffer(6)]],     // (K)
                                device float* grad_beta [[buffer(7)]],      // (K)
                                constant LayerNormParams& params [[buffer(8)]],
                                SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.size;
    const uint M = params.rows;
    const uint column_items = K / 32 + (K % 32 != 0);
    const float count = max(float(K), 1.0f);

    for (uint item = self.index; item < M + column_items; item += self.count) {
        if (item < M) {
            const ulong row = ulong(item) * K;
            const float row_mean = mean[item];
            const float row_rstd = rstd[item];
            float2 sums = float2(0.0f);  // of g and g·x̂
            for (uint k = self.lane; k < K; k += self.lanes) {
                const float g = float(grad_output[row + k]) * gamma[k];
                const float normal = (float(input[row + k]) - row_mean) * row_rstd;
                sums += float2(g, g * normal);
            }
            const float mean_g = lanes_sum(sums.x) / count;
            const float mean_gx = lanes_sum(sums.y) / count;
            for (uint k = self.lane; k < K; k += self.lanes) {
                const float g = float(grad_output[row + k]) * gamma[k];
                const float normal = (float(input[row + k]) - row_mean) * row_rstd;
                grad_input[row + k] = T(row_rstd * (g - mean_g - normal * mean_gx));
            }
        } else {
            const uint first = (item - M) * 32;
            for (uint k = first + self.lane; k < min(first + 32, K); k += self.lanes) {
                float2 sums = float2(0.0f);  // of dY·x̂ and dY
                for (uint m = 0; m < M; ++m) {
                    const ulong at = ulong(m) * K + k;
                    const float dy = float(grad_output[at]);
                    sums += float2(dy * ((float(input[at]) - mean[m]) * rstd[m]), dy);
                }
                grad_gamma[k] = sums.x;
                grad_beta[k] = sums.y;
            }
        }
    }
}

template [[host_name("layer_norm_backward")]] [[kernel]]
decltype(layer_norm_backward<float>) layer_norm_backward<float>;

// ---- Softmax and cross-entropy: a simdgroup takes a row

struct SoftmaxParams {
    uint size;
    uint rows;
};

// The greatest element of a row (x) and Σ exp(element − greatest) (y), the same in all lanes. A row of
// −∞ and a row with +∞ or NaN give a NaN sum, as in PyTorch.
template <typename T>
inline float2 max_and_exp_sum(device const T* row, uint size, Simdgroup self) {
    float greatest = -INFINITY;
    for (uint k = self.lane; k < size; k += self.lanes) {
        greatest = max(greatest, float(row[k]));
    }
    greatest = lanes_max(greatest);
    float sum = 0.0f;
    for (uint k = self.lane; k < size; k += self.lanes) {
        sum += exp(float(row[k]) - greatest);
    }
    return float2(greatest, lanes_sum(sum));
}

// y = exp(x − max x) / Σ exp(x − max x), per row
template <typename T>
kernel void softmax_forward(device const T* input [[buffer(0)]],  // (rows, size)
                            device T* output [[buffer(1)]],       // (rows, size)
                            constant SoftmaxParams& params [[buffer(2)]],
                            SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    for (uint m = self.index; m < params.rows; m += self.count) {
        device const T* x = input + ulong(m) * params.size;
        device T* y = output + ulong(m) * params.size;
        const float2 row = max_and_exp_sum<T>(x, params.size, self);
        for (uint k = self.lane; k < params.size; k += self.lanes) {
            y[k] = T(exp(float(x[k]) - row.x) / row.y);
        }
    }
}

template [[host_name("softmax_forward")]] [[kernel]]
decltype(softmax_forward<float>) softmax_forward<float>;

struct CrossEntropyParams {
    uint classes;
    uint rows;
    float scale;  // of the gradient
};

// loss = log Σ exp(x − max x) − (x[label] − max x), per row. A label that names no class gives NaN.
template <typename T>
kernel void cross_entropy_forward(device const T* logits [[buffer(0)]],     // (rows, classes)
                                  device const uint* labels [[buffer(1)]],  // (rows)
                                  device float* losses [[buffer(2)]],       // (rows)
                                  constant CrossEntropyParams& params [[buffer(3)]],
                                  SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    for (uint m = self.index; m < params.rows; m += self.count) {
        device const T* x = logits + ulong(m) * params.classes;
        const float2 row = max_and_exp_sum<T>(x, params.classes, self);
        if (self.lane == 0) {
            const uint label = labels[m];
            losses[m] = label < params.classes ? log(row.y) - (float(x[label]) - row.x) : NAN;
        }
    }
}

template [[host_name("cross_entropy_forward")]] [[kernel]]
decltype(cross_entropy_forward<float>) cross_entropy_forward<float>;

// dlogits = scale·(softmax − onehot(label)), per row; NaN where the label names no class.
template <typename T>
kernel void cross_entropy_backward(device const T* logits [[buffer(0)]],     // (rows, classes)
                                   device const uint* labels [[buffer(1)]],  // (rows)
                                   device T* grad_logits [[buffer(2)]],      // (rows, classes)
                                   constant CrossEntropyParams& params [[buffer(3)]],
                                   SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    for (uint m = self.index; m < params.rows; m += self.count) {
        device const T* x = logits + ulong(m) * params.classes;
        device T* gradient = grad_logits + ulong(m) * params.classes;
        const uint label = labels[m];
        const float scale = label < params.classes ? params.scale : NAN;
        const float2 row = max_and_exp_sum<T>(x, params.classes, self);
        for (uint k = self.lane; k < params.classes; k += self.lanes) {
            const float expected = k == label ? 1.0f : 0.0f;
            gradient[k] = T(scale * (exp(float(x[k]) - row.x) / row.y - expected));
        }
    }
}

template [[host_name("cross_entropy_backward")]] [[kernel]]
decltype(cross_entropy_backward<float>) cross_entropy_backward<float>;

// ---- Optimiser

struct AdamWParams {
    uint count;
    float learning_rate;
    float beta1;
    float beta2;
    float epsilon;
    float weight_decay;
    float bias_correction1;  // 1 − beta1^t
    float bias_correction2;  // 1 − beta2^t
};

// One step of AdamW (arXiv 1711.05101, algorithm 2, in PyTorch's form): p ← p·(1 − lr·λ);
// m ← β1·m + (1 − β1)·g; v ← β2·v + (1 − β2)·g²; p ← p − lr/c1·m / (√v/√c2 + ε).
kernel void adamw_step(device float* parameters [[buffer(0)]],       // (count)
                       device const float* gradients [[buffer(1)]],  // (count)
                       device float* first_moment [[buffer(2)]],     // (count)
                       device float* second_moment [[buffer(3)]],    // (count)
                       constant AdamWParams& params [[buffer(4)]],
                       uint thread_index [[thread_position_in_grid]],
                       uint threads [[threads_per_grid]]) {
    const float step = params.learning_rate / params.bias_correction1;
    const float root_correction = sqrt(params.bias_correction2);
    const float decay = 1.0f - params.learning_rate * params.weight_decay;

    for (uint i = thread_index; i < params.count; i += threads) {
        const float g = gradients[i];
        const float m = params.beta1 * first_moment[i] + (1.0f - params.beta1) * g;
        const float v = params.beta2 * second_moment[i] + (1.0f - params.beta2) * g * g;
        const float divisor = sqrt(v) / root_correction + params.epsilon;
        parameters[i] = parameters[i] * decay - step * m / divisor;
        first_moment[i] = m;
        second_moment[i] = v;
    }
}
