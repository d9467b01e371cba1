// The simdgroups of a grid, and what the lanes of one have together. With BITNET_NO_SIMDGROUP_REDUCTIONS defined, for
// devices whose threads cannot see each other's values, a simdgroup has one lane.

#pragma once

#include <metal_stdlib>
using namespace metal;

// Work that takes a simdgroup is dealt out by number: simdgroup `index` of `count` takes items index,
// index + count, … Any one-dimensional grid of up to 2²⁴ threads is right; only its speed differs. A simdgroup at
// the end of a threadgroup may be short: `lanes` threads, which share the work of all.
//
// A kernel has SIMDGROUP_ATTRIBUTES as its last parameters and begins with
//     const Simdgroup self = THIS_SIMDGROUP;
//     for (uint item = self.index; item < items; item += self.count) { … lanes_sum(part) … }
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
