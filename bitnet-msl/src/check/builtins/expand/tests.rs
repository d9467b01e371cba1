//! Expansion: every row gives IR that the verifier accepts, and the composite ones compute what they say.

use super::super::resolve::{ArgType, resolve};
use super::super::signature::{BuiltinFamily, Class, Overloads, Shape, Signature, Slot};
use super::super::table::TABLE;
use super::super::{lookup, names::BuiltinEnum};
use super::*;
use crate::ir::{AddressSpace, Function, Module, Stmt, TypeTable, verify};

/// An argument that a slot takes, for a `T`.
fn sample(builder: &mut FunctionBuilder, slot: Slot, t: Shape) -> ArgType {
    let Shape { elem, len, .. } = t;
    let value = match slot {
        Slot::T => type_of_shape(builder, t),
        Slot::OutT | Slot::SameSize => builder.vector_type(elem, len),
        Slot::BoolOf => builder.vector_type(Scalar::Bool, len),
        Slot::IntOf | Slot::OutInt => builder.vector_type(Scalar::I32, len),
        Slot::Elem => builder.scalar_type(elem),
        Slot::Bool => builder.scalar_type(Scalar::Bool),
        Slot::Ushort => builder.scalar_type(Scalar::U16),
        Slot::Uint => builder.scalar_type(Scalar::U32),
        Slot::MemFlags | Slot::MemoryOrder => {
            let enumeration = slot.enumeration().map_or(Scalar::I32, BuiltinEnum::scalar);
            builder.scalar_type(enumeration)
        }
        Slot::PtrT => {
            let pointee = builder.vector_type(elem, len);
            builder.pointer_type(AddressSpace::Thread, pointee, false)
        }
        Slot::AtomicPtr | Slot::ConstAtomicPtr | Slot::DeviceAtomicPtr => {
            let pointee = builder.types().intern(Type::Atomic(elem));
            builder.pointer_type(AddressSpace::Device, pointee, false)
        }
        Slot::UnsignedOf | Slot::Transposed | Slot::SimdVote | Slot::QuadVote | Slot::Void => {
            unreachable!("results only")
        }
    };
    let place = matches!(slot, Slot::OutT | Slot::OutInt).then_some((AddressSpace::Thread, false));
    ArgType { place, enumeration: slot.enumeration(), ..ArgType::value(value) }
}

fn type_of_shape(builder: &mut FunctionBuilder, Shape { elem, len, cols }: Shape) -> TypeId {
    match cols {
        1 => builder.vector_type(elem, len),
        _ => builder.types().intern(Type::Matrix { elem, cols, rows: len }),
    }
}

/// A function that calls the built-in with its parameters as arguments.
fn function_calling(family: &BuiltinFamily, signature: &Signature, t: Shape) -> (Function, TypeTable) {
    let mut builder = FunctionBuilder::new(TypeTable::default());
    let span = Span::default();
    let args: Vec<_> = signature.params.iter().map(|&slot| sample(&mut builder, slot, t)).collect();
    let t_type = type_of_shape(&mut builder, t);
    let template_args = if signature.class == Class::Bits { vec![t_type] } else { vec![] };
    let resolved = resolve(family, Overloads::All, &template_args, &args, builder.types())
        .unwrap_or_else(|e| panic!("{} takes {t:?}: {e:?}", family.name));

    let params: Vec<_> = resolved.params.iter().map(|p| p.ty).collect();
    let outer = builder.begin_function(family.name.into(), params.clone(), resolved.result, span);
    let mut values = Vec::new();
    for (index, (&ty, slot)) in params.iter().zip(signature.params).enumerate() {
        values.push(match slot {
            Slot::MemFlags => builder.emit(Op::Const(2), ty, span),
            _ => builder.emit(Op::Param(index as u32), ty, span),
        });
    }
    let result = expand(&mut builder, &resolved, &values, Precision::Precise, span)
        .unwrap_or_else(|e| panic!("{} expands: {e:?}", family.name));
    let is_void = builder.type_table().get(resolved.result) == Type::Void;
    assert!(is_void || builder.type_of(result) == resolved.result, "{} gives its result type", family.name);
    builder.push_stmt(Stmt::Return((!is_void).then_some(result), span));
    let function = builder.finish_function(outer);
    (function, builder.into_types())
}

