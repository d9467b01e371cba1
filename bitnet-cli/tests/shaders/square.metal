// square: y = x², element by element.
//
// Arithmetic is in float whatever the type of the elements.

#include <metal_stdlib>
using namespace metal;

// What the host passes by value.
struct ElementwiseParams {
    uint count;
};

// y = x². A thread takes elements i, i + threads, …, so that any grid is right (of up to 2²⁴ threads).
template <typename T>
kernel void square(device const T* input [[buffer(0)]],  // (count)
                           device T* output [[buffer(1)]],       // (count)
                           constant ElementwiseParams& params [[buffer(2)]],
                           uint thread_index [[thread_position_in_grid]],
                           uint threads [[threads_per_grid]]) {
    for (uint i = thread_index; i < params.count; i += threads) {
        const float x = float(input[i]);
        output[i] = T(x * x);
    }
}

template [[host_name("square")]] [[kernel]]
decltype(square<float>) square<float>;
template [[host_name("square_f16")]] [[kernel]]
decltype(square<half>) square<half>;
