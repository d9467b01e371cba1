//! Any bytes go from lexer to verified IR at every level of optimisation, or to diagnostics that can be rendered.
#![no_main]

#[path = "../../bitnet-msl/tests/entry/mod.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    entry::compile_at_every_level(data);
});
