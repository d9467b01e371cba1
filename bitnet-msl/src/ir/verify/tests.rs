//! A sound module, and a table of breakages: each changes one thing and must be refused by its rule.

use super::*;
use crate::check::builder::FunctionBuilder;
use crate::ir::{
    AddressSpace, BarrierScope, BinaryOp, CompareOp, ConversionFlags, ConversionKind, FormatPiece, FuncId,
    Global, GlobalId, KernelParam, LaneFn, LaneScope, LogLevel, LoggerId, MathFn, MemFlags, Message,
    MessageId, Precision, ThreadAttribute, TypeTable, UnaryOp,
};
use crate::source::Span;

const SPAN: Span = Span { file: crate::source::FileId(0), lo: 0, hi: 0 };

/// Builds `void f(device float *, uint)` around what `build` emits.
fn module(build: impl FnOnce(&mut FunctionBuilder)) -> Module {
    let mut b = FunctionBuilder::new(TypeTable::default());
    let (float, uint, void) = (b.scalar_type(Scalar::F32), b.scalar_type(Scalar::U32), b.void_type());
    let device = b.pointer_type(AddressSpace::Device, float, false);
    let outer = b.begin_function("f".into(), vec![device, uint], void, SPAN);
    build(&mut b);
    let function = b.finish_function(outer);
    let param = |name: &str, ty, binding| KernelParam { name: name.into(), ty, binding, span: SPAN };
    let kernel = Kernel {
        name: "f".into(),
        function: FuncId(0),
        params: vec![
            param("x", device, Binding::Buffer { index: 0, is_reference: false }),
            param("i", uint, Binding::Attribute(ThreadAttribute::ThreadPositionInGrid)),
        ],
        max_total_threads_per_threadgroup: None,
        span: SPAN,
    };
    Module { types: b.into_types(), functions: vec![function], kernels: vec![kernel], ..Module::default() }
}

/// The parameters of the function of [`module`].
fn params(b: &mut FunctionBuilder) -> (Value, Value) {
    let types = b.function().params.clone();
    (b.emit(Op::Param(0), types[0], SPAN), b.emit(Op::Param(1), types[1], SPAN))
}

#[track_caller]
fn refuses(module: &Module, rule: &str) {
    match verify(module) {
        Ok(()) => panic!("accepted, though {rule}"),
        Err(error) => {
            assert!(error.rule.contains(rule), "refused because {}, not because {rule}", error.rule)
        }
    }
}

/// What `build` emits must break the rule.
#[track_caller]
fn check(rule: &str, build: impl FnOnce(&mut FunctionBuilder)) {
    refuses(&module(build), rule);
}

/// Emits an op with a result type.
fn emit(b: &mut FunctionBuilder, op: Op, ty: Type) -> Value {
    let ty = b.types().intern(ty);
    b.emit(op, ty, SPAN)
}

const FLOAT: Type = Type::Scalar(Scalar::F32);
const INT: Type = Type::Scalar(Scalar::I32);
const BOOL: Type = Type::Scalar(Scalar::Bool);
const FLOAT3: Type = Type::Vector { elem: Scalar::F32, len: 3, packed: false };

/// `x[i] = x[i] > 0 ? x[i] : 0` in a loop with everything else a function can have.
fn sound(b: &mut FunctionBuilder) {
    let (x, i) = params(b);
    let ptr = b.type_of(x);
    let address = b.emit(Op::PtrAdd(x, i), ptr, SPAN);
    let float = b.scalar_type(Scalar::F32);
    let local = b.new_local_addr("v", float, SPAN);
    let value = b.load(address, SPAN);
    b.store(local, value, SPAN);
    let zero = b.const_f32(0.0, SPAN);
    let cond = b.compare(CompareOp::Gt, value, zero, SPAN);
    let chosen = b.emit(Op::Select(cond, value, zero), float, SPAN);
    b.begin_block();
    b.store(address, chosen, SPAN);
    b.push_stmt(Stmt::Continue);
    let then = b.end_block();
    b.begin_block();
    b.push_stmt(Stmt::If { cond, then, other: Block::default(), span: SPAN });
    b.push_stmt(Stmt::Break);
    let body = b.end_block();
    b.push_stmt(Stmt::Loop { body, continuing: Block::default(), span: SPAN });
    let section = SwitchSection { values: vec![0, 1], is_default: true, body: Block(vec![Stmt::Break]) };
    b.push_stmt(Stmt::Switch { selector: i, sections: vec![section], span: SPAN });
    b.push_stmt(Stmt::Return(None, SPAN));
}

