// BitLinear: linear layers with 1-bit weights, forward and backward, and what makes their operands.
//
// Sizes: M rows of activations, K inputs, N outputs; all matrices row-major. Weights are packed 32 to a
// word, row stride ceil(K/32) words, bit i of word j is column 32j + i, 1 is +1 and 0 is −1; bits past K
// are 0. Scales are (N, groups): one a row, or one for each group of `group_size` columns.

#include <metal_stdlib>
using namespace metal;

// NaN and infinity mean something to these kernels, whatever the compiler is told for the rest. Before Metal 3.2, and of
// functions of the library, a text cannot say so: that takes `fast_math: false`, as the built-in shaders are compiled.
#if __METAL_VERSION__ >= 320
#pragma METAL fp math_mode(safe)
#endif

#include "rows.h"
#include "simdgroups.h"

inline float sum4(float4 v) {
    return (v.x + v.y) + (v.z + v.w);
}

// +1 where the word has the bit, else −1. The sums below multiply by these signs, which is exact, rather
// than take 2·Σ_bit x − Σ x: the number of instructions is the same, nothing cancels, and an infinity
// stays one.
inline float4 signs4(uint word, uint4 bits) {
    return select(float4(-1.0f), float4(1.0f), (word & bits) != 0u);
}

constant uint4 LOW_BITS = uint4(1u, 2u, 4u, 8u);

struct BitLinearParams {
    uint input_size;   // K
    uint output_size;  // N
    uint batch_size;   // M
    uint group_size;   // columns that share a scale, a multiple of 32; 0: one scale a row
    uint has_bias;
    uint has_scales;   // 0: every scale is 1
};

// Columns of a group; without groups, or without scales to tell them apart, the whole row is one.
inline uint group_columns(constant BitLinearParams& params) {
    return params.has_scales != 0 && params.group_size != 0 ? params.group_size : params.input_size;
}

// ---- bitlinear_forward

// From so many rows of activations, or below so many words a row of weights, a lane takes an output
// (forward_wide); else lanes share the row of weights (forward_narrow).
constant uint WIDE_ROWS = 4;
constant uint WIDE_WORDS = 16;

// A simdgroup takes 32 outputs of 4 rows of activations, a lane one output. The signs of four weights
// serve four rows; all lanes read the same activations.
template <typename T>
inline void forward_wide(device const T* input, device const uint* weights, device const T* bias,
                         device T* output, constant BitLinearParams& params, device const float* scales,
                         Simdgroup self) {
    const uint K = params.input_size;
    const uint N = params.output_size;
    const uint M = params.batch_size;
    const uint words = words_of(K);
    const uint columns_per_group = group_columns(params);
    const uint blocks = words_of(N);
    const uint items = blocks * ((M + 3) / 4);

    for (uint item = self.index; item < items; item += self.count) {
        const uint m = item / blocks * 4;
        const uint first = item % blocks * 32;
        // Rows past the last one repeat it and are not stored.
        device const T* x0 = input + ulong(m) * K;
        device const T* x1 = input + ulong(min(m + 1, M - 1)) * K;
        device const T* x2 = input + ulong(min(m + 2, M - 1)) * K;
        device const T* x3 = input + ulong(min(m + 3, M - 1)) * K;

        for (uint n = first + self.lane; n < min(first + 32, N); n += self.lanes) {
            device const uint* row = weights + ulong(n) * words;
            float4 y = float4(0.0f);  // one component a row
            uint k = 0;
            for (uint g = 0; k < K; ++g) {
                const uint columns = min(columns_per_group, K - k);
                const uint whole = k + columns / 32 * 32;
                const uint end = k + columns;
                float4 a0 = float4(0.0f), a1 = float4(0.0f), a2 = float4(0.0f), a3 = float4(0.0f);
                while (k < whole) {
                    const uint word = row[k / 32];
                    uint4 bits = LOW_BITS;
                    for (uint nibble = 0; nibble < 8; ++nibble) {
                        const float4 sign = signs4(word, bits);
                        a0 += load4(x0 + k) * sign;
                        a1 += load4(x1 + k) * sign;
                        a2 += load4(x2 + k) * sign;
                        a3 += load4(x3 + k) * sign;
                        bits <<= 4u;
                        k += 4;
                    }
                }
                float4 a = float4(sum4(a0), sum4(a1), sum4(a2), sum4(a3));
                while (k < end) {
                    const float sign = (row[k / 32] >> (k % 32) & 1u) != 0 ? 1.0f : -1.0f;
                    a += float4(float(x0[k]), float(x1[k]), float(x2[k]), float(x3[k])) * float4(sign);
                    ++k;
                }
                const uint groups = (K - 1) / columns_per_group + 1;
                const float scale = params.has_scales != 0 ? scales[ulong(n) * groups + g] : 1.0f;
                y += a * float4(scale);
            }
            if (params.has_bias != 0) {
                y += float(bias[n]);
            }
            device T* out = output + ulong(m) * N + n;
            out[0] = T(y.x);
            if (m + 1 < M) out[N] = T(y.y);
            if (m + 2 < M) out[2 * ulong(N)] = T(y.z);
            if (m + 3 < M) out[3 * ulong(N)] = T(y.w);
        }
    }
}

