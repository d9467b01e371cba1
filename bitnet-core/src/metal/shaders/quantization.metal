// Quantisation of weights, activations and gradients, back again, and the product of what comes of it.
//
// Sizes: weights have N rows of K columns, row-major. Packed, they are 32 to a word, row stride ceil(K/32)
// words, bit i of word j is column 32j + i, 1 is +1 and 0 is −1; bits past K are 0. Activations and gradients
// have M rows of K columns. Scales and zero points are for rows, or for groups of `group_size` columns.

#include <metal_stdlib>
using namespace metal;

// NaN and infinity mean something to these kernels, whatever the compiler is told for the rest. Before Metal 3.2, and of
// functions of the library, a text cannot say so: that takes `fast_math: false`, as the built-in shaders are compiled.
#if __METAL_VERSION__ >= 320
#pragma METAL fp math_mode(safe)
#endif

#include "philox.h"
#include "rows.h"
#include "simdgroups.h"

struct WeightGroupParams {
    uint input_size;   // K
    uint output_size;  // N
    uint group_size;   // columns of a group, a multiple of 32; 0: one group a row
};

inline uint2 grouping(constant WeightGroupParams& params) {
    return grouping(params.input_size, params.group_size);
}

// Per group: the bits of Sign(w), β = mean |w|. A simdgroup takes a group: all lanes for the mean, then
// a lane a word. Sign(0) and Sign(NaN) are −1; a NaN makes β NaN.
kernel void quantize_weights_1bit(device const float* input [[buffer(0)]],  // (N, K)
                                  device uint* weights [[buffer(1)]],       // (N, ceil(K/32))
                                  device float* scales [[buffer(2)]],       // (N, groups)
                                  constant WeightGroupParams& params [[buffer(3)]],
                                  SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint words = words_of(K);
    const uint columns_per_group = grouping(params).x;
    const uint groups = grouping(params).y;

    for (uint item = self.index; item < params.output_size * groups; item += self.count) {
        const uint n = item / groups;
        const uint first = item % groups * columns_per_group;
        const uint columns = min(columns_per_group, K - first);
        device const float* w = input + ulong(n) * K + first;
        device uint* out = weights + ulong(n) * words + first / 32;

        float magnitude = 0.0f;
        for (uint k = self.lane; k < columns; k += self.lanes) {
            magnitude += fabs(w[k]);
        }
        magnitude = lanes_sum(magnitude);

        for (uint j = self.lane; j < words_of(columns); j += self.lanes) {
            uint word = 0;
            for (uint i = 0; i < min(32u, columns - j * 32); ++i) {
                word |= w[j * 32 + i] > 0.0f ? 1u << i : 0u;
            }
            out[j] = word;
        }
        if (self.lane == 0) {
            scales[item] = magnitude / max(float(columns), 1.0f);
        }
    }
}

// ŵ = β·(2b − 1). A simdgroup takes a word, a lane a column.
template <typename T>
kernel void dequantize_weights_1bit(device const uint* weights [[buffer(0)]],  // (N, ceil(K/32))
                                    device const float* scales [[buffer(1)]],  // (N, groups)
                                    device T* output [[buffer(2)]],            // (N, K)
                                    constant WeightGroupParams& params [[buffer(3)]],
                                    SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint words = words_of(K);
    const uint columns_per_group = grouping(params).x;
    const uint groups = grouping(params).y;

    for (uint item = self.index; item < params.output_size * words; item += self.count) {
        const uint n = item / words;
        const uint first = item % words * 32;
        const uint word = weights[item];
        const float scale = scales[ulong(n) * groups + first / columns_per_group];
        device T* out = output + ulong(n) * K + first;
        for (uint column = self.lane; column < min(32u, K - first); column += self.lanes) {
            out[column] = T((word >> column & 1u) != 0 ? scale : -scale);
        }
    }
}

template [[host_name("dequantize_weights_1bit")]] [[kernel]]
decltype(dequantize_weights_1bit<float>) dequantize_weights_1bit<float>;
template [[host_name("dequantize_weights_1bit_f16")]] [[kernel]]
decltype(dequantize_weights_1bit<half>) dequantize_weights_1bit<half>;