#[test]
fn every_row_expands_to_verified_ir_for_every_type_of_its_class() {
    let mut calls = 0;
    for family in TABLE {
        for signature in family.signatures {
            let class = signature.class;
            let fixed = [Shape { elem: Scalar::Bool, len: 1, cols: 1 }];
            let lens = || class.lens().iter().flat_map(|&len| (1..=4).map(move |cols| (len, cols)));
            let of_class: Vec<_> = class
                .scalars()
                .iter()
                .flat_map(|&elem| lens().map(move |(len, cols)| Shape { elem, len, cols }))
                .filter(|&t| class.holds(t))
                .collect();
            for &t in if class == Class::Fixed { &fixed[..] } else { &of_class[..] } {
                let (function, types) = function_calling(family, signature, t);
                let module = Module { types, functions: vec![function], ..Module::default() };
                verify::verify(&module).unwrap_or_else(|e| panic!("{} of {t:?}: {e}", family.name));
                calls += 1;
            }
        }
    }
    assert!(calls > 1000, "only {calls} calls were tried");
}

/// Expands a call with `float` or `floatN` constants and folds the result's components.
fn compute(name: &str, precision: Precision, args: &[&[f32]]) -> Vec<f32> {
    let mut builder = FunctionBuilder::new(TypeTable::default());
    let span = Span::default();
    let mut values = Vec::new();
    for components in args {
        let parts: Vec<_> = components.iter().map(|&c| builder.const_f32(c, span)).collect();
        let ty = builder.vector_type(Scalar::F32, components.len() as u8);
        values.push(if parts.len() == 1 { parts[0] } else { builder.emit(Op::Compose(parts), ty, span) });
    }
    let arg_types: Vec<_> = values.iter().map(|&v| ArgType::value(builder.type_of(v))).collect();
    let family = lookup(name).expect("the table has the function");
    let resolved =
        resolve(family, Overloads::All, &[], &arg_types, builder.types()).expect("the arguments fit exactly");
    let result = expand(&mut builder, &resolved, &values, precision, span).expect("no flags are involved");
    let bytes = const_eval::fold(builder.function(), result, builder.type_table(), &[]);
    let bytes = bytes.unwrap_or_else(|| panic!("{name} of constants folds"));
    let len = match builder.type_table().get(resolved.result) {
        Type::Vector { len, .. } => usize::from(len),
        _ => 1,
    };
    let chunks = bytes.chunks_exact(4).take(len);
    chunks.map(|c| f32::from_le_bytes(c.try_into().expect("chunks have four bytes"))).collect()
}

#[track_caller]
fn check(name: &str, args: &[&[f32]], expect: &[f64]) {
    for precision in [Precision::Fast, Precision::Precise] {
        let result = compute(name, precision, args);
        let close = |(got, want): (&f32, &f64)| (f64::from(*got) - want).abs() <= 1e-6 * want.abs().max(1.0);
        assert!(
            result.len() == expect.len() && result.iter().zip(expect).all(close),
            "{name}{args:?} gave {result:?}, not {expect:?}"
        );
    }
}