// A simdgroup takes four outputs and all rows, its lanes share the words of the four rows of weights:
// neighbouring lanes read neighbouring words, and the 32 activations that belong to a lane's word serve
// four weights each from registers.
template <typename T>
inline void forward_narrow(device const T* input, device const uint* weights, device const T* bias,
                           device T* output, constant BitLinearParams& params,
                           device const float* scales, Simdgroup self) {
    const uint K = params.input_size;
    const uint N = params.output_size;
    const uint M = params.batch_size;
    const uint words = words_of(K);
    const uint columns_per_group = group_columns(params);
    const uint groups = K == 0 ? 0 : (K - 1) / columns_per_group + 1;
    const uint items = (N + 3) / 4;

    for (uint item = self.index; item < items; item += self.count) {
        // Rows of weights past the last one repeat it and are not stored.
        const uint n0 = item * 4;
        const uint n1 = min(n0 + 1, N - 1);
        const uint n2 = min(n0 + 2, N - 1);
        const uint n3 = min(n0 + 3, N - 1);
        device const uint* row0 = weights + ulong(n0) * words;
        device const uint* row1 = weights + ulong(n1) * words;
        device const uint* row2 = weights + ulong(n2) * words;
        device const uint* row3 = weights + ulong(n3) * words;

        for (uint m = 0; m < M; ++m) {
            float4 y = float4(0.0f);  // one component an output
            for (uint j = self.lane; j < words; j += self.lanes) {
                const uint k = j * 32;
                device const T* x = input + ulong(m) * K + k;
                const uint word0 = row0[j];
                const uint word1 = row1[j];
                const uint word2 = row2[j];
                const uint word3 = row3[j];
                float4 a = float4(0.0f);
                if (K - k >= 32) {
                    float4 a0 = float4(0.0f), a1 = float4(0.0f), a2 = float4(0.0f), a3 = float4(0.0f);
                    uint4 bits = LOW_BITS;
                    for (uint i = 0; i < 32; i += 4) {
                        const float4 x4 = load4(x + i);
                        a0 += x4 * signs4(word0, bits);
                        a1 += x4 * signs4(word1, bits);
                        a2 += x4 * signs4(word2, bits);
                        a3 += x4 * signs4(word3, bits);
                        bits <<= 4u;
                    }
                    a = float4(sum4(a0), sum4(a1), sum4(a2), sum4(a3));
                } else {
                    const uint4 word = uint4(word0, word1, word2, word3);
                    for (uint i = 0; i < K - k; ++i) {
                        const float4 sign = select(float4(-1.0f), float4(1.0f), (word & (1u << i)) != 0u);
                        a += float4(float(x[i])) * sign;
                    }
                }
                if (params.has_scales != 0) {
                    device const float* s = scales + k / columns_per_group;
                    a *= float4(s[ulong(n0) * groups], s[ulong(n1) * groups], s[ulong(n2) * groups],
                                s[ulong(n3) * groups]);
                }
                y += a;
            }
            y = float4(lanes_sum(y.x), lanes_sum(y.y), lanes_sum(y.z), lanes_sum(y.w));
            if (self.lane == 0) {
                if (params.has_bias != 0) {
                    y += float4(float(bias[n0]), float(bias[n1]), float(bias[n2]), float(bias[n3]));
                }
                device T* out = output + ulong(m) * N + n0;
                out[0] = T(y.x);
                if (n0 + 1 < N) out[1] = T(y.y);
                if (n0 + 2 < N) out[2] = T(y.z);
                if (n0 + 3 < N) out[3] = T(y.w);
            }
        }
    }
}