// ---- Activations in 8 bits, with a zero point

struct ActivationGroupParams {
    uint input_size;  // K
    uint batch_size;  // M
    uint group_size;  // columns of a group, a multiple of 32; 0: one group a row
};

inline uint2 grouping(constant ActivationGroupParams& params) {
    return grouping(params.input_size, params.group_size);
}

// Stores the components that lie below `count`.
template <typename T>
inline void store4(device T* out, float4 v, uint count) {
    if (count > 0) out[0] = T(v.x);
    if (count > 1) out[1] = T(v.y);
    if (count > 2) out[2] = T(v.z);
    if (count > 3) out[3] = T(v.w);
}

// Floats as numbers that order as they do: NaN with a sign, −∞ … −0, 0 … ∞, NaN. Unlike min() and max()
// of floats, those of these numbers keep a NaN.
constant uint ORDERED_ZERO = 0x80000000u;
constant uint ORDERED_INFINITY = 0xff800000u;
constant uint ORDERED_MINUS_INFINITY = 0x007fffffu;

inline uint4 to_ordered(float4 x) {
    const uint4 bits = as_type<uint4>(x);
    return bits ^ (uint4(as_type<int4>(bits) >> 31) | 0x80000000u);
}

inline float from_ordered(uint order) {
    return as_type<float>(order ^ ((order & 0x80000000u) != 0 ? 0x80000000u : 0xffffffffu));
}

// The least and the greatest of `count` elements and 0, as ordered numbers, the same in all lanes.
template <typename T>
inline uint2 range_of(device const T* x, uint count, Simdgroup self) {
    uint4 low = uint4(ORDERED_ZERO);
    uint4 high = uint4(ORDERED_ZERO);
    const uint quads = count / 4;
    for (uint quad = self.lane; quad < quads; quad += self.lanes) {
        const uint4 order = to_ordered(load4(x + quad * 4));
        low = min(low, order);
        high = max(high, order);
    }
    for (uint i = quads * 4 + self.lane; i < count; i += self.lanes) {
        const uint4 order = to_ordered(float4(float(x[i])));
        low = min(low, order);
        high = max(high, order);
    }
    return uint2(lanes_min(min(min(low.x, low.y), min(low.z, low.w))),
                 lanes_max(max(max(high.x, high.y), max(high.z, high.w))));
}

// x is about (q − zero_point)·scale for q from 0 to 255.
struct Affine {
    float scale;
    float zero_point;
};

// Scale and zero point for a range, by the operations of ONNX Runtime's DynamicQuantizeLinear, in float and
// in its order, so that every bit is the same. Divisions are correctly rounded whatever the compiler is told.
// The range is never without 0; a range that is nothing else gets scale 1. With an infinity the scale is ∞,
// with a NaN it is NaN and the zero point 0. (Devices that flush subnormal numbers do so here too.)
inline Affine affine_of(uint2 range) {
    const bool has_nan = range.x < ORDERED_MINUS_INFINITY || range.y > ORDERED_INFINITY;
    const float low = from_ordered(range.x);
    const float high = from_ordered(range.y);
    Affine affine;
    affine.scale = has_nan ? NAN : low == high ? 1.0f : precise::divide(high - low, 255.0f);
    // min() comes first: 0/0, where the scale underflows, becomes 255.
    const float zero_point = max(0.0f, min(255.0f, precise::divide(-low, affine.scale)));
    affine.zero_point = has_nan ? 0.0f : rint(zero_point);
    return affine;
}

// q = clamp(rint(x / scale) + zero_point, 0, 255); 0 where x / scale is NaN.
inline uchar4 quantize(float4 x, Affine affine) {
    const float4 least = float4(-affine.zero_point);
    const float4 steps = rint(precise::divide(x, float4(affine.scale)));
    return uchar4(min(max(steps, least), least + 255.0f) - least);
}

