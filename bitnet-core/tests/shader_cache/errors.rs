//! What the shader compiler says, each text exactly. What the program makes of the same errors is in its own tests.

use super::*;

#[track_caller]
fn check<T>(result: Result<T, MetalError>, expect: &str) {
    let said = result.err().map(|error| error.to_string());
    assert_eq!(said.as_deref(), Some(expect));
}

/// A compiler for a directory with this one shader, `bitlinear`, without a cache.
fn bitlinear(directory: &TempDir, text: &str) -> ShaderCompilerConfig {
    write(directory.path(), "bitlinear.metal", text);
    ShaderCompilerConfig {
        shader_directory: directory.path().to_owned(),
        enable_caching: false,
        ..ShaderCompilerConfig::default()
    }
}

#[test]
fn a_shader_that_is_not_there() {
    on_each_device(|device| {
        let directory = directory();
        let empty = ShaderCompilerConfig {
            shader_directory: directory.path().into(),
            ..ShaderCompilerConfig::default()
        };
        check(
            compiler_for(device, empty).compile_shader("bitlinear"),
            "Shader 'bitlinear' not found (there are none)",
        );
        write(directory.path(), "bit_linear.metal", "");
        let other = compiler_for(device, config(directory.path(), directory.path()));
        let said = "Shader 'bitlinear' not found; did you mean 'bit_linear'? (available: bit_linear)";
        check(other.compile_shader("bitlinear"), said);
        check(other.shader_source("bitlinear"), said);
        check(other.cache_key("bitlinear"), said);
        check(other.get_compute_function("bitlinear", "bitlinear_forward"), said);
    });
}

#[test]
fn a_function_that_is_not_there() {
    on_each_device(|device| {
        let directory = directory();
        let text = "kernel void bitlinear_forwards(device float *x [[buffer(0)]]) { x[0] = 1.0f; }\n\
                    kernel void helper(device float *x [[buffer(0)]]) { x[0] = 2.0f; }\n";
        let config = bitlinear(&directory, text);
        let said = "Function 'bitlinear_forward' not found in shader 'bitlinear'; did you mean 'bitlinear_forwards'? \
                    (available: bitlinear_forwards, helper)";
        check(
            compiler_for(device, config.clone()).get_compute_function("bitlinear", "bitlinear_forward"),
            said,
        );
        // The kernels of the table are looked for in whatever stands in the directory.
        let shaders = BitNetShaders::with_config(device.clone(), config).expect("the directory can be read");
        check(shaders.get_pipeline(BitNetShaderFunction::BitLinearForward), said);
        check(
            shaders.get_pipeline(BitNetShaderFunction::ReluForward),
            "Shader 'activation' not found (available: bitlinear)",
        );
    });
}

#[test]
fn a_shader_that_does_not_compile() {
    on_each_device(|device| {
        let directory = directory();
        let text = "kernel void bitlinear_forward(device float *x [[buffer(0)]]) {\n    x[0] = weigth;\n    x[1] = ;\n}\n";
        check(
            compiler_for(device, bitlinear(&directory, text)).compile_shader("bitlinear"),
            "Failed to compile shader 'bitlinear': `weigth` is not declared here\n\
             error[E0203]: `weigth` is not declared here\n  --> bitlinear.metal:2:12\n  \
             |\n2 |     x[0] = weigth;\n  |            ^^^^^^\n\n\
             error[E0201]: expected an expression, found `;`\n  --> bitlinear.metal:3:12\n  \
             |\n3 |     x[1] = ;\n  |            ^ expected an expression\n\n",
        );
    });
}

#[test]
fn a_pipeline_that_cannot_be_made() {
    let directory = directory();
    let constant = "constant float scale [[function_constant(7)]];\n\
                    kernel void bitlinear_forward(device float *x [[buffer(0)]]) { x[0] = scale; }\n";
    let shaders = BitNetShaders::with_config(host(), bitlinear(&directory, constant)).expect("readable");
    check(
        shaders.get_pipeline(BitNetShaderFunction::BitLinearForward),
        "Failed to create pipeline for function 'bitlinear_forward': function constant `scale` \
         [[function_constant(7)]] has no value",
    );
    let lanes = "#include <metal_stdlib>\nusing namespace metal;\n\
                 kernel void bitlinear_forward(device float *x [[buffer(0)]]) { x[0] = simd_sum(x[1]); }\n";
    let without = Device::host(HostOptions { simdgroup_reductions: false, ..HostOptions::default() });
    let shaders = BitNetShaders::with_config(without, bitlinear(&directory, lanes)).expect("readable");
    check(
        shaders.get_pipeline(BitNetShaderFunction::BitLinearForward),
        "Failed to create pipeline for function 'bitlinear_forward': it uses functions over the threads of a simdgroup, \
         which this device does not have",
    );
}