#[test]
fn a_sound_module_passes() {
    assert_eq!(verify(&module(sound)), Ok(()));
}

#[test]
fn scopes_are_kept() {
    check("used after its definition", |b| {
        emit(b, Op::Unary(UnaryOp::Neg, Value(1)), FLOAT);
    });
    check("used after its definition", |b| {
        b.begin_block();
        let inner = b.const_f32(1.0, SPAN);
        let then = b.end_block();
        let cond = b.const_bool(true, SPAN);
        b.push_stmt(Stmt::If { cond, then, other: Block::default(), span: SPAN });
        emit(b, Op::Unary(UnaryOp::Neg, inner), FLOAT);
    });
    check("used after its definition", |b| {
        b.begin_block();
        let inner = b.const_bool(true, SPAN);
        let body = b.end_block();
        let if_inner = Stmt::If { cond: inner, then: Block::default(), other: Block::default(), span: SPAN };
        b.push_stmt(Stmt::Loop { body, continuing: Block(vec![if_inner]), span: SPAN });
    });
    check("a value is defined once", |b| {
        let value = b.const_f32(1.0, SPAN);
        b.push_stmt(Stmt::Eval(value));
    });
    check("an evaluated value has an instruction", |b| b.push_stmt(Stmt::Eval(Value(9))));
    check("an operand has a value", |b| {
        let barrier = emit(b, Op::Barrier(BarrierScope::Threadgroup, MemFlags::default()), Type::Void);
        emit(b, Op::Unary(UnaryOp::Neg, barrier), FLOAT);
    });
    let mut forgotten = module(sound);
    forgotten.functions[0].body.0.remove(7);
    refuses(&forgotten, "used after its definition");
    let mut unused = module(|b| {
        b.const_f32(1.0, SPAN);
    });
    unused.functions[0].body.0.clear();
    refuses(&unused, "every instruction is evaluated once");
}

#[test]
fn control_flow_is_well_placed() {
    check("break stands in a loop or switch", |b| b.push_stmt(Stmt::Break));
    check("continue stands in the body", |b| b.push_stmt(Stmt::Continue));
    check("continue stands in the body", |b| {
        let continuing = Block(vec![Stmt::Continue]);
        b.push_stmt(Stmt::Loop { body: Block::default(), continuing, span: SPAN });
    });
    check("continue stands in the body", |b| {
        let selector = b.const_i32(0, SPAN);
        let section = SwitchSection { values: vec![0], is_default: false, body: Block(vec![Stmt::Continue]) };
        b.push_stmt(Stmt::Switch { selector, sections: vec![section], span: SPAN });
    });
    check("the condition of an if is a bool", |b| {
        let cond = b.const_i32(1, SPAN);
        b.push_stmt(Stmt::If { cond, then: Block::default(), other: Block::default(), span: SPAN });
    });
    check("a function returns a value of its type", |b| {
        let value = b.const_i32(1, SPAN);
        b.push_stmt(Stmt::Return(Some(value), SPAN));
    });
}

#[test]
fn switches_have_distinct_values_that_fit() {
    let switch = |scalar: Scalar, values: [Vec<i64>; 2], defaults: [bool; 2]| {
        move |b: &mut FunctionBuilder| {
            let selector = b.const_scalar(scalar, 0, SPAN);
            let sections = values.into_iter().zip(defaults).map(|(values, is_default)| SwitchSection {
                values,
                is_default,
                body: Block::default(),
            });
            b.push_stmt(Stmt::Switch { selector, sections: sections.collect(), span: SPAN });
        }
    };
    let none = [false, false];
    check("a switch selects on int", switch(Scalar::F32, [vec![0], vec![1]], none));
    check("a switch selects on int", switch(Scalar::U8, [vec![0], vec![1]], none));
    check("the values of a switch differ", switch(Scalar::I32, [vec![3], vec![3]], none));
    check("the values of a switch fit", switch(Scalar::U32, [vec![-1], vec![1]], none));
    check("one default at most", switch(Scalar::I32, [vec![], vec![]], [true, true]));
    assert_eq!(verify(&module(switch(Scalar::I32, [vec![-1], vec![1]], [true, false]))), Ok(()));
    assert_eq!(verify(&module(switch(Scalar::U64, [vec![-1], vec![1]], none))), Ok(()));
}

