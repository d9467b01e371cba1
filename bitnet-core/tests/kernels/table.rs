//! The table against what the front end sees in the shaders.

use bitnet_core::metal::kernels::params::StructLayout;
use bitnet_core::metal::kernels::row::{Access, Element, Param, ParamKind, Precision};
use bitnet_core::metal::kernels::{
    BitNetShaderFunction, HEADERS, KernelRow, SHADERS, TABLE, built_in_includes,
};
use bitnet_core::msl::reflect::{self, ElementInfo, KernelInfo, ParamInfo, ParamSource};
use bitnet_core::msl::{self, CompileOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// The kernels of every shader, by shader and name. A shader with so much as a warning is wrong.
fn kernels(fast_math: bool, defines: &[&str]) -> BTreeMap<(&'static str, String), KernelInfo> {
    let defines = defines.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
    let options =
        CompileOptions { fast_math, defines, includes: built_in_includes(), ..CompileOptions::default() };
    let mut kernels = BTreeMap::new();
    for (shader, text) in SHADERS {
        let compilation = msl::compile(&format!("{shader}.metal"), text, &options);
        let report = compilation.render(msl::diag::RenderStyle::Plain);
        assert!(compilation.diagnostics.is_empty(), "{report}");
        let module = compilation.module.expect("no diagnostics, so a module");
        kernels.extend(reflect::reflect(&module).into_iter().map(|k| ((*shader, k.name.clone()), k)));
    }
    kernels
}

#[test]
fn every_kernel_has_a_row_and_every_row_a_kernel() {
    let in_shaders: BTreeSet<_> = kernels(true, &[]).into_keys().collect();
    let versions: Vec<_> =
        TABLE.iter().flat_map(|row| row.precisions().iter().map(move |p| (row, *p))).collect();
    let in_table: BTreeSet<_> =
        versions.iter().map(|(row, p)| (row.shader, row.kernel_name(*p).into_owned())).collect();
    assert_eq!(in_shaders, in_table);
    assert_eq!(in_table.len(), versions.len(), "a kernel has two rows");
    for (row, precision) in versions {
        let name = row.kernel_name(precision);
        assert_eq!(BitNetShaderFunction::version_from_name(&name), Some((row.function, precision)));
    }
}

#[test]
fn rows_come_in_the_order_of_their_variants() {
    for (place, row) in TABLE.iter().enumerate() {
        assert_eq!(row.function as usize, place, "{}", row.name);
        assert_eq!(row.function.row().name, row.name);
        assert_eq!(BitNetShaderFunction::from_name(row.name), Some(row.function));
    }
    assert_eq!(BitNetShaderFunction::from_name("no_such_kernel"), None);
}

#[test]
fn rows_say_what_the_shaders_say() {
    for defines in [&[][..], &["BITNET_NO_SIMDGROUP_REDUCTIONS"]] {
        let kernels = kernels(false, defines);
        for row in TABLE {
            for &precision in row.precisions() {
                let name = row.kernel_name(precision).into_owned();
                check_row(row, precision, &kernels[&(row.shader, name)]);
            }
        }
    }
}

fn check_row(row: &KernelRow, precision: Precision, kernel: &KernelInfo) {
    let buffers: Vec<&ParamInfo> =
        kernel.params.iter().filter(|param| param.source == ParamSource::Buffer).collect();
    let indices: Vec<_> = buffers.iter().map(|param| param.index).collect();
    let expected: Vec<_> = row.params.iter().map(|param| Some(param.index)).collect();
    assert_eq!(indices, expected, "{}", row.name);
    for (param, info) in row.params.iter().zip(buffers) {
        check_param(precision, param, info, kernel);
    }
    let structs = row.params.iter().filter(|p| matches!(p.kind, ParamKind::Constants(_)));
    assert_eq!(structs.count(), 1, "{}", row.name);
}

fn check_param(precision: Precision, param: &Param, info: &ParamInfo, kernel: &KernelInfo) {
    let place = format!("{}, parameter {} ('{}')", kernel.name, param.index, param.name);
    assert_eq!(param.name, info.name, "{place}");
    match &param.kind {
        ParamKind::Buffer { element, access, .. } => {
            assert_eq!(info.space, Some("device"), "{place}");
            assert!(!info.is_reference, "{place}");
            assert_eq!(info.is_const, matches!(access, Access::Read | Access::Scratch(_)), "{place}");
            assert_eq!(info.element, ElementInfo::Scalar(element.scalar(precision)), "{place}");
        }
        ParamKind::Constants(layout) => {
            assert_eq!(info.space, Some("constant"), "{place}");
            assert!(info.is_reference, "{place}");
            check_layout(&place, layout, kernel);
        }
    }
}

fn check_layout(place: &str, layout: &StructLayout, kernel: &KernelInfo) {
    let info = kernel.struct_named(layout.name).unwrap_or_else(|| panic!("{place}: no {}", layout.name));
    let seen: Vec<_> = info
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.offset_bytes as usize, field.element.clone()))
        .collect();
    let stated: Vec<_> = layout
        .fields
        .iter()
        .map(|field| {
            (field.name, field.offset_bytes, ElementInfo::Scalar(field.element.scalar(Precision::Single)))
        })
        .collect();
    assert_eq!(seen, stated, "{place}");
    assert_eq!(info.size_bytes as usize, layout.size_bytes, "{place}");
    let packed: u64 = layout.fields.iter().map(|field| field.element.size_bytes(Precision::Single)).sum();
    assert_eq!(packed, layout.size_bytes as u64, "{place}: padding");
    assert!(
        layout.fields.iter().all(|field| matches!(field.element, Element::F32 | Element::U32)),
        "{place}"
    );
}

/// The folder is the list of what is built in, and no header is there that no shader includes.
#[test]
fn every_file_of_the_shaders_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/metal/shaders");
    let name = |entry: io::Result<DirEntry>| entry.expect("it can be read").file_name().into_string();
    let files: Vec<_> =
        fs::read_dir(folder).expect("it is there").map(|entry| name(entry).expect("UTF-8")).collect();
    let files: BTreeSet<_> = files.into_iter().filter(|name| name != "README.md").collect();
    let shaders = SHADERS.iter().map(|(name, _)| format!("{name}.metal"));
    let built_in: BTreeSet<_> = shaders.chain(HEADERS.iter().map(|(name, _)| (*name).to_owned())).collect();
    assert_eq!(files, built_in);
    for (header, _) in HEADERS {
        let line = format!("#include \"{header}\"");
        assert!(SHADERS.iter().any(|(_, text)| text.lines().any(|l| l == line)), "nobody includes {header}");
    }
}
