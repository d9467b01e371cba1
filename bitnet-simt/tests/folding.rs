//! What the compiler computes is what the executor would: every op that folding may take, on edge values of every type,
//! at each level of optimisation, to the last bit.

use std::fmt::Write as _;

use bitnet_msl::diag::RenderStyle;
use bitnet_msl::ir::{Module, Op};
use bitnet_msl::{CompileOptions, OptimizationLevel, compile};
use bitnet_simt::{FunctionConstants, Grid, Launch, Memory, Program, RunOptions};

/// A scalar type and bits of interesting values of it.
struct Type {
    name: &'static str,
    /// The unsigned type of the same size.
    bits: &'static str,
    is_float: bool,
    values: &'static [u64],
}

const TYPES: &[Type] = &[
    Type { name: "char", bits: "uchar", is_float: false, values: &[0, 1, 7, 0x7f, 0x80, 0xff] },
    Type { name: "uchar", bits: "uchar", is_float: false, values: &[0, 1, 9, 0x7f, 0x80, 0xff] },
    Type { name: "short", bits: "ushort", is_float: false, values: &[0, 1, 17, 0x7fff, 0x8000, 0xffff] },
    Type { name: "ushort", bits: "ushort", is_float: false, values: &[0, 1, 33, 0x7fff, 0x8000, 0xffff] },
    Type {
        name: "int",
        bits: "uint",
        is_float: false,
        values: &[0, 1, 31, 100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
    },
    Type {
        name: "uint",
        bits: "uint",
        is_float: false,
        values: &[0, 1, 33, 100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
    },
    Type {
        name: "long",
        bits: "ulong",
        is_float: false,
        // The third and fourth lie near halves between two bfloats, where rounding twice goes wrong.
        values: &[
            0,
            1,
            (1 << 62) + (1 << 54) + 1,
            (1 << 40) + (1 << 32) + 1,
            i64::MAX as u64,
            1 << 63,
            u64::MAX,
        ],
    },
    Type {
        name: "ulong",
        bits: "ulong",
        is_float: false,
        values: &[0, 1, 65, (1 << 62) + (1 << 54) + 1, i64::MAX as u64, 1 << 63, u64::MAX],
    },
    Type {
        name: "half",
        bits: "ushort",
        is_float: true,
        // ±0, 1, −2.5, least, greatest, 2047.5 of another exponent, infinity, quiet and signalling NaN.
        values: &[0, 0x8000, 0x3c00, 0xc100, 0x0001, 0x7bff, 0x67ff, 0x7c00, 0x7e01, 0x7d00],
    },
    Type {
        name: "bfloat",
        bits: "ushort",
        is_float: true,
        values: &[0, 0x8000, 0x3f80, 0xc020, 0x0001, 0x7f7f, 0x4f00, 0x7f80, 0x7fc1, 0x7fa0],
    },
    Type {
        name: "float",
        bits: "uint",
        is_float: true,
        values: &[
            0,
            0x8000_0000,
            0x3f80_0000,
            0xc020_0000,
            0x0000_0001,
            0x7f7f_ffff,
            0x4f00_0001,
            0x3fc0_0000,
            0x4b00_0001,
            0x7f80_0000,
            0x7fc0_1234,
            0x7f80_0001,
        ],
    },
];

/// Results of the type from operands `a` and `b`, two components each.
const ARITHMETIC: &[&str] = &["a + b", "a - b", "a * b", "a / b", "-a", "-(-a)", "select(a, b, a < b)"];
const INTEGERS: &[&str] = &[
    "a % b",
    "min(a, b)",
    "max(a, b)",
    "a & b",
    "a | b",
    "a ^ b",
    "a << b",
    "a >> b",
    "~a",
    "abs(a) + a",
    "a & a",
    "a - a",
];
const FLOATS: &[&str] = &[
    "min(a, b)",
    "max(a, b)",
    "fabs(a)",
    "ceil(a)",
    "floor(a)",
    "rint(a)",
    "round(a)",
    "trunc(a)",
    "sqrt(a)",
    "copysign(a, b)",
    "a * 1",
    "a + 0",
];
/// `bool`s of two components.
const COMPARISONS: &[&str] = &["a < b", "a <= b", "a == b", "a != b", "a > b", "a >= b", "!(a < b)"];

/// A kernel that stores everything about every pair of values.
fn source(ty: &Type) -> (String, usize) {
    let Type { name, bits, is_float, values } = *ty;
    let mut out = String::from(
        "#include <metal_stdlib>\nusing namespace metal;\nkernel void k(device ulong *out [[buffer(0)]]) {\n",
    );
    let mut count = 0;
    let mut store = |out: &mut String, expression: String| {
        let _ = writeln!(out, "    out[{count}] = ulong({expression});");
        count += 1;
    };
    // There are no functions of `bfloat`.
    let own: &[&str] = match name {
        "bfloat" => &["a * 1", "a + 0"],
        _ if is_float => FLOATS,
        _ => INTEGERS,
    };
    for &x in values {
        for &y in values {
            let value = |bits_of: u64| format!("as_type<{name}>({bits}({bits_of}ul))");
            let (x, y) = (value(x), value(y));
            let _ = writeln!(out, "  {{\n    {name}2 a = {name}2({x}, {y}), b = {name}2({y}, {x});");
            for expression in ARITHMETIC.iter().chain(own) {
                let _ = writeln!(out, "    {{ {name}2 r = {expression};");
                store(&mut out, format!("as_type<{bits}>(r.x)"));
                store(&mut out, format!("as_type<{bits}>(r.y)"));
                out.push_str("    }\n");
            }
            for expression in COMPARISONS {
                let _ = writeln!(out, "    {{ bool2 r = {expression};");
                store(&mut out, "r.x".into());
                store(&mut out, "r.y".into());
                out.push_str("    }\n");
            }
            for to in TYPES {
                store(&mut out, format!("as_type<{}>({}(a.x))", to.bits, to.name));
            }
            store(&mut out, "bool(a.x)".into());
            out.push_str("  }\n");
        }
    }
    out.push_str("}\n");
    (out, count)
}

fn module(text: &str, level: OptimizationLevel) -> Module {
    let options = CompileOptions { optimization_level: level, ..CompileOptions::default() };
    let compilation = compile("folding.metal", text, &options);
    let rendered = compilation.render(RenderStyle::Plain);
    compilation.module.unwrap_or_else(|| panic!("{rendered}"))
}

fn run(module: &Module, count: usize) -> Vec<u64> {
    let program = Program::new(module, "k", &FunctionConstants::new()).expect("small and without constants");
    let out = Memory::new_zeroed(count * 8);
    let launch = Launch::new(Grid::Threads([1, 1, 1]), [1, 1, 1]).buffer(0, &out);
    program.run(&launch, &RunOptions::default()).expect("nothing can go wrong");
    out.to_vec()
}

/// Ops that compute, of a module.
fn computations(module: &Module) -> usize {
    let computes = |op: &Op| {
        matches!(op, Op::Unary(..) | Op::Binary(..) | Op::Compare(..) | Op::Math(..) | Op::Select(..))
    };
    module.functions.iter().flat_map(|f| &f.insts).filter(|inst| computes(&inst.op)).count()
}

#[test]
fn folded_values_have_the_bits_of_computed_ones() {
    for ty in TYPES {
        let (text, count) = source(ty);
        let unfolded = module(&text, OptimizationLevel::None);
        let expect = run(&unfolded, count);
        for level in [OptimizationLevel::Default, OptimizationLevel::Full] {
            let folded = module(&text, level);
            let (before, after) = (computations(&unfolded), computations(&folded));
            assert!(after * 2 < before, "{} at {}: {after} of {before} ops are left", ty.name, level.name());
            let got = run(&folded, count);
            let differs = got.iter().zip(&expect).position(|(got, expect)| got != expect);
            if let Some(index) = differs {
                let line =
                    text.lines().position(|line| line.contains(&format!("out[{index}] ="))).unwrap_or(0);
                let around: Vec<_> = text.lines().take(line + 1).skip(line.saturating_sub(2)).collect();
                panic!(
                    "{} at {}: {:#x}, not {:#x}\n{}",
                    ty.name,
                    level.name(),
                    got[index],
                    expect[index],
                    around.join("\n")
                );
            }
        }
    }
}
