// Arithmetic that is more exact than a float: pairs of floats, and powers of e.
//
// MSL promises 4 ulp of `exp` and 5 of `tanh`, and less under fast math, which would leave nothing of the
// 4 ulp that an activation may err by. What follows is made of operations that are rounded correctly: it asks for
// exact arithmetic, for itself and for the rest of the file that includes it.

#pragma once

#include <metal_stdlib>
using namespace metal;

#if __METAL_VERSION__ >= 320
#pragma METAL fp math_mode(safe)
#endif

// x, but not above the limit; NaN stays NaN.
inline float bounded(float x, float limit) {
    return x > limit ? limit : x;
}

// A pair holds a number as x + y: y is what rounding left out of x.

// a + b (Knuth, "The art of computer programming", volume 2, section 4.2.2).
inline float2 pair_sum(float a, float b) {
    const float sum = a + b;
    const float kept = sum - a;
    return float2(sum, (a - (sum - kept)) + (b - kept));
}

// a + b for |a| ≥ |b| (Dekker, "A floating-point technique for extending the available precision", 1971).
inline float2 pair_ordered_sum(float a, float b) {
    const float sum = a + b;
    return float2(sum, (a - sum) + b);
}

// a·b
inline float2 pair_product(float2 a, float b) {
    const float product = a.x * b;
    return float2(product, fma(a.x, b, -product) + a.y * b);
}

// a/b
inline float2 pair_quotient(float2 a, float2 b) {
    const float reciprocal = 1.0f / b.x;
    const float quotient = a.x * reciprocal;
    return float2(quotient, (fma(-quotient, b.x, a.x) + fma(-quotient, b.y, a.y)) * reciprocal);
}

// A number that may be too small for a float: mantissa·2^exponent.
struct Scaled {
    float mantissa;
    int exponent;
};

inline float to_float(Scaled s) {
    return ldexp(s.mantissa, s.exponent);
}

// A power of e: (1 + fraction)·2^exponent, |fraction| below 0.42.
struct Exponential {
    float fraction;
    int exponent;
};

// e^(x.x + x.y) for |x.x| up to 300. The polynomial is (e^r − 1 − r)/r², |r| ≤ ln 2 / 2.
inline Exponential exponential(float2 x) {
    const float twos = rint(x.x * M_LOG2E_F);
    const float r = fma(twos, -1.42860677e-6f, fma(twos, -0.693145752f, x.x)) + x.y;
    float p = fma(1.39467814e-3f, r, 8.36677011e-3f);
    p = fma(p, r, 4.16662768e-2f);
    p = fma(p, r, 0.16666542f);
    p = fma(p, r, 0.5f);
    return Exponential{fma(p * r, r, r), int(twos)};
}

// factor·e
inline Scaled times(float2 factor, Exponential e) {
    return Scaled{factor.x + fma(factor.x, e.fraction, factor.y), e.exponent};
}

inline float times(float factor, Exponential e) {
    return ldexp(fma(factor, e.fraction, factor), e.exponent);
}

// e − 1
inline float less_one(Exponential e) {
    const float power = ldexp(1.0f, e.exponent);
    return fma(power, e.fraction, power - 1.0f);
}

// 1 + e for e ≤ 1
inline float2 one_plus(Exponential e) {
    const float power = ldexp(1.0f, e.exponent);
    const float sum = fma(power, e.fraction, 1.0f + power);
    return float2(sum, (1.0f - sum) + fma(power, e.fraction, power));
}