// Y[m,n] = bias[n] + Σ_k X[m,k]·s[n,g(k)]·w[n,k]
template <typename T>
kernel void bitlinear_forward(device const T* input [[buffer(0)]],        // (M, K)
                              device const uint* weights [[buffer(1)]],   // (N, ceil(K/32)), 32 weights a word
                              device const T* bias [[buffer(2)]],         // (N), optional
                              device T* output [[buffer(3)]],             // (M, N)
                              constant BitLinearParams& params [[buffer(4)]],
                              device const float* scales [[buffer(5)]],   // (N, groups), optional
                              SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    if (params.batch_size >= WIDE_ROWS || words_of(params.input_size) < WIDE_WORDS) {
        forward_wide<T>(input, weights, bias, output, params, scales, self);
    } else {
        forward_narrow<T>(input, weights, bias, output, params, scales, self);
    }
}

template [[host_name("bitlinear_forward")]] [[kernel]]
decltype(bitlinear_forward<float>) bitlinear_forward<float>;
template [[host_name("bitlinear_forward_f16")]] [[kernel]]
decltype(bitlinear_forward<half>) bitlinear_forward<half>;

// ---- bitlinear_backward_input

// dX[m,k] = Σ_n dY[m,n]·s[n,g(k)]·w[n,k]
//
// A simdgroup takes the 32 columns of one word, a lane one column, and eight rows of dY. It goes down four
// rows of weights at a time: the four words are the same for all lanes, a lane looks at its own bit.
template <typename T>
kernel void bitlinear_backward_input(device const T* grad_output [[buffer(0)]],  // (M, N)
                                     device const uint* weights [[buffer(1)]],   // (N, ceil(K/32))
                                     device T* grad_input [[buffer(2)]],         // (M, K)
                                     constant BitLinearParams& params [[buffer(3)]],
                                     device const float* scales [[buffer(4)]],   // (N, groups), optional
                                     SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint N = params.output_size;
    const uint M = params.batch_size;
    const uint words = words_of(K);
    const uint columns_per_group = group_columns(params);
    const uint groups = K == 0 ? 0 : (K - 1) / columns_per_group + 1;
    const uint items = words * ((M + 7) / 8);

    for (uint item = self.index; item < items; item += self.count) {
        const uint m = item / words * 8;
        const uint j = item % words;
        // Rows past the last one repeat it and are not stored.
        device const T* dy0 = grad_output + ulong(m) * N;
        device const T* dy1 = grad_output + ulong(min(m + 1, M - 1)) * N;
        device const T* dy2 = grad_output + ulong(min(m + 2, M - 1)) * N;
        device const T* dy3 = grad_output + ulong(min(m + 3, M - 1)) * N;
        device const T* dy4 = grad_output + ulong(min(m + 4, M - 1)) * N;
        device const T* dy5 = grad_output + ulong(min(m + 5, M - 1)) * N;
        device const T* dy6 = grad_output + ulong(min(m + 6, M - 1)) * N;
        device const T* dy7 = grad_output + ulong(min(m + 7, M - 1)) * N;

        const uint columns = min(32u, K - j * 32);
        for (uint column = self.lane; column < columns; column += self.lanes) {
            const uint bit = 1u << column;
            device const uint* word = weights + j;                            // down column j
            device const float* scale = scales + j * 32 / columns_per_group;  // down the group's column
            float4 a0 = float4(0.0f), a1 = float4(0.0f), a2 = float4(0.0f), a3 = float4(0.0f);
            float4 a4 = float4(0.0f), a5 = float4(0.0f), a6 = float4(0.0f), a7 = float4(0.0f);
            uint n = 0;
            for (; n + 4 <= N; n += 4) {
                const uint4 four = uint4(word[0], word[words], word[2 * ulong(words)], word[3 * ulong(words)]);
                word += 4 * ulong(words);
                float4 w = select(float4(-1.0f), float4(1.0f), (four & bit) != 0u);
                if (params.has_scales != 0) {
                    w *= float4(scale[0], scale[groups], scale[2 * ulong(groups)], scale[3 * ulong(groups)]);
                    scale += 4 * ulong(groups);
                }
                a0 += load4(dy0 + n) * w;
                a1 += load4(dy1 + n) * w;
                a2 += load4(dy2 + n) * w;
                a3 += load4(dy3 + n) * w;
                a4 += load4(dy4 + n) * w;
                a5 += load4(dy5 + n) * w;
                a6 += load4(dy6 + n) * w;
                a7 += load4(dy7 + n) * w;
            }
            float4 low = float4(sum4(a0), sum4(a1), sum4(a2), sum4(a3));
            float4 high = float4(sum4(a4), sum4(a5), sum4(a6), sum4(a7));
            for (; n < N; ++n) {
                float w = (word[0] & bit) != 0 ? 1.0f : -1.0f;
                word += words;
                if (params.has_scales != 0) {
                    w *= scale[0];
                    scale += groups;
                }
                low += float4(float(dy0[n]), float(dy1[n]), float(dy2[n]), float(dy3[n])) * float4(w);
                high += float4(float(dy4[n]), float(dy5[n]), float(dy6[n]), float(dy7[n])) * float4(w);
            }
            device T* out = grad_input + ulong(m) * K + j * 32 + column;
            out[0] = T(low.x);
            if (m + 1 < M) out[K] = T(low.y);
            if (m + 2 < M) out[2 * ulong(K)] = T(low.z);
            if (m + 3 < M) out[3 * ulong(K)] = T(low.w);
            if (m + 4 < M) out[4 * ulong(K)] = T(high.x);
            if (m + 5 < M) out[5 * ulong(K)] = T(high.y);
            if (m + 6 < M) out[6 * ulong(K)] = T(high.z);
            if (m + 7 < M) out[7 * ulong(K)] = T(high.w);
        }
    }
}

