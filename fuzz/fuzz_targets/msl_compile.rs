//! Any bytes go from lexer to verified IR, or to diagnostics that can be rendered.
#![no_main]

use bitnet_msl::diag::RenderStyle;
use bitnet_msl::{CompileOptions, compile_bytes};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let compilation = compile_bytes("fuzz.metal", data, &CompileOptions::default());
    let _ = compilation.render(RenderStyle::Plain);
    let refused = compilation.errors().any(|d| d.code.info().name == "E0699");
    assert!(!refused, "lowering made IR that the verifier refuses");
});