// Quantises `count` elements; the lanes share them.
template <typename T>
inline void quantize_run(device const T* x, device uchar* quantized, uint count, Affine affine,
                         Simdgroup self) {
    const uint quads = count / 4;
    for (uint quad = self.lane; quad < quads; quad += self.lanes) {
        *(device packed_uchar4*)(quantized + quad * 4) = packed_uchar4(quantize(load4(x + quad * 4), affine));
    }
    for (uint i = quads * 4 + self.lane; i < count; i += self.lanes) {
        quantized[i] = quantize(float4(float(x[i])), affine).x;
    }
}

// Per group: scale and zero point for the group's range, and q. A simdgroup takes a group.
template <typename T>
kernel void quantize_activations_8bit(device const T* input [[buffer(0)]],        // (M, K)
                                      device uchar* quantized [[buffer(1)]],      // (M, K)
                                      device float* scales [[buffer(2)]],         // (M, groups)
                                      device uchar* zero_points [[buffer(3)]],    // (M, groups)
                                      constant ActivationGroupParams& params [[buffer(4)]],
                                      SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint columns_per_group = grouping(params).x;
    const uint groups = grouping(params).y;

    for (uint item = self.index; item < params.batch_size * groups; item += self.count) {
        const uint first = item % groups * columns_per_group;
        const uint columns = min(columns_per_group, K - first);
        const ulong at = ulong(item / groups) * K + first;

        const Affine affine = affine_of(range_of<T>(input + at, columns, self));
        quantize_run<T>(input + at, quantized + at, columns, affine, self);
        if (self.lane == 0) {
            scales[item] = affine.scale;
            zero_points[item] = uchar(affine.zero_point);
        }
    }
}

template [[host_name("quantize_activations_8bit")]] [[kernel]]
decltype(quantize_activations_8bit<float>) quantize_activations_8bit<float>;
template [[host_name("quantize_activations_8bit_f16")]] [[kernel]]
decltype(quantize_activations_8bit<half>) quantize_activations_8bit<half>;

// x̂ = (q − zero_point)·scale. A thread takes four columns, which lie in one group.
template <typename T>
kernel void dequantize_activations_8bit(device const uchar* quantized [[buffer(0)]],    // (M, K)
                                        device const float* scales [[buffer(1)]],       // (M, groups)
                                        device const uchar* zero_points [[buffer(2)]],  // (M, groups)
                                        device T* output [[buffer(3)]],                 // (M, K)
                                        constant ActivationGroupParams& params [[buffer(4)]],
                                        uint thread_index [[thread_position_in_grid]],
                                        uint threads [[threads_per_grid]]) {
    const uint K = params.input_size;
    const uint columns_per_group = grouping(params).x;
    const uint groups = grouping(params).y;
    const uint quads = K / 4 + (K % 4 != 0);

    for (uint item = thread_index; item < params.batch_size * quads; item += threads) {
        const uint m = item / quads;
        const uint first = item % quads * 4;
        const ulong group_index = ulong(m) * groups + first / columns_per_group;
        const float scale = scales[group_index];
        const float zero_point = float(zero_points[group_index]);
        device const uchar* q = quantized + ulong(m) * K + first;
        device T* out = output + ulong(m) * K + first;
        if (K - first >= 4) {
            store4<T>(out, (float4(load4(q)) - zero_point) * scale, 4);
        } else {
            for (uint i = 0; i < K - first; ++i) {
                out[i] = T((float(q[i]) - zero_point) * scale);
            }
        }
    }
}

template [[host_name("dequantize_activations_8bit")]] [[kernel]]
decltype(dequantize_activations_8bit<float>) dequantize_activations_8bit<float>;
template [[host_name("dequantize_activations_8bit_f16")]] [[kernel]]
decltype(dequantize_activations_8bit<half>) dequantize_activations_8bit<half>;

// ---- The whole tensor, in two dispatches: threadgroups cannot wait for one another, but a dispatch sees all
// ---- that the one before it in an encoder has written. The first finds the range of each part of the
// ---- tensor; in the second, every simdgroup finds the range of the ranges, then quantises its parts. A range
// ---- depends on no order, so the result is the same for any grid.

