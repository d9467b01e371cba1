// Rows of elements, and of weights packed 32 to a word.

#pragma once

#include <metal_stdlib>
using namespace metal;

// Words of a row of packed weights.
inline uint words_of(uint columns) {
    return columns / 32 + (columns % 32 != 0);
}

// Columns of a group and groups of a row of K columns.
inline uint2 grouping(uint K, uint group_size) {
    return group_size == 0 ? uint2(K, 1) : uint2(group_size, K / group_size + (K % group_size != 0));
}

// Four consecutive elements; `p` need not be aligned to more than one of them.
inline float4 load4(device const float* p) {
    return float4(*(device const packed_float4*)p);
}

inline float4 load4(device const half* p) {
    return float4(half4(*(device const packed_half4*)p));
}

inline uchar4 load4(device const uchar* p) {
    return uchar4(*(device const packed_uchar4*)p);
}
