//! Golden IR before and after promotion; every result is verified.

use super::super::print::print_function;
use super::super::{Block, CompareOp, Module, Op, Scalar, Stmt, Type, TypeTable, Value, verify};
use super::promote;
use crate::check::builder::FunctionBuilder;
use crate::source::Span;

const SPAN: Span = Span { file: crate::source::FileId(0), lo: 0, hi: 0 };

/// Builds `int f(int)` with `build`, promotes it, verifies it and prints it.
fn promoted(build: impl FnOnce(&mut FunctionBuilder, Value) -> Value) -> String {
    let mut b = FunctionBuilder::new(TypeTable::default());
    let int = b.scalar_type(Scalar::I32);
    let outer = b.begin_function("f".into(), vec![int], int, SPAN);
    let param = b.emit(Op::Param(0), int, SPAN);
    let result = build(&mut b, param);
    b.push_stmt(Stmt::Return(Some(result), SPAN));
    let function = b.finish_function(outer);
    let mut module = Module { types: b.into_types(), functions: vec![function], ..Module::default() };
    verify::verify(&module).unwrap_or_else(|e| panic!("before: {e}"));
    promote(&mut module.functions[0], &module.types);
    let text = print_function(&module.functions[0], &module.types);
    verify::verify(&module).unwrap_or_else(|e| panic!("after: {e}\n{text}"));

    let mut again = module.functions[0].clone();
    promote(&mut again, &module.types);
    assert_eq!(print_function(&again, &module.types), text, "promotion of the promoted changes nothing");
    text
}

fn struct_type(b: &mut FunctionBuilder, is_union: bool) -> crate::ir::TypeId {
    let (int, float2) = (b.scalar_type(Scalar::I32), b.vector_type(Scalar::F32, 2));
    let array = b.types().intern(Type::Array { elem: int, len: 2 });
    let fields = vec![("n".to_string(), int), ("v".to_string(), float2), ("a".to_string(), array)];
    let id = b.types().add_struct("S".into(), fields, is_union).expect("the struct is small");
    b.types().intern(Type::Struct(id))
}