template [[host_name("bitlinear_backward_input")]] [[kernel]]
decltype(bitlinear_backward_input<float>) bitlinear_backward_input<float>;
template [[host_name("bitlinear_backward_input_f16")]] [[kernel]]
decltype(bitlinear_backward_input<half>) bitlinear_backward_input<half>;

// ---- bitlinear_backward_weights

struct BitLinearGradParams {
    uint input_size;   // K
    uint output_size;  // N
    uint batch_size;   // M
    uint has_bias;
    uint clip_latent;  // 1: no gradient where |latent| > 1
};

// Writes a gradient to place `at`, or zero where the latent weight lies outside of [−1, 1].
inline void store_gradient(device float* grad_weights, device const float* latent,
                           constant BitLinearGradParams& params, ulong at, float gradient) {
    const bool clipped = params.clip_latent != 0 && fabs(latent[at]) > 1.0f;
    grad_weights[at] = clipped ? 0.0f : gradient;
}

// dW[n,k] = Σ_m dY[m,n]·X[m,k], straight through Sign to the latent weights; dB[n] = Σ_m dY[m,n].
//
// A simdgroup takes 32 columns, a lane one, of eight rows n: one activation meets eight gradients that
// are the same for all lanes. The last items are the bias: 32 entries each, a lane one.
template <typename T>
kernel void bitlinear_backward_weights(device const T* grad_output [[buffer(0)]],      // (M, N)
                                       device const T* input [[buffer(1)]],            // (M, K)
                                       device float* grad_weights [[buffer(2)]],       // (N, K)
                                       device float* grad_bias [[buffer(3)]],          // (N), optional
                                       constant BitLinearGradParams& params [[buffer(4)]],
                                       device const float* latent [[buffer(5)]],       // (N, K), optional
                                       SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint N = params.output_size;
    const uint M = params.batch_size;
    const uint blocks = words_of(K);
    const uint weight_items = blocks * ((N + 7) / 8);
    const uint bias_items = params.has_bias != 0 ? words_of(N) : 0;

    for (uint item = self.index; item < weight_items + bias_items; item += self.count) {
        if (item >= weight_items) {
            const uint first = (item - weight_items) * 32;
            for (uint n = first + self.lane; n < min(first + 32, N); n += self.lanes) {
                float sum = 0.0f;
                for (uint m = 0; m < M; ++m) {
                    sum += float(grad_output[ulong(m) * N + n]);
                }
                grad_bias[n] = sum;
            }
            continue;
        }
        const uint first = item % blocks * 32;
        const uint n = item / blocks * 8;
        for (uint k = first + self.lane; k < min(first + 32, K); k += self.lanes) {
            const ulong at = ulong(n) * K + k;
            if (N - n >= 8) {
                device const T* dy = grad_output + n;
                device const T* x = input + k;
                float4 low = float4(0.0f), high = float4(0.0f);
                for (uint m = 0; m < M; ++m) {
                    const float4 x4 = float4(float(*x));
                    low += load4(dy) * x4;
                    high += load4(dy + 4) * x4;
                    dy += N;
                    x += K;
                }
                store_gradient(grad_weights, latent, params, at, low.x);
                store_gradient(grad_weights, latent, params, at + K, low.y);
                store_gradient(grad_weights, latent, params, at + 2 * ulong(K), low.z);
                store_gradient(grad_weights, latent, params, at + 3 * ulong(K), low.w);
                store_gradient(grad_weights, latent, params, at + 4 * ulong(K), high.x);
                store_gradient(grad_weights, latent, params, at + 5 * ulong(K), high.y);
                store_gradient(grad_weights, latent, params, at + 6 * ulong(K), high.z);
                store_gradient(grad_weights, latent, params, at + 7 * ulong(K), high.w);
            } else {
                for (uint r = 0; r < N - n; ++r) {
                    device const T* dy = grad_output + n + r;
                    device const T* x = input + k;
                    float sum = 0.0f;
                    for (uint m = 0; m < M; ++m) {
                        sum += float(*dy) * float(*x);
                        dy += N;
                        x += K;
                    }
                    store_gradient(grad_weights, latent, params, at + ulong(r) * K, sum);
                }
            }
        }
    }
}

