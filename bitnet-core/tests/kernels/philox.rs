//! The random numbers of the shaders against the published known answers.

use bitnet_core::metal::kernels::built_in_includes;
use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::{CompileOptions, MTLSize, create_buffer, read_buffer};

const KNOWN_ANSWERS: &str = include_str!("../vectors/philox4x32_10.txt");

/// A kernel that gives what `philox` does.
const KERNEL: &str = r#"
#include "philox.h"

kernel void numbers(device const uint* operands [[buffer(0)]],  // (N, 6): counter, key
                    device uint4* results [[buffer(1)]],        // (N)
                    uint i [[thread_position_in_grid]]) {
    device const uint* x = operands + 6 * i;
    results[i] = philox(uint4(x[0], x[1], x[2], x[3]), uint2(x[4], x[5]));
}
"#;

#[test]
fn shaders_draw_the_published_numbers() {
    on_each_device(|device| {
        let answers: Vec<u32> = KNOWN_ANSWERS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace)
            .map(|word| u32::from_str_radix(word, 16).expect("a hexadecimal word"))
            .collect();
        assert_eq!(answers.len(), 3 * 10);
        let operands: Vec<u32> = answers.chunks(10).flat_map(|line| &line[..6]).copied().collect();
        let expected: Vec<u32> = answers.chunks(10).flat_map(|line| &line[6..]).copied().collect();

        let options = CompileOptions { includes: built_in_includes(), ..CompileOptions::default() };
        let library = device.new_library_with_source(KERNEL, &options).expect("a library");
        let function = library.get_function("numbers", None).expect("the kernel");
        let pipeline = device.new_compute_pipeline_state_with_function(&function).expect("a pipeline");
        let operands = create_buffer(device, &operands).expect("a small buffer");
        let results = create_buffer(device, &vec![0u32; expected.len()]).expect("a small buffer");

        let command_buffer = device.new_command_queue().new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&pipeline);
        encoder.set_buffer(0, Some(&operands), 0);
        encoder.set_buffer(1, Some(&results), 0);
        encoder.dispatch_threads(MTLSize::new(3, 1, 1), MTLSize::new(3, 1, 1));
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed().expect("it runs");
        assert_eq!(read_buffer::<u32>(&results).expect("whole words"), expected);
    });
}
