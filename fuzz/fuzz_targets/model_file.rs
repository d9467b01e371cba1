//! Any bytes are a model, a checkpoint, or a fault that can be printed.
#![no_main]

use bitnet_nn::ModelFile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Err(fault) = ModelFile::parse(data) {
        let _ = fault.to_string();
    }
});