template [[host_name("bitlinear_backward_weights")]] [[kernel]]
decltype(bitlinear_backward_weights<float>) bitlinear_backward_weights<float>;
template [[host_name("bitlinear_backward_weights_f16")]] [[kernel]]
decltype(bitlinear_backward_weights<half>) bitlinear_backward_weights<half>;

// ---- binarize_weights

struct BinarizeParams {
    uint input_size;   // K
    uint output_size;  // N
    uint group_size;   // columns of a group, a multiple of 32; 0: one group a row
    uint per_tensor;   // 1: one group over the whole matrix
};

// Bits of w > threshold for up to 32 columns, the first in the least significant bit.
inline uint sign_word(device const float* w, uint columns, float threshold) {
    uint4 found = uint4(0u);
    uint4 bits = LOW_BITS;
    uint i = 0;
    for (; i + 4 <= columns; i += 4) {
        found |= select(uint4(0u), bits, load4(w + i) > threshold);
        bits <<= 4u;
    }
    uint word = (found.x | found.y) | (found.z | found.w);
    for (; i < columns; ++i) {
        word |= w[i] > threshold ? 1u << i : 0u;
    }
    return word;
}

// Σ w and Σ |w| over a run of columns, the same value in all lanes.
inline float2 sums(device const float* w, uint columns, Simdgroup self) {
    float sum = 0.0f;
    float magnitude = 0.0f;
    for (uint k = self.lane; k < columns; k += self.lanes) {
        const float value = w[k];
        sum += value;
        magnitude += fabs(value);
    }
    return float2(lanes_sum(sum), lanes_sum(magnitude));
}