struct DynamicQuantizeParams {
    uint count;  // elements
    uint parts;  // of the tensor: how many simdgroups find work
};

// Where part `part` starts (x) and how many elements it has (y): all the same number, a multiple of 4, but for
// the last ones, which may be short or empty.
inline uint2 part_of(uint part, constant DynamicQuantizeParams& params) {
    const uint quads = params.count / 4 + (params.count % 4 != 0);
    const uint elements = (quads / params.parts + (quads % params.parts != 0)) * 4;
    const ulong first = min(ulong(part) * elements, ulong(params.count));
    return uint2(uint(first), min(elements, params.count - uint(first)));
}

// The range of each part. A simdgroup takes a part.
template <typename T>
kernel void dynamic_quantize_ranges(device const T* input [[buffer(0)]],    // (count)
                                    constant DynamicQuantizeParams& params [[buffer(4)]],
                                    device uint* ranges [[buffer(5)]],      // (parts, 2)
                                    SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    for (uint part = self.index; part < params.parts; part += self.count) {
        const uint2 elements = part_of(part, params);
        const uint2 range = range_of<T>(input + elements.x, elements.y, self);
        if (self.lane == 0) {
            ranges[part * 2] = range.x;
            ranges[part * 2 + 1] = range.y;
        }
    }
}

template [[host_name("dynamic_quantize_ranges")]] [[kernel]]
decltype(dynamic_quantize_ranges<float>) dynamic_quantize_ranges<float>;
template [[host_name("dynamic_quantize_ranges_f16")]] [[kernel]]
decltype(dynamic_quantize_ranges<half>) dynamic_quantize_ranges<half>;

// ONNX DynamicQuantizeLinear, after dynamic_quantize_ranges on the same input.
template <typename T>
kernel void dynamic_quantize_activations(device const T* input [[buffer(0)]],         // (count)
                                         device uchar* quantized [[buffer(1)]],       // (count)
                                         device float* scale [[buffer(2)]],           // (1)
                                         device uchar* zero_point [[buffer(3)]],      // (1)
                                         constant DynamicQuantizeParams& params [[buffer(4)]],
                                         device const uint* ranges [[buffer(5)]],     // (parts, 2)
                                         SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    if (self.index >= params.parts) {
        return;
    }
    uint2 range = uint2(ORDERED_ZERO);
    for (uint part = self.lane; part < params.parts; part += self.lanes) {
        range = uint2(min(range.x, ranges[part * 2]), max(range.y, ranges[part * 2 + 1]));
    }
    const Affine affine = affine_of(uint2(lanes_min(range.x), lanes_max(range.y)));

    for (uint part = self.index; part < params.parts; part += self.count) {
        const uint2 elements = part_of(part, params);
        quantize_run<T>(input + elements.x, quantized + elements.x, elements.y, affine, self);
    }
    if (self.index == 0 && self.lane == 0) {
        *scale = affine.scale;
        *zero_point = uchar(affine.zero_point);
    }
}

template [[host_name("dynamic_quantize_activations")]] [[kernel]]
decltype(dynamic_quantize_activations<float>) dynamic_quantize_activations<float>;
template [[host_name("dynamic_quantize_activations_f16")]] [[kernel]]
decltype(dynamic_quantize_activations<half>) dynamic_quantize_activations<half>;

// ---- Gradients

struct GradientGroupParams {
    uint input_size;  // K
    uint batch_size;  // M
    uint group_size;  // columns of a group, a multiple of 32; 0: one group a row
    uint stochastic;  // 1: rounded up with the probability of the fraction; 0: to nearest
    uint seed_low;    // Philox's key
    uint seed_high;
};

inline uint2 grouping(constant GradientGroupParams& params) {
    return grouping(params.input_size, params.group_size);
}

