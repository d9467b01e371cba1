//! The printer, against a module that has each kind of item and statement.

use super::*;
use crate::check::builder::FunctionBuilder;
use crate::ir::{
    AddressSpace, AtomicFn, Block, CompareOp, Conversion, ConversionFlags, ConversionKind, FormatPiece,
    FuncId, FunctionConstant, FunctionConstantId, GlobalId, KernelParam, LaneFn, LocalId, LogLevel, LoggerId,
    MathFn, MemFlags, MessageId, ThreadAttribute,
};
use crate::source::Span;

const SPAN: Span = Span { file: crate::source::FileId(0), lo: 0, hi: 0 };

/// Emits one op of each family of values.
fn values(b: &mut FunctionBuilder) -> Value {
    let types = b.function().params.clone();
    let x = b.emit(Op::Param(0), types[0], SPAN);
    let i = b.emit(Op::Param(1), types[1], SPAN);
    let address = b.emit(Op::PtrAdd(x, i), types[0], SPAN);
    let loaded = b.load(address, SPAN);
    let float = b.scalar_type(Scalar::F32);
    let exp = b.emit(Op::Math(MathFn::Exp, Precision::Fast, vec![loaded]), float, SPAN);
    let total = b.emit(Op::Lane(LaneFn::Sum, LaneScope::Simdgroup, vec![exp]), float, SPAN);
    let vector = b.vector_type(Scalar::F32, 3);
    let spread = b.splat(total, vector, SPAN);
    let pair = b.vector_type(Scalar::F32, 2);
    b.emit(Op::Swizzle(spread, [2, 0, 0, 0]), pair, SPAN);
    b.extract(spread, 1, SPAN);
    for (scalar, bits) in
        [(Scalar::I8, 0xff), (Scalar::F16, 0x3c00), (Scalar::Bool, 1), (Scalar::U64, u64::MAX)]
    {
        b.const_scalar(scalar, bits, SPAN);
    }
    b.emit(Op::FunctionConstant(FunctionConstantId(0)), float, SPAN);
    let void = b.void_type();
    let flags = MemFlags { device: true, threadgroup: true };
    b.emit(Op::Barrier(BarrierScope::Threadgroup, flags), void, SPAN);
    let uint = b.scalar_type(Scalar::U32);
    let atomic = b.types().intern(Type::Atomic(Scalar::U32));
    let counter = b.pointer_type(AddressSpace::Threadgroup, atomic, false);
    let counter = b.emit(Op::GlobalAddr(GlobalId(1)), counter, SPAN);
    b.emit(Op::Atomic(AtomicFn::Add, counter, i), uint, SPAN);
    b.emit(Op::Log(MessageId(0), vec![i, spread]), void, SPAN);
    b.store(address, total, SPAN);
    i
}

/// A message with all that a format can have.
fn message() -> Message {
    let flags = ConversionFlags { left: true, plus: true, space: true, alternate: true, zero: true };
    let value =
        |kind, flags, width, precision| FormatPiece::Value(Conversion { kind, flags, width, precision });
    Message {
        level: LogLevel::Fault,
        logger: Some(LoggerId(0)),
        format: vec![
            FormatPiece::Text("100% of ".into()),
            value(ConversionKind::HexUpper, ConversionFlags::default(), 0, None),
            FormatPiece::Text("\n".into()),
            value(ConversionKind::General, flags, 8, Some(3)),
        ],
    }
}