// One group over the whole matrix, by one threadgroup; `self` counts its simdgroups only. A row's sum
// waits in scales[n] until all rows are there, then every simdgroup adds them in the same order: the
// result does not depend on how many there are.
inline void binarize_tensor(device const float* latent, device uint* weights, device float* scales,
                            constant BinarizeParams& params, Simdgroup self) {
    const uint K = params.input_size;
    const uint N = params.output_size;
    const uint words = words_of(K);
    const float count = max(float(K) * float(N), 1.0f);

    for (uint n = self.index; n < N; n += self.count) {
        const float2 row = sums(latent + ulong(n) * K, K, self);
        if (self.lane == 0) {
            scales[n] = row.x;
        }
    }
    threadgroup_barrier(mem_flags::mem_device);
    const float mean = sums(scales, N, self).x / count;
    threadgroup_barrier(mem_flags::mem_device);

    for (uint n = self.index; n < N; n += self.count) {
        device const float* w = latent + ulong(n) * K;
        const float2 row = sums(w, K, self);
        if (self.lane == 0) {
            scales[n] = row.y;
        }
        for (uint j = self.lane; j < words; j += self.lanes) {
            weights[ulong(n) * words + j] = sign_word(w + j * 32, min(32u, K - j * 32), mean);
        }
    }
    threadgroup_barrier(mem_flags::mem_device);
    const float scale = sums(scales, N, self).x / count;
    threadgroup_barrier(mem_flags::mem_device);

    for (uint first = self.index * 32; first < N; first += self.count * 32) {
        for (uint n = first + self.lane; n < min(first + 32, N); n += self.lanes) {
            scales[n] = scale;
        }
    }
}

// Per group: α = mean W, the bits of Sign(W − α), β = mean |W| (arXiv 2310.11453, equations 1 to 4).
// A simdgroup takes a group. A NaN makes α and β NaN and, since no comparison with NaN holds, all bits 0.
kernel void binarize_weights(device const float* latent [[buffer(0)]],  // (N, K)
                             device uint* weights [[buffer(1)]],        // (N, ceil(K/32))
                             device float* scales [[buffer(2)]],        // (N, groups)
                             constant BinarizeParams& params [[buffer(3)]],
                             SIMDGROUP_ATTRIBUTES) {
    const uint K = params.input_size;
    const uint N = params.output_size;
    if (params.per_tensor != 0) {
        // The other threadgroups have nothing to do: threadgroups cannot wait for one another.
        if (group == 0) {
            const uint threads = min(group_threads, grid_threads);
            binarize_tensor(latent, weights, scales, params,
                            SIMDGROUP_OF(0, threads, threads));
        }
        return;
    }
    const Simdgroup self = THIS_SIMDGROUP;
    const uint words = words_of(K);
    const uint columns_per_group = grouping(K, params.group_size).x;
    const uint groups = grouping(K, params.group_size).y;

    for (uint item = self.index; item < N * groups; item += self.count) {
        const uint n = item / groups;
        const uint first = item % groups * columns_per_group;
        const uint columns = min(columns_per_group, K - first);
        device const float* w = latent + ulong(n) * K + first;
        device uint* out = weights + ulong(n) * words + first / 32;

        const float2 mean = sums(w, columns, self) / max(float(columns), 1.0f);
        for (uint j = self.lane; j < words_of(columns); j += self.lanes) {
            out[j] = sign_word(w + j * 32, min(32u, columns - j * 32), mean.x);
        }
        if (self.lane == 0) {
            scales[item] = mean.y;
        }
    }
}