#[test]
fn locals_are_used_by_value_or_by_address() {
    let float = |b: &mut FunctionBuilder| b.scalar_type(Scalar::F32);
    check("by value or by address, never both", |b| {
        let ty = float(b);
        let local = b.new_local("v", ty, SPAN);
        b.local_addr(local, SPAN);
        emit(b, Op::LocalGet(local), FLOAT);
    });
    check("by value or by address, never both", |b| {
        let ty = float(b);
        let local = b.new_local("v", ty, SPAN);
        b.local_addr(local, SPAN);
        let value = b.const_f32(1.0, SPAN);
        b.push_stmt(Stmt::LocalSet(local, value));
    });
    check("a local is set to a value of its type", |b| {
        let ty = float(b);
        let local = b.new_local("v", ty, SPAN);
        let value = b.const_i32(1, SPAN);
        b.push_stmt(Stmt::LocalSet(local, value));
    });
    check("a local is read as a value of its type", |b| {
        let ty = float(b);
        let local = b.new_local("v", ty, SPAN);
        emit(b, Op::LocalGet(local), INT);
    });
    check("a local exists", |b| {
        emit(b, Op::LocalGet(LocalId(3)), FLOAT);
    });
    check("a local has a type that can be stored", |b| {
        let void = b.void_type();
        b.new_local("v", void, SPAN);
    });
    check("a local's address is a thread pointer", |b| {
        let ty = float(b);
        let local = b.new_local("v", ty, SPAN);
        emit(
            b,
            Op::LocalAddr(local),
            Type::Pointer { space: AddressSpace::Device, pointee: ty, is_const: false },
        );
    });
}

#[test]
fn stores_and_loads_respect_types_and_spaces() {
    let store_through = |space, is_const| {
        move |b: &mut FunctionBuilder| {
            let float = b.scalar_type(Scalar::F32);
            let ptr = b.pointer_type(space, float, is_const);
            let ptr = b.zero(ptr, SPAN);
            let value = b.const_f32(1.0, SPAN);
            b.store(ptr, value, SPAN);
        }
    };
    check("memory that may be written", store_through(AddressSpace::Constant, false));
    check("memory that may be written", store_through(AddressSpace::Device, true));
    assert_eq!(verify(&module(store_through(AddressSpace::Device, false))), Ok(()));
    check("a store goes through a pointer", |b| {
        let value = b.const_f32(1.0, SPAN);
        b.store(value, value, SPAN);
    });
    check("a store's value has the pointee's type", |b| {
        let (x, i) = params(b);
        b.store(x, i, SPAN);
    });
    check("a load gives the pointee's type", |b| {
        let (x, _) = params(b);
        emit(b, Op::Load(x), INT);
    });
    check("an address op takes a pointer", |b| {
        let (_, i) = params(b);
        emit(b, Op::Load(i), INT);
    });
    check("atomics are accessed by atomic ops alone", |b| {
        let atomic = b.types().intern(Type::Atomic(Scalar::U32));
        let ptr = b.pointer_type(AddressSpace::Device, atomic, false);
        let ptr = b.zero(ptr, SPAN);
        b.load(ptr, SPAN);
    });
}

#[test]
fn addresses_keep_space_and_constness() {
    let array_ptr = |b: &mut FunctionBuilder, is_const| {
        let elem = b.scalar_type(Scalar::F32);
        let array = b.types().intern(Type::Array { elem, len: 4 });
        let ptr = b.pointer_type(AddressSpace::Threadgroup, array, is_const);
        (b.zero(ptr, SPAN), elem)
    };
    check("keeps the address space", |b| {
        let (base, elem) = array_ptr(b, false);
        let index = b.const_i32(0, SPAN);
        let ty = Type::Pointer { space: AddressSpace::Thread, pointee: elem, is_const: false };
        emit(b, Op::ElementAddr(base, index), ty);
    });
    check("is const", |b| {
        let (base, elem) = array_ptr(b, true);
        let index = b.const_i32(0, SPAN);
        let ty = Type::Pointer { space: AddressSpace::Threadgroup, pointee: elem, is_const: false };
        emit(b, Op::ElementAddr(base, index), ty);
    });
    check("an index is an integer", |b| {
        let (base, _) = array_ptr(b, false);
        let index = b.const_f32(0.0, SPAN);
        b.element_addr(base, index, SPAN);
    });
    check("points to the part's type", |b| {
        let (x, i) = params(b);
        let ty = b.function().params[0];
        b.emit(Op::ElementAddr(x, i), ty, SPAN);
    });
    check("field_addr takes a pointer to a struct", |b| {
        let (base, _) = array_ptr(b, false);
        let ty = b.type_of(base);
        b.emit(Op::FieldAddr(base, 0), ty, SPAN);
    });
    check("ptr_add keeps the pointer's type", |b| {
        let (x, i) = params(b);
        emit(b, Op::PtrAdd(x, i), FLOAT);
    });
    check("ptr_cast keeps the address space", |b| {
        let (x, _) = params(b);
        let pointee = b.scalar_type(Scalar::I32);
        emit(b, Op::PtrCast(x), Type::Pointer { space: AddressSpace::Thread, pointee, is_const: false });
    });
    check("ptr_diff of like pointers is a long", |b| {
        let (x, _) = params(b);
        emit(b, Op::PtrDiff(x, x), INT);
    });
}

