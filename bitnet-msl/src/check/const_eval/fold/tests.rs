//! Folding of values that a builder made.

use super::*;
use crate::check::builder::FunctionBuilder;
use crate::ir::{AddressSpace, BinaryOp, GlobalId, MathFn, Precision};
use crate::source::Span;

const SPAN: Span = Span { file: crate::source::FileId(0), lo: 0, hi: 0 };

#[track_caller]
fn check(build: impl FnOnce(&mut FunctionBuilder) -> Value, expect: Option<&[u8]>) {
    let mut builder = FunctionBuilder::new(TypeTable::default());
    let value = build(&mut builder);
    let bytes = fold(builder.function(), value, builder.type_table(), &[]);
    assert_eq!(bytes.as_deref(), expect);
}

fn float3(b: &mut FunctionBuilder, components: [f32; 3]) -> Value {
    let parts = components.map(|c| b.const_f32(c, SPAN)).to_vec();
    let ty = b.vector_type(Scalar::F32, 3);
    b.emit(Op::Compose(parts), ty, SPAN)
}

#[test]
fn scalars_fold_to_their_little_endian_bytes() {
    check(|b| b.const_i32(-2, SPAN), Some(&[0xfe, 0xff, 0xff, 0xff]));
    check(|b| b.const_scalar(Scalar::F16, 0x3c00, SPAN), Some(&[0x00, 0x3c]));
    check(|b| b.const_bool(true, SPAN), Some(&[1]));
}

#[test]
fn vectors_have_zero_padding() {
    let expect: Vec<u8> = [1f32, 2.0, 3.0, 0.0].iter().flat_map(|c| c.to_le_bytes()).collect();
    check(|b| float3(b, [1.0, 2.0, 3.0]), Some(&expect));
}

#[test]
fn structs_have_their_layout() {
    let build = |b: &mut FunctionBuilder| {
        let (short, int) = (b.scalar_type(Scalar::I16), b.scalar_type(Scalar::I32));
        let fields = vec![("a".to_string(), short), ("b".to_string(), int)];
        let id = b.types().add_struct("S".into(), fields, false).expect("the struct is small");
        let ty = b.types().intern(Type::Struct(id));
        let (a, c) = (b.const_scalar(Scalar::I16, 0x0102, SPAN), b.const_i32(0x0304_0506, SPAN));
        b.emit(Op::Compose(vec![a, c]), ty, SPAN)
    };
    check(build, Some(&[0x02, 0x01, 0, 0, 0x06, 0x05, 0x04, 0x03]));
}

#[test]
fn arithmetic_works_by_component() {
    let build = |b: &mut FunctionBuilder| {
        let (x, y) = (float3(b, [1.0, 2.0, 3.0]), float3(b, [4.0, 5.0, 6.0]));
        let sum = b.binary(BinaryOp::Add, x, y, SPAN);
        let pair = b.vector_type(Scalar::F32, 2);
        let swapped = b.emit(Op::Swizzle(sum, [2, 0, 0, 0]), pair, SPAN);
        let ints = b.vector_type(Scalar::U8, 2);
        b.emit(Op::Convert(swapped), ints, SPAN)
    };
    check(build, Some(&[9, 5]));
}

#[test]
fn parts_are_taken_out_and_put_in() {
    let build = |b: &mut FunctionBuilder| {
        let ty = b.vector_type(Scalar::U8, 4);
        let zero = b.zero(ty, SPAN);
        let one = b.const_scalar(Scalar::U8, 7, SPAN);
        let changed = b.emit(Op::Insert(zero, one, 2), ty, SPAN);
        let part = b.extract(changed, 2, SPAN);
        let spread = b.splat(part, ty, SPAN);
        b.binary(BinaryOp::Sub, spread, changed, SPAN)
    };
    check(build, Some(&[7, 7, 0, 7]));
}

#[test]
fn functions_and_casts_of_bits_fold() {
    let build = |b: &mut FunctionBuilder| {
        let (float, uint) = (b.scalar_type(Scalar::F32), b.scalar_type(Scalar::U32));
        let nine = b.const_f32(9.0, SPAN);
        let root = b.emit(Op::Math(MathFn::Sqrt, Precision::Fast, vec![nine]), float, SPAN);
        b.emit(Op::Bitcast(root), uint, SPAN)
    };
    check(build, Some(&3f32.to_le_bytes()));
}

#[test]
fn run_time_values_do_not_fold() {
    let build = |b: &mut FunctionBuilder| {
        let int = b.scalar_type(Scalar::I32);
        let unknown = b.emit(Op::Param(0), int, SPAN);
        let one = b.const_i32(1, SPAN);
        b.binary(BinaryOp::Add, unknown, one, SPAN)
    };
    check(build, None);
}

#[test]
fn division_of_integers_by_zero_is_not_constant() {
    for op in [BinaryOp::Div, BinaryOp::Rem] {
        let divide = |b: &mut FunctionBuilder, by| {
            let (one, by) = (b.const_i32(1, SPAN), b.const_i32(by, SPAN));
            b.binary(op, one, by, SPAN)
        };
        check(|b| divide(b, 0), None);
        check(|b| divide(b, 1), Some(&i32::from(op == BinaryOp::Div).to_le_bytes()));
    }
}

#[test]
fn constant_globals_are_read_through_their_address() {
    let mut b = FunctionBuilder::new(TypeTable::default());
    let elem = b.scalar_type(Scalar::U16);
    let array = b.types().intern(Type::Array { elem, len: 3 });
    let kind = GlobalKind::Constant(vec![1, 0, 2, 0, 3, 1]);
    let globals = [Global { name: "g".into(), ty: array, kind, span: SPAN }];
    let ptr = b.pointer_type(AddressSpace::Constant, array, true);
    let address = b.emit(Op::GlobalAddr(GlobalId(0)), ptr, SPAN);
    let value_at = |b: &mut FunctionBuilder, index| {
        let index = b.const_i32(index, SPAN);
        let part = b.element_addr(address, index, SPAN);
        let value = b.load(part, SPAN);
        fold(b.function(), value, b.type_table(), &globals)
    };
    assert_eq!(value_at(&mut b, 2), Some(vec![3, 1]));
    assert_eq!(value_at(&mut b, 3), None, "past the end");
    assert_eq!(value_at(&mut b, -1), None, "before the start");
    assert_eq!(fold(b.function(), address, b.type_table(), &globals), None, "an address has no bytes");
}

#[test]
fn long_chains_do_not_overflow_the_stack() {
    let build = |b: &mut FunctionBuilder| {
        let one = b.const_i32(1, SPAN);
        (0..200_000).fold(one, |sum, _| b.binary(BinaryOp::Add, sum, one, SPAN))
    };
    check(build, Some(&200_001i32.to_le_bytes()));
}
