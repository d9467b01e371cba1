//! Every kernel, every case, against the reference in double precision.

use super::support::{all_cases, name, shaders_of, with_shaders};
use super::{complaint, run};
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::row::{Precision, Tolerance};
use bitnet_core::metal::kernels::verify::Way;
use bitnet_core::metal::kernels::{SHADERS, TABLE, compare};
use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::{BitNetShaders, Device, HostOptions, LanguageVersion, ShaderCompilerConfig};
use half::f16;

fn check_all(shaders: &BitNetShaders, way: &str) {
    let mut complaints = Vec::new();
    for row in TABLE {
        for case in all_cases(shaders.device(), row) {
            let outputs = run(shaders, row, &case);
            complaints.extend(complaint(row, &case, &outputs));
        }
    }
    let device = shaders.device().name();
    assert!(complaints.is_empty(), "on {device}, {way}:\n{}", complaints.join("\n"));
}

/// With simdgroup reductions and without.
#[test]
fn every_kernel_agrees_with_its_reference_in_every_way_of_compiling_it() {
    on_each_device(|device| {
        let config = ShaderCompilerConfig::default();
        let ways = Way::all(device, &config);
        assert!(ways.iter().any(|way| !way.simdgroup_reductions));
        for way in ways {
            check_all(&way.shaders(device, &config).expect("they are built in"), &way.to_string());
        }
    });
}

/// The shaders ask for exact arithmetic themselves: copies of them in a directory, which are compiled with the fast math
/// that is the default, are as exact. That holds for the host device; what Metal's library makes of NaN under fast math
/// no text decides.
#[test]
fn copies_of_the_shaders_agree_with_their_references_under_fast_math() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in SHADERS {
        std::fs::write(directory.path().join(format!("{name}.metal")), text).expect("it can be written");
    }
    let config = ShaderCompilerConfig {
        shader_directory: directory.path().to_owned(),
        enable_caching: false,
        ..ShaderCompilerConfig::default()
    };
    let device = Device::host(HostOptions { checks: true, ..HostOptions::default() });
    let ways: Vec<_> = Way::all(&device, &config).into_iter().filter(|way| way.fast_math).collect();
    assert_eq!(ways.len(), 2);
    for way in ways {
        check_all(&way.shaders(&device, &config).expect("a directory of shaders"), &way.to_string());
    }
}

/// On a device whose threads cannot see each other's values, nobody has to ask for the plain versions.
#[test]
fn every_kernel_agrees_with_its_reference_on_a_device_without_simdgroup_reductions() {
    let options = HostOptions { simdgroup_reductions: false, checks: true, ..HostOptions::default() };
    check_all(&shaders_of(&Device::host(options)), "which has no simdgroup reductions");
}

/// Before Metal 3.2 a source cannot ask for exact arithmetic.
#[test]
fn every_kernel_agrees_with_its_reference_on_systems_with_an_older_language() {
    for language_version in [LanguageVersion::Metal2_3, LanguageVersion::Metal3_1] {
        let device = Device::host(HostOptions { language_version, ..HostOptions::default() });
        let shaders = BitNetShaders::new(device).expect("they are built in");
        check_all(&shaders, &format!("Metal {language_version}"));
    }
}

/// A comparison that accepts anything would make the test above worthless: each output is damaged in one
/// element, and each damage must be found.
#[test]
fn a_wrong_element_is_found() {
    with_shaders(|shaders| {
        for row in TABLE {
            for &precision in row.precisions() {
                let cases: Vec<_> =
                    all_cases(shaders.device(), row).filter(|case| case.precision == precision).collect();
                let case = cases.iter().find(|case| case.label.starts_with("33")).or(cases.last());
                let case = case.expect("a case");
                let outputs = run(shaders, row, case);
                for at in 0..outputs.len() {
                    let mut damaged = outputs.clone();
                    damage(&mut damaged[at].1);
                    assert!(!compare(row, case, &damaged).is_ok(), "{} output {at}", name(row, case));
                }
            }
        }
    });
}

/// A number that is off by a hundredth, and by a hundredth of itself.
fn another(x: f32) -> f32 {
    if x.is_finite() { x + 0.01 * (1.0 + x.abs()) } else { 1.0 }
}

fn damage(data: &mut Data) {
    match data {
        Data::F32(v) => v[0] = another(v[0]),
        Data::F16(v) => v[0] = f16::from_f32(another(v[0].to_f32())),
        Data::U32(v) => v[0] ^= 1,
        Data::I8(v) => v[0] = v[0].wrapping_add(1),
        Data::U8(v) => v[0] = v[0].wrapping_add(1),
    }
}

#[test]
fn cases_cover_what_rows_promise() {
    for row in TABLE {
        let cases = (row.cases)();
        assert!(cases.len() >= 5, "{}", row.name);
        let layout = row.constants().1;
        for case in &cases {
            assert_eq!((layout.shape)(&case.params), Ok(case.shape), "{} ({})", row.name, case.label);
        }
        for param in row.params {
            let used = cases.iter().filter(|case| param.is_used(&case.params)).count();
            assert!(used > 0, "{}: no case uses '{}'", row.name, param.name);
            let unused = cases.len() - used;
            assert_eq!(param.is_optional(), unused > 0, "{}: cases without '{}'", row.name, param.name);
        }
        let outputs = row.params.iter().filter(|param| param.tolerance().is_some()).count();
        assert!(outputs > 0, "{} writes nothing", row.name);
        let empty = cases.iter().filter(|case| case.buffers.iter().any(|(_, data)| data.is_empty()));
        assert!(empty.count() > 0, "{} has no empty case", row.name);
    }
}

#[test]
fn tolerances_suit_the_types() {
    for row in TABLE {
        for param in row.params {
            let integers = matches!(param.tolerance(), Some(Tolerance::Exact | Tolerance::NearTies));
            let element = match param.kind {
                bitnet_core::metal::kernels::row::ParamKind::Buffer { element, .. } => element,
                bitnet_core::metal::kernels::row::ParamKind::Constants(_) => continue,
            };
            if param.tolerance().is_some() && !element.scalar(Precision::Single).is_float() {
                assert!(integers, "{}: '{}'", row.name, param.name);
            }
        }
    }
}