#[test]
fn values_have_the_types_of_their_ops() {
    check("a constant's bits fit its type", |b| {
        b.const_scalar(Scalar::U8, 256, SPAN);
    });
    check("a constant's bits fit its type", |b| {
        b.const_scalar(Scalar::Bool, 2, SPAN);
    });
    check("a constant is a scalar", |b| {
        emit(b, Op::Const(0), FLOAT3);
    });
    check("a parameter exists", |b| {
        emit(b, Op::Param(2), FLOAT);
    });
    check("a parameter exists", |b| {
        emit(b, Op::Param(1), FLOAT);
    });
    check("one type", |b| {
        let (x, y) = (b.const_f32(1.0, SPAN), b.const_i32(1, SPAN));
        emit(b, Op::Binary(BinaryOp::Add, x, y), FLOAT);
    });
    check("of a type that has it", |b| {
        let x = b.const_f32(1.0, SPAN);
        b.binary(BinaryOp::Shl, x, x, SPAN);
    });
    check("of a type that has it", |b| {
        let x = b.const_bool(true, SPAN);
        b.binary(BinaryOp::Add, x, x, SPAN);
    });
    check("neg takes numbers", |b| {
        let x = b.const_i32(1, SPAN);
        emit(b, Op::Unary(UnaryOp::LogicalNot, x), INT);
    });
    check("a comparison gives a bool", |b| {
        let x = b.const_f32(1.0, SPAN);
        emit(b, Op::Compare(CompareOp::Lt, x, x), FLOAT);
    });
    check("a select's condition is a bool", |b| {
        let x = b.const_i32(1, SPAN);
        emit(b, Op::Select(x, x, x), INT);
    });
    check("convert keeps the number of components", |b| {
        let x = b.const_f32(1.0, SPAN);
        emit(b, Op::Convert(x), FLOAT3);
    });
    check("bitcast keeps the number of bits", |b| {
        let x = b.const_f32(1.0, SPAN);
        emit(b, Op::Bitcast(x), Type::Scalar(Scalar::F16));
    });
}

#[test]
fn aggregates_have_all_their_parts() {
    let float3 = |b: &mut FunctionBuilder| {
        let one = b.const_f32(1.0, SPAN);
        emit(b, Op::Splat(one), FLOAT3)
    };
    check("one operand for each part", |b| {
        let one = b.const_f32(1.0, SPAN);
        emit(b, Op::Compose(vec![one, one]), FLOAT3);
    });
    check("operands of the parts' types", |b| {
        let one = b.const_i32(1, SPAN);
        emit(b, Op::Compose(vec![one, one, one]), FLOAT3);
    });
    check("splat makes a vector", |b| {
        let one = b.const_i32(1, SPAN);
        emit(b, Op::Splat(one), FLOAT3);
    });
    check("a part that is taken out exists", |b| {
        let vector = float3(b);
        emit(b, Op::Extract(vector, 3), FLOAT);
    });
    check("insert replaces a part", |b| {
        let vector = float3(b);
        let part = b.const_i32(1, SPAN);
        emit(b, Op::Insert(vector, part, 0), FLOAT3);
    });
    check("swizzle picks components that exist", |b| {
        let vector = float3(b);
        emit(b, Op::Swizzle(vector, [0, 1, 3, 0]), FLOAT3);
    });
}