// 127·g/γ rounded to nearest, ties to even, or, stochastic, up if the fraction is greater than `draw`, a number
// from [0, 1). For |g| ≤ γ, γ neither near overflow nor near underflow.
//
// Division alone would lose the last bits of the fraction. 127·g = product + error and product − q·γ hold
// exactly, so that `rest` is the fraction times γ, rounded once.
inline float quantize_gradient(float g, float gamma, float draw, bool stochastic) {
    const float product = g * 127.0f;
    const float error = fma(g, 127.0f, -product);
    float q = floor(product / gamma);
    float rest = fma(-q, gamma, product) + error;
    if (rest < 0.0f) {
        q -= 1.0f;
        rest += gamma;
    } else if (rest >= gamma) {
        q += 1.0f;
        rest -= gamma;
    }
    const bool is_odd = (int(q) & 1) != 0;
    const bool to_nearest = 2.0f * rest > gamma || (2.0f * rest == gamma && is_odd);
    const bool up = stochastic ? draw * gamma < rest : to_nearest;
    return up ? q + 1.0f : q;
}

// Per group: scale = max|g|/127, q = g/scale, rounded. A simdgroup takes a group. Element i of the tensor
// draws word i mod 4 of Philox at counter i/4. A group of zeros, or of numbers so small that a device may take them for
// zeros, gets scale 1 and q = 0; one with an infinity scale ∞ and q = 0, one with a NaN scale NaN and q = 0.
template <typename T>
kernel void quantize_gradients(device const T* gradients [[buffer(0)]],  // (M, K)
                               device char* quantized [[buffer(1)]],     // (M, K)
                               device float* scales [[buffer(2)]],       // (M, groups)
                               constant GradientGroupParams& params [[buffer(3)]],
                               SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint columns_per_group = grouping(params).x;
    const uint groups = grouping(params).y;
    const bool stochastic = params.stochastic != 0;
    const uint INFINITY_BITS = 0x7f800000u;
    const uint LEAST_NORMAL_BITS = 0x00800000u;

    for (uint item = self.index; item < params.batch_size * groups; item += self.count) {
        const uint first = item % groups * columns_per_group;
        const ulong begin = ulong(item / groups) * K + first;
        const ulong end = begin + min(columns_per_group, K - first);

        // The bits of |g| order as the magnitudes do, and NaN comes last: max() on floats would lose it.
        uint peak = 0;
        for (ulong i = begin + self.lane; i < end; i += self.lanes) {
            peak = max(peak, as_type<uint>(float(gradients[i])) & 0x7fffffffu);
        }
        peak = lanes_max(peak);
        const bool counts = peak >= LEAST_NORMAL_BITS && peak < INFINITY_BITS;
        const float gamma = peak < LEAST_NORMAL_BITS ? 127.0f : as_type<float>(peak);
        // 127·g must not overflow nor its error underflow; a power of two changes no digit.
        const float power = gamma > 1e30f ? 0.0009765625f : gamma < 1e-20f ? 1152921504606846976.0f : 1.0f;

        for (ulong quad = begin / 4 + self.lane; quad * 4 < end; quad += self.lanes) {
            float4 draw = float4(0.0f);
            if (stochastic) {
                const uint4 counter = uint4(uint(quad), uint(quad >> 32), 0u, 0u);
                const uint4 random = philox(counter, uint2(params.seed_low, params.seed_high));
                draw = float4(random >> 8u) * 5.9604644775390625e-8f;
            }
            for (uint lane_of_quad = 0; lane_of_quad < 4; ++lane_of_quad) {
                const ulong i = quad * 4 + lane_of_quad;
                if (i >= begin && i < end) {
                    const float g = float(gradients[i]) * power;
                    const float q = quantize_gradient(g, gamma * power, draw[lane_of_quad], stochastic);
                    quantized[i] = char(counts ? q : 0.0f);
                }
            }
        }
        if (self.lane == 0) {
            scales[item] = precise::divide(gamma, 127.0f);
        }
    }
}

template [[host_name("quantize_gradients")]] [[kernel]]
decltype(quantize_gradients<float>) quantize_gradients<float>;
template [[host_name("quantize_gradients_f16")]] [[kernel]]
decltype(quantize_gradients<half>) quantize_gradients<half>;