#[test]
fn a_scalar_in_a_loop_becomes_a_value() {
    let text = promoted(|b, n| {
        let int = b.type_of(n);
        let i = b.new_local_addr("i", int, SPAN);
        let zero = b.const_i32(0, SPAN);
        b.store(i, zero, SPAN);
        b.begin_block();
        let now = b.load(i, SPAN);
        let done = b.compare(CompareOp::Ge, now, n, SPAN);
        let then = Block(vec![Stmt::Break]);
        b.push_stmt(Stmt::If { cond: done, then, other: Block::default(), span: SPAN });
        let body = b.end_block();
        b.begin_block();
        let now = b.load(i, SPAN);
        let one = b.const_i32(1, SPAN);
        let next = b.binary(crate::ir::BinaryOp::Add, now, one, SPAN);
        b.store(i, next, SPAN);
        let continuing = b.end_block();
        b.push_stmt(Stmt::Loop { body, continuing, span: SPAN });
        b.load(i, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      local l0 i: int
      %0: int = param 0
      %1: int = const 0
      l0 = %1
      loop {
        %2: int = local_get l0
        %3: bool = ge %2, %0
        if %3 {
          break
        }
      } continuing {
        %4: int = local_get l0
        %5: int = const 1
        %6: int = add %4, %5
        l0 = %6
      }
      %7: int = local_get l0
      return %7
    }
    ");
}

#[test]
fn members_and_elements_become_locals_of_their_own() {
    let text = promoted(|b, n| {
        let ty = struct_type(b, false);
        let s = b.new_local_addr("s", ty, SPAN);
        let zero = b.zero(ty, SPAN);
        b.store(s, zero, SPAN);
        let member = b.field_addr(s, 0, SPAN);
        b.store(member, n, SPAN);
        let array = b.field_addr(s, 2, SPAN);
        let one = b.const_i32(1, SPAN);
        let element = b.element_addr(array, one, SPAN);
        let old = b.load(member, SPAN);
        b.store(element, old, SPAN);
        b.load(element, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      %0: int = param 0
      return %0
    }
    ");
}

#[test]
fn whole_aggregates_are_taken_apart_and_put_together() {
    let text = promoted(|b, n| {
        let ty = struct_type(b, false);
        let (s, t) = (b.new_local_addr("s", ty, SPAN), b.new_local_addr("t", ty, SPAN));
        let zero = b.zero(ty, SPAN);
        b.store(s, zero, SPAN);
        let member = b.field_addr(s, 0, SPAN);
        b.store(member, n, SPAN);
        let whole = b.load(s, SPAN);
        b.store(t, whole, SPAN);
        let (member, array) = (b.field_addr(t, 0, SPAN), b.field_addr(t, 2, SPAN));
        let (n, pair) = (b.load(member, SPAN), b.load(array, SPAN));
        let last = b.extract(pair, 1, SPAN);
        b.binary(crate::ir::BinaryOp::Add, n, last, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      %0: int = param 0
      %1: int = zero
      %2: int = zero
      %3: int[2] = compose %1, %2
      %4: int = extract %3, 1
      %5: int = add %0, %4
      return %5
    }
    ");
}

#[test]
fn components_are_inserted_and_extracted() {
    let text = promoted(|b, n| {
        let ty = b.vector_type(Scalar::I32, 4);
        let v = b.new_local_addr("v", ty, SPAN);
        let zero = b.zero(ty, SPAN);
        b.store(v, zero, SPAN);
        let two = b.const_i32(2, SPAN);
        let component = b.element_addr(v, two, SPAN);
        b.store(component, n, SPAN);
        let any = b.element_addr(v, n, SPAN);
        let (fixed, dynamic) = (b.load(component, SPAN), b.load(any, SPAN));
        b.binary(crate::ir::BinaryOp::Add, fixed, dynamic, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      %0: int = param 0
      %1: int4 = zero
      %2: int4 = insert %1, %0, 2
      %3: int = extract %2, 2
      %4: int = extract_dynamic %2, %0
      %5: int = add %3, %4
      return %5
    }
    ");
}

#[test]
fn matrix_elements_pass_through_their_column() {
    let text = promoted(|b, n| {
        let ty = b.types().intern(Type::Matrix { elem: Scalar::F32, cols: 2, rows: 3 });
        let m = b.new_local_addr("m", ty, SPAN);
        let zero = b.zero(ty, SPAN);
        b.store(m, zero, SPAN);
        let one = b.const_i32(1, SPAN);
        let column = b.element_addr(m, one, SPAN);
        let element = b.element_addr(column, one, SPAN);
        let value = b.const_f32(2.0, SPAN);
        b.store(element, value, SPAN);
        let back = b.load(element, SPAN);
        let int = b.type_of(n);
        b.emit(Op::Convert(back), int, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      %0: float2x3 = zero
      %1: float = const 2.0
      %2: float3 = extract %0, 1
      %3: float3 = insert %2, %1, 1
      %4: float2x3 = insert %0, %3, 1
      %5: float3 = extract %4, 1
      %6: float = extract %5, 1
      %7: int = convert %6
      return %7
    }
    ");
}

/// `build` must leave the variable in memory.
#[track_caller]
fn stays_in_memory(build: impl FnOnce(&mut FunctionBuilder, Value) -> Value) {
    let text = promoted(build);
    assert!(text.contains("local_addr") && !text.contains("local_get"), "{text}");
}

#[test]
fn arrays_with_a_run_time_index_stay_in_memory() {
    stays_in_memory(|b, n| {
        let int = b.type_of(n);
        let array = b.types().intern(Type::Array { elem: int, len: 4 });
        let a = b.new_local_addr("a", array, SPAN);
        let element = b.element_addr(a, n, SPAN);
        b.store(element, n, SPAN);
        b.load(element, SPAN)
    });
}

#[test]
fn indices_past_the_end_stay_in_memory_and_trap() {
    for index in [4, -1] {
        stays_in_memory(|b, n| {
            let int = b.type_of(n);
            let array = b.types().intern(Type::Array { elem: int, len: 4 });
            let a = b.new_local_addr("a", array, SPAN);
            let index = b.const_i32(index, SPAN);
            let element = b.element_addr(a, index, SPAN);
            b.load(element, SPAN)
        });
    }
}

#[test]
fn components_stored_by_run_time_index_stay_in_memory() {
    stays_in_memory(|b, n| {
        let ty = b.vector_type(Scalar::I32, 4);
        let v = b.new_local_addr("v", ty, SPAN);
        let component = b.element_addr(v, n, SPAN);
        b.store(component, n, SPAN);
        b.load(component, SPAN)
    });
}

#[test]
fn addresses_that_go_elsewhere_keep_the_variable_in_memory() {
    stays_in_memory(|b, n| {
        let int = b.type_of(n);
        let v = b.new_local_addr("v", int, SPAN);
        let ptr = b.type_of(v);
        let next = b.emit(Op::PtrAdd(v, n), ptr, SPAN);
        b.load(next, SPAN)
    });
    stays_in_memory(|b, n| {
        let int = b.type_of(n);
        let v = b.new_local_addr("v", int, SPAN);
        let cast = b.type_of(v);
        let same = b.emit(Op::PtrCast(v), cast, SPAN);
        b.store(same, n, SPAN);
        b.load(v, SPAN)
    });
}

#[test]
fn a_pointer_variable_with_one_target_is_seen_through() {
    let text = promoted(|b, n| {
        let int = b.type_of(n);
        let v = b.new_local_addr("v", int, SPAN);
        let ptr = b.type_of(v);
        let p = b.new_local_addr("p", ptr, SPAN);
        b.store(p, v, SPAN);
        let target = b.load(p, SPAN);
        b.store(target, n, SPAN);
        b.load(target, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      %0: int = param 0
      return %0
    }
    ");
}

#[test]
fn unions_and_long_arrays_stay_in_memory() {
    stays_in_memory(|b, n| {
        let ty = struct_type(b, true);
        let u = b.new_local_addr("u", ty, SPAN);
        let member = b.field_addr(u, 0, SPAN);
        b.store(member, n, SPAN);
        b.load(member, SPAN)
    });
    stays_in_memory(|b, n| {
        let int = b.type_of(n);
        let array = b.types().intern(Type::Array { elem: int, len: 65 });
        let a = b.new_local_addr("a", array, SPAN);
        let zero = b.const_i32(0, SPAN);
        let element = b.element_addr(a, zero, SPAN);
        b.store(element, n, SPAN);
        b.load(element, SPAN)
    });
}

#[test]
fn known_values_flow_into_branches_and_end_where_they_are_set() {
    let text = promoted(|b, n| {
        let int = b.type_of(n);
        let (v, w) = (b.new_local_addr("v", int, SPAN), b.new_local_addr("w", int, SPAN));
        b.store(v, n, SPAN);
        b.store(w, n, SPAN);
        let zero = b.const_i32(0, SPAN);
        let cond = b.compare(CompareOp::Gt, n, zero, SPAN);
        b.begin_block();
        let known = b.load(v, SPAN);
        let sum = b.binary(crate::ir::BinaryOp::Add, known, known, SPAN);
        b.store(v, sum, SPAN);
        let then = b.end_block();
        b.push_stmt(Stmt::If { cond, then, other: Block::default(), span: SPAN });
        let (unknown, again, known) = (b.load(v, SPAN), b.load(v, SPAN), b.load(w, SPAN));
        let product = b.binary(crate::ir::BinaryOp::Mul, unknown, again, SPAN);
        b.binary(crate::ir::BinaryOp::Sub, product, known, SPAN)
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      local l0 v: int
      %0: int = param 0
      l0 = %0
      %1: int = const 0
      %2: bool = gt %0, %1
      if %2 {
        %3: int = add %0, %0
        l0 = %3
      }
      %4: int = local_get l0
      %5: int = mul %4, %4
      %6: int = sub %5, %0
      return %6
    }
    ");
}

#[test]
fn copies_of_aggregates_are_taken_apart_only_within_a_budget() {
    let text = promoted(|b, n| {
        let int = b.type_of(n);
        let array = b.types().intern(Type::Array { elem: int, len: 64 });
        let (a, c) = (b.new_local_addr("a", array, SPAN), b.new_local_addr("c", array, SPAN));
        let zero = b.zero(array, SPAN);
        b.store(a, zero, SPAN);
        for _ in 0..1000 {
            let whole = b.load(a, SPAN);
            b.store(c, whole, SPAN);
            let whole = b.load(c, SPAN);
            b.store(a, whole, SPAN);
        }
        n
    });
    assert!(text.lines().count() < 20_000, "{} lines", text.lines().count());
}

#[test]
fn unused_values_and_locals_are_dropped() {
    let text = promoted(|b, n| {
        let int = b.type_of(n);
        b.new_local("unused", int, SPAN);
        let one = b.const_i32(1, SPAN);
        b.binary(crate::ir::BinaryOp::Add, n, one, SPAN);
        n
    });
    insta::assert_snapshot!(text, @r"
    f(int) -> int {
      %0: int = param 0
      return %0
    }
    ");
}