#[test]
fn geometric_functions_compute_their_formulas() {
    let (a, b): (&[f32], &[f32]) = (&[1.0, -2.0, 3.0], &[0.5, 4.0, -1.0]);
    check("dot", &[a, b], &[-10.5]);
    check("length", &[a], &[14f64.sqrt()]);
    check("length_squared", &[a], &[14.0]);
    check("distance", &[a, b], &[(0.25f64 + 36.0 + 16.0).sqrt()]);
    check("distance_squared", &[a, b], &[52.25]);
    check("cross", &[a, b], &[2.0 - 12.0, 1.5 + 1.0, 4.0 + 1.0]);
    let n = 14f64.sqrt();
    check("normalize", &[a], &[1.0 / n, -2.0 / n, 3.0 / n]);
    check("reflect", &[&[1.0, -1.0], &[0.0, 1.0]], &[1.0, 1.0]);
    check("faceforward", &[&[0.0, 1.0], &[0.0, 1.0], &[0.0, 1.0]], &[0.0, -1.0]);
    check("faceforward", &[&[0.0, 1.0], &[0.0, -1.0], &[0.0, 1.0]], &[0.0, 1.0]);
}

#[test]
fn refraction_follows_snells_law_and_ends_at_total_reflection() {
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let cos_out = (1.0f64 - 0.25 * 0.5).sqrt();
    check("refract", &[&[half, -half], &[0.0, 1.0], &[0.5]], &[0.5 * f64::from(half), -cos_out]);
    check("refract", &[&[half, -half], &[0.0, 1.0], &[2.0]], &[0.0, 0.0]);
}

#[test]
fn common_functions_compute_their_formulas() {
    check("clamp", &[&[2.0], &[0.0], &[1.5]], &[1.5]);
    check("clamp", &[&[-2.0, 0.5], &[0.0, 0.0], &[1.0, 1.0]], &[0.0, 0.5]);
    check("saturate", &[&[-0.5]], &[0.0]);
    check("saturate", &[&[7.0, 0.25]], &[1.0, 0.25]);
    check("mix", &[&[1.0], &[3.0], &[0.25]], &[1.5]);
    check("step", &[&[0.5], &[0.4]], &[0.0]);
    check("step", &[&[0.5], &[0.5]], &[1.0]);
    check("smoothstep", &[&[0.0], &[2.0], &[0.5]], &[0.0625 * (3.0 - 0.5)]);
    check("smoothstep", &[&[0.0], &[2.0], &[5.0]], &[1.0]);
    check("divide", &[&[1.0], &[4.0]], &[0.25]);
}