// ---- 8-bit activations times 1-bit weights

constant uint SCALES_NONE = 0;    // of weights: all are 1; of activations: one for the tensor
constant uint SCALES_ROW = 1;     // one a row
constant uint SCALES_GROUP = 2;   // one for each group of `group_size` columns

struct MixedPrecisionParams {
    uint input_size;         // K
    uint output_size;        // N
    uint batch_size;         // M
    uint group_size;         // columns of a group, a multiple of 32; 0: one group a row
    uint weight_scales;      // 0: all are 1; 1: one a row; 2: one a group
    uint activation_scales;  // 0: one for the tensor; 1: one a row; 2: one a group. Zero points likewise
    uint has_zero_points;    // 1: activations are uint8 with zero points; 0: int8 without
    uint has_bias;
};

// The bits of 32 bytes, turned round: bit i of plane p is bit p of byte i.
struct BitPlanes {
    uint4 low;   // 0 to 3
    uint4 high;  // 4 to 7
};

// Where the bits of x that `mask`, moved up, selects differ from those of y that it selects where it is:
// what both must change to exchange them.
inline uint4 difference(uint4 x, uint4 y, uint distance, uint mask) {
    return ((x >> distance) ^ y) & mask;
}

// Of eight words of four bytes each. Each step exchanges one bit of the words' numbers with one bit of the
// places in a word, until the planes are in the numbers and the bytes in the places.
inline BitPlanes bit_planes(uint4 x, uint4 y) {
    uint4 d = difference(x, y, 16, 0x0000ffffu);
    y ^= d;
    x ^= d << 16u;
    uint4 u = uint4(x.xy, y.xy);
    uint4 v = uint4(x.zw, y.zw);
    d = difference(u, v, 8, 0x00ff00ffu);
    v ^= d;
    u ^= d << 8u;
    x = uint4(u.xz, v.xz);
    y = uint4(u.yw, v.yw);
    d = difference(x, y, 4, 0x0f0f0f0fu);
    y ^= d;
    x ^= d << 4u;
    u = uint4(x.xz, y.xz);
    v = uint4(x.yw, y.yw);
    d = difference(u, v, 2, 0x33333333u);
    v ^= d;
    u ^= d << 2u;
    x = uint4(u.xz, v.xz);
    y = uint4(u.yw, v.yw);
    d = difference(x, y, 1, 0x55555555u);
    y ^= d;
    x ^= d << 1u;

    BitPlanes planes;
    planes.low = uint4(x.x, y.x, x.z, y.z);
    planes.high = uint4(x.y, y.y, x.w, y.w);
    return planes;
}

inline uint word4(device const uchar* p) {
    return as_type<uint>(load4(p));
}

// The bit planes of up to 32 activations; what is missing is 0.
inline BitPlanes planes_of(device const uchar* q, uint columns) {
    BitPlanes planes;
    planes.low = uint4(0u);
    planes.high = uint4(0u);
    if (columns >= 32) {
        planes = bit_planes(uint4(word4(q), word4(q + 4), word4(q + 8), word4(q + 12)),
                            uint4(word4(q + 16), word4(q + 20), word4(q + 24), word4(q + 28)));
    } else {
        for (uint i = 0; i < columns; ++i) {
            const uint4 value = uint4(uint(q[i]));
            planes.low |= (value >> uint4(0u, 1u, 2u, 3u) & 1u) << i;
            planes.high |= (value >> uint4(4u, 5u, 6u, 7u) & 1u) << i;
        }
    }
    return planes;
}

// Σ of the activations that a word selects, for four words. The top bit of an activation counts `top`: 128, or
// −128 in two's complement.
inline int4 selected(uint4 words, BitPlanes planes, int top) {
    uint4 sum = popcount(words & planes.high.z);
    sum = sum + sum + popcount(words & planes.high.y);
    sum = sum + sum + popcount(words & planes.high.x);
    sum = sum + sum + popcount(words & planes.low.w);
    sum = sum + sum + popcount(words & planes.low.z);
    sum = sum + sum + popcount(words & planes.low.y);
    sum = sum + sum + popcount(words & planes.low.x);
    return int4(sum) + int4(popcount(words & planes.high.w)) * top;
}

