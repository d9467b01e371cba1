// Quantisation of weights and back.
//
// Sizes: weights have N rows of K columns, row-major. Packed, they are 32 to a word, row stride ceil(K/32)
// words, bit i of word j is column 32j + i, 1 is +1 and 0 is −1; bits past K are 0.

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

struct WeightGroupParams {
    uint input_size;   // K
    uint output_size;  // N
    uint group_size;   // columns of a group, a multiple of 32; 0: one group a row
};

inline uint words_of(uint columns) {
    return columns / 32 + (columns % 32 != 0);
}

// Columns of a group and groups of a row.
inline uint2 grouping(constant WeightGroupParams& params) {
    const uint K = params.input_size;
    const uint size = params.group_size;
    return size == 0 ? uint2(K, 1) : uint2(size, K / size + (K % size != 0));
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