#[test]
fn three_way_functions_order_their_arguments() {
    for args in [[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [2.0, 3.0, 1.0], [3.0, 2.0, 1.0], [2.0, 1.0, 3.0]] {
        let args: [&[f32]; 3] = [&args[..1], &args[1..2], &args[2..]];
        check("min3", &args, &[1.0]);
        check("median3", &args, &[2.0]);
        check("fmedian3", &args, &[2.0]);
        check("max3", &args, &[3.0]);
    }
}

/// Expands `f(x, out)` and folds the result and what is stored, in double precision.
fn compute_out(name: &str, x: f32, out: Scalar) -> (f64, f64) {
    let mut builder = FunctionBuilder::new(TypeTable::default());
    let span = Span::default();
    let (float, out_type) = (builder.scalar_type(Scalar::F32), builder.scalar_type(out));
    let outer = builder.begin_function(name.into(), vec![], float, span);
    let x = builder.const_f32(x, span);
    let address = builder.new_local_addr("out", out_type, span);
    let place = Some((AddressSpace::Thread, false));
    let args = [ArgType::value(float), ArgType { place, ..ArgType::value(out_type) }];
    let family = lookup(name).expect("the table has the function");
    let resolved =
        resolve(family, Overloads::All, &[], &args, builder.types()).expect("the arguments fit exactly");
    let result = expand(&mut builder, &resolved, &[x, address], Precision::Precise, span).expect("no flags");
    let function = builder.finish_function(outer);

    let stored = function.body.0.iter().find_map(|stmt| match stmt {
        Stmt::Store { ptr, value, .. } if *ptr == address => Some(*value),
        _ => None,
    });
    let stored = stored.unwrap_or_else(|| panic!("{name} stores to its second argument"));
    let number = |value: Value| {
        let Type::Scalar(scalar) = builder.type_table().get(function.inst(value).ty) else {
            panic!("scalars")
        };
        let bytes =
            const_eval::fold(&function, value, builder.type_table(), &[]).expect("the operands are constant");
        let bits = u64::from(u32::from_le_bytes(bytes.try_into().expect("float and int have four bytes")));
        ConstValue { scalar, bits }.as_f64()
    };
    (number(result), number(stored))
}

#[test]
fn second_results_go_to_the_reference() {
    let frexp = |x| compute_out("frexp", x, Scalar::I32);
    assert_eq!(frexp(10.0), (0.625, 4.0));
    assert_eq!(frexp(-0.5), (-0.5, 0.0));
    assert_eq!(frexp(1.0), (0.5, 1.0));
    assert_eq!(frexp(f32::from_bits(1)), (0.5, -148.0));
    assert_eq!(frexp(0.0), (0.0, 0.0));
    assert_eq!(frexp(f32::INFINITY), (f64::INFINITY, 0.0));

    let modf = |x| compute_out("modf", x, Scalar::F32);
    assert_eq!(modf(2.75), (0.75, 2.0));
    assert_eq!(modf(-2.75), (-0.75, -2.0));
    assert_eq!(modf(f32::NEG_INFINITY), (0.0, f64::NEG_INFINITY));
    assert!(modf(-3.0).0.is_sign_negative());

    let (sine, cosine) = compute_out("sincos", 0.5, Scalar::F32);
    assert!((sine - 0.5f64.sin()).abs() < 1e-7 && (cosine - 0.5f64.cos()).abs() < 1e-7);
}

#[test]
fn relational_functions_join_components() {
    let compute = |name: &str, components: &[bool]| {
        let mut builder = FunctionBuilder::new(TypeTable::default());
        let span = Span::default();
        let parts: Vec<_> = components.iter().map(|&c| builder.const_bool(c, span)).collect();
        let ty = builder.vector_type(Scalar::Bool, parts.len() as u8);
        let value = builder.emit(Op::Compose(parts), ty, span);
        let family = lookup(name).expect("the table has the function");
        let resolved = resolve(family, Overloads::All, &[], &[ArgType::value(ty)], builder.types())
            .expect("a bool vector fits");
        let result = expand(&mut builder, &resolved, &[value], Precision::Fast, span).expect("no flags");
        const_eval::fold(builder.function(), result, builder.type_table(), &[]) == Some(vec![1])
    };
    for bits in 0..16u8 {
        let components = [0, 1, 2, 3].map(|i| bits >> i & 1 == 1);
        assert_eq!(compute("all", &components), bits == 15, "all{components:?}");
        assert_eq!(compute("any", &components), bits != 0, "any{components:?}");
    }
}

#[test]
fn barriers_read_their_flags_from_constants() {
    let mut builder = FunctionBuilder::new(TypeTable::default());
    let span = Span::default();
    let uint = builder.scalar_type(Scalar::U32);
    let flags = ArgType { enumeration: Some(BuiltinEnum::MemFlags), ..ArgType::value(uint) };
    let family = lookup("threadgroup_barrier").expect("the table has the function");
    let resolved = resolve(family, Overloads::All, &[], &[flags], builder.types()).expect("flags fit");

    let (device, threadgroup) = (builder.const_u32(1, span), builder.const_u32(2, span));
    let both = builder.binary(BinaryOp::Or, device, threadgroup, span);
    let barrier =
        expand(&mut builder, &resolved, &[both], Precision::Fast, span).expect("flags are constant");
    let Op::Barrier(_, flags) = builder.inst(barrier).op else { panic!("a barrier is one op") };
    assert!(flags.device && flags.threadgroup);

    let unknown = builder.emit(Op::Param(0), uint, span);
    let result = expand(&mut builder, &resolved, &[unknown], Precision::Fast, span);
    assert_eq!(result, Err(ExpandError::FlagsNotConstant));
}