#[test]
fn functions_take_their_operands() {
    let math = |function, args: fn(&mut FunctionBuilder) -> Vec<Value>, ty| {
        move |b: &mut FunctionBuilder| {
            let args = args(b);
            emit(b, Op::Math(function, Precision::Fast, args), ty);
        }
    };
    let floats: fn(&mut FunctionBuilder) -> Vec<Value> = |b| vec![b.const_f32(1.0, SPAN)];
    let ints: fn(&mut FunctionBuilder) -> Vec<Value> = |b| vec![b.const_i32(1, SPAN)];
    check("exp takes its number of operands", math(MathFn::Exp, ints, INT));
    check("max takes its number of operands", math(MathFn::Max, floats, FLOAT));
    check("clz takes its number of operands", math(MathFn::Clz, floats, FLOAT));
    check("isnan gives its result type", math(MathFn::IsNan, floats, FLOAT));
    check("sqrt gives its result type", math(MathFn::Sqrt, floats, INT));
    check("sum takes its operands", |b| {
        let flag = b.const_bool(true, SPAN);
        emit(b, Op::Lane(LaneFn::Sum, LaneScope::Simdgroup, vec![flag]), BOOL);
    });
    check("shuffle takes its operands", |b| {
        let (x, lane) = (b.const_f32(1.0, SPAN), b.const_i32(1, SPAN));
        emit(b, Op::Lane(LaneFn::Shuffle, LaneScope::Quad, vec![x, lane]), FLOAT);
    });
    check("a barrier has no result", |b| {
        emit(b, Op::Barrier(BarrierScope::Simdgroup, MemFlags::default()), INT);
    });
}

#[test]
fn atomics_point_to_atomics_that_may_be_written() {
    use crate::ir::AtomicFn;
    let pointer = |b: &mut FunctionBuilder, space, scalar, is_const| {
        let atomic = b.types().intern(Type::Atomic(scalar));
        let ty = b.pointer_type(space, atomic, is_const);
        b.zero(ty, SPAN)
    };
    check("a pointer to an atomic", |b| {
        let (x, _) = params(b);
        emit(b, Op::AtomicLoad(x), FLOAT);
    });
    check("device or threadgroup memory", |b| {
        let ptr = pointer(b, AddressSpace::Thread, Scalar::I32, false);
        emit(b, Op::AtomicLoad(ptr), INT);
    });
    check("an atomic write goes to memory", |b| {
        let ptr = pointer(b, AddressSpace::Device, Scalar::I32, true);
        let one = b.const_i32(1, SPAN);
        emit(b, Op::AtomicStore(ptr, one), Type::Void);
    });
    check("an atomic operand has the atomic's value type", |b| {
        let ptr = pointer(b, AddressSpace::Device, Scalar::I32, false);
        let one = b.const_f32(1.0, SPAN);
        emit(b, Op::Atomic(AtomicFn::Add, ptr, one), INT);
    });
    check("an atomic function takes a type that has it", |b| {
        let ptr = pointer(b, AddressSpace::Device, Scalar::F32, false);
        let one = b.const_f32(1.0, SPAN);
        emit(b, Op::Atomic(AtomicFn::Xor, ptr, one), FLOAT);
    });
    check("the expected value is a thread pointer", |b| {
        let ptr = pointer(b, AddressSpace::Device, Scalar::I32, false);
        let one = b.const_i32(1, SPAN);
        emit(b, Op::AtomicCompareExchange(ptr, one, one), BOOL);
    });
}

#[test]
fn calls_and_ids_exist_and_fit() {
    check("a called function exists", |b| {
        emit(b, Op::Call(FuncId(7), vec![]), Type::Void);
    });
    check("a call has an argument for each parameter", |b| {
        emit(b, Op::Call(FuncId(0), vec![]), Type::Void);
    });
    check("arguments have the parameters' types", |b| {
        let (_, i) = params(b);
        emit(b, Op::Call(FuncId(0), vec![i, i]), Type::Void);
    });
    check("a call gives the function's result", |b| {
        let (x, i) = params(b);
        emit(b, Op::Call(FuncId(0), vec![x, i]), FLOAT);
    });
    check("a global exists", |b| {
        emit(b, Op::GlobalAddr(GlobalId(0)), FLOAT);
    });
    check("a function constant exists", |b| {
        emit(b, Op::FunctionConstant(crate::ir::FunctionConstantId(0)), FLOAT);
    });
}

