//! Any bytes are an artifact that the executor can run, or a fault that can be printed. The bytes are the payload: the
//! header, with its checksum, is put before them, so that only the decoder and the verifier stand in their way.
#![no_main]

use bitnet_msl::artifact::{decode, seal};
use bitnet_msl::reflect::reflect;
use bitnet_simt::{FunctionConstants, Grid, Launch, Program, RunOptions};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let module = match decode(&seal(data)) {
        Ok(artifact) => artifact.module,
        Err(fault) => return drop(fault.to_string()),
    };
    let options = RunOptions { threads: 1, max_instructions: Some(10_000), ..RunOptions::checked() };
    for kernel in reflect(&module) {
        if let Ok(program) = Program::new(&module, &kernel.name, &FunctionConstants::new()) {
            let _ = program.run(&Launch::new(Grid::Threads([40, 1, 1]), [36, 1, 1]), &options);
        }
    }
});
