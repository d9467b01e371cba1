// Random numbers by counter.

#pragma once

#include <metal_stdlib>
using namespace metal;

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
