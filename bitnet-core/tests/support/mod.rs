//! The built-in shaders on each device there is, and the cases of their kernels.

use std::sync::{Mutex, OnceLock};

use bitnet_core::metal::kernels::verify::cases_in;
use bitnet_core::metal::kernels::{Case, KernelRow};
use bitnet_core::metal::testing::{devices, name_of};
use bitnet_core::metal::{BitNetShaders, CompileOptions, Device, HostOptions, ShaderCompilerConfig};

/// Runs a test with the built-in shaders on each device: on a host device with every check, and on the Metal GPU
/// where there is one. A skip names the function that the closure is in.
pub(crate) fn with_shaders<F: Fn(&BitNetShaders)>(test: F) {
    with_shaders_as(name_of::<F>(), test);
}

/// As [`with_shaders`], for a test whose name the closure does not tell.
pub(crate) fn with_shaders_as(name: &str, test: impl Fn(&BitNetShaders)) {
    for device in devices(name, host()) {
        test(&shaders_of(&device));
    }
}

/// The host device that all tests share.
fn host() -> Device {
    static HOST: OnceLock<Device> = OnceLock::new();
    HOST.get_or_init(|| Device::host(HostOptions { checks: true, ..HostOptions::default() })).clone()
}

/// The built-in shaders on a device, with exact arithmetic; made once a device.
pub(crate) fn shaders_of(device: &Device) -> BitNetShaders {
    static MADE: Mutex<Vec<BitNetShaders>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().expect("making them does not panic");
    if let Some(shaders) = made.iter().find(|shaders| shaders.device() == device) {
        return shaders.clone();
    }
    let config = ShaderCompilerConfig {
        compile_options: CompileOptions { fast_math: false, ..CompileOptions::default() },
        ..ShaderCompilerConfig::default()
    };
    let shaders = BitNetShaders::with_config(device.clone(), config).expect("they need no directory");
    made.push(shaders.clone());
    shaders
}

/// Every case of a row as a device computes it, for every version of its kernel.
pub(crate) fn all_cases(device: &Device, row: &'static KernelRow) -> impl Iterator<Item = Case> {
    let cases = row.precisions().iter().flat_map(|&precision| cases_in(row, precision));
    cases.map(|case| case.on_device(device))
}

/// What messages call a case of a kernel.
pub(crate) fn name(row: &KernelRow, case: &Case) -> String {
    format!("{} ({})", row.kernel_name(case.precision), case.label)
}
