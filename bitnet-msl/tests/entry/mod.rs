//! What the fuzz target `msl_compile` and the tests on stable Rust do with a text.

use bitnet_msl::diag::RenderStyle;
use bitnet_msl::{Compilation, CompileOptions, OptimizationLevel, compile_bytes, ir};

/// Any bytes go from lexer to verified IR, or to diagnostics that can be rendered; and IR goes through the passes of every
/// level to IR that the verifier accepts and the printer prints.
pub(crate) fn compile_at_every_level(bytes: &[u8]) -> Compilation {
    let options = CompileOptions { optimization_level: OptimizationLevel::None, ..CompileOptions::default() };
    let compilation = compile_bytes("fuzz.metal", bytes, &options);
    let _ = compilation.render(RenderStyle::Plain);
    let refused = compilation.errors().find(|d| d.code.info().name == "E0699");
    assert!(refused.is_none(), "{}", refused.map_or("", |d| &d.message));
    for level in OptimizationLevel::ALL {
        if let Some(mut module) = compilation.module.clone() {
            let result = ir::passes::optimize(&mut module, level);
            assert!(result.is_ok(), "at {}: {result:?}", level.name());
            let _ = ir::print::print(&module);
        }
    }
    compilation
}