// Σ of all activations.
inline int sum_of(BitPlanes planes, int top) {
    const int4 parts = int4(popcount(planes.low)) * int4(1, 2, 4, 8) +
                       int4(popcount(planes.high)) * int4(16, 32, 64, top);
    return (parts.x + parts.y) + (parts.z + parts.w);
}

inline uint4 gather4(device const uint* values, uint4 at) {
    return uint4(values[at.x], values[at.y], values[at.z], values[at.w]);
}

template <typename T>
inline float4 gather4(device const T* values, uint4 at) {
    return float4(float(values[at.x]), float(values[at.y]), float(values[at.z]), float(values[at.w]));
}

inline int4 lanes_sum4(int4 v) {
    const uint4 u = uint4(v);  // sums of either wrap alike
    return int4(uint4(lanes_sum(u.x), lanes_sum(u.y), lanes_sum(u.z), lanes_sum(u.w)));
}

inline float4 lanes_sum4(float4 v) {
    return float4(lanes_sum(v.x), lanes_sum(v.y), lanes_sum(v.z), lanes_sum(v.w));
}

// Of eight outputs, or of rows of weights.
struct Eight {
    uint4 low;
    uint4 high;
};

// What eight rows of weights make of activations q: Σ w·(q − zero_point), in two's complement, over the words
// first, first + step, … below `end`. The rows start at words `starts`.
//
// With a weight as a bit b, w = 2b − 1, the sum is 2·Σ b·(q − zp) − Σ (q − zp), and Σ b·q over the columns
// of a word is Σ_p 2^p·popcount(word AND bit plane p of q). Nothing overflows up to 2^22 columns.
inline Eight sums_of_words(device const uchar* q, uint K, device const uint* weights, Eight starts, uint first,
                           uint end, uint step, int zero_point, int top) {
    int4 low = int4(0);  // Σ b·(q − zp)
    int4 high = int4(0);
    int all = 0;         // Σ (q − zp)
    for (uint j = first; j < end; j += step) {
        const uint columns = min(32u, K - j * 32);
        const uint valid = 0xffffffffu >> (32 - columns);
        const BitPlanes planes = planes_of(q + j * 32, columns);
        const uint4 words_low = gather4(weights, starts.low + j) & valid;
        const uint4 words_high = gather4(weights, starts.high + j) & valid;
        low += selected(words_low, planes, top) - int4(popcount(words_low)) * zero_point;
        high += selected(words_high, planes, top) - int4(popcount(words_high)) * zero_point;
        all += sum_of(planes, top) - int(columns) * zero_point;
    }
    Eight sums;
    sums.low = uint4(low + low - all);
    sums.high = uint4(high + high - all);
    return sums;
}

// From so many rows of activations a lane takes a row of them; below, lanes share a row.
constant uint WIDE_ROWS = 32;

