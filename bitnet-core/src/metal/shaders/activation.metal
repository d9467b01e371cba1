// Activations, normalisation, losses and the optimisers: what a network has beside its linear layers.
//
// Sizes: M rows of K elements, row-major. Arithmetic is in float whatever the type of the elements.

#include <metal_stdlib>
using namespace metal;

// NaN and infinity mean something to these kernels, whatever the compiler is told for the rest. Before Metal 3.2, and of
// functions of the library, a text cannot say so: that takes `fast_math: false`, as the built-in shaders are compiled.
#if __METAL_VERSION__ >= 320
#pragma METAL fp math_mode(safe)
#endif

#include "accurate.h"
#include "philox.h"
#include "rows.h"
#include "simdgroups.h"

// Both versions of a kernel, a template over the type of its elements.
#define PRECISIONS(name)                            \
    template [[host_name(#name)]] [[kernel]]        \
    decltype(name<float>) name<float>;              \
    template [[host_name(#name "_f16")]] [[kernel]] \
    decltype(name<half>) name<half>;

// Both versions of a kernel that is a template over an activation too.
#define PRECISIONS_OF(name, function, activation)                      \
    template [[host_name(name)]] [[kernel]]                            \
    decltype(function<float, activation>) function<float, activation>; \
    template [[host_name(name "_f16")]] [[kernel]]                     \
    decltype(function<half, activation>) function<half, activation>;

// ---- Activations
//
// Each is an empty struct: `forward` takes it and x; `backward` takes it, dy and x, or for those whose
// derivative is a function of their output y, dy and y. NaN gives NaN, here and in the derivative, where
// PyTorch's relu and leaky relu let dy pass. −∞ and ∞ give the limit, where PyTorch's formulas for gelu
// and swish give NaN (∞·0).

struct Relu {};
struct ReluSquared {};
struct Gelu {};
struct GeluTanh {};
struct Swish {};
struct Sigmoid {};
struct Tanh {};

// max(x, 0) would turn NaN into 0.
inline float relu(float x) {
    return x <= 0.0f ? 0.0f : x;
}

// y = max(x, 0)
inline float forward(Relu, float x) {
    return relu(x);
}

// dx = dy where x > 0, else 0
inline float backward(Relu, float dy, float x) {
    return x > 0.0f ? dy : relu(x);
}

// y = max(x, 0)²
inline float forward(ReluSquared, float x) {
    return relu(x) * relu(x);
}

// dx = dy·2·max(x, 0)
inline float backward(ReluSquared, float dy, float x) {
    return 2.0f * (relu(x) * dy);
}

// gelu, gelu_tanh and swish are x·w(x) with w(−x) = 1 − w(x), so that f'(x) = 1 − f'(−x): what has to be
// accurate is the side below zero, where the results get small. There each derivative has a root, and is
// computed from the distance to it.

// dy·f'(x) from f'(−|x|)
inline float chain_rule(float dy, float x, Scaled left) {
    return x < 0.0f ? ldexp(dy * left.mantissa, left.exponent) : dy * (1.0f - to_float(left));
}

// root − a, the root given as a pair
inline float2 from_root(float2 root, float a) {
    const float2 difference = pair_sum(root.x, -a);
    return pair_ordered_sum(difference.x, difference.y + root.y);
}

// e^(−a²/2)
inline Exponential gauss(float a) {
    const float square = a * a;
    return exponential(float2(-0.5f * square, -0.5f * fma(a, a, -square)));
}

// y = x·Φ(x), Φ the normal distribution: ½(1 + erf(x/√2)). Near zero Φ(x) = ½ + x·p(x²); farther out
// |x|·Φ(−|x|) = e^(−x²/2)·q(t), t = (|x| − 4)/(|x| + 4), as M. M. Shepherd and J. G. Laframboise do for
// erfc (Mathematics of Computation 36, 1981). Both polynomials are minimax fits (Remez), to 2⁻²⁸ and 2⁻²⁶.
inline float forward(Gelu, float x) {
    if (fabs(x) < 0.75f) {
        const float square = x * x;
        float p = fma(1.02919708e-4f, square, -1.18126441e-3f);
        p = fma(p, square, 9.97234229e-3f);
        p = fma(p, square, -6.64902925e-2f);
        p = fma(p, square, 0.398942292f);
        return x * fma(x, p, 0.5f);
    }
    const float a = bounded(fabs(x), 20.0f);
    const float t = (a - 4.0f) / (a + 4.0f);
    float q = fma(7.61755626e-4f, t, -9.62302554e-4f);
    q = fma(q, t, -5.46288304e-3f);
    q = fma(q, t, 2.64394376e-2f);
    q = fma(q, t, -6.30703494e-2f);
    q = fma(q, t, 0.100306489f);
    q = fma(q, t, -0.110379174f);
    q = fma(q, t, 7.36942813e-2f);
    q = fma(q, t, 0.377642572f);
    return (x > 0.0f ? x : 0.0f) - times(q, gauss(a));
}

// dx = dy·(Φ(x) + x·φ(x)), φ the normal density. Below zero that is e^(−x²/2)·(x − root)·q(t), q a minimax
// fit to 2⁻³⁰ on 0 ≤ |x| ≤ 20.
inline float backward(Gelu, float dy, float x) {
    const float a = bounded(fabs(x), 20.0f);
    const float t = (a - 4.0f) / (a + 4.0f);
    float q = fma(-1.62089473e-5f, t, -1.33297499e-5f);
    q = fma(q, t, 1.85416648e-4f);
    q = fma(q, t, -1.56486742e-4f);
    q = fma(q, t, -1.78830943e-3f);
    q = fma(q, t, 9.50531103e-3f);
    q = fma(q, t, -2.80833449e-2f);
    q = fma(q, t, 6.04629107e-2f);
    q = fma(q, t, -0.103365898f);
    q = fma(q, t, 0.462211251f);
    const float2 distance = from_root(float2(0.751791537f, -1.21144499e-8f), a);
    return chain_rule(dy, x, times(pair_product(distance, q), gauss(a)));
}

// x·σ(z) for z of x's sign, from |x| and e^(−|z|): the weight that swish and gelu_tanh give x.
inline float sigmoid_weighted(float x, float a, Exponential e) {
    return (x < 0.0f ? times(-a, e) : x) / one_plus(e).x;
}

// e·n/(1 + e)²: n times the derivative of σ.
inline Scaled sigmoid_slope(float2 n, Exponential e) {
    return times(pair_quotient(pair_quotient(n, one_plus(e)), one_plus(e)), e);
}

// y = x·σ(x), σ(x) = 1/(1 + e^(−x))
inline float forward(Swish, float x) {
    const float a = bounded(fabs(x), 300.0f);
    return sigmoid_weighted(x, a, exponential(float2(-a, 0.0f)));
}

// dx = dy·σ(x)·(1 + x·σ(−x)) = dy·e^x·(1 + x + e^x)/(1 + e^x)². With the root r of 1 + x + e^x, that sum is
// (x − r) + e^r·(e^(x−r) − 1), two terms of the same sign.
inline float backward(Swish, float dy, float x) {
    const float a = bounded(fabs(x), 300.0f);
    const float2 distance = from_root(float2(1.27846456f, -1.29792825e-8f), a);
    const float rise = less_one(exponential(distance));
    const float rest = fma(0.278464556f, rise, fma(-1.29792825e-8f, rise, distance.y));
    const float2 sum = pair_ordered_sum(distance.x, rest);
    return chain_rule(dy, x, sigmoid_slope(sum, exponential(float2(-a, 0.0f))));
}

// e^(−z) for z = 2√(2/π)·(a + 0.044715·a³): 1 + tanh(z/2) is 2σ(z).
inline Exponential gelu_tanh_exponential(float a) {
    const float square = a * a;
    const float cubic = 0.0713548139f * square;
    const float cubic_rest = fma(0.0713548139f, square, -cubic)
                           + fma(0.0713548139f, fma(a, a, -square), 2.39883247e-9f * square);
    const float2 factor = pair_sum(1.59576917f, cubic);
    const float2 z = pair_product(float2(factor.x, factor.y + (cubic_rest - 4.53406805e-8f)), a);
    return exponential(-z);
}

// y = ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
inline float forward(GeluTanh, float x) {
    const float a = bounded(fabs(x), 15.0f);
    return sigmoid_weighted(x, a, gelu_tanh_exponential(a));
}

// dx = dy·σ(z)·(1 + x·z'·σ(−z)), computed as for swish: 1 + x·z' + e^z is d·p(d) + e^z(r)·(e^(d·q(d)) − 1)
// for d = x − r, p and q polynomials.
inline float backward(GeluTanh, float dy, float x) {
    const float a = bounded(fabs(x), 15.0f);
    const float2 distance = from_root(float2(0.752461433f, -1.13396279e-8f), a);
    const float d = distance.x;
    const float p = fma(d, fma(d, 0.214064449f, -0.483225733f), 1.95937788f);
    const float q = fma(d, fma(d, 0.0713548139f, -0.161075234f), 1.71697199f);
    const float rise = less_one(exponential(float2(d * q, 0.0f)));
    const float2 line = pair_product(distance, p);
    const float rest = fma(0.291955203f, rise, fma(9.09685038e-9f, rise, line.y));
    const float2 sum = pair_ordered_sum(line.x, rest);
    return chain_rule(dy, x, sigmoid_slope(sum, gelu_tanh_exponential(a)));
}

// y = σ(x) = 1/(1 + e^(−x))
inline float forward(Sigmoid, float x) {
    const Exponential e = exponential(float2(-bounded(fabs(x), 300.0f), 0.0f));
    return (x < 0.0f ? times(1.0f, e) : 1.0f) / one_plus(e).x;
}

// dx = dy·y·(1 − y)
inline float backward(Sigmoid, float dy, float y) {
    return dy * (1.0f - y) * y;
}

// y = tanh(x) = −m/(2 + m) for x ≥ 0, m = e^(−2x) − 1
inline float forward(Tanh, float x) {
    const float m = less_one(exponential(float2(-2.0f * bounded(fabs(x), 20.0f), 0.0f)));
    return copysign(m / (2.0f + m), x);
}

// dx = dy·(1 − y²)
inline float backward(Tanh, float dy, float y) {
    return dy * fma(-y, y, 1.0f);
}

// ---- Element-wise kernels: a thread takes elements i, i + threads, …

struct ElementwiseParams {
    uint count;
};

template <typename T, typename Activation>
kernel void activation_forward(device const T* input [[buffer(0)]],  // (count)
                               device T* output [[buffer(1)]],       // (count)
                               constant ElementwiseParams& params [[buffer(2)]],
                               uint thread_index [[thread_position_in_grid]],
                               uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        output[i] = T(forward(Activation(), float(input[i])));
    }
}

template <typename T, typename Activation>
kernel void activation_backward(device const T* grad_output [[buffer(0)]],  // (count)
                                device const T* input [[buffer(1)]],        // (count)
                                device T* grad_input [[buffer(2)]],         // (count)
                                constant ElementwiseParams& params [[buffer(3)]],
                                uint thread_index [[thread_position_in_grid]],
                                uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        grad_input[i] = T(backward(Activation(), float(grad_output[i]), float(input[i])));
    }
}

template <typename T, typename Activation>
kernel void activation_backward_from_output(device const T* grad_output [[buffer(0)]],  // (count)
                                            device const T* output [[buffer(1)]],       // (count)
                                            device T* grad_input [[buffer(2)]],         // (count)
                                            constant ElementwiseParams& params [[buffer(3)]],
                                            uint thread_index [[thread_position_in_grid]],
                                            uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        grad_input[i] = T(backward(Activation(), float(grad_output[i]), float(output[i])));
    }
}

PRECISIONS_OF("relu_forward", activation_forward, Relu)
PRECISIONS_OF("relu_backward", activation_backward, Relu)
PRECISIONS_OF("relu_squared_forward", activation_forward, ReluSquared)
PRECISIONS_OF("relu_squared_backward", activation_backward, ReluSquared)
PRECISIONS_OF("gelu_forward", activation_forward, Gelu)
PRECISIONS_OF("gelu_backward", activation_backward, Gelu)
PRECISIONS_OF("gelu_tanh_forward", activation_forward, GeluTanh)
PRECISIONS_OF("gelu_tanh_backward", activation_backward, GeluTanh)
PRECISIONS_OF("swish_forward", activation_forward, Swish)
PRECISIONS_OF("swish_backward", activation_backward, Swish)
PRECISIONS_OF("sigmoid_forward", activation_forward, Sigmoid)
PRECISIONS_OF("sigmoid_backward", activation_backward_from_output, Sigmoid)
PRECISIONS_OF("tanh_forward", activation_forward, Tanh)
PRECISIONS_OF("tanh_backward", activation_backward_from_output, Tanh)

struct LeakyReluParams {
    uint count;
    float slope;  // for x < 0
};

// y = x where x > 0, else slope·x
template <typename T>
kernel void leaky_relu_forward(device const T* input [[buffer(0)]],  // (count)
                               device T* output [[buffer(1)]],       // (count)
                               constant LeakyReluParams& params [[buffer(2)]],
                               uint thread_index [[thread_position_in_grid]],
                               uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        const float x = float(input[i]);
        output[i] = T(x > 0.0f ? x : params.slope * x);
    }
}

PRECISIONS(leaky_relu_forward)

// dx = dy where x > 0, else slope·dy; the derivative at NaN is NaN.
template <typename T>
kernel void leaky_relu_backward(device const T* grad_output [[buffer(0)]],  // (count)
                                device const T* input [[buffer(1)]],        // (count)
                                device T* grad_input [[buffer(2)]],         // (count)
                                constant LeakyReluParams& params [[buffer(3)]],
                                uint thread_index [[thread_position_in_grid]],
                                uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        const float x = float(input[i]);
        const float dy = float(grad_output[i]);
        grad_input[i] = T(x > 0.0f ? dy : isnan(x) ? x : params.slope * dy);
    }
}

PRECISIONS(leaky_relu_backward)

// ---- Dropout

struct DropoutParams {
    uint count;
    float probability;  // of dropping an element
    uint seed_low;      // Philox's key
    uint seed_high;
    uint write_mask;
};

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
    const uint words = words_of(params.count);
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

PRECISIONS(fused_relu_dropout)

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

PRECISIONS(fused_relu_dropout_backward)

// ---- Normalisation: a simdgroup takes a row

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

PRECISIONS(layer_norm_forward)

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
    const uint column_items = words_of(K);
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

PRECISIONS(layer_norm_backward)

struct RmsNormParams {
    uint size;      // K
    uint rows;      // M
    float epsilon;  // added to the mean square
};

// y = x·rstd·γ, rstd = 1/√(mean(x²) + ε) (B. Zhang and R. Sennrich, arXiv 1910.07467).
template <typename T>
kernel void rms_norm_forward(device const T* input [[buffer(0)]],      // (M, K)
                             device const float* gamma [[buffer(1)]],  // (K)
                             device T* output [[buffer(2)]],           // (M, K)
                             constant RmsNormParams& params [[buffer(3)]],
                             device float* rstd [[buffer(4)]],         // (M)
                             SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.size;
    const float count = max(float(K), 1.0f);

    for (uint m = self.index; m < params.rows; m += self.count) {
        device const T* x = input + ulong(m) * K;
        device T* y = output + ulong(m) * K;
        float squares = 0.0f;
        for (uint k = self.lane; k < K; k += self.lanes) {
            squares += float(x[k]) * float(x[k]);
        }
        const float row_rstd = 1.0f / sqrt(lanes_sum(squares) / count + params.epsilon);
        for (uint k = self.lane; k < K; k += self.lanes) {
            y[k] = T(float(x[k]) * row_rstd * gamma[k]);
        }
        if (self.lane == 0) {
            rstd[m] = row_rstd;
        }
    }
}

PRECISIONS(rms_norm_forward)

// With x̂ = x·rstd and g = dY·γ, over each row: dX = rstd·(g − x̂·mean(g·x̂)); over each column:
// dγ = Σ_m dY·x̂. Items as in layer_norm_backward.
template <typename T>
kernel void rms_norm_backward(device const T* grad_output [[buffer(0)]],  // (M, K)
                              device const T* input [[buffer(1)]],        // (M, K)
                              device const float* gamma [[buffer(2)]],    // (K)
                              device const float* rstd [[buffer(3)]],     // (M)
                              device T* grad_input [[buffer(4)]],         // (M, K)
                              device float* grad_gamma [[buffer(5)]],     // (K)
                              constant RmsNormParams& params [[buffer(6)]],
                              SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.size;
    const uint M = params.rows;
    const uint column_items = words_of(K);
    const float count = max(float(K), 1.0f);

    for (uint item = self.index; item < M + column_items; item += self.count) {
        if (item < M) {
            const ulong row = ulong(item) * K;
            const float row_rstd = rstd[item];
            float sum = 0.0f;  // of g·x̂
            for (uint k = self.lane; k < K; k += self.lanes) {
                sum += float(grad_output[row + k]) * gamma[k] * (float(input[row + k]) * row_rstd);
            }
            const float mean_gx = lanes_sum(sum) / count;
            for (uint k = self.lane; k < K; k += self.lanes) {
                const float g = float(grad_output[row + k]) * gamma[k];
                const float normal = float(input[row + k]) * row_rstd;
                grad_input[row + k] = T(row_rstd * (g - normal * mean_gx));
            }
        } else {
            const uint first = (item - M) * 32;
            for (uint k = first + self.lane; k < min(first + 32, K); k += self.lanes) {
                float sum = 0.0f;
                for (uint m = 0; m < M; ++m) {
                    const ulong at = ulong(m) * K + k;
                    sum += float(grad_output[at]) * (float(input[at]) * rstd[m]);
                }
                grad_gamma[k] = sum;
            }
        }
    }
}

PRECISIONS(rms_norm_backward)

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

PRECISIONS(softmax_forward)

// dX = y·(dY − Σ dY·y), per row, from the output
template <typename T>
kernel void softmax_backward(device const T* grad_output [[buffer(0)]],  // (rows, size)
                             device const T* output [[buffer(1)]],       // (rows, size)
                             device T* grad_input [[buffer(2)]],         // (rows, size)
                             constant SoftmaxParams& params [[buffer(3)]],
                             SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    for (uint m = self.index; m < params.rows; m += self.count) {
        const ulong row = ulong(m) * params.size;
        float sum = 0.0f;
        for (uint k = self.lane; k < params.size; k += self.lanes) {
            sum += float(grad_output[row + k]) * float(output[row + k]);
        }
        sum = lanes_sum(sum);
        for (uint k = self.lane; k < params.size; k += self.lanes) {
            grad_input[row + k] = T(float(output[row + k]) * (float(grad_output[row + k]) - sum));
        }
    }
}

PRECISIONS(softmax_backward)

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

PRECISIONS(cross_entropy_forward)

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

PRECISIONS(cross_entropy_backward)

// ---- Optimisers

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

struct SgdParams {
    uint count;
    float learning_rate;
    float momentum;      // 0: no momentum buffer is read or written
    float dampening;     // of the gradient in the momentum
    float weight_decay;  // added to the gradient as λ·p, not decoupled
    uint nesterov;
    uint first_step;     // the momentum starts as the gradient, whatever its buffer holds
};

// One step of gradient descent in PyTorch's form: g ← g + λ·p; b ← g at the first step, later
// μ·b + (1 − dampening)·g; p ← p − lr·(nesterov ? g + μ·b : b), without momentum p ← p − lr·g.
kernel void sgd_step(device float* parameters [[buffer(0)]],       // (count)
                     device const float* gradients [[buffer(1)]],  // (count)
                     device float* momentum [[buffer(2)]],         // (count), optional
                     constant SgdParams& params [[buffer(3)]],
                     uint thread_index [[thread_position_in_grid]],
                     uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        const float p = parameters[i];
        const float g = gradients[i] + params.weight_decay * p;
        float step = g;
        if (params.momentum != 0.0f) {
            float b = g;
            if (params.first_step == 0) {
                b = params.momentum * momentum[i] + (1.0f - params.dampening) * g;
            }
            momentum[i] = b;
            step = params.nesterov != 0 ? g + params.momentum * b : b;
        }
        parameters[i] = p - params.learning_rate * step;
    }
}