fn statements(b: &mut FunctionBuilder, i: Value) {
    let uint = b.scalar_type(Scalar::U32);
    let n: LocalId = b.new_local("n", uint, SPAN);
    b.push_stmt(Stmt::LocalSet(n, i));
    b.begin_block();
    let now = b.emit(Op::LocalGet(n), uint, SPAN);
    let cond = b.compare(CompareOp::Lt, now, i, SPAN);
    let (then, other) = (Block(vec![Stmt::Break]), Block(vec![Stmt::Continue]));
    b.push_stmt(Stmt::If { cond, then, other, span: SPAN });
    let body = b.end_block();
    let continuing = Block(vec![Stmt::LocalSet(n, i)]);
    b.push_stmt(Stmt::Loop { body, continuing, span: SPAN });
    let sections = vec![
        SwitchSection { values: vec![1, 2], is_default: false, body: Block(vec![Stmt::Break]) },
        SwitchSection { values: vec![], is_default: true, body: Block(vec![]) },
    ];
    b.push_stmt(Stmt::Switch { selector: i, sections, span: SPAN });
    b.push_stmt(Stmt::Return(None, SPAN));
}

#[test]
fn every_kind_of_item_and_statement_is_printed() {
    let mut b = FunctionBuilder::new(TypeTable::default());
    let (float, uint, void) = (b.scalar_type(Scalar::F32), b.scalar_type(Scalar::U32), b.void_type());
    let device = b.pointer_type(AddressSpace::Device, float, false);
    let outer = b.begin_function("f<float>".into(), vec![device, uint], void, SPAN);
    let i = values(&mut b);
    statements(&mut b, i);
    let function = b.finish_function(outer);
    let atomic = b.types().intern(Type::Atomic(Scalar::U32));
    let global = |name: &str, ty, kind| Global { name: name.into(), ty, kind, span: SPAN };
    let param = |name: &str, ty, binding| KernelParam { name: name.into(), ty, binding, span: SPAN };
    let module = Module {
        functions: vec![function],
        globals: vec![
            global("table", float, GlobalKind::Constant(vec![0, 0, 0x80, 0x3f])),
            global("counter", atomic, GlobalKind::Threadgroup),
        ],
        function_constants: vec![FunctionConstant { name: "scale".into(), id: 7, ty: float, span: SPAN }],
        kernels: vec![Kernel {
            name: "f_float".into(),
            function: FuncId(0),
            params: vec![
                param("x", device, Binding::Buffer { index: 2, is_reference: true }),
                param("i", uint, Binding::Attribute(ThreadAttribute::ThreadPositionInGrid)),
            ],
            max_total_threads_per_threadgroup: Some(256),
            span: SPAN,
        }],
        loggers: vec![Logger { subsystem: "com.example".into(), category: "tests".into() }],
        messages: vec![message()],
        types: b.into_types(),
        ..Module::default()
    };
    crate::ir::verify::verify(&module).unwrap_or_else(|e| panic!("{e}"));
    insta::assert_snapshot!(print(&module), @r#"
    constant g0 table: float = 0000803f
    threadgroup g1 counter: atomic_uint
    function_constant c0 scale: float [[7]]
    logger o0 "com.example" "tests"
    message m0 fault o0: "100%% of %X\n%-+ #08.3g"
    fn f0 f<float>(device float *, uint) -> void {
      local l0 n: uint
      %0: device float * = param 0
      %1: uint = param 1
      %2: device float * = ptr_add %0, %1
      %3: float = load %2
      %4: float = fast.exp %3
      %5: float = simd_sum %4
      %6: float3 = splat %5
      %7: float2 = swizzle %6, zx
      %8: float = extract %6, 1
      %9: char = const -1
      %10: half = const 0x3c00
      %11: bool = const true
      %12: ulong = const 18446744073709551615
      %13: float = function_constant c0
      %14 = threadgroup_barrier mem_device|mem_threadgroup
      %15: threadgroup atomic_uint * = global_addr g1
      %16: uint = atomic_add %15, %1
      %17 = log %1, %6, m0
      store %2, %5
      l0 = %1
      loop {
        %18: uint = local_get l0
        %19: bool = lt %18, %1
        if %19 {
          break
        } else {
          continue
        }
      } continuing {
        l0 = %1
      }
      switch %1 {
        case 1, case 2:
          break
        default:
      }
      return
    }
    kernel f_float = f0 max_total_threads 256 {
      x: device float * = buffer 2 reference
      i: uint = thread_position_in_grid
    }
    "#);
}