// Y[m,n] = bias[n] + Σ_g s_w[n,g]·s_a[m,·]·Σ_{k∈g} w[n,k]·(q[m,k] − zp[m,·]), the inner sum in integers
//
// A simdgroup takes eight outputs, of 32 rows of activations or of one: the bit planes of 32 activations serve
// eight words of weights. In one row, lanes share the words of each group, or the groups if those are more.
template <typename T>
kernel void mixed_precision_matmul(device const uchar* activations [[buffer(0)]],        // (M, K)
                                   device const uint* weights [[buffer(1)]],             // (N, ceil(K/32))
                                   device const float* activation_scales [[buffer(2)]],  // (1), (M) or (M, groups)
                                   device const uchar* zero_points [[buffer(3)]],        // like them, optional
                                   device const T* bias [[buffer(4)]],                   // (N), optional
                                   device T* output [[buffer(5)]],                       // (M, N)
                                   constant MixedPrecisionParams& params [[buffer(6)]],
                                   device const float* weight_scales [[buffer(7)]],      // (N) or (N, groups), optional
                                   SIMDGROUP_ATTRIBUTES) {
    const Simdgroup self = THIS_SIMDGROUP;
    const uint K = params.input_size;
    const uint N = params.output_size;
    const uint words = words_of(K);
    const bool by_group = params.weight_scales == SCALES_GROUP || params.activation_scales == SCALES_GROUP;
    const uint group_words = words_of(grouping(K, by_group ? params.group_size : 0).x);
    const uint groups = grouping(K, by_group ? params.group_size : 0).y;
    // Weights' scales from one row to the next.
    const uint scale_stride = params.weight_scales == SCALES_GROUP ? groups : 1;
    const int top = params.has_zero_points != 0 ? 128 : -128;

    const bool wide = params.batch_size >= WIDE_ROWS;
    const bool share_words = !wide && group_words >= groups;
    const bool share_groups = !wide && !share_words;
    const uint rows = wide ? WIDE_ROWS : 1;
    const uint blocks = N / 8 + (N % 8 != 0);
    const uint items = blocks * ((params.batch_size + rows - 1) / rows);

    for (uint item = self.index; item < items; item += self.count) {
        const uint n = item % blocks * 8;
        // Rows of weights past the last one repeat it and are not stored.
        const uint4 low_rows = min(uint4(0u, 1u, 2u, 3u), N - 1 - n);
        const uint4 high_rows = min(uint4(4u, 5u, 6u, 7u), N - 1 - n);
        Eight starts;
        starts.low = low_rows * words;
        starts.high = high_rows * words;
        device const float* scales = weight_scales + ulong(n) * scale_stride;

        const uint first = item / blocks * rows;
        const uint last = min(first + rows, params.batch_size);
        for (uint m = first + (wide ? self.lane : 0); m < last; m += wide ? self.lanes : 1) {
            float4 low = float4(0.0f);
            float4 high = float4(0.0f);
            for (uint g = share_groups ? self.lane : 0; g < groups; g += share_groups ? self.lanes : 1) {
                const ulong a = params.activation_scales == SCALES_GROUP ? ulong(m) * groups + g
                                : params.activation_scales == SCALES_ROW ? ulong(m) : 0ul;
                const int zero_point = params.has_zero_points != 0 ? int(zero_points[a]) : 0;
                const uint begin = g * group_words;
                const Eight sums =
                    sums_of_words(activations + ulong(m) * K, K, weights + ulong(n) * words, starts,
                                  begin + (share_words ? self.lane : 0), min(begin + group_words, words),
                                  share_words ? self.lanes : 1, zero_point, top);
                const int4 low_sum = share_words ? lanes_sum4(int4(sums.low)) : int4(sums.low);
                const int4 high_sum = share_words ? lanes_sum4(int4(sums.high)) : int4(sums.high);
                float4 low_part = float4(low_sum) * activation_scales[a];
                float4 high_part = float4(high_sum) * activation_scales[a];
                if (params.weight_scales != SCALES_NONE) {
                    const uint at = params.weight_scales == SCALES_GROUP ? g : 0;
                    low_part *= gather4<float>(scales, low_rows * scale_stride + at);
                    high_part *= gather4<float>(scales, high_rows * scale_stride + at);
                }
                low += low_part;
                high += high_part;
            }
            if (share_groups) {
                low = lanes_sum4(low);
                high = lanes_sum4(high);
            }
            if (wide || self.lane == 0) {
                if (params.has_bias != 0) {
                    low += gather4<T>(bias + n, low_rows);
                    high += gather4<T>(bias + n, high_rows);
                }
                device T* out = output + ulong(m) * N + n;
                store4<T>(out, low, N - n);
                store4<T>(out + 4, high, N - n < 4 ? 0 : N - n - 4);
            }
        }
    }
}

template [[host_name("mixed_precision_matmul")]] [[kernel]]
decltype(mixed_precision_matmul<float>) mixed_precision_matmul<float>;
template [[host_name("mixed_precision_matmul_f16")]] [[kernel]]
decltype(mixed_precision_matmul<half>) mixed_precision_matmul<half>;