#[test]
fn logged_messages_exist_and_print_their_arguments() {
    let conversion = |kind, precision| {
        FormatPiece::Value(Conversion { kind, flags: ConversionFlags::default(), width: 0, precision })
    };
    let with_message = |format: &[FormatPiece], logger, build: fn(&mut FunctionBuilder)| {
        let message = Message { level: LogLevel::Info, logger, format: format.to_vec() };
        Module { messages: vec![message], ..module(build) }
    };
    let no_args: fn(&mut FunctionBuilder) = |b| {
        emit(b, Op::Log(MessageId(0), vec![]), Type::Void);
    };
    let text = FormatPiece::Text("text".into());
    let verify_with = |format: &[FormatPiece], build| verify(&with_message(format, None, build));
    assert_eq!(verify_with(std::slice::from_ref(&text), no_args), Ok(()));

    check("a logged message exists", no_args);
    refuses(&with_message(&[], Some(LoggerId(0)), no_args), "a message's logger exists");
    refuses(
        &with_message(&[], None, |b| {
            emit(b, Op::Log(MessageId(0), vec![]), INT);
        }),
        "logging has no result",
    );
    let huge = conversion(ConversionKind::Fixed, Some(1025));
    refuses(&with_message(&[huge], None, |_| {}), "widths and precisions are bounded");
    let signed = conversion(ConversionKind::Signed, None);
    refuses(&with_message(&[signed.clone(), text], None, no_args), "an argument for each conversion");
    let rule = "arguments have types that their conversions print";
    for (kind, is_int) in [
        (ConversionKind::Signed, true),
        (ConversionKind::Unsigned, false),
        (ConversionKind::Char, false),
        (ConversionKind::Fixed, false),
        (ConversionKind::Pointer, false),
    ] {
        let format = [conversion(kind, None)];
        let int: fn(&mut FunctionBuilder) = |b| {
            let arg = b.const_i32(1, SPAN);
            emit(b, Op::Log(MessageId(0), vec![arg]), Type::Void);
        };
        match is_int {
            true => assert_eq!(verify_with(&format, int), Ok(())),
            false => refuses(&with_message(&format, None, int), rule),
        }
    }
    let matrix = with_message(&[conversion(ConversionKind::Fixed, None)], None, |b| {
        let ty = b.types().intern(Type::Matrix { elem: Scalar::F32, cols: 2, rows: 2 });
        let arg = b.zero(ty, SPAN);
        emit(b, Op::Log(MessageId(0), vec![arg]), Type::Void);
    });
    refuses(&matrix, rule);
}

#[test]
fn kernels_and_globals_fit_the_functions() {
    type Change = fn(&mut Module);
    let changes: &[(&str, Change)] = &[
        ("a kernel's function exists", |m| m.kernels[0].function = FuncId(4)),
        ("as many parameters", |m| m.kernels[0].params.truncate(1)),
        ("the types of its function's", |m| m.kernels[0].params[0].ty = m.kernels[0].params[1].ty),
        ("at most 30", |m| {
            m.kernels[0].params[0].binding = Binding::Buffer { index: 31, is_reference: false }
        }),
        ("threadgroup parameters are", |m| {
            m.kernels[0].params[0].binding = Binding::Threadgroup { index: 0 }
        }),
        ("buffers are device or constant", |m| {
            m.kernels[0].params[1].binding = Binding::Buffer { index: 1, is_reference: false };
        }),
        ("attributes are ushort or uint", |m| {
            let attribute = ThreadAttribute::ThreadPositionInGrid;
            m.kernels[0].params[0].binding = Binding::Attribute(attribute);
        }),
        ("kernels have different names", |m| m.kernels.push(m.kernels[0].clone())),
        ("as many bytes as its type", |m| {
            let ty = m.types.intern(FLOAT);
            let kind = GlobalKind::Constant(vec![0; 3]);
            m.globals.push(Global { name: "g".into(), ty, kind, span: SPAN });
        }),
        ("a kernel returns void", |m| m.functions[0].ret = m.types.intern(FLOAT)),
    ];
    for (rule, change) in changes {
        let mut module = module(|_| {});
        assert_eq!(verify(&module), Ok(()));
        change(&mut module);
        refuses(&module, rule);
    }
}

#[test]
fn an_error_names_function_value_and_rule() {
    let module = module(|b| {
        b.const_scalar(Scalar::U8, 256, SPAN);
    });
    let error = verify(&module).expect_err("256 is no uchar");
    assert_eq!(error.to_string(), "in f at %0: a constant's bits fit its type");
}