// ---- quantize_activations

struct QuantizeActivationsParams {
    uint input_size;         // K
    uint batch_size;         // M
    uint write_dequantized;  // 1: also write q·scale
};

// rint(127·x/γ), exact but for ties, for |x| ≤ γ < 2^120: float32 division alone errs by up to 1e-5 of a
// step, which turns one of some ten thousand activations the wrong way. 127·x = product + error and
// rest = product − q·γ hold exactly, so the sign of 2·(rest + error) ∓ γ says whether q is one off.
inline float quantize(float x, float gamma) {
    const float product = x * 127.0f;
    const float error = fma(x, 127.0f, -product);
    const float q = rint(product / gamma);
    const float rest = fma(-q, gamma, product);
    const float above = (2.0f * rest - gamma) + 2.0f * error;
    const float below = (2.0f * rest + gamma) + 2.0f * error;
    return q + (above > 0.0f ? 1.0f : 0.0f) - (below < 0.0f ? 1.0f : 0.0f);
}

// Per row: γ = max(max|x|, 1e-5), q = rint(127·x/γ), which lies within ±127; scale = γ/127.
// A simdgroup takes a row. A row with a NaN gets scale NaN and q = 0, one with an infinity scale ∞ and q = 0.
template <typename T>
kernel void quantize_activations(device const T* input [[buffer(0)]],         // (M, K)
                                 device char* quantized [[buffer(1)]],        // (M, K)
                                 device float* scales [[buffer(2)]],          // (M)
                                 constant QuantizeActivationsParams& params [[buffer(3)]],
                                 device T* dequantized [[buffer(4)]],         // (M, K), optional
                                 SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint INFINITY_BITS = 0x7f800000u;

    for (uint m = self.index; m < params.batch_size; m += self.count) {
        const ulong row = ulong(m) * K;
        // The bits of |x| order as the magnitudes do, and NaN comes last: max() on floats would lose it.
        uint peak = 0;
        for (uint k = self.lane; k < K; k += self.lanes) {
            peak = max(peak, as_type<uint>(float(input[row + k])) & 0x7fffffffu);
        }
        peak = lanes_max(peak);
        const bool finite = peak < INFINITY_BITS;
        const float gamma = finite ? max(as_type<float>(peak), 1e-5f) : as_type<float>(peak);
        const float scale = gamma / 127.0f;
        // 127·x must not overflow; a power of two changes no digit.
        const float shrink = gamma > 1e30f ? 0.0009765625f : 1.0f;

        for (uint k = self.lane; k < K; k += self.lanes) {
            const float q = finite ? quantize(float(input[row + k]) * shrink, gamma * shrink) : 0.0f;
            quantized[row + k] = char(q);
            if (params.write_dequantized != 0) {
                dequantized[row + k] = T(q * scale);
            }
        }
        if (self.lane == 0) {
            scales[m] = scale;
        }
    }
}

template [[host_name("quantize_activations")]] [[kernel]]
decltype(quantize_activations<float>) quantize_activations<float>;
template [[host_name("quantize_activations_f16")]] [[kernel]]
decltype(quantize_activations<half>) quantize_activations<half>;
