//! Reflection of a module made by hand.

use super::*;
use crate::check::builder::FunctionBuilder;
use crate::ir::{FuncId, Global, KernelParam, ThreadAttribute};
use crate::source::Span;

const SPAN: Span = Span { file: crate::source::FileId(0), lo: 0, hi: 0 };

/// `kernel void k(device const packed_float3 *x, constant Params &p, device atomic_uint *n,
/// threadgroup float *scratch, uint2 i)` with two threadgroup variables, one of them in a helper.
fn module() -> Module {
    let mut b = FunctionBuilder::new(TypeTable::default());
    let (float, short, uint, void) =
        (b.scalar_type(Scalar::F32), b.scalar_type(Scalar::I16), b.scalar_type(Scalar::U32), b.void_type());
    let float3 = b.vector_type(Scalar::F32, 3);
    let inner = b.types().add_struct("Inner".into(), vec![("s".into(), short)], false).expect("small");
    let inner = b.types().intern(Type::Struct(inner));
    let pair = b.types().intern(Type::Array { elem: inner, len: 2 });
    let fields = vec![("n".into(), uint), ("pair".into(), pair), ("scale".into(), float3)];
    let params = b.types().add_struct("Params".into(), fields, false).expect("small");
    let params = b.types().intern(Type::Struct(params));
    let packed = b.types().intern(Type::Vector { elem: Scalar::F32, len: 3, packed: true });
    let atomic = b.types().intern(Type::Atomic(Scalar::U32));
    let uint2 = b.vector_type(Scalar::U32, 2);
    let tile = b.types().intern(Type::Array { elem: float, len: 8 });

    let types = vec![
        b.pointer_type(AddressSpace::Device, packed, true),
        b.pointer_type(AddressSpace::Constant, params, false),
        b.pointer_type(AddressSpace::Device, atomic, false),
        b.pointer_type(AddressSpace::Threadgroup, float, false),
        uint2,
    ];
    let (flag_ptr, tile_ptr) = (
        b.pointer_type(AddressSpace::Threadgroup, short, false),
        b.pointer_type(AddressSpace::Threadgroup, tile, false),
    );
    let outer = b.begin_function("k".into(), types.clone(), void, SPAN);
    b.emit(Op::GlobalAddr(GlobalId(0)), flag_ptr, SPAN);
    b.emit(Op::Call(FuncId(1), vec![]), void, SPAN);
    let kernel = b.finish_function(outer);
    let outer = b.begin_function("helper".into(), vec![], void, SPAN);
    b.emit(Op::GlobalAddr(GlobalId(1)), tile_ptr, SPAN);
    let helper = b.finish_function(outer);

    let global = |name: &str, ty| Global { name: name.into(), ty, kind: GlobalKind::Threadgroup, span: SPAN };
    let bindings = [
        Binding::Buffer { index: 0, is_reference: false },
        Binding::Buffer { index: 3, is_reference: true },
        Binding::Buffer { index: 1, is_reference: false },
        Binding::Threadgroup { index: 0 },
        Binding::Attribute(ThreadAttribute::ThreadPositionInGrid),
    ];
    let params = ["x", "p", "n", "scratch", "i"].iter().zip(types).zip(bindings);
    let params =
        params.map(|((name, ty), binding)| KernelParam { name: name.to_string(), ty, binding, span: SPAN });
    let kernel_row = Kernel {
        name: "k".into(),
        function: FuncId(0),
        params: params.collect(),
        max_total_threads_per_threadgroup: Some(64),
        span: SPAN,
    };
    Module {
        types: b.into_types(),
        functions: vec![kernel, helper],
        globals: vec![global("flag", short), global("tile", tile), global("unused", tile)],
        kernels: vec![kernel_row],
        ..Module::default()
    }
}

fn info() -> KernelInfo {
    let module = module();
    crate::ir::verify::verify(&module).unwrap_or_else(|e| panic!("{e}"));
    reflect(&module).remove(0)
}

#[test]
fn parameters_say_where_they_come_from_and_what_they_hold() {
    let info = info();
    let summary: Vec<_> = info
        .params
        .iter()
        .map(|p| (p.name.as_str(), p.type_name.as_str(), p.source, p.index, p.space, p.access, p.size_bytes))
        .collect();
    use Access::{Read, ReadWrite};
    use ParamSource::{Attribute, Buffer, Threadgroup};
    let expect = [
        ("x", "device const packed_float3 *", Buffer, Some(0), Some("device"), Read, 12),
        ("p", "constant Params &", Buffer, Some(3), Some("constant"), Read, 32),
        ("n", "device atomic_uint *", Buffer, Some(1), Some("device"), ReadWrite, 4),
        ("scratch", "threadgroup float *", Threadgroup, Some(0), Some("threadgroup"), ReadWrite, 4),
        ("i", "uint2", Attribute, None, None, Read, 8),
    ];
    assert_eq!(summary, expect);
    assert_eq!(info.params[0].element, ElementInfo::Vector { elem: Scalar::F32, len: 3, packed: true });
    assert_eq!(info.params[1].element, ElementInfo::Struct("Params".into()));
    assert_eq!(info.params[2].element, ElementInfo::Atomic(Scalar::U32));
    assert!(info.params[1].is_reference && info.params[1].is_const);
    assert_eq!(info.params[4].attribute, Some(ThreadAttribute::ThreadPositionInGrid));
    assert_eq!(info.buffer(3).map(|p| p.name.as_str()), Some("p"));
    assert_eq!(info.dynamic_threadgroup().count(), 1);
}

#[test]
fn struct_layouts_have_offsets_sizes_and_alignments() {
    let info = info();
    let names: Vec<_> = info.structs.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["Inner", "Params"], "inner structs come first");
    let params = info.struct_named("Params").expect("the kernel takes Params");
    assert_eq!((params.size_bytes, params.align_bytes), (32, 16));
    let fields: Vec<_> = params
        .fields
        .iter()
        .map(|f| (f.name.as_str(), f.type_name.as_str(), f.offset_bytes, f.size_bytes, f.align_bytes))
        .collect();
    assert_eq!(
        fields,
        [("n", "uint", 0, 4, 4), ("pair", "Inner[2]", 4, 4, 2), ("scale", "float3", 16, 16, 16)]
    );
}

#[test]
fn threadgroup_memory_counts_what_the_kernel_reaches() {
    let info = info();
    assert_eq!(info.threadgroup_bytes, 36, "a short, padding to 4, eight floats; the unused tile not");
    assert_eq!(info.max_total_threads, Some(64));
}
